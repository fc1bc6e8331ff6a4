//! A lane with far more rows than a worker keeps in memory, and what becomes of the order of an entity's work when some of
//! it has to wait.

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
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use uuid::Uuid;

const SEND: &str = "send";
/// Rows of the deep lane, several times what is read of one at once, and whose they are.
const ROWS: usize = 1_600;
const SHELVES: usize = 320;
const LIMITS: WorkLimits = WorkLimits { in_flight_max: 8, per_lane_max: 4, confirms: false };
/// How long the platform takes.
const SENDING: Duration = Duration::from_millis(2);

#[derive(Debug, Default)]
struct Shelf;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type")]
enum ShelfEvent {
    Put,
    /// An attempt that failed for now.
    Failed {
        put: String,
    },
    Sent {
        put: String,
    },
}

impl Entity for Shelf {
    type Event = ShelfEvent;
    const KIND: &'static str = "shelf";
    const EVENTS: &'static [&'static str] = &["Put", "Failed", "Sent"];

    fn evolve(&mut self, _: &ShelfEvent) {}
}

/// Whatever is put on a shelf is to be sent, in the lane of its tenant. While `breaks`, nothing of the tenant `broken` can
/// be applied.
#[derive(Default)]
struct Sending {
    breaks: Arc<AtomicBool>,
}

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
                if &*record.address.tenant == "broken" && self.breaks.load(Ordering::SeqCst) {
                    return Err(Error::Other("it cannot be applied".into()));
                }
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
                        ShelfEvent::Failed { .. } => {}
                        ShelfEvent::Sent { put } => changes.remove(SEND, &entity, put),
                    }
                }
            }
            changes.write(tx).await
        })
    }
}

fn shelf(tenant: &str) -> Address {
    Address::of(tenant, Shelf::KIND, new_id()).unwrap()
}

async fn put(log: &Log, shelf: &Address) {
    let once = |_: &Shelf| Ok::<_, Infallible>(vec![ShelfEvent::Put]);
    log.transact(shelf, &Cause::new(new_id(), "put", "test"), once).await.unwrap();
}

async fn put_many(log: &Log, shelves: &[Address], count: usize) {
    let puts = (0..count).map(|number| put(log, &shelves[number % shelves.len()]));
    futures::stream::iter(puts).buffer_unordered(16).collect::<()>().await;
}

/// What was sent, in the order of sending: shelf and key.
type Sent = Arc<Mutex<Vec<(String, String)>>>;

async fn decide(log: &Log, work: &Work, event: ShelfEvent) -> Result<Done, Error> {
    let name = format!("{event:?} {}", work.entity);
    let cause = Cause::new(Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()), SEND, "test");
    let once = |_: &Shelf| Ok::<_, Infallible>(vec![event.clone()]);
    let decided = log.transact(&Address::parse(&work.entity)?, &cause, once).await;
    Ok(Done::At(decided.map_err(|refused| Error::Other(format!("{refused:?}")))?.position()))
}

/// A platform that keeps what it gets, and before that may ask to come again.
#[derive(Clone, Default)]
struct Platform {
    sent: Sent,
    tried: Arc<Mutex<BTreeMap<(String, String), usize>>>,
    /// Whether it takes each eleventh at the first attempt only.
    is_moody: bool,
}

impl Platform {
    /// What it says at this attempt instead of taking it.
    async fn refuses(&self, log: &Log, work: &Work) -> Option<Result<Done, Error>> {
        let number = {
            let mut tried = self.tried.lock().unwrap();
            let number = tried.len();
            let is_first = tried.insert((work.entity.clone(), work.key.clone()), number).is_none();
            number * usize::from(self.is_moody && is_first) % 11
        };
        match number {
            3 => Some(Ok(Done::Again { after_ms: 1 })),
            5 => Some(Err(Error::Other("the platform hangs up".into()))),
            7 => Some(Ok(Done::LanePaused { after_ms: 3 })),
            // Its result leaves its row.
            9 => Some(decide(log, work, ShelfEvent::Failed { put: work.key.clone() }).await),
            _ => None,
        }
    }

    async fn take(&self, log: &Log, work: &Work, beside: &Address) -> Result<Done, Error> {
        tokio::time::sleep(SENDING).await;
        if let Some(refusal) = self.refuses(log, work).await {
            return refusal;
        }
        let is_first = {
            let mut sent = self.sent.lock().unwrap();
            sent.push((work.entity.clone(), work.key.clone()));
            sent.len() == 1
        };
        if is_first {
            put(log, beside).await;
        }
        decide(log, work, ShelfEvent::Sent { put: work.key.clone() }).await
    }

