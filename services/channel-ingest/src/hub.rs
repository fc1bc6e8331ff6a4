//! The hub: hands messages of the log to the visitors' sockets of this process, by thread.

use spine::{PARTS, Recorded, Tail};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Messages that wait for one socket; one that falls further behind is cut and comes back with its sequence.
const WAITING_MAX: usize = 256;

type Listeners = HashMap<Uuid, Vec<mpsc::Sender<Arc<Recorded>>>>;

/// Who listens to which thread. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Hub {
    listeners: Arc<Mutex<Listeners>>,
}

impl Hub {
    /// Everything that happens in the thread from now on; ends when the listener falls behind.
    pub(crate) fn listen(&self, thread: Uuid) -> mpsc::Receiver<Arc<Recorded>> {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).entry(thread).or_default().push(sender);
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

    fn deliver(&self, record: &Arc<Recorded>) {
        let Some(thread) = record.address.uuid() else { return };
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(senders) = listeners.get_mut(&thread) else { return };
        senders.retain(|sender| sender.try_send(record.clone()).is_ok());
        if senders.is_empty() {
            listeners.remove(&thread);
        }
    }
}
