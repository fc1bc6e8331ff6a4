//! Logs and traces: where they go and in which form.
//!
//! Rules for all who log: a readable message and fields; field names are dotted and the same everywhere;
//! a failure is logged once, where it is handled; never personal data. The same holds for spans.

use crate::Error;
use crate::config::EVERYWHERE;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{FilterExt as _, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt as _;

/// A collector that does not take the last spans in this time does not get them.
const FLUSH_MAX: Duration = Duration::from_secs(5);

/// What our own lines say already, or what nobody needs: notices of Postgres that a table is there. `--log` can ask for
/// each by its name.
const LIBRARIES: &str = "async_nats=warn,opentelemetry=warn,sqlx::postgres::notice=warn";

/// What to log and how, and where traces go.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// What to log: a level, or directives such as `info,routing=debug`.
    #[arg(long = "log", env = "LOG", value_name = "FILTER", default_value = "info", value_parser = filter, global = true, help_heading = EVERYWHERE)]
    pub log: String,
    /// How to log: text for people, json for collectors.
    #[arg(long, env = "LOG_FORMAT", value_name = "FORMAT", default_value = "text", global = true, help_heading = EVERYWHERE)]
    pub log_format: Format,
    /// Where traces and metrics are pushed to, over OTLP with gRPC; without it nowhere.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL", global = true, help_heading = EVERYWHERE)]
    pub otlp_endpoint: Option<String>,
    /// The share of traces that is pushed, from 0 to 1; a trace that came in sampled stays so.
    #[arg(long, env = "OTEL_TRACES_SAMPLER_ARG", value_name = "SHARE", default_value = "1", value_parser = share, global = true, help_heading = EVERYWHERE)]
    pub trace_share: f64,
}

/// How log lines are written: for people, or one JSON object a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    Text,
    Json,
}

fn filter(text: &str) -> Result<String, String> {
    checked(text).map(|_| text.to_owned())
}

/// The filter; a word alone must be a level, since a level that is mistyped would name a target that nothing has, and turn
/// everything off, as would no word at all.
fn checked(text: &str) -> Result<EnvFilter, String> {
    if text.trim().is_empty() {
        return Err("it is empty: say a level, such as info, or off for none".into());
    }
    let is_word = |directive: &&str| !directive.contains('=');
    // Commas in brackets part the fields of a span.
    let plain = if text.contains('[') { "" } else { text };
    let stray = plain.split(',').map(str::trim).filter(is_word).find(|word| {
        let is_level = word.parse::<tracing::level_filters::LevelFilter>().is_ok();
        !word.is_empty() && !is_level
    });
    if let Some(word) = stray {
        return Err(format!(
            "{word} is no level (off, error, warn, info, debug, trace); a target has one, as {word}=debug"
        ));
    }
    EnvFilter::try_new(format!("{LIBRARIES},{text}")).map_err(|error| error.to_string())
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "it is no number")?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err("it is not between 0 and 1".into()) }
}

/// Whether spans are pushed anywhere.
static PUSHES: AtomicBool = AtomicBool::new(false);

/// Changes the filter of the running process's log lines.
type Refilter = Box<dyn Fn(EnvFilter) -> Result<(), String> + Send + Sync>;
static REFILTER: OnceLock<Refilter> = OnceLock::new();

/// Whether somebody receives the process's spans; without that nobody need make them.
pub fn pushes_spans() -> bool {
    PUSHES.load(Ordering::Relaxed)
}

/// Logs by another filter from now on, as `--log` takes it, until the process ends.
///
/// # Errors
/// When the filter is none, or nothing is logged in this process.
pub fn log_by(text: &str) -> Result<(), Error> {
    let refuse = |why: String| Error::Setting { setting: "log filter", why };
    let filter = checked(text).map_err(refuse)?;
    let refilter = REFILTER.get().ok_or_else(|| refuse("this process does not log".into()))?;
    refilter(filter).map_err(refuse)?;
    tracing::info!(log.filter = text, "logging by another filter");
    Ok(())
}

/// Keeps telemetry alive; dropping it writes out what is still buffered, for at most five seconds. Hold it
/// around the whole run, also around the handling of its failure, and drop it while the runtime still runs.
#[derive(Debug)]
#[must_use = "telemetry ends when the guard is dropped"]
pub struct Guard(SdkTracerProvider);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown_with_timeout(FLUSH_MAX) {
            tracing::warn!(error = &error as &dyn std::error::Error, "the last spans did not arrive");
        }
    }
}

/// Starts logging to standard error, and tracing, for the process that calls itself `service`. Spans have
/// ids and carry on also when they are pushed nowhere. Call it inside of a multi-threaded tokio runtime.
///
/// # Errors
/// When the filter or the endpoint cannot be used, or when telemetry was started before in this process.
pub fn init(service: &str, settings: &Settings) -> Result<Guard, Error> {
    let refuse = |setting, why: String| Error::Setting { setting, why };
    let filter = checked(&settings.log).map_err(|why| refuse("--log", why))?;
    let provider =
        provider(service, settings).map_err(|error| refuse("--otlp-endpoint", error.to_string()))?;
    // Spans are what traces are made of, whatever is logged; log lines stay out of them.
    let spans = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("tributary"))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(LevelFilter::INFO.and(filter_fn(|metadata| metadata.is_span())));
    let (lines, handle) = reload::Layer::new(filter);
    let registry = tracing_subscriber::registry().with(spans);
    let started = match settings.log_format {
        Format::Text => registry.with(text().with_filter(lines)).try_init(),
        Format::Json => registry.with(json().with_filter(lines)).try_init(),
    };
    started.map_err(|error| refuse("--log", error.to_string()))?;
    let refilter: Refilter = Box::new(move |filter| handle.reload(filter).map_err(|error| error.to_string()));
    let _only_one_starts = REFILTER.set(refilter);
    PUSHES.store(settings.otlp_endpoint.is_some(), Ordering::Relaxed);
    tracing::info!(service.name = service, "telemetry started");
    Ok(Guard(provider))
}

fn provider(
    service: &str,
    settings: &Settings,
) -> Result<SdkTracerProvider, opentelemetry_otlp::ExporterBuildError> {
    let builder = SdkTracerProvider::builder().with_resource(resource(service));
    let Some(endpoint) = &settings.otlp_endpoint else {
        return Ok(builder.with_sampler(Sampler::AlwaysOff).build());
    };
    let exporter = SpanExporter::builder().with_tonic().with_endpoint(endpoint).build()?;
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(settings.trace_share)));
    Ok(builder.with_sampler(sampler).with_batch_exporter(exporter).build())
}

/// Who speaks, in traces and metrics; the deployment adds to it by `OTEL_RESOURCE_ATTRIBUTES`.
pub(crate) fn resource(service: &str) -> Resource {
    let environment = opentelemetry_sdk::resource::EnvResourceDetector::new();
    Resource::builder_empty()
        .with_detector(Box::new(environment))
        .with_service_name(service.to_owned())
        .with_attribute(opentelemetry::KeyValue::new("service.namespace", "tributary"))
        .build()
}

fn text<S: tracing::Subscriber + for<'a> LookupSpan<'a>>() -> impl Layer<S> {
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(colours)
}

fn json<S: tracing::Subscriber + for<'a> LookupSpan<'a>>() -> impl Layer<S> {
    tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_writer(std::io::stderr)
}
