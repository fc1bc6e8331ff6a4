//! Folding what became of messages of ours.

use crate::{Living, Settled, Stage};
use events::ThreadEvent;
use events::thread::{FailureClass, Window};
use uuid::Uuid;

impl Living {
    pub(super) fn take_in_send(&mut self, event: &ThreadEvent) {
        match event {
            ThreadEvent::SendStarted { message, attempt, parts, at } => {
                self.pass(*at);
                self.stage(*message, *attempt, Stage::Started { at: *at });
                if let Some(pending) = self.outbox.find_mut(*message) {
                    pending.parts = parts.unwrap_or(1);
                }
            }
            ThreadEvent::Withdrawn { message, reason, at } => {
                self.pass(*at);
                self.outbox.settle(*message, Settled::Withdrawn(*reason), *at);
            }
            ThreadEvent::Sent { message, provider, at, .. } => {
                self.pass(*at);
                self.spend(*message, None);
                self.outbox.settle(*message, Settled::Sent { receipt: None }, *at);
                if let Some(provider) = provider {
                    self.ours.insert(provider, Some(*message), *at);
                }
            }
            ThreadEvent::Failed { message, attempt, class, retry_at, arrived, at } => {
                self.pass(*at);
                self.spend(*message, Some(arrived.unwrap_or(0)));
                self.reachable &= *class != FailureClass::Unreachable;
                match retry_at {
                    Some(_) => self.stage(*message, *attempt, Stage::Waiting { retry_at: *retry_at }),
                    None => self.outbox.settle(*message, Settled::Failed(*class), *at),
                }
            }
            ThreadEvent::Unknown { message, attempt, last, at } => {
                self.pass(*at);
                self.spend(*message, None);
                if *last {
                    self.outbox.settle(*message, Settled::Unknown, *at);
                } else {
                    self.stage(*message, *attempt, Stage::Unknown { since: *at });
                }
            }
            ThreadEvent::Receipt { message, state, at } => {
                self.pass(*at);
                if let Some(outcome) = self.outbox.outcome_mut(*message)
                    && let Settled::Sent { receipt } = &mut outcome.how
                {
                    *receipt = (*receipt).max(Some(*state));
                }
            }
            _ => {}
        }
    }

    fn stage(&mut self, message: Uuid, attempt: u32, stage: Stage) {
        if let Some(pending) = self.outbox.find_mut(message) {
            pending.attempt = attempt;
            pending.stage = stage;
        }
    }

    /// Counts a message against the channel's window once, when it left or may have left: each of its parts, or only
    /// those that `arrived`.
    fn spend(&mut self, message: Uuid, arrived: Option<u32>) {
        let Some(pending) = self.outbox.find(message) else { return };
        if matches!(pending.stage, Stage::Unknown { .. }) {
            return;
        }
        let parts = arrived.unwrap_or(pending.parts);
        if let Some(Window { left: Some(left), .. }) = &mut self.window {
            *left = left.saturating_sub(parts);
        }
    }
}
