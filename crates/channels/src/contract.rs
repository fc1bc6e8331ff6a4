//! The adapter contract: what a channel can do, and the pure and the calling half that it supplies.
//!
//! Reading is pure: a request and an account go in, items or a refusal come out, and the time is an argument.
//! That lets the normaliser read a journalled request years later with the same result. Only [`Sender`] calls
//! the outside.

mod account;
mod capabilities;
mod item;
mod outbound;
mod profile;

pub use account::{Account, Misconfigured, Secret};
pub use capabilities::{Allowance, Capabilities, Proof, TextLimit, Unit};
pub use item::{Cause, Evidence, Item, ItemFault, Kind, Media, PrivacyDemand};
pub use outbound::{Outbound, SendOutcome, Sender, Tools};
pub use profile::{Profile, ProfileFault};

use crate::form::Form;
use bytes::Bytes;
use events::Micros;

/// One channel, as the list knows it.
pub struct Channel {
    /// The folder's name, also `Setup::channel`.
    pub name: &'static str,
    pub capabilities: Capabilities,
    /// How requests of the platform are read; none for a channel whose protocol is a socket of ours.
    pub webhook: Option<&'static dyn Webhook>,
    /// How messages leave; none where the socket itself delivers.
    pub sender: Option<&'static dyn Sender>,
    /// How the platform is asked who somebody is; none where it tells nothing.
    pub profile: Option<&'static dyn Profile>,
    /// What its accounts are set up with; see [`Channel::faults`].
    pub form: Form,
}

impl Channel {
    /// The table with the account's own numbers: settings `text_max` (in the table's unit) and
    /// `rate_per_second` replace the platform's, since platforms change theirs without notice.
    pub fn capabilities_of(&self, account: &Account) -> Capabilities {
        let mut table = self.capabilities;
        if let Some(max) = account.number("text_max").filter(|max| *max > 0) {
            table.text.max = max as usize;
        }
        if let Some(rate) = account.number("rate_per_second").filter(|rate| *rate > 0) {
            table.rate_per_second = u32::try_from(rate).unwrap_or(u32::MAX);
        }
        table
    }
}

/// A request as it came, before anything looked into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawRequest {
    /// Upper case.
    pub method: String,
    pub path: String,
    /// The query string as sent, without the question mark.
    pub query: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

impl RawRequest {
    /// The first header of that lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A request whose origin is proven.
#[derive(Clone, Copy, Debug)]
pub struct Verified<'r>(&'r RawRequest);

impl<'r> Verified<'r> {
    /// A request that comes out of the journal, which holds only what was verified when it arrived. It is not
    /// verified again: time stamps have aged and secrets may have been rotated since.
    pub fn journalled(request: &'r RawRequest) -> Self {
        Self(request)
    }

    /// For an adapter's `verify`, once it has.
    pub(super) fn proven(request: &'r RawRequest) -> Self {
        Self(request)
    }

    /// The request itself.
    pub fn request(self) -> &'r RawRequest {
        self.0
    }
}

/// Why a request is not let in. Nothing of it is parsed or kept beyond the diagnosis ring.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("the signature is wrong")]
    Signature,
    #[error("the time stamp is too far from now")]
    Stale,
    #[error("the body is larger than the channel's platform ever sends")]
    TooLarge,
    #[error("the channel has no handshake")]
    NoHandshake,
    #[error(transparent)]
    Misconfigured(#[from] Misconfigured),
}

impl Refusal {
    /// The HTTP status to refuse with. An account of ours that is set up wrongly answers 503, so the platform
    /// delivers again after the repair.
    pub fn status(&self) -> u16 {
        match self {
            Self::Missing(_) => 400,
            Self::Signature | Self::Stale => 401,
            Self::TooLarge => 413,
            Self::NoHandshake => 405,
            Self::Misconfigured(_) => 503,
        }
    }
}

/// What a webhook answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub content_type: &'static str,
    pub body: String,
}

/// Reads the requests of a platform. Pure.
pub trait Webhook: Send + Sync {
    /// Answers the platform's GET that proves we own the address.
    ///
    /// # Errors
    /// As [`Webhook::verify`].
    fn handshake(&self, account: &Account, request: &RawRequest, at: Micros) -> Result<Reply, Refusal>;

    /// Whether the request comes from the platform, decided in constant time over the raw bytes and before any
    /// parsing. `at` is when it was received.
    ///
    /// # Errors
    /// A [`Refusal`]; nothing must be journalled then.
    fn verify<'r>(
        &self,
        account: &Account,
        request: &'r RawRequest,
        at: Micros,
    ) -> Result<Verified<'r>, Refusal>;

    /// What the request says, item by item: one that cannot be understood leaves the others alone. Encrypted
    /// bodies are opened here and not in `verify`, so that a wrong key leaves a quarantined item instead of a
    /// lost one.
    fn items(&self, account: &Account, request: Verified<'_>) -> Vec<Result<Item, ItemFault>>;

    /// A body that, in place of the request's own, holds the item of that number alone; none when the request has but
    /// one.
    fn alone(&self, _request: Verified<'_>, _number: usize) -> Option<Bytes> {
        None
    }

    /// The answer once the request is durable.
    fn accepted(&self) -> Reply;

    /// The headers that the journal must keep, in lower case.
    fn headers_kept(&self) -> &'static [&'static str] {
        &[]
    }
}
