//! Workers: take what is due, in order per entity, paced per lane, bounded, until its result is in the log.

use super::desk::Desk;
use super::look;
use super::reader::Reader;
use crate::error::Error;
use crate::position::Position;
use std::future::Future;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A worker reads at most so many lanes on before it minds what ended meanwhile.
const READS_AT_ONCE_MAX: usize = 8;

/// One due row.
#[derive(Clone, Debug)]
pub struct Work {
    /// The subject of the entity.
    pub entity: String,
    pub key: String,
    pub lane: String,
    pub at: i64,
    pub body: String,
    /// The message that made it due.
    pub part: u8,
    pub sequence: u64,
    /// The trace of that message, known only to the process that projected it a moment ago.
    pub traceparent: Option<String>,
}

/// What became of a piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// Its result stands at this position. The row goes when that is projected; if it stays, it is due again.
    At(Position),
    /// Nothing is to be done any more, as a state that knows the row's own message says: the row goes, unless
    /// a newer message has put it again.
    Nothing,
    /// Try again after so many milliseconds.
    Again { after_ms: u64 },
    /// The row's whole lane takes nothing for so many milliseconds: none of its rows is looked at meanwhile.
    LanePaused { after_ms: u64 },
}

/// Bounds of one kind of work.
#[derive(Clone, Copy, Debug)]
pub struct WorkLimits {
    pub in_flight_max: usize,
    /// At the same time in one lane, so that one slow account delays no other.
    pub per_lane_max: usize,
    /// Whether the table is asked for each row right before it begins: for work that cannot find out that it is moot, while
    /// a row that waits in memory may have been withdrawn.
    pub confirms: bool,
}

/// Works on what is due of `kind` until `shutdown`, then waits for what is in flight.
///
/// An error of `handle` is logged and the row is tried again with a growing delay: work is idempotent, since
/// its cause makes its message id and the law decides.
///
/// # Errors
/// Only when the worker itself cannot go on.
pub async fn work<F, Fut>(
    reader: &Reader,
    kind: &'static str,
    limits: WorkLimits,
    shutdown: &CancellationToken,
    handle: F,
) -> Result<(), Error>
where
    F: Fn(Work) -> Fut,
    Fut: Future<Output = Result<Done, Error>> + Send + 'static,
{
    let mut desk = Desk::new(reader, kind, limits);
    let mut running: JoinSet<(Work, Result<Done, Error>)> = JoinSet::new();
    loop {
        let committed = reader.committed();
        tokio::pin!(committed);
        // Registered before the look, so that a commit during it is not missed.
        committed.as_mut().enable();
        desk.hear();
        desk.ask().await;
        desk.look_for_lanes().await;
        let mut reads_left = READS_AT_ONCE_MAX;
        let wake = loop {
            let pass = desk.begin(running.len());
            for row in pass.taken {
                let (future, reader) = (handle(row.clone()), reader.clone());
                running.spawn(async move {
                    let doing = async {
                        if limits.confirms && !look::stands(&reader.model(), kind, &row).await? {
                            return Ok(Done::Nothing);
                        }
                        match future.await {
                            Ok(Done::Nothing) => forget(&reader, kind, &row).await,
                            other => other,
                        }
                    };
                    let result = doing.await;
                    (row, result)
                });
            }
            match pass.wants {
                Some(_) if reads_left == 0 => break Instant::now(),
                Some(ref lane) if desk.read_on(lane).await => reads_left -= 1,
                _ => break desk.wakes_at(pass.wake),
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => break,
            () = &mut committed => {}
            () = tokio::time::sleep_until(wake) => {}
            Some(ended) = running.join_next() => {
                let mut ended = Some(ended);
                while let Some(one) = ended {
                    let (row, result) = one.map_err(|error| Error::Other(format!("work of kind {kind} panicked: {error}")))?;
                    desk.give_back(row, result);
                    ended = running.try_join_next();
                }
            }
        }
    }
    while running.join_next().await.is_some() {}
    Ok(())
}

/// Removes a row whose work is moot. A rebuild brings it back and it is found moot again.
async fn forget(reader: &Reader, kind: &str, row: &Work) -> Result<Done, Error> {
    let model = reader.model();
    sqlx::query(
        "DELETE FROM due WHERE kind = $1 AND entity = $2 AND key = $3 AND part = $4 AND sequence = $5 AND body = $6",
    )
    .bind(kind)
    .bind(&row.entity)
    .bind(&row.key)
    .bind(i32::from(row.part))
    .bind(i64::try_from(row.sequence).unwrap_or(i64::MAX))
    .bind(&row.body)
    .execute(model.store.write())
    .await
    .map_err(Error::database("remove a moot due row"))?;
    Ok(Done::Nothing)
}
