//! A piece of work as a span of the trace that its cause belongs to.

use runtime::{TraceContext, telemetry};
use std::future::Future;
use tracing::Instrument;

/// Runs `work` as a span called `name` of the trace that `parent`, a W3C `traceparent`, belongs to; what it decides in
/// the log continues there. Without a parent no span is made: a timer or a row from before a restart begins no trace.
///
/// `work` is pinned on the heap, or small: it is kept in each of three places of the future around it.
pub async fn traced<F: Future + Unpin>(name: &'static str, parent: Option<&str>, work: F) -> F::Output {
    let Some(parent) = parent.and_then(TraceContext::parse) else { return work.await };
    if !telemetry::pushes_spans() {
        return spine::trace::within(Some(parent.to_string()), work).await;
    }
    let span = tracing::info_span!("work", otel.name = name);
    parent.continue_in(&span);
    async {
        let here = TraceContext::current().unwrap_or(parent);
        spine::trace::within(Some(here.to_string()), work).await
    }
    .instrument(span)
    .await
}
