//! What a reader that is behind the tail reads on its own, part by part.

use super::Projector;
use super::throttle::Throttle;
use crate::address::{GENERATION, stream_name};
use crate::error::Error;
use crate::log::{Consumption, Log, tail};
use crate::record::Recorded;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Messages that are read and decoded in one turn beside others who append, and those that are asked for at once: they are
/// sent and parsed whether or not it is this reader's turn.
const BITE: u64 = 16;
const ASKED_FOR: usize = 100;

/// Where the messages of all parts come from and go to.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) log: Log,
    pub(super) projector: Arc<dyn Projector>,
    pub(super) sender: mpsc::Sender<Arc<Recorded>>,
    pub(super) throttle: Option<Arc<Throttle>>,
}

impl Source {
    /// Sends a part's messages from `from` to `until`, each prepared. Ends early when nobody receives any more.
    ///
    /// # Errors
    /// Only [`Error::LogLost`].
    pub(super) async fn forward(&self, part: u8, (from, until): (u64, u64)) -> Result<(), Error> {
        let prepare = |record: &Recorded| self.projector.prepare(record);
        let Some(throttle) = &self.throttle else {
            return tail::forward(&self.log, part, (from, until), (&self.sender, &prepare)).await;
        };
        let consumption = Consumption::of_log(self.log.nats(), stream_name(GENERATION, part), from);
        let mut consumption = consumption.in_batches_of(ASKED_FOR);
        let mut next = from;
        while next <= until {
            let count = BITE.min(until - next + 1);
            let bite = async {
                let mut records = Vec::new();
                for _ in 0..count {
                    let record = tail::decode(part, consumption.next().await?);
                    prepare(&record);
                    records.push(Arc::new(record));
                }
                Ok::<_, Error>(records)
            };
            // Sent outside of its turn: who makes room for it needs one, too.
            for record in throttle.bite(bite).await? {
                if self.sender.send(record).await.is_err() {
                    return Ok(());
                }
            }
            next += count;
        }
        Ok(())
    }
}
