//! One row of the conversation list, as events change it.

use super::tail::Tail;
use super::text::Text;
use super::words;
use events::thread::{Author, ClosedBy, HandoverReason, OpenedBy, Touch};
use events::{Content, ContentKind, Micros};
use uuid::Uuid;

/// An episode of a thread.
#[derive(Clone, Debug, Default)]
pub(super) struct Conversation {
    pub(super) n: i32,
    pub(super) opened_by: String,
    pub(super) opened_at: i64,
    pub(super) owner: String,
    pub(super) agent: Option<String>,
    pub(super) queue: Option<String>,
    pub(super) owner_since: i64,
    pub(super) tenure: i32,
    pub(super) active_at: i64,
    pub(super) last_message: Option<String>,
    pub(super) last_message_at: Option<i64>,
    pub(super) last_author: Option<String>,
    pub(super) last_kind: Option<String>,
    pub(super) preview: Text,
    pub(super) seen_last: Option<String>,
    pub(super) tail: Tail,
    pub(super) messages: i32,
    pub(super) has_written: bool,
    pub(super) closed_at: Option<i64>,
    pub(super) closed_by: Option<String>,
    pub(super) handover_reason: Option<String>,
    pub(super) touch: Option<String>,
    /// Whether this batch changed it.
    pub(super) dirty: bool,
}

/// A message of either side, for the list.
pub(super) struct Latest<'e> {
    pub(super) message: Uuid,
    pub(super) author: &'static str,
    pub(super) content: &'e Content,
    pub(super) text: Text,
    pub(super) at: Micros,
}

impl Conversation {
    /// A conversation begins with the AI, in the tenure that the closing of the one before it left.
    pub(super) fn open(n: u32, by: OpenedBy, tenure: i32, at: Micros) -> Self {
        Self {
            n: number(n),
            opened_by: words::opened_by(by).into(),
            opened_at: at,
            owner: words::AI.into(),
            owner_since: at,
            tenure,
            active_at: at,
            dirty: true,
            ..Self::default()
        }
    }

    pub(super) fn touch(&mut self, touch: &Touch) {
        // The first touch of a conversation is what it came from.
        if self.touch.is_none() {
            self.touch = serde_json::to_string(touch).ok();
        }
    }

    pub(super) fn received(&mut self, latest: Latest<'_>) {
        let answerable = latest.content.kind != ContentKind::Unsupported;
        self.tail.push(latest.message, answerable);
        self.has_written |= answerable;
        self.seen_last = Some(latest.message.to_string());
        self.latest(latest);
    }

    pub(super) fn replied(&mut self, by: Author, seen: Option<Uuid>, latest: Latest<'_>) {
        if by == Author::System {
            // A notice answers nothing, and is no message of anybody.
            self.act(latest.at);
            return;
        }
        if let Some(seen) = seen {
            self.tail.answer_until(seen);
        }
        self.latest(latest);
    }

    pub(super) fn answered_outside(&mut self, tenure: u32, latest: Latest<'_>) {
        self.tail.answer_all();
        let at = latest.at;
        self.latest(latest);
        if self.owner != words::AGENT && self.owner != words::DESK {
            self.own((words::OUTSIDE, None), tenure, at);
        }
    }

    pub(super) fn edited(&mut self, message: Uuid, content: &Content, text: Text) {
        if self.last_message.as_deref() == Some(&*message.to_string()) {
            self.last_kind = Some(words::content_kind(content.kind).into());
            self.preview = text;
            self.dirty = true;
        }
    }

    pub(super) fn recalled(&mut self, message: Uuid) {
        self.tail.recall(message);
        if self.last_message.as_deref() == Some(&*message.to_string()) {
            self.last_kind = Some("recalled".into());
            self.preview = Text::None;
        }
        self.dirty = true;
    }

    pub(super) fn handed_over(&mut self, tenure: u32, reason: HandoverReason, queue: &str, at: Micros) {
        self.own((words::QUEUE, None), tenure, at);
        self.tail.hand_over();
        self.queue = Some(queue.into());
        self.handover_reason = Some(reason.as_ref().into());
    }

    pub(super) fn own(&mut self, (owner, agent): (&str, Option<Uuid>), tenure: u32, at: Micros) {
        self.act(at);
        self.tenure = self.tenure.max(number(tenure));
        self.owner = owner.into();
        self.agent = agent.map(|agent| agent.to_string());
        self.owner_since = at;
    }

    /// Who had it last stays written, so that a closed conversation is still theirs.
    pub(super) fn closed(&mut self, tenure: u32, by: ClosedBy, at: Micros) {
        self.tenure = self.tenure.max(number(tenure));
        self.ended(words::closed_by(by), at);
    }

    pub(super) fn ended(&mut self, by: &str, at: Micros) {
        self.tail.answer_all();
        (self.closed_at, self.closed_by, self.dirty) = (Some(at), Some(by.into()), true);
    }

    pub(super) fn act(&mut self, at: Micros) {
        self.active_at = self.active_at.max(at);
        self.dirty = true;
    }

    fn latest(&mut self, latest: Latest<'_>) {
        self.act(latest.at);
        self.messages += 1;
        self.last_message = Some(latest.message.to_string());
        self.last_message_at = Some(latest.at);
        self.last_author = Some(latest.author.into());
        self.last_kind = Some(words::content_kind(latest.content.kind).into());
        self.preview = latest.text;
    }
}

/// Numbers and tenures are counted by events, of which no thread has so many.
pub(super) fn number(n: u32) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}
