//! The trace that what is decided belongs to, without naming it at each decision.

use std::future::Future;

tokio::task_local! {
    static TRACEPARENT: String;
}

/// Runs `work` so that what it decides carries this W3C `traceparent`, whatever its causes say; none changes nothing.
pub async fn within<F: Future>(traceparent: Option<String>, work: F) -> F::Output {
    match traceparent {
        Some(traceparent) => TRACEPARENT.scope(traceparent, work).await,
        None => work.await,
    }
}

pub(crate) fn current() -> Option<String> {
    TRACEPARENT.try_with(Clone::clone).ok()
}
