//! Thread: one customer identity on one channel account, for life. Its conversations are numbered episodes.

use crate::customer::EvidenceKind;
pub use crate::delivery::{FailureClass, ReceiptState, WithdrawnReason};
use crate::{Content, Micros, Sealed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::VariantNames;
use uuid::Uuid;

/// What happened in a thread. `n` is the number of the conversation, from 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, VariantNames)]
#[serde(tag = "type")]
pub enum ThreadEvent {
    /// The first event of a thread: whom it belongs to on which account.
    Began {
        account: Uuid,
        channel: String,
        contact: Sealed,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<Sealed>,
        at: Micros,
    },
    /// A conversation began (对话); without a `Received` in it nobody has written yet.
    Opened {
        n: u32,
        by: OpenedBy,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        touch: Option<Touch>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        window: Option<Window>,
        /// The platform's id of the follow, scan or visit that opened it; a message has its own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider: Option<String>,
        at: Micros,
    },
    /// The customer acted without writing (scan, menu) while a conversation was open, or too
    /// soon after one in which nobody wrote; `n` is then the last one.
    Touched {
        n: u32,
        touch: Touch,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        window: Option<Window>,
        provider: String,
        at: Micros,
    },
    /// The customer wrote (开口). `provider` is the platform's id of the message, unsealed and free of
    /// personal data. `raw` names the journalled request it came from.
    Received {
        n: u32,
        message: Uuid,
        provider: String,
        content: Content,
        sent_at: Micros,
        /// The platform's own order among messages of the same time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order: Option<i64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        window: Option<Window>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        raw: Option<String>,
        at: Micros,
    },
    /// An answer was decided; it is not sent yet. `tenure` and `seen` are what its author knew.
    Replied {
        n: u32,
        message: Uuid,
        by: Author,
        tenure: u32,
        /// The customer's last message that the author had seen.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seen: Option<Uuid>,
        content: Content,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        citations: Vec<Citation>,
        /// The AI's calibrated confidence in thousandths.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        confidence: Option<u32>,
        /// The language model that worded it from the cited entries; none for the knowledge's own words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        worded_by: Option<String>,
        /// The earlier message, lost or refused, in whose place this one is sent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resends: Option<Uuid>,
        at: Micros,
    },
    /// A person answered in the platform's own app: sent already, learned from an echo. Unless an agent owns
    /// the conversation, whoever wrote it does now, and the AI is silent.
    AnsweredOutside {
        n: u32,
        tenure: u32,
        message: Uuid,
        provider: String,
        content: Content,
        sent_at: Micros,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        raw: Option<String>,
        at: Micros,
    },
    /// The platform's own desk took the customer, as the platform tells. With `moved` the conversation is the desk's,
    /// which answers past us, and the AI is silent until it lets them go; without, it stays with whom it was. `n` may be
    /// opened in the same decision while the desk holds the customer, and names the same `provider` then.
    DeskTook { n: u32, tenure: u32, moved: bool, provider: String, sent_at: Micros, at: Micros },
    /// The platform's own desk let the customer go, as the platform tells. With `moved` what it had is the AI's again, and
    /// what the customer wrote meanwhile is dealt with; without, nobody's conversation changed. `n` is the last one.
    DeskLetGo { n: u32, tenure: u32, moved: bool, provider: String, sent_at: Micros, at: Micros },
    /// The customer changed a message; what was read before stays in the log.
    Edited { message: Uuid, provider: String, content: Content, at: Micros },
    /// The customer took a message back; it awaits no answer any more.
    Recalled { message: Uuid, provider: String, at: Micros },
    /// The AI or a deadline gave the conversation to the queue; the notice to the customer is a `Replied`
    /// by `System` in the same decision.
    HandedOver { n: u32, tenure: u32, reason: HandoverReason, queue: String, at: Micros },
    /// Routing gave the conversation to an agent.
    Assigned {
        n: u32,
        tenure: u32,
        agent: Uuid,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        candidates: Vec<Candidate>,
        at: Micros,
    },
    /// An agent took the conversation.
    TakenOver { n: u32, tenure: u32, agent: Uuid, at: Micros },
    /// An agent gave the conversation back.
    Released { n: u32, tenure: u32, to: ReleasedTo, at: Micros },
    /// An agent gave the conversation to another agent or queue.
    Transferred { n: u32, tenure: u32, from: Uuid, to: TransferredTo, at: Micros },
    /// The conversation ended.
    Closed { n: u32, tenure: u32, by: ClosedBy, at: Micros },
    /// A platform call for `message` is about to be made: several, one after the other, for a text that is too long
    /// for one message of the channel.
    SendStarted {
        message: Uuid,
        attempt: u32,
        /// In how many messages of the channel it leaves; one when it is not said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parts: Option<u32>,
        at: Micros,
    },
    /// The message will never be sent.
    Withdrawn { message: Uuid, reason: WithdrawnReason, at: Micros },
    /// The platform accepted the message.
    Sent {
        message: Uuid,
        attempt: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider: Option<String>,
        at: Micros,
    },
    /// The platform did not take the message. Without `retry_at` that is final.
    Failed {
        message: Uuid,
        attempt: u32,
        class: FailureClass,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_at: Option<Micros>,
        /// How many of its parts had arrived before one was refused; none when it is not said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        arrived: Option<u32>,
        at: Micros,
    },
    /// Nobody knows whether the platform took the message. `last` when it will not be resolved any more.
    Unknown { message: Uuid, attempt: u32, last: bool, at: Micros },
    /// The platform told how far a message of ours got. States only rise.
    Receipt { message: Uuid, state: ReceiptState, at: Micros },
    /// The customer can no longer be written to (unfollowed, blocked).
    Unreachable { provider: String, at: Micros },
    /// The channel proved something about the person: a signed-in user, a union id, a phone or e-mail that a code
    /// or the platform verified. Never what was merely typed. `value` is sealed with the retention class
    /// `identity` and the field name `identified.value`; `provider` tells this act from others of the thread.
    Identified { kind: EvidenceKind, value: Sealed, provider: String, at: Micros },
    /// The person asked to be forgotten; nothing follows.
    Erased { erasure: Uuid, at: Micros },
}

/// What opened a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OpenedBy {
    Message,
    Widget,
    Follow,
    Scan,
    Agent,
}

/// Where a customer came from. Names of campaigns and scenes, never personal data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Touch {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub medium: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<String>,
    /// The scene of a parametric QR code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scene: Option<String>,
    /// The page's address without its query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
}

/// Until when, and how many messages, the channel lets us write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Window {
    pub until: Micros,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<u32>,
}

/// Who wrote an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    Ai,
    Agent(Uuid),
    /// A notice of the suite itself, such as the one at a handover.
    System,
}

/// The knowledge entry that an answer rests on, in the version it had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Citation {
    pub entry: String,
    pub version: u64,
}

/// Why a conversation went to people.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::AsRefStr,
    strum::EnumString,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum HandoverReason {
    Unknown,
    WantsPerson,
    Anger,
    Deadline,
    Failure,
}

/// An agent whom routing considered, and what spoke against them; the chosen one has none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Candidate {
    pub agent: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<String>,
}

/// Who goes on when an agent gives a conversation back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReleasedTo {
    Ai,
    Queue,
}

/// Whom an agent gives a conversation to; a queue by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TransferredTo {
    Agent(Uuid),
    Queue(String),
}

/// Who ended a conversation, or what did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClosedBy {
    Agent(Uuid),
    Idle,
    Ai,
    Unreachable,
}
