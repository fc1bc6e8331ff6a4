//! Customer: a person, known by the threads that belong to them.

use crate::thread::Touch;
use crate::{Micros, Sealed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::VariantNames;
use uuid::Uuid;

/// What happens to a customer: one person, over all their threads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, VariantNames)]
#[serde(tag = "type")]
pub enum CustomerEvent {
    /// A person was met for the first time, in this thread.
    Appeared { thread: Uuid, account: Uuid, channel: String, at: Micros },
    /// The customer came from somewhere; the first and last of these are the first and last touch.
    Touched { thread: Uuid, conversation: u32, touch: Touch, at: Micros },
    /// Strong evidence about the person was learned; the value itself stays sealed.
    Evidenced { thread: Uuid, kind: EvidenceKind, value: Sealed, at: Micros },
    /// Another customer turned out to be this person. `threads` are those that came along.
    Merged { from: Uuid, threads: Vec<Uuid>, kind: EvidenceKind, at: Micros },
    /// This customer turned out to be another and goes on there.
    Absorbed { into: Uuid, at: Micros },
    /// A merge was wrong: these threads went back to the customer they came from.
    Split { to: Uuid, threads: Vec<Uuid>, at: Micros },
    /// The split gave this customer its threads back.
    Restored { from: Uuid, threads: Vec<Uuid>, at: Micros },
    /// The person asked to be forgotten; nothing follows.
    Erased { erasure: Uuid, at: Micros },
}

/// Evidence strong enough to link threads without a person's judgement.
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
pub enum EvidenceKind {
    /// A signed-in user of the tenant's own system.
    Login,
    Unionid,
    /// Proved by a code or by the platform, never merely typed.
    VerifiedPhone,
    VerifiedEmail,
    /// An agent decided it.
    Person,
}
