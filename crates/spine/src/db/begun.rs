//! Beginning a transaction so that whoever stops waiting for it leaves no connection behind in one.

use super::dialect::Backend;
use sqlx::{Any, AnyPool, Transaction};
use tokio::task::JoinSet;

type Begun = Result<Transaction<'static, Any>, sqlx::Error>;

/// A task that outlives whoever waits for it.
struct Unstoppable(JoinSet<Begun>);

impl Drop for Unstoppable {
    fn drop(&mut self) {
        self.0.detach_all();
    }
}

/// Begins with the statement, on a connection of the pool.
///
/// On Postgres sqlx 0.9.0 forgets that it sent BEGIN when its caller goes away before the answer (its issue 4393). The
/// connection would go back to the pool within a transaction that nobody ends, with the next caller's locks in it, and
/// with writes of theirs that are never committed. So a task of its own waits for the answer, and rolls back what
/// nobody wants any more.
///
/// # Errors
/// When no connection comes free in time, or the server refuses.
#[expect(clippy::disallowed_methods, reason = "the one place that calls it")]
pub(super) async fn begin(backend: Backend, pool: &AnyPool, statement: &'static str) -> Begun {
    if backend == Backend::Sqlite {
        return pool.begin_with(statement).await;
    }
    let (pool, mut task) = (pool.clone(), Unstoppable(JoinSet::new()));
    task.0.spawn(async move { pool.begin_with(statement).await });
    match task.0.join_next().await {
        Some(Ok(begun)) => begun,
        Some(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        // The runtime ends.
        Some(Err(_)) | None => Err(sqlx::Error::PoolClosed),
    }
}
