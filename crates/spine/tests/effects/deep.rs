//! A lane with far more rows than a worker keeps in memory.

use crate::running::Running;
use futures::StreamExt;
use futures::future::BoxFuture;
use ground::{Place, Server, eventually, on_each};
use serde::{Deserialize, Serialize};
use spine::db::ModelSpec;
use spine::read::start::Wishes;
use spine::read::{Done, Work, WorkLimits};
use spine::{Address, Cause, Due, DueChanges, Entity, Error, Log, Projector, Recorded, new_id};
use sqlx::AnyConnection;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use uuid::Uuid;

const SEND: &str = "send";
/// Rows of the deep lane, three times what is kept in memory of one, and whose they are.
const ROWS: usize = 1_600;
const SHELVES: usize = 320;
const LIMITS: WorkLimits = WorkLimits { in_flight_max: 8, per_lane_max: 4 };
/// How long the platform takes.
const SENDING: Duration = Duration::from_millis(2);

#[derive(Debug, Default)]
struct Shelf;

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type")]
enum ShelfEvent {
    Put,
    Sent { put: String },
}

impl Entity for Shelf {
    type Event = ShelfEvent;
    const KIND: &'static str = "shelf";
    const EVENTS: &'static [&'static str] = &["Put", "Sent"];

    fn evolve(&mut self, _: &ShelfEvent) {}
}

/// Whatever is put on a shelf is to be sent, in the lane of its tenant.
struct Sending;

impl Projector for Sending {
    fn spec(&self) -> ModelSpec {
        ModelSpec { name: "shelves", version: 1, schema: &[] }
    }

    fn kinds(&self) -> &'static [&'static str] {
        &[Shelf::KIND]
    }

    fn effects(&self) -> &'static [&'static str] {
        &[SEND]
    }

    fn apply<'a>(
        &'a self,
        tx: &'a mut AnyConnection,
        batch: &'a [Arc<Recorded>],
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let mut changes = DueChanges::default();
            for record in batch {
                let entity = record.address.subject();
                for event in record.events::<Shelf>()? {
                    match event {
                        ShelfEvent::Put => {
                            let key = format!("{:08}", record.position.sequence);
                            let (lane, entity) = (record.address.tenant.to_string(), entity.clone());
                            changes.put(
                                record,
                                Due { kind: SEND, entity, key, lane, at: 0, body: String::new() },
                            );
                        }
                        ShelfEvent::Sent { put } => changes.remove(SEND, &entity, put),
                    }
                }
            }
            changes.write(tx).await
        })
    }
}

async fn put(log: &Log, shelf: &Address) {
    let once = |_: &Shelf| Ok::<_, Infallible>(vec![ShelfEvent::Put]);
    log.transact(shelf, &Cause::new(new_id(), "put", "test"), once).await.unwrap();
}

/// What was sent, in the order of sending: shelf and key.
type Sent = Arc<Mutex<Vec<(String, String)>>>;

/// A process that sends, and puts something on `beside` when the first of the deep lane is sent.
async fn start(place: &Place, log: Log, sent: &Sent, beside: &Address) -> Running {
    let mut running = Running::start(place, log, Sending, Wishes::default()).await;
    let (reader, log, ends) = (running.reader.clone(), running.spine.log.clone(), running.ends.clone());
    let (sent, beside) = (sent.clone(), beside.clone());
    running.tasks.spawn(async move {
        let send = |work: Work| {
            let (log, sent, beside) = (log.clone(), sent.clone(), beside.clone());
            async move {
                tokio::time::sleep(SENDING).await;
                let is_first = {
                    let mut sent = sent.lock().unwrap();
                    sent.push((work.entity.clone(), work.key.clone()));
                    sent.len() == 1
                };
                if is_first {
                    put(&log, &beside).await;
                }
                let name = format!("{}/{}", work.entity, work.key);
                let cause = Cause::new(Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()), SEND, "test");
                let gone = |_: &Shelf| Ok::<_, Infallible>(vec![ShelfEvent::Sent { put: work.key.clone() }]);
                let decided = log.transact(&Address::parse(&work.entity)?, &cause, gone).await;
                Ok(Done::At(decided.map_err(|refused| Error::Other(format!("{refused:?}")))?.position()))
            }
        };
        spine::read::work(&reader, SEND, LIMITS, &ends, send).await.unwrap();
    });
    running
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deep_lane_is_emptied_in_order_and_once_and_holds_up_no_other() {
    on_each(async |place: Place| {
        let server = Server::start().await;
        let log = server.log().await;
        let shelf = |tenant: &str| Address::of(tenant, Shelf::KIND, new_id()).unwrap();
        let shelves: Vec<Address> = (0..SHELVES).map(|_| shelf("deep")).collect();
        let puts = (0..ROWS).map(|number| put(&log, &shelves[number % SHELVES]));
        futures::stream::iter(puts).buffer_unordered(16).collect::<()>().await;
        let (sent, beside) = (Sent::default(), shelf("beside"));
        let running = start(&place, server.log().await, &sent, &beside).await;
        let all = async || (sent.lock().unwrap().len() > ROWS).then_some(());
        eventually("everything is sent", all).await;
        running.stop().await;
        let sent = sent.lock().unwrap();
        let mut by_shelf: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (shelf, key) in sent.iter() {
            by_shelf.entry(shelf).or_default().push(key);
        }
        assert_eq!((sent.len(), by_shelf.len()), (ROWS + 1, SHELVES + 1));
        for (shelf, keys) in by_shelf {
            assert!(keys.is_sorted_by(|a, b| a < b), "{shelf}: {keys:?}");
        }
        let turn = sent.iter().position(|(shelf, _)| *shelf == beside.subject()).unwrap();
        assert!(turn < ROWS / 2, "the other lane waited for {turn} of {ROWS}");
    })
    .await;
}
