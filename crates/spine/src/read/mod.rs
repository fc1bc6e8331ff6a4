//! Reading the log into tables: projectors, what is due, what is parked, rebuild and verify.

mod backlog;
mod batch;
mod claims;
mod desk;
pub mod due;
mod lane;
mod look;
mod parked;
mod place;
pub mod reader;
mod rebuild;
mod running;
mod shared;
mod source;
pub mod start;
mod throttle;
mod verify;
mod waiting;
mod work;

pub use backlog::Backlog;
pub use due::{Due, DueChanges};
pub use reader::Reader;
pub use shared::{InHand, Status};
pub use verify::Verification;
pub use work::{Done, Work, WorkLimits, work};

use crate::db::ModelSpec;
use crate::error::Error;
use crate::record::Recorded;
use futures::future::BoxFuture;
use sqlx::AnyConnection;
use std::sync::Arc;
use std::time::Duration;

/// What a projector gathers for whose rows are work to be done.
const PROMPT: Duration = Duration::from_millis(8);
/// What a projector gathers for whose rows are only looked at.
pub const UNHURRIED: Duration = Duration::from_millis(60);

/// Turns messages of the log into the rows of one read model.
pub trait Projector: Send + Sync + 'static {
    /// The model's name, version and tables.
    fn spec(&self) -> ModelSpec;

    /// The kinds of entities that it projects; all others are passed over.
    fn kinds(&self) -> &'static [&'static str];

    /// The kinds of due rows that it puts. A kind that a release adds begins at the log's end, see [`start`].
    fn effects(&self) -> &'static [&'static str] {
        &[]
    }

    /// Writes what the messages mean into the tables, inside the transaction that also moves the position.
    /// Called with messages of `kinds` only, in order per part. May be called again with the same messages
    /// after a rollback, so it keeps nothing in memory that a commit must confirm.
    ///
    /// # Errors
    /// [`Error::Database`] makes the batch run again; [`Error::UnknownEvent`] halts the part; any other error
    /// parks the one entity that caused it.
    fn apply<'a>(
        &'a self,
        tx: &'a mut AnyConnection,
        batch: &'a [Arc<Recorded>],
    ) -> BoxFuture<'a, Result<(), Error>>;

    /// Called while the reader catches up, on any thread and before the message's turn: for work that needs no table,
    /// such as decoding, so that the one writer need not do it. What fails here fails again in `apply`.
    fn prepare(&self, _record: &Recorded) {}

    // What is added here with a body of its own is passed on in `start` too.

    /// How long a transaction waits for more messages while the log is busy; an idle one waits for nothing. What
    /// people or platforms wait for gathers briefly, tables that are only looked at may gather longer.
    fn gathers_for(&self) -> Duration {
        PROMPT
    }

    /// Called after a batch is committed; for caches and live sockets, never for what must not be lost.
    fn committed(&self, _batch: &[Arc<Recorded>]) {}
}
