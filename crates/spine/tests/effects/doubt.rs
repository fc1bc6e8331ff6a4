//! An entity that was unparked while the database's answer was lost: whether it is parked only the tables say.

use crate::running::Running;
use crate::{Wish, WishEvent, due};
use futures::future::BoxFuture;
use ground::{Place, Server, on_each};
use spine::db::ModelSpec;
use spine::read::start::Wishes;
use spine::{Address, Cause, Due, DueChanges, Entity, Error, Log, Projector, Recorded, new_id};
use sqlx::{AnyConnection, Executor};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

const APPLIES: u8 = 0;
/// Its messages cannot be applied.
const BREAKS: u8 = 1;
/// Everything is stored with the entity unparked, and nobody hears of it.
const DOUBTS: u8 = 2;

struct Letters {
    how: Arc<AtomicU8>,
}

impl Projector for Letters {
    fn spec(&self) -> ModelSpec {
        ModelSpec { name: "letters", version: 1, schema: &[] }
    }

    fn kinds(&self) -> &'static [&'static str] {
        &[Wish::KIND]
    }

    fn effects(&self) -> &'static [&'static str] {
        &["letter"]
    }

    fn apply<'a>(
        &'a self,
        tx: &'a mut AnyConnection,
        batch: &'a [Arc<Recorded>],
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let how = self.how.load(Ordering::SeqCst);
            if how == BREAKS {
                return Err(Error::Other("it cannot be applied".into()));
            }
            let mut changes = DueChanges::default();
            for record in batch {
                let (entity, key) = (record.address.subject(), record.position.to_string());
                let (lane, body) = (String::new(), String::new());
                changes.put(record, Due { kind: "letter", entity, key, lane, at: 0, body });
            }
            changes.write(tx).await?;
            if how == DOUBTS {
                self.how.store(APPLIES, Ordering::SeqCst);
                tx.execute("DELETE FROM parked").await.unwrap();
                tx.execute("COMMIT").await.unwrap();
                return Err(Error::Database { action: "commit".into(), source: sqlx::Error::WorkerCrashed });
            }
            Ok(())
        })
    }
}

async fn make(log: &Log, address: &Address) {
    let once = |_: &Wish| Ok::<_, Infallible>(vec![WishEvent::Made]);
    log.transact(address, &Cause::new(new_id(), "make", "test"), once).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entity_that_was_unparked_without_an_answer_goes_on() {
    on_each(async |place: Place| {
        let server = Server::start().await;
        let log = server.log().await;
        let how = Arc::new(AtomicU8::new(BREAKS));
        let letters = Letters { how: how.clone() };
        let running = Running::start(&place, server.log().await, letters, Wishes::default()).await;
        let address = Address::of("shop", Wish::KIND, new_id()).unwrap();
        make(&log, &address).await;
        assert_eq!(due(&running, "letter").await, 0);
        assert_eq!(running.reader.backlog().await.unwrap().parked, 1);
        how.store(DOUBTS, Ordering::SeqCst);
        let error = running.reader.unpark(&address.subject()).await.unwrap_err();
        assert!(error.is_passing(), "{error}");
        make(&log, &address).await;
        ground::eventually("what came later", async || (due(&running, "letter").await == 2).then_some(()))
            .await;
        running.reader.unpark(&address.subject()).await.unwrap();
        assert_eq!(due(&running, "letter").await, 2);
        running.stop().await;
    })
    .await;
}
