//! How far the holder of a lease has come in one part, as a row of its state store: guarded by its place and its fence.

use crate::db::Store;
use crate::error::Error;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

/// A table of cursors: `part INTEGER PRIMARY KEY, sequence BIGINT NOT NULL, fence BIGINT NOT NULL`.
#[derive(Clone, Copy, Debug)]
pub struct Cursors {
    pub table: &'static str,
    /// The lease of a part is named `<lease>.<part>`.
    pub lease: &'static str,
}

/// The cursor of one part, taken over.
#[derive(Debug)]
pub struct Cursor {
    of: Cursors,
    part: u8,
    fence: i64,
    sequence: u64,
}

impl Cursors {
    /// The name of a part's lease.
    pub fn lease_of(self, part: u8) -> String {
        format!("{}.{part}", self.lease)
    }

    /// Takes a part over under the fence, at the place that its last holder committed; 0 where there is none yet.
    ///
    /// # Errors
    /// [`Error::Fenced`] when a later holder has it; database errors.
    pub async fn take_over(self, store: &Store, part: u8, fence: i64) -> Result<Cursor, Error> {
        let table = self.table;
        let text = format!(
            "INSERT INTO {table} (part, sequence, fence) VALUES ($1, 0, $2)
             ON CONFLICT (part) DO UPDATE SET fence = excluded.fence WHERE {table}.fence <= excluded.fence
             RETURNING sequence"
        );
        let row = sqlx::query(AssertSqlSafe(text))
            .bind(i32::from(part))
            .bind(fence)
            .fetch_optional(store.write())
            .await
            .map_err(Error::database("take over a cursor"))?;
        let row = row.ok_or_else(|| Error::Fenced { lease: self.lease_of(part) })?;
        let sequence = u64::try_from(row.get::<i64, _>(0)).unwrap_or(0);
        Ok(Cursor { of: self, part, fence, sequence })
    }
}

impl Cursor {
    /// The last sequence that is done.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Moves the row inside a transaction, which thereby is the holder's or fails. Only when it is committed does it
    /// count: [`Cursor::moved`].
    ///
    /// # Errors
    /// [`Error::Fenced`] when another holder has the part or has moved it; database errors.
    pub async fn guard(&self, tx: &mut AnyConnection, to: u64) -> Result<(), Error> {
        let table = self.of.table;
        let text =
            format!("UPDATE {table} SET sequence = $1 WHERE part = $2 AND sequence = $3 AND fence = $4");
        let moved = sqlx::query(AssertSqlSafe(text))
            .bind(signed(to))
            .bind(i32::from(self.part))
            .bind(signed(self.sequence))
            .bind(self.fence)
            .execute(tx)
            .await
            .map_err(Error::database("move a cursor"))?;
        match moved.rows_affected() {
            1 => Ok(()),
            _ => Err(Error::Fenced { lease: self.of.lease_of(self.part) }),
        }
    }

    /// The transaction of [`Cursor::guard`] is committed.
    pub fn moved(&mut self, to: u64) {
        self.sequence = to;
    }

    /// Moves the row by itself.
    ///
    /// # Errors
    /// As [`Cursor::guard`].
    pub async fn move_to(&mut self, store: &Store, to: u64) -> Result<(), Error> {
        let mut tx = store.begin().await?;
        self.guard(&mut tx, to).await?;
        tx.commit().await.map_err(Error::database("move a cursor"))?;
        self.moved(to);
        Ok(())
    }
}

fn signed(sequence: u64) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX)
}