    async fn has_got(&self, count: usize) {
        let all = async || (self.sent.lock().unwrap().len() >= count).then_some(());
        eventually("everything is sent", all).await;
    }

    /// What each shelf sent, which must be in the order in which it was put.
    fn by_shelf(&self) -> BTreeMap<String, Vec<String>> {
        let mut by_shelf: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (shelf, key) in &*self.sent.lock().unwrap() {
            by_shelf.entry(shelf.clone()).or_default().push(key.clone());
        }
        for (shelf, keys) in &by_shelf {
            assert!(keys.is_sorted_by(|a, b| a < b), "{shelf}: {keys:?}");
        }
        by_shelf
    }
}

/// A process that sends, and puts something on `beside` when the first is sent.
async fn start(place: &Place, log: Log, release: Sending, platform: &Platform, beside: &Address) -> Running {
    let mut running = Running::start(place, log, release, Wishes::default()).await;
    let (reader, log, ends) = (running.reader.clone(), running.spine.log.clone(), running.ends.clone());
    let (platform, beside) = (platform.clone(), beside.clone());
    running.tasks.spawn(async move {
        let send = |work: Work| {
            let (log, platform, beside) = (log.clone(), platform.clone(), beside.clone());
            async move { platform.take(&log, &work, &beside).await }
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
        let shelves: Vec<Address> = (0..SHELVES).map(|_| shelf("deep")).collect();
        put_many(&log, &shelves, ROWS).await;
        let (platform, beside) = (Platform::default(), shelf("beside"));
        let running = start(&place, server.log().await, Sending::default(), &platform, &beside).await;
        platform.has_got(ROWS + 1).await;
        running.stop().await;
        assert_eq!(platform.by_shelf().len(), SHELVES + 1);
        let sent = platform.sent.lock().unwrap();
        assert_eq!(sent.len(), ROWS + 1);
        let turn = sent.iter().position(|(shelf, _)| *shelf == beside.subject()).unwrap();
        assert!(turn < ROWS / 2, "the other lane waited for {turn} of {ROWS}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_tried_again_goes_before_what_came_later_of_its_entity_also_while_more_comes() {
    on_each(async |place: Place| {
        let server = Server::start().await;
        let log = server.log().await;
        let shelves: Vec<Address> = (0..24).map(|_| shelf("deep")).collect();
        put_many(&log, &shelves, 400).await;
        let (platform, beside) = (Platform { is_moody: true, ..Platform::default() }, shelf("beside"));
        let running = start(&place, server.log().await, Sending::default(), &platform, &beside).await;
        put_many(&log, &shelves, 400).await;
        platform.has_got(801).await;
        running.stop().await;
        assert_eq!(platform.by_shelf().values().map(Vec::len).sum::<usize>(), 801);
    })
    .await;
}

/// The batch of a parked entity is applied one by one, and what it had missed when it is read again: both are handed to the
/// worker like any other row.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_applied_one_by_one_or_once_an_entity_is_unparked_is_sent_in_order_with_what_follows() {
    on_each(async |place: Place| {
        let server = Server::start().await;
        let log = server.log().await;
        let (broken, whole) = (shelf("broken"), [shelf("whole"), shelf("whole")]);
        let (platform, beside) = (Platform::default(), shelf("beside"));
        let breaks = Arc::new(AtomicBool::new(true));
        let release = Sending { breaks: breaks.clone() };
        let running = start(&place, server.log().await, release, &platform, &beside).await;
        put(&log, &broken).await;
        put_many(&log, &whole, 40).await;
        put(&log, &broken).await;
        platform.has_got(41).await;
        ground::caught_up(&running.spine).await;
        assert_eq!(running.reader.backlog().await.unwrap().parked, 1);
        breaks.store(false, Ordering::SeqCst);
        running.reader.unpark(&broken.subject()).await.unwrap();
        put(&log, &broken).await;
        platform.has_got(44).await;
        running.stop().await;
        let by_shelf = platform.by_shelf();
        assert_eq!((by_shelf[&broken.subject()].len(), by_shelf.len()), (3, 4));
    })
    .await;
}
