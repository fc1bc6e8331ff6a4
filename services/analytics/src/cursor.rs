//! Where a page ended: a page token is the last row's place in the order of the list.

use crate::question::Refusal;

/// The place of a row: opening time, thread, conversation, reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) at: i64,
    pub(crate) thread: String,
    pub(crate) n: i64,
    /// The reason's number with handovers, else 0.
    pub(crate) reason: i32,
}

impl Cursor {
    /// The place before everything for an empty token.
    pub(crate) fn parse(token: &str) -> Result<Self, Refusal> {
        if token.is_empty() {
            return Ok(Self::default());
        }
        let parse = || {
            let mut parts = token.split('.');
            let (at, thread) = (parts.next()?.parse().ok()?, parts.next()?.to_owned());
            let (n, reason) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
            let is_id = thread.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
            (is_id && parts.next().is_none()).then_some(Self { at, thread, n, reason })
        };
        parse().ok_or_else(|| {
            Refusal::Invalid("page_token is not one of this list: begin again without it".into())
        })
    }

    pub(crate) fn token(&self) -> String {
        let Self { at, thread, n, reason } = self;
        format!("{at}.{thread}.{n}.{reason}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_as_its_place() {
        let cursor = Cursor { at: 5, thread: "0b0e-1".into(), n: 2, reason: 3 };
        assert_eq!(Cursor::parse(&cursor.token()).unwrap(), cursor);
        assert_eq!(Cursor::parse("").unwrap(), Cursor::default());
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for token in
            ["5", "5.a.2", "x.a.2.3", "5.a.2.3.4", "5.a\0.2.3", "5.a.2.y", "99999999999999999999.a.2.3"]
        {
            assert!(matches!(Cursor::parse(token), Err(Refusal::Invalid(_))), "{token:?}");
        }
    }
}
