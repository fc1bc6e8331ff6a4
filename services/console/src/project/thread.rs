//! One row of the threads, with the conversation that events change now.

use super::Conversation;
use super::text::Text;
use std::sync::Arc;

/// A thread that began.
#[derive(Debug)]
pub(super) struct Thread {
    pub(super) tenant: Arc<str>,
    pub(super) account: String,
    pub(super) channel: String,
    pub(super) name: Text,
    pub(super) began_at: i64,
    pub(super) erased_at: Option<i64>,
    /// The last conversation, open or closed.
    pub(super) current: Option<Conversation>,
    /// Conversations before it that this batch changed.
    pub(super) past: Vec<Conversation>,
    /// Whether this batch changed the row of the thread itself.
    pub(super) dirty: bool,
}

impl Thread {
    pub(super) fn n(&self) -> i32 {
        self.current.as_ref().map_or(0, |current| current.n)
    }

    pub(super) fn begin_next(&mut self, next: Conversation) {
        let before = self.current.replace(next);
        self.past.extend(before.filter(|conversation| conversation.dirty));
        self.dirty = true;
    }

    pub(super) fn changed(&self) -> impl Iterator<Item = &Conversation> {
        self.past.iter().chain(self.current.as_ref().filter(|conversation| conversation.dirty))
    }
}
