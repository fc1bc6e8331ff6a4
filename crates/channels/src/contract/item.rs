//! What a request says, item by item.

use super::Misconfigured;
use bytes::Bytes;
use events::customer::EvidenceKind;
use events::thread::{ReceiptState, Touch, Window};
use events::{ContentKind, Micros};

/// One thing that a customer or the platform did.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// What the platform calls the person on this account. Personal data.
    pub external_user: String,
    /// The identity of the item within the account: equal for each redelivery, different for anything else,
    /// free of personal data. How it is made stands at each channel.
    pub item_id: String,
    pub kind: Kind,
    /// Cleaned (see [`crate::text::clean`]). Personal data.
    pub text: Option<String>,
    /// Personal data.
    pub media: Option<Media>,
    /// The platform's time; none if it tells none.
    pub sent_at: Option<Micros>,
    /// The platform's own order among items of the same time.
    pub order: Option<i64>,
    /// Personal data.
    pub nickname: Option<String>,
    pub touch: Option<Touch>,
    /// What this action lets us send; join it to the thread's with [`super::join`].
    pub window: Option<Window>,
    /// What the channel proves about the person beside it.
    pub evidence: Vec<Evidence>,
}

/// Something that the channel proved about a person: never what was merely typed.
#[derive(Clone, PartialEq, Eq)]
pub struct Evidence {
    pub kind: EvidenceKind,
    /// Personal data.
    pub value: String,
}

impl std::fmt::Debug for Evidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}(…)", self.kind)
    }
}

/// What kind of thing happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// The customer wrote.
    Message {
        content: ContentKind,
    },
    Follow,
    Unfollow,
    Scan,
    /// The customer tapped an entry of the account's menu on the platform.
    Menu,
    /// The platform tells how far a message of ours got; `of` is our message id or the platform's.
    Receipt {
        of: String,
        state: ReceiptState,
    },
    /// A message of ours came back (`of`), or a person answered in the platform's own app (no `of`).
    Echo {
        of: Option<String>,
    },
    /// The platform's own desk took the person, or let them go: in between the AI must be silent.
    Desk {
        took: bool,
    },
    /// The person used a right over their data on the platform.
    Privacy {
        demand: PrivacyDemand,
        scope: Vec<String>,
    },
    /// Known and no part of any conversation, such as a report about a mass message.
    Aside {
        name: String,
    },
    /// Not known: shown as a placeholder, never answered, never counted.
    Unsupported {
        name: String,
    },
}

/// What the platform obliges us to do with a person's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrivacyDemand {
    /// Delete what `scope` names.
    Revoked,
    /// Delete everything of the person.
    Cancelled,
    /// Nickname or picture changed: read again or clear.
    Modified,
}

/// Where a picture, voice or file lies. Platforms delete theirs after days, so it is fetched at ingest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    pub kind: ContentKind,
    /// The platform's id for a download with our token.
    pub id: Option<String>,
    /// An address, or a `geo:` URI (RFC 5870) for a place.
    pub url: Option<String>,
}

/// An item that was let in and cannot be read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{cause}")]
pub struct ItemFault {
    pub cause: Cause,
    /// Whose it is, as far as that could be read. Personal data.
    pub external_user: Option<String>,
    /// A body that, in place of the request's own, holds this item alone; reading it again after a repair gives
    /// the item. Personal data.
    pub raw: Bytes,
}

/// Why an item cannot be read. Never holds a value of the item.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    #[error("the envelope does not open: {0}")]
    Envelope(&'static str),
    #[error("the body is unreadable: {0}")]
    Unreadable(&'static str),
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("{field} is not {expected}")]
    Field { field: &'static str, expected: &'static str },
    #[error(transparent)]
    Misconfigured(#[from] Misconfigured),
}
