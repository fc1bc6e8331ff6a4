//! Opening waits for a database that is slow to take connections, such as one that many processes start on at once.

use crate::error::{Error, chain};
use std::time::Duration;
use tokio::time::Instant;

/// How long opening goes on in all; each attempt is bounded by the time that a pool waits for a connection.
const OPEN_PATIENCE: Duration = Duration::from_secs(60);
const OPEN_AGAIN: Duration = Duration::from_millis(250);

/// Tries again while no connection comes free, at most [`OPEN_PATIENCE`].
///
/// # Errors
/// The last attempt's; every other failure at once.
pub(crate) async fn patiently<T, F>(attempt: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let until = Instant::now() + OPEN_PATIENCE;
    loop {
        match attempt().await {
            Err(error) if is_crowded(&error) && Instant::now() < until => {
                tracing::warn!(error = %chain(&error), "the database is slow to take connections; trying again");
                tokio::time::sleep(OPEN_AGAIN).await;
            }
            ended => return ended,
        }
    }
}

fn is_crowded(error: &Error) -> bool {
    matches!(error, Error::Database { source: sqlx::Error::PoolTimedOut, .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn failed(source: sqlx::Error) -> Error {
        Error::Database { action: "open".into(), source }
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowded_database_is_tried_again_and_not_for_ever() {
        let attempts = AtomicU32::new(0);
        let opened = patiently(|| async {
            match attempts.fetch_add(1, Ordering::Relaxed) {
                0..3 => Err(failed(sqlx::Error::PoolTimedOut)),
                _ => Ok(()),
            }
        });
        opened.await.unwrap();
        assert_eq!(attempts.load(Ordering::Relaxed), 4);
        let begun = Instant::now();
        let never = patiently(|| async { Err::<(), _>(failed(sqlx::Error::PoolTimedOut)) });
        assert!(never.await.is_err());
        assert_eq!(begun.elapsed().as_secs(), OPEN_PATIENCE.as_secs());
    }

    #[tokio::test]
    async fn another_failure_is_told_at_once() {
        let attempts = AtomicU32::new(0);
        let opened = patiently(|| async {
            attempts.fetch_add(1, Ordering::Relaxed);
            Err::<(), _>(failed(sqlx::Error::RowNotFound))
        });
        assert!(opened.await.is_err());
        assert_eq!(attempts.load(Ordering::Relaxed), 1);
    }
}
