//! The law of a thread and its conversations: state, decisions and refusals, shared by every writer.
//!
//! Pure: no I/O, no clock, no random number. Times are microseconds since the Unix epoch and come in as
//! arguments, as do ids. A decision is a free function `(state, what is asked, at)` that answers with the
//! events to append, with nothing when what is asked is already so, or with a [`Rejection`]. It is called
//! again on a newer state whenever the log refused the append, so it takes what is asked by reference.

mod amend;
mod close;
pub mod content;
mod deadline;
mod desk;
mod erase;
mod evolve;
mod identify;
mod ids;
mod inbox;
pub mod limits;
mod outbox;
mod outcome;
mod outside;
mod own;
mod pass;
mod receipt;
mod receive;
mod rejection;
mod reply;
mod resend;
mod send;
mod thread;
mod undelivered;
mod visit;

#[cfg(test)]
mod scene;

pub use amend::{Edit, Recall, edit, recall};
pub use close::{Close, Gone, close, unreachable};
pub use deadline::{ExpireAnswer, expire_answer};
pub use desk::{DeskWord, desk};
pub use erase::erase;
pub use identify::{Identify, identify};
pub use outbox::{Pending, Settled, Stage};
pub use outcome::{Attempt, failed, give_up, sent, torn, unknown};
pub use outside::{Echo, echo};
pub use own::{Assign, HandOver, Notice, TakeOver, assign, hand_over, open_by_agent, take_over};
pub use pass::{Release, Transfer, release, transfer};
pub use receipt::receipt;
pub use receive::{Beginning, Inbound, receive, receive_late};
pub use rejection::Rejection;
pub use reply::{AiReply, PersonReply, newer_than, notify, reply_by_ai, reply_by_ai_to_all, reply_by_person};
pub use resend::{Resend, resend};
pub use send::{Proof, StartSend, cancel, start_send};
pub use thread::{Living, Owner, Thread};
pub use undelivered::{Undelivered, hand_over_undelivered};
pub use visit::{TouchOpen, Visit, open, touch};

/// What a decision answers: events to append as one message, nothing when it is already so, or a refusal.
pub type Decision = Result<Vec<events::ThreadEvent>, Rejection>;
