//! Why the law refuses; each variant says the state, not the wish.

use crate::Owner;
use events::Micros;
use thiserror::Error;
use uuid::Uuid;

/// A refusal. Nothing was appended; asking the same of the same state gives the same answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Rejection {
    /// The thread never began, and what is asked does not say with whom it would.
    #[error("the thread never began")]
    Unknown,
    /// The person asked to be forgotten. A customer who writes again is a new thread.
    #[error("the thread was erased")]
    Erased,
    /// No conversation is open.
    #[error("no conversation is open")]
    NotOpen,
    /// The owner changed since the asker looked; `owner` and `tenure` are what holds now.
    #[error("tenure {tenure} holds and belongs to {owner}")]
    StaleTenure { owner: Owner, tenure: u32 },
    /// The conversation belongs to somebody else than the decision needs.
    #[error("the conversation belongs to {owner}")]
    OwnedBy { owner: Owner },
    /// The customer wrote after what the asker had seen.
    #[error("the customer wrote message {last} since")]
    Newer { last: Uuid },
    /// Older than [`crate::limits::REDELIVERY_DAYS_MAX`]: it cannot be told from a redelivery, so it goes to
    /// quarantine, where a person looks.
    #[error("from {sent_at}, too old to be told from a redelivery")]
    TooOld { sent_at: Micros },
    /// [`crate::limits::IDS_MAX`] things came from this customer within the days that are remembered.
    #[error("the customer sent more than a thread remembers")]
    Flooded,
    /// The platform's id is empty or longer than [`crate::limits::ID_BYTES_MAX`].
    #[error("an id of {bytes} bytes")]
    BadId { bytes: usize },
    /// [`crate::limits::PENDING_MAX`] answers wait to be sent.
    #[error("too many answers wait to be sent")]
    OutboxFull,
    /// The thread knows no such message, or has forgotten it.
    #[error("message {message} is not known here")]
    NoSuchMessage { message: Uuid },
    /// An earlier message of the thread has to be settled first.
    #[error("message {waits_for} goes first")]
    NotNext { waits_for: Uuid },
    /// The platform call of this attempt is under way, or died without a word.
    #[error("attempt {attempt} of message {message} is in flight")]
    InFlight { message: Uuid, attempt: u32 },
    /// Nobody knows whether this attempt arrived. It is looked up, or waited for, before another.
    #[error("attempt {attempt} of message {message} is unresolved")]
    Unresolved { message: Uuid, attempt: u32 },
    /// The message still waits to be sent, so there is nothing to send again.
    #[error("message {message} still waits to be sent")]
    StillPending { message: Uuid },
    /// Another attempt than the one named comes next, or was the last.
    #[error("attempt {attempt} is the one that counts")]
    WrongAttempt { attempt: u32 },
    /// The message has its final outcome.
    #[error("message {message} is settled")]
    Settled { message: Uuid },
    /// It is not time yet; ask again at `until`.
    #[error("not before {until}")]
    TooEarly { until: Micros },
    /// The channel lets us write only after the customer writes again.
    #[error("the reply window is closed")]
    WindowClosed,
    /// The customer unfollowed or blocked the account.
    #[error("the customer cannot be reached")]
    Unreachable,
    /// The customer can be reached, so this is no reason to close.
    #[error("the customer can be reached")]
    Reachable,
    /// Something happened in the conversation after the cutoff.
    #[error("the conversation was active at {last}")]
    Active { last: Micros },
    /// The customer waits for an answer to this message.
    #[error("message {message} awaits an answer")]
    Awaiting { message: Uuid },
}
