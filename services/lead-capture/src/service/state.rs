//! What lead-capture keeps that is not in the log: how far each part is examined, and how far the feed is.

use spine::cursor::{Cursor, Cursors};
use spine::db::{Database, Migration, Store};
use spine::feed::publish::End;
use spine::feed::{Positions, STREAM};
use spine::{Error, PARTS};
use sqlx::Row;

/// The schema of the state store; forward only.
pub(crate) const MIGRATIONS: &[Migration] = &[Migration { version: 1, sqlite: V1, postgres: V1 }];

const V1: &str = "
CREATE TABLE examined (part INTEGER PRIMARY KEY, sequence BIGINT NOT NULL, fence BIGINT NOT NULL);
CREATE TABLE feed (stream VARCHAR(80) PRIMARY KEY, sequence BIGINT NOT NULL, positions TEXT NOT NULL);
";

/// How far each part of the log is examined.
pub(crate) const EXAMINED: Cursors = Cursors { table: "examined", lease: "leads_examined" };

/// The state store. Cheap to clone.
#[derive(Clone)]
pub(crate) struct State {
    store: Store,
}

impl State {
    pub(crate) async fn open(database: &Database) -> Result<Self, Error> {
        Ok(Self { store: database.state("leads", MIGRATIONS).await? })
    }

    /// Takes over the place up to which the part is examined; 0 where it never was, so that what was written
    /// before this service ran is examined too: the law captures each message once.
    pub(crate) async fn take_over(&self, part: u8, fence: i64) -> Result<Cursor, Error> {
        EXAMINED.take_over(&self.store, part, fence).await
    }

    /// Moves a place that was taken over.
    pub(crate) async fn move_to(&self, examined: &mut Cursor, sequence: u64) -> Result<(), Error> {
        examined.move_to(&self.store, sequence).await
    }

    /// How far the log was in the feed when the stream ended as it does now; none when it ended elsewhere.
    pub(crate) async fn feed_at(&self, end: &End) -> Result<Option<Positions>, Error> {
        let row = sqlx::query("SELECT positions FROM feed WHERE stream = $1 AND sequence = $2")
            .bind(name_of(end))
            .bind(signed(end.sequence))
            .fetch_optional(self.store.reads())
            .await
            .map_err(Error::database("read the place of the feed"))?;
        row.map(|row| row.get::<String, _>(0).parse()).transpose()
    }

    /// Notes that with the stream's message `sequence` the log is in the feed up to `positions`. True whoever
    /// writes it: nothing but leads moves the stream. Overwrites what was noted, so that nothing stays that was
    /// said of a stream which was restored or made anew since.
    pub(crate) async fn note_feed(
        &self,
        end: &End,
        sequence: u64,
        positions: &Positions,
    ) -> Result<(), Error> {
        sqlx::query(
            "INSERT INTO feed (stream, sequence, positions) VALUES ($1, $2, $3) ON CONFLICT (stream)
             DO UPDATE SET sequence = excluded.sequence, positions = excluded.positions",
        )
        .bind(name_of(end))
        .bind(signed(sequence))
        .bind(positions.to_string())
        .execute(self.store.write())
        .await
        .map_err(Error::database("note the place of the feed"))?;
        Ok(())
    }
}

fn name_of(end: &End) -> String {
    format!("{STREAM} {}", end.created_at)
}

/// All parts unread.
pub(crate) fn unread() -> Positions {
    Positions((0..PARTS).map(|part| (part, 0)).collect())
}

fn signed(sequence: u64) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX)
}
