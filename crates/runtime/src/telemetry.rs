//! Logs: where they go and in which form.
//!
//! Rules for all who log: a readable message and fields; field names are dotted and the same everywhere;
//! a failure is logged once, where it is handled; never personal data.

use crate::Error;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// What to log and how.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// What to log: a level, or directives such as `info,routing=debug`.
    #[arg(long = "log", env = "LOG", value_name = "FILTER", default_value = "info", value_parser = filter)]
    pub log: String,
    /// How to log: text for people, json for collectors.
    #[arg(long, env = "LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    pub log_format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    Text,
    Json,
}

fn filter(text: &str) -> Result<String, String> {
    EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

/// Keeps telemetry alive; dropping it writes out what is still buffered. Hold it in `main` around the whole
/// run, so that also what a failed run had to say arrives.
#[derive(Debug)]
#[must_use = "telemetry ends when the guard is dropped"]
pub struct Guard;

/// Starts logging to standard error for the process that calls itself `service`.
///
/// # Errors
/// When the filter cannot be read, or when telemetry was started before in this process.
pub fn init(service: &str, settings: &Settings) -> Result<Guard, Error> {
    let refuse = |why: String| Error::Setting { setting: "LOG", why };
    let filter = EnvFilter::try_new(&settings.log).map_err(|error| refuse(error.to_string()))?;
    let registry = tracing_subscriber::registry().with(filter);
    let started = match settings.log_format {
        Format::Text => registry.with(text()).try_init(),
        Format::Json => registry.with(json()).try_init(),
    };
    started.map_err(|error| refuse(error.to_string()))?;
    tracing::info!(service.name = service, "telemetry started");
    Ok(Guard)
}

fn text<S>() -> impl tracing_subscriber::Layer<S>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(colours)
}

fn json<S>() -> impl tracing_subscriber::Layer<S>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_writer(std::io::stderr)
}
