//! What an operator threw away from quarantine: a row for each, never changed, without what the item said.

use crate::quarantine::Held;
use crate::state::StateStore;
use spine::Error;
use sqlx::{AnyConnection, Row};
use std::sync::Arc;
use uuid::Uuid;

pub(crate) const SCHEMA: &str = "
CREATE TABLE discarded (id TEXT NOT NULL, tenant TEXT NOT NULL, account TEXT NOT NULL, thread TEXT NOT NULL,
    place TEXT NOT NULL, number INTEGER NOT NULL, received_at BIGINT NOT NULL, error TEXT NOT NULL,
    discarded_by TEXT NOT NULL, reason TEXT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (id, at));
";

/// The answers to an order to discard.
pub(crate) const DISCARDED: &str = "discarded";
pub(crate) const GONE: &str = "gone";

const WORDS_CHARS_MAX: usize = 80;

/// An item that was thrown away.
#[derive(Clone, Debug)]
pub struct Discarded {
    pub held: Held,
    /// Who did it: a reference, never a name.
    pub by: Arc<str>,
    /// Why: a reference such as a ticket's number.
    pub reason: Arc<str>,
    /// When, in microseconds since the Unix epoch.
    pub at: i64,
}

/// Whether the words may stand for ever in a row that no erasure removes: a reference of at most 80 letters, digits,
/// spaces and `-_./#:` signs, which is no place for what a customer wrote.
pub fn is_reference(words: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || " -_./#:".contains(c);
    !words.trim().is_empty() && words.len() <= WORDS_CHARS_MAX && words.chars().all(allowed)
}

impl Discarded {
    /// Writes the row, inside the transaction that removes the item.
    pub(crate) async fn note(&self, tx: &mut AnyConnection) -> Result<(), Error> {
        let Held { id, tenant, account, thread, place, number, received_at, error, .. } = &self.held;
        sqlx::query(
            "INSERT INTO discarded (id, tenant, account, thread, place, number, received_at, error, discarded_by, reason,
                at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(id.to_string())
        .bind(tenant.to_string())
        .bind(account.to_string())
        .bind(thread.map_or_else(String::new, |thread| thread.to_string()))
        .bind(place.to_string())
        .bind(i32::try_from(*number).unwrap_or(i32::MAX))
        .bind(*received_at)
        .bind(error.clone())
        .bind(self.by.to_string())
        .bind(self.reason.to_string())
        .bind(self.at)
        .execute(tx)
        .await
        .map_err(Error::database("note what is discarded"))?;
        Ok(())
    }
}

impl StateStore {
    /// Everything that was thrown away, newest first; of one tenant if given.
    ///
    /// # Errors
    /// Database errors.
    pub async fn discarded(&self, tenant: Option<&str>) -> Result<Vec<Discarded>, Error> {
        let rows = sqlx::query(
            "SELECT id, tenant, account, thread, place, number, received_at, error, 0 AS blocks, discarded_by, reason, at
             FROM discarded WHERE tenant = $1 OR $1 = '' ORDER BY at DESC, id LIMIT 1000",
        )
        .bind(tenant.unwrap_or_default())
        .fetch_all(self.store.reads())
        .await
        .map_err(Error::database("read what was discarded"))?;
        let read = |row: &sqlx::any::AnyRow| {
            let (by, reason): (String, String) = (row.get(9), row.get(10));
            Some(Discarded {
                held: crate::quarantine::read(row)?,
                by: by.into(),
                reason: reason.into(),
                at: row.get(11),
            })
        };
        Ok(rows.iter().filter_map(read).collect())
    }

    /// The part of an item in quarantine.
    pub(crate) async fn part_of(&self, item: Uuid) -> Result<Option<u8>, Error> {
        Ok(self.find(item).await?.map(|held| held.place.part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_a_reference_and_no_place_for_a_person() {
        assert!(is_reference("ticket-4711 broken sender"));
        for words in ["", "  ", "li@example.com", "王小明", &"x".repeat(81), "a\nb"] {
            assert!(!is_reference(words), "{words}");
        }
    }
}
