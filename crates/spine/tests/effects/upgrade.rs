//! Two releases of a role beside each other, as in a rolling upgrade and a rollback.

use crate::running::Running;
use futures::future::BoxFuture;
use ground::{PATIENCE, Place, Server, eventually, on_each};
use serde::{Deserialize, Serialize};
use spine::db::ModelSpec;
use spine::read::start::Wishes;
use spine::read::{Done, Status, Work, WorkLimits};
use spine::{Address, Cause, Due, DueChanges, Entity, Error, Log, Projector, Recorded, new_id};
use sqlx::AnyConnection;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};
use uuid::Uuid;

/// What both releases do with an order.
trait Order: Entity {
    const VERSION: u32;
    const SCHEMA: &'static [&'static str];
    fn step(event: &Self::Event) -> Step;
    fn sent() -> Self::Event;
}

enum Step {
    Placed,
    Sent,
    Hurried,
}

#[derive(Debug, Default)]
struct Old;

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type")]
enum OldEvent {
    Placed,
    Sent,
}

impl Entity for Old {
    type Event = OldEvent;
    const KIND: &'static str = "order";
    const EVENTS: &'static [&'static str] = &["Placed", "Sent"];

    fn evolve(&mut self, _: &OldEvent) {}
}

impl Order for Old {
    const VERSION: u32 = 1;
    const SCHEMA: &'static [&'static str] = &["CREATE TABLE orders (id TEXT PRIMARY KEY)"];

    fn step(event: &OldEvent) -> Step {
        match event {
            OldEvent::Placed => Step::Placed,
            OldEvent::Sent => Step::Sent,
        }
    }

    fn sent() -> OldEvent {
        OldEvent::Sent
    }
}

/// The next release: one more event and one more column.
#[derive(Debug, Default)]
struct New;

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type")]
enum NewEvent {
    Placed,
    Sent,
    Hurried,
}

impl Entity for New {
    type Event = NewEvent;
    const KIND: &'static str = "order";
    const EVENTS: &'static [&'static str] = &["Placed", "Sent", "Hurried"];

    fn evolve(&mut self, _: &NewEvent) {}
}

impl Order for New {
    const VERSION: u32 = 2;
    const SCHEMA: &'static [&'static str] =
        &["CREATE TABLE orders (id TEXT PRIMARY KEY, hurried BIGINT NOT NULL DEFAULT 0)"];

    fn step(event: &NewEvent) -> Step {
        match event {
            NewEvent::Placed => Step::Placed,
            NewEvent::Sent => Step::Sent,
            NewEvent::Hurried => Step::Hurried,
        }
    }

    fn sent() -> NewEvent {
        NewEvent::Sent
    }
}

/// Keeps the orders; each that is placed is to be sent.
struct Release<E>(PhantomData<E>);

impl<E: Order> Projector for Release<E> {
    fn spec(&self) -> ModelSpec {
        ModelSpec { name: "orders", version: E::VERSION, schema: E::SCHEMA }
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["order"]
    }

    fn effects(&self) -> &'static [&'static str] {
        &["send"]
    }

    fn apply<'a>(
        &'a self,
        tx: &'a mut AnyConnection,
        batch: &'a [Arc<Recorded>],
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let mut changes = DueChanges::default();
            for record in batch {
                let (entity, key) = (record.address.subject(), String::new());
                for event in record.events::<E>()? {
                    let text = match E::step(event) {
                        Step::Placed => {
                            let (lane, body) = (String::new(), String::new());
                            changes.put(
                                record,
                                Due {
                                    kind: "send",
                                    entity: entity.clone(),
                                    key: key.clone(),
                                    lane,
                                    at: 0,
                                    body,
                                },
                            );
                            "INSERT INTO orders (id) VALUES ($1)"
                        }
                        Step::Sent => {
                            changes.remove("send", &entity, &key);
                            continue;
                        }
                        Step::Hurried => "UPDATE orders SET hurried = 1 WHERE id = $1",
                    };
                    let done = sqlx::query(text).bind(&*entity).execute(&mut *tx).await;
                    done.map_err(Error::database("keep an order"))?;
                }
            }
            changes.write(tx).await
        })
    }
}

