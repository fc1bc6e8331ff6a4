//! A projector that parks a thread on demand.

use conversation::Thread;
use events::ThreadEvent;
use futures::FutureExt;
use futures::future::BoxFuture;
use spine::db::ModelSpec;
use spine::read::Projector;
use spine::{Error, Recorded};
use sqlx::AnyConnection;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use uuid::Uuid;

/// A projector that refuses one thread for as long as it is told to, and its erasure when that is told, too.
#[derive(Default)]
pub(crate) struct Picky {
    pub(crate) refuses: AtomicBool,
    pub(crate) refuses_erasure: AtomicBool,
    pub(crate) thread: Mutex<Option<Uuid>>,
}

impl Picky {
    async fn take(&self, tx: &mut AnyConnection, record: &Recorded) -> Result<(), Error> {
        let thread = record.address.uuid().unwrap_or_default();
        let refuses = if record.is_erasure() { &self.refuses_erasure } else { &self.refuses };
        if refuses.load(Ordering::SeqCst) && *self.thread.lock().unwrap() == Some(thread) {
            return Err(Error::Other("refused on demand".into()));
        }
        for event in record.events::<Thread>()? {
            if matches!(event, ThreadEvent::Erased { .. }) {
                let forget = sqlx::query("DELETE FROM picked WHERE thread = $1").bind(thread.to_string());
                forget.execute(&mut *tx).await.map_err(Error::database("forget"))?;
            }
            let ThreadEvent::Received { message, .. } = event else { continue };
            sqlx::query(
                "INSERT INTO picked (message, thread, place)
                 VALUES ($1, $2, (SELECT COUNT(*) FROM picked WHERE thread = $2))",
            )
            .bind(message.to_string())
            .bind(thread.to_string())
            .execute(&mut *tx)
            .await
            .map_err(Error::database("pick"))?;
        }
        Ok(())
    }
}

/// The test keeps the other handle, to turn it.
pub(crate) struct Shared(pub(crate) Arc<Picky>);

impl Projector for Shared {
    fn spec(&self) -> ModelSpec {
        let schema =
            &["CREATE TABLE picked (message TEXT PRIMARY KEY, thread TEXT NOT NULL, place BIGINT NOT NULL)"];
        ModelSpec { name: "picky", version: 1, schema }
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["thread"]
    }

    fn apply<'a>(
        &'a self,
        tx: &'a mut AnyConnection,
        batch: &'a [Arc<Recorded>],
    ) -> BoxFuture<'a, Result<(), Error>> {
        async move {
            for record in batch {
                self.0.take(tx, record).await?;
            }
            Ok(())
        }
        .boxed()
    }
}
