//! Whether tables that are kept in memory changed: a replica hears only of the parts that it reads itself.
//!
//! Only Postgres has replicas. It keeps with each row the number of the transaction that wrote it, so the count of
//! rows and the sum of these numbers tell a change without a column of our own and without reading the rows.

use spine::db::{Backend, Slot};
use spine::{Error, Reader};
use sqlx::AssertSqlSafe;
use std::future::Future;
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often a replica asks whether another committed something. What it then reads anew is there within two
/// seconds of that commit.
pub const ASK_EVERY: Duration = Duration::from_millis(500);
/// Whoever looks for what is not known has it asked for at once, but not sooner after the last time: so many questions
/// a second are all that strangers who make names up can cause.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// How a set of tables stood.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Marks {
    slot: Slot,
    /// For each table its rows and the sum of their writers. A row that replaces another has a later writer, so
    /// equal counts with equal sums are equal tables.
    tables: Vec<(i64, i64)>,
}

/// What the last look at the tables found.
#[derive(Default)]
struct Seen {
    marks: Option<Marks>,
    /// When it began.
    asked: Option<Instant>,
    /// Whether it went well; none while it runs, and when whoever asked went away in its middle.
    went_well: Option<bool>,
}

/// Tables that are kept in memory, and how they stood when they were last read.
pub struct Watch {
    tables: &'static [&'static str],
    seen: Mutex<Seen>,
}

impl Watch {
    /// Tables of one read model; names are the program's own.
    pub fn of(tables: &'static [&'static str]) -> Self {
        Self { tables, seen: Mutex::default() }
    }

    /// The turn to read the tables, one at a time.
    pub async fn turn(&self) -> Turn<'_> {
        Turn { tables: self.tables, seen: self.seen.lock().await }
    }

    /// The turn to read the tables for whoever misses something in them now; none when somebody else's look began
    /// meanwhile, and on SQLite. Many who wait share a look, and there are ten of them a second at most.
    ///
    /// # Errors
    /// When that look failed. Who finds that it was broken off looks for themselves.
    pub async fn turn_now(&self, reader: &Reader) -> Result<Option<Turn<'_>>, Error> {
        if reader.model().store.backend() == Backend::Sqlite {
            return Ok(None);
        }
        let missed = Instant::now();
        let turn = self.turn().await;
        let Some(asked) = turn.seen.asked else { return Ok(Some(turn)) };
        match turn.seen.went_well.filter(|_| asked >= missed) {
            Some(true) => Ok(None),
            Some(false) => Err(Error::Other("what other replicas committed cannot be read".into())),
            None => {
                tokio::time::sleep_until(asked + ASK_AGAIN_AFTER).await;
                Ok(Some(turn))
            }
        }
    }
}

/// The turn to read the tables anew.
pub struct Turn<'a> {
    tables: &'static [&'static str],
    seen: MutexGuard<'a, Seen>,
}

impl Turn<'_> {
    /// Has the tables read if they changed since they were last seen, and says whether they did. `read` says whether it
    /// read all there is; if something was learned from elsewhere meanwhile, they are read once more the next time. On
    /// SQLite nothing changes, where the one process reads all.
    ///
    /// # Errors
    /// Database errors, and those of `read`.
    pub async fn look(
        mut self,
        reader: &Reader,
        read: impl Future<Output = Result<bool, Error>>,
    ) -> Result<bool, Error> {
        (self.seen.asked, self.seen.went_well) = (Some(Instant::now()), None);
        let looked = self.read_changed(reader, read).await;
        self.seen.went_well = Some(looked.is_ok());
        looked
    }

    async fn read_changed(
        &mut self,
        reader: &Reader,
        read: impl Future<Output = Result<bool, Error>>,
    ) -> Result<bool, Error> {
        let model = reader.model();
        if model.store.backend() == Backend::Sqlite {
            return Ok(false);
        }
        let mut tables = Vec::with_capacity(self.tables.len());
        for table in self.tables {
            let text = format!(
                "SELECT COUNT(*), CAST(COALESCE(SUM(CAST(CAST(xmin AS TEXT) AS BIGINT)), 0) AS BIGINT) FROM {table}"
            );
            let marks = sqlx::query_as(AssertSqlSafe(text)).fetch_one(model.store.reads()).await;
            tables.push(marks.map_err(Error::database("ask whether a table changed"))?);
        }
        let marks = Marks { slot: model.slot, tables };
        if self.seen.marks.as_ref() == Some(&marks) {
            return Ok(false);
        }
        let is_whole = read.await?;
        self.seen.marks = is_whole.then_some(marks);
        Ok(true)
    }
}

/// Calls `refresh` every [`ASK_EVERY`] until `shutdown`. On SQLite it only waits, since nobody else commits.
pub async fn follow<F, Fut>(reader: &Reader, shutdown: &CancellationToken, refresh: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<(), Error>>,
{
    if reader.model().store.backend() == Backend::Sqlite {
        return shutdown.cancelled().await;
    }
    let mut failing = false;
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(ASK_EVERY) => {}
        }
        let ended = refresh().await;
        if let (Err(error), false) = (&ended, failing) {
            tracing::warn!(
                reader.name = reader.name(),
                error = error as &dyn std::error::Error,
                "what other replicas committed cannot be read; trying again"
            );
        }
        failing = ended.is_err();
    }
}
