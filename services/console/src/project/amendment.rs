//! What the customer changed or took back afterwards; the line itself keeps what was read.

use super::text::Text;

/// A change of one row of `amendments`.
#[derive(Clone, Debug, Default)]
pub(super) struct Amendment {
    pub(super) text: Text,
    pub(super) content_kind: Option<&'static str>,
    pub(super) edited_at: Option<i64>,
    pub(super) recalled_at: Option<i64>,
}

impl Amendment {
    pub(super) fn edit(&mut self, text: Text, content_kind: &'static str, at: i64) {
        (self.text, self.content_kind, self.edited_at) = (text, Some(content_kind), Some(at));
    }

    pub(super) fn recall(&mut self, at: i64) {
        self.recalled_at = Some(at);
    }
}
