//! Where kinds of effects begin: what a release adds does not do all that history calls for.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod deep;
mod doubt;
mod running;
mod upgrade;

use crate::running::Running;
use futures::future::BoxFuture;
use ground::{Place, Server, on_each};
use serde::{Deserialize, Serialize};
use spine::db::ModelSpec;
use spine::read::start::{Since, Wishes};
use spine::{Address, Cause, Due, DueChanges, Entity, Error, Log, Position, Projector, Recorded, new_id};
use sqlx::AnyConnection;
use std::convert::Infallible;
use std::sync::Arc;

#[derive(Debug, Default)]
struct Wish;

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type")]
enum WishEvent {
    Made,
}

impl Entity for Wish {
    type Event = WishEvent;
    const KIND: &'static str = "wish";
    const EVENTS: &'static [&'static str] = &["Made"];

    fn evolve(&mut self, _: &WishEvent) {}
}

/// A release of a role: each wish is due once for each of its kinds of effects.
struct Release {
    version: u32,
    effects: &'static [&'static str],
}

const FIRST: Release = Release { version: 1, effects: &["letter"] };
const SECOND: Release = Release { version: 2, effects: &["letter", "parcel"] };

impl Projector for Release {
    fn spec(&self) -> ModelSpec {
        ModelSpec { name: "wishes", version: self.version, schema: &[] }
    }

    fn kinds(&self) -> &'static [&'static str] {
        &[Wish::KIND]
    }

    fn effects(&self) -> &'static [&'static str] {
        self.effects
    }

    fn apply<'a>(
        &'a self,
        tx: &'a mut AnyConnection,
        batch: &'a [Arc<Recorded>],
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let mut changes = DueChanges::default();
            for record in batch {
                for kind in self.effects {
                    let (entity, key) = (record.address.subject(), record.position.to_string());
                    let due = Due { kind, entity, key, lane: String::new(), at: 0, body: String::new() };
                    changes.put(record, due);
                }
            }
            changes.write(tx).await
        })
    }
}

async fn due(running: &Running, kind: &str) -> i64 {
    ground::caught_up(&running.spine).await;
    let model = running.reader.model();
    let count = sqlx::query_scalar("SELECT COUNT(*) FROM due WHERE kind = $1").bind(kind.to_owned());
    count.fetch_one(model.store.reads()).await.unwrap()
}

async fn wish(log: &Log) -> Position {
    let address = Address::of("shop", Wish::KIND, new_id()).unwrap();
    let once = |_: &Wish| Ok::<_, Infallible>(vec![WishEvent::Made]);
    log.transact(&address, &Cause::new(new_id(), "make", "test"), once).await.unwrap().position()
}

async fn wishes(log: &Log, count: usize) {
    for _ in 0..count {
        wish(log).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_release_adds_begins_at_the_log_s_end_also_after_a_rebuild() {
    on_each(async |place: Place| {
        let server = Server::start().await;
        let log = server.log().await;
        wishes(&log, 20).await;
        let first = Running::start(&place, server.log().await, FIRST, Wishes::default()).await;
        assert_eq!(
            due(&first, "letter").await,
            20,
            "a role that starts for the first time does what is open"
        );
        first.stop().await;
        // While nobody reads.
        wishes(&log, 5).await;
        let second = Running::start(&place, server.log().await, SECOND, Wishes::default()).await;
        wishes(&log, 3).await;
        assert_eq!((due(&second, "letter").await, due(&second, "parcel").await), (28, 3));
        second.reader.rebuild(|_, _| {}).await.unwrap();
        assert_eq!((due(&second, "letter").await, due(&second, "parcel").await), (28, 3));
        second.stop().await;
        // What was missed while it was down is no new kind.
        wishes(&log, 2).await;
        let again = Running::start(&place, server.log().await, SECOND, Wishes::default()).await;
        assert_eq!((due(&again, "letter").await, due(&again, "parcel").await), (30, 5));
        again.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_says_where_a_kind_begins() {
    on_each(async |place: Place| {
        let server = Server::start().await;
        let log = server.log().await;
        let first = Running::start(&place, server.log().await, FIRST, Wishes::default()).await;
        wishes(&log, 4).await;
        let mut from = log.ends().await.unwrap();
        let middle = wish(&log).await;
        from[usize::from(middle.part)] += 1;
        wishes(&log, 4).await;
        assert_eq!(due(&first, "letter").await, 9);
        first.stop().await;
        let at = (0..spine::PARTS).zip(from).map(|(part, sequence)| Position {
            generation: 1,
            part,
            // The wish in the middle, and in every other part what came after the first four.
            sequence: if part == middle.part { sequence } else { sequence + 1 },
        });
        let wished = Wishes::of([("parcel".into(), Since::Positions(at.collect()))]);
        let second = Running::start(&place, server.log().await, SECOND, wished).await;
        assert_eq!(
            (due(&second, "parcel").await, second.spine.readers.wishes_left()),
            (5, Vec::<String>::new())
        );
        second.stop().await;
        // Said again, it is another beginning, which a rebuild brings to what was read before.
        let wished = Wishes::of([("parcel".into(), Since::Start), ("nothing".into(), Since::Start)]);
        let third = Running::start(&place, server.log().await, SECOND, wished).await;
        assert_eq!(
            (due(&third, "parcel").await, third.spine.readers.wishes_left()),
            (5, vec!["nothing".to_owned()])
        );
        third.reader.rebuild(|_, _| {}).await.unwrap();
        assert_eq!(due(&third, "parcel").await, 9);
        third.stop().await;
    })
    .await;
}