/// By order: the version of each release that sent it.
type Sent = Arc<Mutex<BTreeMap<String, Vec<u32>>>>;

/// A process of the release that sends what is to be sent.
async fn start<E: Order + 'static>(place: &Place, log: Log, sent: &Sent) -> Running {
    let mut running = Running::start(place, log, Release::<E>(PhantomData), Wishes::default()).await;
    let (reader, log, sent, ends) =
        (running.reader.clone(), running.spine.log.clone(), sent.clone(), running.ends.clone());
    running.tasks.spawn(async move {
        let limits = WorkLimits { in_flight_max: 16, per_lane_max: 16, confirms: false };
        let send = |work: Work| {
            let (log, sent) = (log.clone(), sent.clone());
            async move {
                sent.lock().unwrap().entry(work.entity.clone()).or_default().push(E::VERSION);
                let cause =
                    Cause::new(Uuid::new_v5(&Uuid::NAMESPACE_OID, work.entity.as_bytes()), "send", "test");
                let address = Address::parse(&work.entity)?;
                let decided =
                    log.transact(&address, &cause, |_: &E| Ok::<_, Infallible>(vec![E::sent()])).await;
                Ok(Done::At(decided.map_err(|refused| Error::Other(format!("{refused:?}")))?.position()))
            }
        };
        spine::read::work(&reader, "send", limits, &ends, send).await.unwrap();
    });
    running
}

async fn place_orders(log: &Log, count: usize) -> Vec<Address> {
    let mut placed = Vec::new();
    for _ in 0..count {
        let address = Address::of("shop", "order", new_id()).unwrap();
        let once = |_: &Old| Ok::<_, Infallible>(vec![OldEvent::Placed]);
        log.transact(&address, &Cause::new(new_id(), "place", "test"), once).await.unwrap();
        placed.push(address);
    }
    placed
}

async fn hurry(log: &Log, order: &Address) {
    let once = |_: &New| Ok::<_, Infallible>(vec![NewEvent::Hurried]);
    log.transact(order, &Cause::new(new_id(), "hurry", "test"), once).await.unwrap();
}

async fn orders(running: &Running, condition: &str) -> i64 {
    ground::caught_up(&running.spine).await;
    let model = running.reader.model();
    let text = format!("SELECT COUNT(*) FROM orders WHERE {condition}");
    sqlx::query_scalar(sqlx::AssertSqlSafe(text)).fetch_one(model.store.reads()).await.unwrap()
}

/// Waits until so many were sent, and checks that none was twice.
async fn until_sent(sent: &Sent, count: usize) {
    eventually("everything is sent", async || (sent.lock().unwrap().len() >= count).then_some(())).await;
    let sent = sent.lock().unwrap();
    let twice: Vec<_> = sent.iter().filter(|(_, by)| by.len() != 1).collect();
    assert!(sent.len() == count && twice.is_empty(), "{} sent, more than once {twice:?}", sent.len());
}

fn by(sent: &Sent, version: u32) -> usize {
    sent.lock().unwrap().values().filter(|by| by.contains(&version)).count()
}

async fn live_version(running: &Running) -> u32 {
    running.spine.database.pointer("orders").await.unwrap().unwrap().live.version
}

