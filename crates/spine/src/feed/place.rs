//! Where a reader without NATS is in the feed of its tenant, as a cursor that says nothing to it.

use crate::error::Error;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt;
use std::str::FromStr;

/// The longest cursor that is looked at, in bytes.
const CURSOR_BYTES_MAX: usize = 300;

/// A place in the feed of one tenant: everything up to it was handed out. Written as an opaque cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Whose feed; a cursor is good for no other.
    pub tenant: String,
    /// When the stream was made, microseconds: a stream made anew is another.
    pub made_at: i64,
    /// The last sequence that was handed out; 0 for none.
    pub sequence: u64,
    /// When that was stored, microseconds: a stream restored from an older copy has another message of that number.
    pub at: i64,
    /// Everything that was stored before this time, microseconds, was handed out or was there to be.
    pub since: i64,
}

/// Why nothing can follow a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// The stream was made anew, or restored from a copy that ends before the place.
    MadeAnew,
    /// What followed may have been deleted by age before it was asked for.
    Expired,
}

/// What the stream says of itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    pub(super) made_at: i64,
    pub(super) first: u64,
    pub(super) last: u64,
    /// How long messages are kept, microseconds; 0 for ever.
    pub(super) kept_us: i64,
}

impl Place {
    /// The place before everything that the stream holds at `now`.
    pub(super) fn beginning(tenant: &str, extent: &Extent, now: i64) -> Self {
        Self { tenant: tenant.into(), made_at: extent.made_at, sequence: 0, at: 0, since: now }
    }

    /// Why the stream holds nothing to go on with. A gap alone is no break: erased messages leave them too.
    pub(super) fn broken(&self, extent: &Extent, now: i64) -> Option<Break> {
        if self.made_at != extent.made_at || self.sequence > extent.last {
            return Some(Break::MadeAnew);
        }
        let aged = extent.kept_us > 0 && self.since.saturating_add(extent.kept_us) < now;
        (aged && extent.first > self.sequence + 1).then_some(Break::Expired)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tenant, made_at, sequence, at, since } = self;
        f.write_str(&URL_SAFE_NO_PAD.encode(format!("1 {tenant} {made_at} {sequence} {at} {since}")))
    }
}

impl FromStr for Place {
    type Err = Error;

    fn from_str(cursor: &str) -> Result<Self, Error> {
        let parse = || {
            let short = Some(cursor).filter(|cursor| cursor.len() <= CURSOR_BYTES_MAX)?;
            let text = String::from_utf8(URL_SAFE_NO_PAD.decode(short).ok()?).ok()?;
            let fields: Vec<&str> = text.split(' ').collect();
            let ["1", tenant, made_at, sequence, at, since] = fields.as_slice() else { return None };
            let (made_at, since) = (made_at.parse().ok()?, since.parse().ok()?);
            let (sequence, at) = (sequence.parse().ok()?, at.parse().ok()?);
            Some(Self { tenant: (*tenant).into(), made_at, sequence, at, since })
        };
        parse().ok_or_else(|| Error::Name { field: "after", value: cursor.chars().take(40).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 3_600 * 1_000_000;

    fn place(sequence: u64, since: i64) -> Place {
        Place { tenant: "shop".into(), made_at: 7, sequence, at: 5, since }
    }

    #[test]
    fn a_cursor_reads_back_as_its_place_and_nothing_else_does() {
        let place = place(4711, 12);
        let cursor = place.to_string();
        assert_eq!(cursor.parse::<Place>().unwrap(), place);
        let more = URL_SAFE_NO_PAD.encode("1 shop 7 4711 5 12 0");
        for wrong in ["", "x", "4711", &cursor[1..], &more, &"A".repeat(CURSOR_BYTES_MAX + 1)] {
            wrong.parse::<Place>().unwrap_err();
        }
    }

    #[test]
    fn a_place_is_broken_by_another_stream_and_by_age_but_not_by_erased_messages() {
        let extent = Extent { made_at: 7, first: 50, last: 90, kept_us: 365 * DAY };
        let now = 1_000 * DAY;
        assert_eq!(place(90, now).broken(&extent, now), None);
        assert_eq!(place(91, now).broken(&extent, now), Some(Break::MadeAnew));
        assert_eq!(place(60, now).broken(&Extent { made_at: 8, ..extent }, now), Some(Break::MadeAnew));
        // The first messages are gone: by erasure, if the reader was here within the time that they are kept.
        assert_eq!(place(10, now - 364 * DAY).broken(&extent, now), None);
        assert_eq!(place(10, now - 366 * DAY).broken(&extent, now), Some(Break::Expired));
        assert_eq!(place(49, now - 366 * DAY).broken(&extent, now), None, "nothing was there in between");
        assert_eq!(place(10, now - 366 * DAY).broken(&Extent { kept_us: 0, ..extent }, now), None);
    }
}
