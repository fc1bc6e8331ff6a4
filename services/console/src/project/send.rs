//! What became of a message of ours, as one batch tells it.

use super::conversation::number;
use super::words;
use events::{Micros, ThreadEvent};
use uuid::Uuid;

/// A change of one row of `sends`. Without a state only the receipt changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Change {
    pub(super) state: Option<&'static str>,
    pub(super) attempt: i32,
    pub(super) class: Option<&'static str>,
    pub(super) retry_at: Option<i64>,
    pub(super) provider: Option<String>,
    pub(super) receipt: i32,
    pub(super) at: i64,
}

impl Change {
    /// What an event says about a send; none for events about something else.
    pub(super) fn of(event: &ThreadEvent) -> Option<(Uuid, Self)> {
        Some(match event {
            ThreadEvent::Replied { message, at, .. } => (*message, Self::to("pending", 0, *at)),
            ThreadEvent::SendStarted { message, attempt, at, .. } => {
                (*message, Self::to("started", *attempt, *at))
            }
            ThreadEvent::Withdrawn { message, reason, at } => {
                let class = Some(words::withdrawn(*reason));
                (*message, Self { class, ..Self::to("withdrawn", 0, *at) })
            }
            ThreadEvent::Sent { message, attempt, provider, at } => {
                (*message, Self { provider: provider.clone(), ..Self::to("sent", *attempt, *at) })
            }
            ThreadEvent::Failed { message, attempt, class, retry_at, at, .. } => {
                let state = if retry_at.is_some() { "pending" } else { "failed" };
                let class = Some(failure(*class));
                (*message, Self { class, retry_at: *retry_at, ..Self::to(state, *attempt, *at) })
            }
            ThreadEvent::Unknown { message, attempt, last, at } => {
                let class = Some(if *last { "final" } else { "open" });
                (*message, Self { class, ..Self::to("unknown", *attempt, *at) })
            }
            ThreadEvent::Receipt { message, state, at } => {
                (*message, Self { receipt: words::receipt(*state), at: *at, ..Self::default() })
            }
            _ => return None,
        })
    }

    fn to(state: &'static str, attempt: u32, at: Micros) -> Self {
        Self { state: Some(state), attempt: number(attempt), at, ..Self::default() }
    }

    /// This change and then `later`, as one: the same that the table makes of both.
    pub(super) fn then(&mut self, later: Self) {
        if later.state.is_some() {
            (self.state, self.class, self.retry_at) = (later.state, later.class, later.retry_at);
        }
        self.attempt = self.attempt.max(later.attempt);
        self.provider = later.provider.or(self.provider.take());
        self.receipt = self.receipt.max(later.receipt);
        self.at = self.at.max(later.at);
    }
}

fn failure(class: events::thread::FailureClass) -> &'static str {
    use events::thread::FailureClass as Class;
    match class {
        Class::Retryable => "retryable",
        Class::RateLimited => "rate_limited",
        Class::TokenStale => "token_stale",
        Class::WindowClosed => "window_closed",
        Class::Unreachable => "unreachable",
        Class::Rejected => "rejected",
        Class::Permanent => "permanent",
        Class::Configuration => "configuration",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::thread::{FailureClass, ReceiptState};

    #[test]
    fn a_failure_with_a_retry_is_pending_again_and_a_send_clears_its_class() {
        let message = Uuid::from_u128(1);
        let class = FailureClass::RateLimited;
        let failed =
            ThreadEvent::Failed { message, attempt: 1, class, retry_at: Some(9), arrived: None, at: 2 };
        let (_, mut change) = Change::of(&failed).unwrap();
        assert_eq!((change.state, change.class), (Some("pending"), Some("rate_limited")));
        let sent = ThreadEvent::Sent { message, attempt: 2, provider: Some("p".into()), at: 3 };
        change.then(Change::of(&sent).unwrap().1);
        let receipt = ThreadEvent::Receipt { message, state: ReceiptState::Read, at: 4 };
        change.then(Change::of(&receipt).unwrap().1);
        let delivered = ThreadEvent::Receipt { message, state: ReceiptState::Delivered, at: 5 };
        change.then(Change::of(&delivered).unwrap().1);
        assert_eq!((change.state, change.class, change.retry_at), (Some("sent"), None, None));
        assert_eq!((change.receipt, change.provider.as_deref(), change.attempt), (2, Some("p"), 2));
    }
}
