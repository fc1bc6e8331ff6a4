//! The trace that a request or a message belongs to, as W3C `traceparent` carries it.

use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceFlags, TraceState};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};
use std::collections::HashMap;
use std::fmt;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The header, in HTTP, gRPC and NATS (<https://www.w3.org/TR/trace-context/>).
pub const TRACEPARENT: &str = "traceparent";

/// One place in a trace. Always valid: neither id is zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext(SpanContext);

impl TraceContext {
    /// Reads a `traceparent`; `None` when it does not follow the specification, since a broken trace must
    /// never refuse a message.
    pub fn parse(traceparent: &str) -> Option<Self> {
        let map = Headers(HashMap::from([(TRACEPARENT.to_owned(), traceparent.to_owned())]));
        let context =
            TraceContextPropagator::new().extract_with_context(&opentelemetry::Context::new(), &map);
        Self::of(&context)
    }

    /// A new trace that begins here, sampled. Draws random ids, so only an edge calls it.
    pub fn start() -> Self {
        let ids = RandomIdGenerator::default();
        Self(SpanContext::new(
            ids.new_trace_id(),
            ids.new_span_id(),
            TraceFlags::SAMPLED,
            false,
            TraceState::default(),
        ))
    }

    /// A new place in the same trace, with the same sampling.
    #[must_use]
    pub fn child(&self) -> Self {
        Self(SpanContext::new(
            self.0.trace_id(),
            RandomIdGenerator::default().new_span_id(),
            self.0.trace_flags(),
            false,
            self.0.trace_state().clone(),
        ))
    }

    /// The place of the current span, to be sent on in a header. `None` outside of any span, and before
    /// [`crate::telemetry::init`].
    pub fn current() -> Option<Self> {
        Self::of(&tracing::Span::current().context())
    }

    /// Makes `span` a child of this place. Call it before the span is entered; later it does nothing.
    pub fn continue_in(&self, span: &tracing::Span) {
        let parent = opentelemetry::Context::new().with_remote_span_context(self.0.clone());
        if let Err(error) = span.set_parent(parent) {
            tracing::debug!(error = &error as &dyn std::error::Error, "a trace is not continued");
        }
    }

    /// The trace's id, 32 hexadecimal digits: what the log calls `trace.id`.
    pub fn trace_id(&self) -> String {
        self.0.trace_id().to_string()
    }

    fn of(context: &opentelemetry::Context) -> Option<Self> {
        let span = context.span().span_context().clone();
        span.is_valid().then_some(Self(span))
    }
}

/// The `traceparent` header's value.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let context = opentelemetry::Context::new().with_remote_span_context(self.0.clone());
        let mut map = Headers(HashMap::new());
        TraceContextPropagator::new().inject_context(&context, &mut map);
        f.write_str(map.get(TRACEPARENT).unwrap_or_default())
    }
}

struct Headers(HashMap<String, String>);

impl Extractor for Headers {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }
}

impl Injector for Headers {
    fn set(&mut self, key: &str, value: String) {
        self.0.insert(key.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of the specification's section 3.2.4.
    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_reads_back_as_written() {
        let context = TraceContext::parse(EXAMPLE).unwrap();
        assert_eq!(context.to_string(), EXAMPLE);
        assert_eq!(context.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
    }

    #[test]
    fn a_child_is_another_place_in_the_same_trace() {
        let parent = TraceContext::parse(EXAMPLE).unwrap();
        let child = parent.child();
        assert_eq!(child.trace_id(), parent.trace_id());
        assert_ne!(child.to_string(), parent.to_string());
        assert!(child.to_string().ends_with("-01"));
    }

    #[test]
    fn a_broken_traceparent_is_no_trace() {
        let zero = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
        for broken in ["", "00", "zz-1-2-3", zero, "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"]
        {
            assert_eq!(TraceContext::parse(broken), None, "{broken}");
        }
    }

    #[test]
    fn two_starts_are_two_traces() {
        assert_ne!(TraceContext::start().trace_id(), TraceContext::start().trace_id());
    }
}
