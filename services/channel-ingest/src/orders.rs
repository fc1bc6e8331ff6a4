//! What an operator wants done in quarantine, asked of whichever process holds the part.

use crate::state::StateStore;
use serde::{Deserialize, Serialize};
use spine::Error;
use sqlx::{AnyConnection, Row};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use uuid::Uuid;

/// `done` holds the answer.
pub(crate) const SCHEMA: &str = "
CREATE TABLE orders (id TEXT PRIMARY KEY, part INTEGER NOT NULL, asked TEXT NOT NULL, asked_at BIGINT NOT NULL,
    done TEXT NOT NULL);
CREATE INDEX orders_part ON orders (part, done, asked_at);
";

/// An order that nobody asks about any more is removed after a day.
const KEPT_US: i64 = 86_400_000_000;
const POLL: Duration = Duration::from_millis(20);
const POLL_MAX: Duration = Duration::from_millis(500);
/// How long the caller waits; the order itself is done whenever somebody holds the part.
const PATIENCE: Duration = Duration::from_secs(600);

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// Take everything again, of one tenant if given; with `late` also messages of customers that are too old to be told
    /// from a redelivery.
    Reingest {
        tenant: Option<String>,
        #[serde(default)]
        late: bool,
    },
    /// Throw one item away.
    Discard { item: Uuid, by: String, reason: String },
}

/// An order that waits.
#[derive(Clone, Debug)]
pub(crate) struct Ordered {
    pub(crate) id: Uuid,
    pub(crate) order: Order,
}

impl Ordered {
    /// Marks it as done, inside the transaction that does it.
    pub(crate) async fn finish(&self, tx: &mut AnyConnection, answer: &str) -> Result<(), Error> {
        sqlx::query("UPDATE orders SET done = $1 WHERE id = $2")
            .bind(answer)
            .bind(self.id.to_string())
            .execute(tx)
            .await
            .map_err(Error::database("finish an order"))?;
        Ok(())
    }
}

impl StateStore {
    /// Rings when something was asked of the part in this process.
    pub(crate) fn asked(&self, part: u8) -> Arc<Notify> {
        self.bells[usize::from(part)].clone()
    }

    /// The oldest order of the part that is not done.
    pub(crate) async fn next_order(&self, part: u8) -> Result<Option<Ordered>, Error> {
        let row = sqlx::query(
            "SELECT id, asked FROM orders WHERE part = $1 AND done = '' ORDER BY asked_at, id LIMIT 1",
        )
        .bind(i32::from(part))
        .fetch_optional(self.store.reads())
        .await
        .map_err(Error::database("read orders"))?;
        let Some(row) = row else { return Ok(None) };
        let id: Uuid = row.get::<String, _>(0).parse().unwrap_or_default();
        let Ok(order) = serde_json::from_str(&row.get::<String, _>(1)) else {
            // A newer release asked; its own process does it once it holds the part. The part goes on meanwhile.
            tracing::debug!(inbound.part = part, order.id = %id, "an order of a newer release waits");
            return Ok(None);
        };
        Ok(Some(Ordered { id, order }))
    }

    /// Asks the holders of the parts and waits for their answers.
    ///
    /// # Errors
    /// [`Error::Timeout`] when nobody has held a part for ten minutes; database errors.
    pub(crate) async fn order(&self, parts: &[u8], order: &Order) -> Result<Vec<String>, Error> {
        let at = self.clock.now();
        let mut tx = self.store.begin().await?;
        sqlx::query("DELETE FROM orders WHERE asked_at < $1")
            .bind(at - KEPT_US)
            .execute(&mut *tx)
            .await
            .map_err(Error::database("clear orders"))?;
        let asked = serde_json::to_string(order).map_err(Error::Unwritable)?;
        let mut ids = Vec::new();
        for part in parts {
            let id = spine::new_id();
            sqlx::query("INSERT INTO orders (id, part, asked, asked_at, done) VALUES ($1, $2, $3, $4, '')")
                .bind(id.to_string())
                .bind(i32::from(*part))
                .bind(asked.clone())
                .bind(at)
                .execute(&mut *tx)
                .await
                .map_err(Error::database("give an order"))?;
            ids.push(id);
        }
        tx.commit().await.map_err(Error::database("give orders"))?;
        parts.iter().for_each(|part| self.asked(*part).notify_one());
        let answers = futures::future::try_join_all(ids.into_iter().map(|id| self.answer(id)));
        let waited = tokio::time::timeout(PATIENCE, answers).await;
        waited.map_err(|_| Error::Timeout { request: "what was asked of quarantine".into() })?
    }

    async fn answer(&self, id: Uuid) -> Result<String, Error> {
        let mut pause = POLL;
        loop {
            let done: Option<String> = sqlx::query_scalar("SELECT done FROM orders WHERE id = $1")
                .bind(id.to_string())
                .fetch_optional(self.store.reads())
                .await
                .map_err(Error::database("read orders"))?;
            match done {
                Some(done) if done.is_empty() => {}
                Some(done) => return Ok(done),
                None => return Err(Error::Other("an order vanished".into())),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(POLL_MAX);
        }
    }
}
