//! The stored words of events' choices, as the log writes them.

use conversation::Owner;
use events::ContentKind;
use events::thread::{Author, ClosedBy, OpenedBy, ReceiptState, ReleasedTo, WithdrawnReason};
use uuid::Uuid;

pub(crate) const AI: &str = "ai";
pub(crate) const QUEUE: &str = "queue";
pub(crate) const AGENT: &str = "agent";
pub(crate) const OUTSIDE: &str = "outside";
pub(crate) const DESK: &str = "desk";
pub(crate) const CUSTOMER: &str = "customer";
pub(crate) const SYSTEM: &str = "system";

pub(super) fn opened_by(by: OpenedBy) -> &'static str {
    match by {
        OpenedBy::Message => "message",
        OpenedBy::Widget => "widget",
        OpenedBy::Follow => "follow",
        OpenedBy::Scan => "scan",
        OpenedBy::Agent => AGENT,
    }
}

/// What ends a conversation whose customer was erased.
pub(super) const ERASURE: &str = "erasure";

pub(super) fn closed_by(by: ClosedBy) -> &'static str {
    match by {
        ClosedBy::Agent(_) => AGENT,
        ClosedBy::Idle => "idle",
        ClosedBy::Ai => AI,
        ClosedBy::Unreachable => "unreachable",
    }
}

pub(super) fn content_kind(kind: ContentKind) -> &'static str {
    match kind {
        ContentKind::Text => "text",
        ContentKind::Image => "image",
        ContentKind::Voice => "voice",
        ContentKind::Video => "video",
        ContentKind::File => "file",
        ContentKind::Location => "location",
        ContentKind::Link => "link",
        ContentKind::Menu => "menu",
        ContentKind::Unsupported => "unsupported",
    }
}

/// The word of an author, and the agent's id.
pub(super) fn author(by: Author) -> (&'static str, Option<Uuid>) {
    match by {
        Author::Ai => (AI, None),
        Author::Agent(agent) => (AGENT, Some(agent)),
        Author::System => (SYSTEM, None),
    }
}

pub(super) fn released_to(to: ReleasedTo) -> &'static str {
    match to {
        ReleasedTo::Ai => AI,
        ReleasedTo::Queue => QUEUE,
    }
}

pub(super) fn withdrawn(reason: WithdrawnReason) -> &'static str {
    match reason {
        WithdrawnReason::Tenure => "tenure",
        WithdrawnReason::Window => "window",
        WithdrawnReason::Cancelled => "cancelled",
    }
}

/// Grows as receipts do.
pub(super) fn receipt(state: ReceiptState) -> i32 {
    match state {
        ReceiptState::Delivered => 1,
        ReceiptState::Read => 2,
    }
}

/// The word of an owner, and the agent's id.
pub(crate) fn owner(owner: Owner) -> (&'static str, Option<Uuid>) {
    match owner {
        Owner::Ai => (AI, None),
        Owner::Queue => (QUEUE, None),
        Owner::Agent(agent) => (AGENT, Some(agent)),
        Owner::Outside => (OUTSIDE, None),
        Owner::Desk => (DESK, None),
    }
}
