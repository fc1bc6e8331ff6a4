//! The hub: hands messages of the log, and marks of typing, to the visitors' sockets of this process, by thread.

use crate::typing;
use futures::StreamExt;
use spine::{Log, PARTS, Recorded, Tail};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Messages that wait for one socket; one that falls further behind is cut and comes back with its sequence.
const WAITING_MAX: usize = 256;
const SUBSCRIBE_AGAIN: Duration = Duration::from_secs(5);

/// What a socket hears.
#[derive(Clone, Debug)]
pub(crate) enum Heard {
    Record(Arc<Recorded>),
    /// The agent types, or has stopped.
    Typing(bool),
}

/// Threads with a listener from which on those that went away are looked for.
const SWEEP_FROM: usize = 1_024;

/// Senders by thread. One whose socket went away stays until the thread's next message or the next sweep.
type Listeners = HashMap<Uuid, Vec<mpsc::Sender<Heard>>>;

/// Who listens to which thread. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Hub {
    listeners: Arc<Mutex<Listeners>>,
}

impl Hub {
    /// Everything that happens in the thread from now on; ends when the listener falls behind.
    pub(crate) fn listen(&self, thread: Uuid) -> mpsc::Receiver<Heard> {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        // At each doubling, so that a sweep costs no more than the listening before it.
        if listeners.len() >= SWEEP_FROM && listeners.len() == listeners.capacity() {
            sweep(&mut listeners);
        }
        listeners.entry(thread).or_default().push(sender);
        receiver
    }

    /// Follows the tail until `shutdown`. When the tail drops the hub, all listeners are cut: they come back and
    /// read what they missed.
    pub(crate) async fn run(&self, tail: &Tail, shutdown: &CancellationToken) {
        let parts: Vec<u8> = (0..PARTS).collect();
        loop {
            let mut start = tail.join(&parts);
            loop {
                let next = tokio::select! {
                    () = shutdown.cancelled() => return,
                    next = start.messages.recv() => next,
                };
                match next {
                    Some(record) => self.deliver(&record),
                    None => break,
                }
            }
            self.listeners.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }

    /// Follows the agents' marks of typing until `shutdown`.
    pub(crate) async fn hear_typing(&self, log: &Log, shutdown: &CancellationToken) {
        loop {
            match log.nats().client().subscribe(typing::AGENTS).await {
                Ok(mut marks) => loop {
                    let next = tokio::select! {
                        () = shutdown.cancelled() => return,
                        next = marks.next() => next,
                    };
                    let Some(mark) = next else { break };
                    if let Some((thread, on)) = typing::read(&mark.subject, &mark.payload) {
                        self.mark(thread, on);
                    }
                },
                Err(error) => {
                    tracing::debug!(error = &error as &dyn std::error::Error, "nobody's typing is heard");
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(SUBSCRIBE_AGAIN) => {}
            }
        }
    }

    /// A mark that finds no room is lost, and nobody is cut for it.
    fn mark(&self, thread: Uuid, on: bool) {
        let listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        for sender in listeners.get(&thread).into_iter().flatten() {
            let _ = sender.try_send(Heard::Typing(on));
        }
    }

    fn deliver(&self, record: &Arc<Recorded>) {
        let Some(thread) = record.address.uuid() else { return };
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(senders) = listeners.get_mut(&thread) else { return };
        senders.retain(|sender| sender.try_send(Heard::Record(record.clone())).is_ok());
        if senders.is_empty() {
            listeners.remove(&thread);
        }
    }
}

/// Forgets the sockets that went away.
fn sweep(listeners: &mut Listeners) {
    listeners.retain(|_, senders| {
        senders.retain(|sender| !sender.is_closed());
        !senders.is_empty()
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_that_went_away_are_forgotten() {
        let mut listeners = Listeners::new();
        let (gone, here) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let (sender, receiver) = mpsc::channel(1);
        listeners.entry(gone).or_default().push(sender);
        drop(receiver);
        let (sender, _receiver) = mpsc::channel(1);
        listeners.entry(here).or_default().push(sender);
        sweep(&mut listeners);
        assert_eq!(listeners.keys().copied().collect::<Vec<_>>(), [here]);
    }
}
