//! Who wakes an assigner: the tail tells which tenants have somebody new in a queue or an agent who is free.
//!
//! The tail and not the reader is asked, because on Postgres another replica may project the part.

use conversation::Thread;
use events::ThreadEvent;
use laws::agent::Agent;
use role::AT_LEAST_PATIENCE;
use spine::read::Status;
use spine::{Entity, PARTS, Position, Reader, Recorded, Spine};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// Messages of the tail looked at together.
const BATCH_MAX: usize = 1_000;

/// Tenants whose queues are to be looked at. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Wanted {
    inner: Arc<(Mutex<BTreeSet<Arc<str>>>, Notify)>,
}

impl Wanted {
    /// Asks for a look at the queues of these tenants.
    pub(crate) fn mark(&self, tenants: impl IntoIterator<Item = Arc<str>>) {
        let mut wanted = self.inner.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = wanted.len();
        wanted.extend(tenants);
        if wanted.len() > before {
            self.inner.1.notify_one();
        }
    }

    /// Resolves once somebody asked.
    pub(crate) async fn changed(&self) {
        self.inner.1.notified().await;
    }

    /// All that were asked for since.
    pub(crate) fn take(&self) -> BTreeSet<Arc<str>> {
        std::mem::take(&mut *self.inner.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Listens to the tail for ever and marks the tenants that have news, once the tables know them.
pub(crate) async fn listen(spine: Spine, reader: Reader, wanted: Wanted) {
    let parts: Vec<u8> = (0..PARTS).collect();
    loop {
        let mut start = spine.tail.join(&parts);
        let mut batch = Vec::with_capacity(BATCH_MAX);
        // An end of the channel says that this listener fell behind; the assigner's sweep covers the gap.
        while start.messages.recv_many(&mut batch, BATCH_MAX).await > 0 {
            let (mut tenants, mut latest) = (BTreeSet::new(), BTreeMap::new());
            for record in batch.drain(..).filter(|record| is_news(record)) {
                tenants.insert(record.address.tenant.clone());
                latest.insert(record.position.part, record.position);
            }
            if !tenants.is_empty() {
                await_tables(&reader, latest).await;
                wanted.mark(tenants);
            }
        }
    }
}

/// A part that stands or stopped is not waited for; what it would tell is told when it goes on.
async fn await_tables(reader: &Reader, latest: BTreeMap<u8, Position>) {
    let statuses = reader.statuses().borrow().clone();
    let moves =
        |part: &u8| !matches!(statuses.get(part), Some(Status::Standing { .. } | Status::Stopped { .. }));
    let positions: Vec<Position> =
        latest.into_iter().filter(|(part, _)| moves(part)).map(|(_, position)| position).collect();
    // Late tables are looked at all the same: the next sweep looks again.
    let _ = reader.wait_for(&positions, AT_LEAST_PATIENCE).await;
}

fn is_news(record: &Recorded) -> bool {
    match &*record.address.kind {
        Agent::KIND => true,
        Thread::KIND => record.events::<Thread>().unwrap_or_default().iter().any(|event| {
            matches!(
                event,
                ThreadEvent::HandedOver { .. }
                    | ThreadEvent::TakenOver { .. }
                    | ThreadEvent::Released { .. }
                    | ThreadEvent::Transferred { .. }
                    | ThreadEvent::Closed { .. }
                    | ThreadEvent::Erased { .. }
            )
        }),
        _ => false,
    }
}