async fn until_live_is(running: &Running, version: u32) {
    eventually("the switch", async || (live_version(running).await == version).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_release_fills_its_version_and_the_old_one_goes_back_by_being_started() {
    on_each(async |place: Place| {
        let (server, sent) = (Server::start().await, Sent::default());
        let log = server.log().await;
        place_orders(&log, 40).await;
        let old = start::<Old>(&place, server.log().await, &sent).await;
        until_sent(&sent, 40).await;
        old.stop().await;
        place_orders(&log, 10).await;

        let new = start::<New>(&place, server.log().await, &sent).await;
        until_sent(&sent, 50).await;
        until_live_is(&new, 2).await;
        assert_eq!(orders(&new, "hurried = 0").await, 50);
        let refused = new.reader.switch_back().await.unwrap_err();
        assert!(matches!(refused, Error::OtherVersion { version: 1, .. }), "{refused}");
        new.stop().await;

        place_orders(&log, 5).await;
        let old = start::<Old>(&place, server.log().await, &sent).await;
        until_sent(&sent, 55).await;
        until_live_is(&old, 1).await;
        assert_eq!((orders(&old, "1 = 1").await, by(&sent, 1), by(&sent, 2)), (55, 45, 10));
        assert!(old.reader.verify(|_, _| {}).await.unwrap().comparison.differences.is_empty());
        old.stop().await;

        // And forward again, onto what it had filled before.
        place_orders(&log, 5).await;
        let new = start::<New>(&place, server.log().await, &sent).await;
        until_sent(&sent, 60).await;
        until_live_is(&new, 2).await;
        assert_eq!(orders(&new, "1 = 1").await, 60);
        assert!(new.reader.verify(|_, _| {}).await.unwrap().comparison.differences.is_empty());
        new.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_releases_read_side_by_side_and_do_each_piece_of_work_once() {
    on_each(async |place: Place| {
        // SQLite's files serve one process.
        if place.is_sqlite() {
            return;
        }
        let (server, sent) = (Server::start().await, Sent::default());
        let log = server.log().await;
        place_orders(&log, 40).await;
        let old = start::<Old>(&place, server.log().await, &sent).await;
        until_sent(&sent, 40).await;
        let new = [
            start::<New>(&place, server.log().await, &sent).await,
            start::<New>(&place, server.log().await, &sent).await,
        ];
        until_live_is(&old, 2).await;
        place_orders(&log, 40).await;
        until_sent(&sent, 80).await;
        // All answer what was written a moment ago, and who had the work keeps it.
        for running in [&old, &new[0], &new[1]] {
            assert_eq!((orders(running, "1 = 1").await, by(&sent, 1)), (80, 80));
        }
        old.stop().await;
        let placed = place_orders(&log, 40).await;
        until_sent(&sent, 120).await;
        hurry(&server.log().await, &placed[0]).await;
        assert_eq!((orders(&new[0], "hurried = 1").await, orders(&new[1], "1 = 1").await), (1, 120));
        assert_eq!(by(&sent, 2), 40);
        for running in new {
            running.stop().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_meets_what_only_the_new_release_knows_leaves_its_work_to_it() {
    on_each(async |place: Place| {
        if place.is_sqlite() {
            return;
        }
        let (server, sent) = (Server::start().await, Sent::default());
        let log = server.log().await;
        let placed = place_orders(&log, 40).await;
        let old = start::<Old>(&place, server.log().await, &sent).await;
        until_sent(&sent, 40).await;
        let new = start::<New>(&place, server.log().await, &sent).await;
        until_live_is(&new, 2).await;
        hurry(&server.log().await, &placed[0]).await;
        let part = placed[0].part;
        let mut statuses = old.reader.statuses();
        let stands =
            statuses.wait_for(|statuses| matches!(statuses.get(&part), Some(Status::Standing { .. })));
        tokio::time::timeout(PATIENCE, stands).await.expect("the old one stands").unwrap();
        place_orders(&log, 80).await;
        until_sent(&sent, 120).await;
        let of_part = |version| {
            let sent = sent.lock().unwrap();
            sent.iter()
                .filter(|(order, by)| Address::parse(order).unwrap().part == part && by.contains(&version))
                .count()
        };
        assert!(of_part(2) > 0, "the new release does the part's work");
        assert!(by(&sent, 1) > 40, "the old one that of the others");
        assert_eq!(orders(&new, "hurried = 1").await, 1);
        new.stop().await;
        old.stop().await;
    })
    .await;
}
