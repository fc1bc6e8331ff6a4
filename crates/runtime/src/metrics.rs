//! Metrics: made by the OpenTelemetry API, told in the Prometheus text format and, where asked for, over OTLP.
//!
//! Names are `tributary_<scope>_<what>`, with the unit at the end; the exporter adds `_total` to counters.
//! Every label has a bounded set of values, because each combination is a time series that somebody stores.

mod instruments;

pub use instruments::{Counter, Gauge, Histogram, Label, OTHER};

use crate::{Error, telemetry};
use opentelemetry::metrics::{Meter, MeterProvider as _};
use opentelemetry_otlp::{MetricExporter, WithExportConfig as _};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::{Encoder as _, Registry, TextEncoder};

/// The process's metrics: cheap to clone, all clones are the same.
#[derive(Clone, Debug)]
pub struct Metrics {
    provider: SdkMeterProvider,
    registry: Registry,
}

impl Metrics {
    /// `service` is the name in `target_info`. With `otlp`, the address of a collector (gRPC, such as
    /// `http://collector:4317`), they are pushed there once a minute too; that needs a running tokio runtime.
    ///
    /// # Errors
    /// When an exporter cannot be made.
    pub fn new(service: &str, otlp: Option<&str>) -> Result<Self, Error> {
        let registry = Registry::new();
        let exporter = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .scope_info_enabled(false)
            .without_units()
            .build()
            .map_err(failed)?;
        let mut builder =
            SdkMeterProvider::builder().with_resource(telemetry::resource(service)).with_reader(exporter);
        if let Some(address) = otlp {
            let exporter = MetricExporter::builder().with_tonic().with_endpoint(address);
            builder = builder.with_periodic_exporter(exporter.build().map_err(failed)?);
        }
        Ok(Self { provider: builder.build(), registry })
    }

    /// Pushes what has not been pushed yet, at the end of a run; nothing to do without OTLP. Blocks, so call
    /// it from a thread that the runtime can spare.
    ///
    /// # Errors
    /// When the collector does not take it.
    pub fn flush(&self) -> Result<(), Error> {
        self.provider.force_flush().map_err(failed)
    }

    /// Makes these the metrics of those crates that ask OpenTelemetry's global provider.
    pub fn install(&self) {
        opentelemetry::global::set_meter_provider(self.provider.clone());
    }

    /// A maker of instruments whose names begin with `tributary_<name>_`. `name` is a role or a part that
    /// several roles have, such as `reader`; dashes become underscores.
    pub fn scope(&self, name: &str) -> Scope {
        Scope {
            prefix: format!("tributary_{}", name.replace('-', "_")),
            meter: self.provider.meter("tributary"),
        }
    }

    /// All metrics in the Prometheus text format 0.0.4.
    ///
    /// # Errors
    /// When two metrics contradict each other.
    pub fn text(&self) -> Result<String, Error> {
        let mut bytes = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut bytes).map_err(failed)?;
        String::from_utf8(bytes).map_err(failed)
    }
}

fn failed(source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Metrics { source: Box::new(source) }
}

/// Makes instruments under one name. Ask once and keep the instrument; asking again for the same name gives
/// another handle to the same numbers.
#[derive(Clone, Debug)]
pub struct Scope {
    prefix: String,
    meter: Meter,
}

impl Scope {
    /// Counts what happened, for example `answers`: `tributary_<scope>_answers_total`.
    pub fn counter(&self, name: &str, help: &'static str, labels: Vec<Label>) -> Counter {
        Counter::new(self.meter.u64_counter(self.name(name)).with_description(help).build(), labels)
    }

    /// Tells how much there is now.
    pub fn gauge(&self, name: &str, help: &'static str, labels: Vec<Label>) -> Gauge {
        Gauge::new(self.meter.f64_gauge(self.name(name)).with_description(help).build(), labels)
    }

    /// Asks `read` at each scrape for what there is now: rows of label values and a figure. For what must
    /// not grow stale when its owner hangs, such as the age of the oldest unprocessed event. `read` must
    /// answer at once.
    pub fn observe<F>(&self, name: &str, help: &'static str, labels: Vec<Label>, read: F)
    where
        F: Fn() -> Vec<(Vec<String>, f64)> + Send + Sync + 'static,
    {
        self.meter
            .f64_observable_gauge(self.name(name))
            .with_description(help)
            .with_callback(move |observer| {
                for (values, figure) in read() {
                    let values: Vec<&str> = values.iter().map(String::as_str).collect();
                    observer.observe(figure, &instruments::attributes(&labels, &values));
                }
            })
            .build();
    }

    /// How durations are spread: `<name>_seconds`, in buckets from 1 ms to 5 min.
    pub fn seconds(&self, name: &str, help: &'static str, labels: Vec<Label>) -> Histogram {
        const BOUNDS: [f64; 16] =
            [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];
        self.histogram(&format!("{name}_seconds"), help, &BOUNDS, labels)
    }

    /// How figures are spread over buckets of your own; `name` ends with the unit.
    pub fn histogram(&self, name: &str, help: &'static str, bounds: &[f64], labels: Vec<Label>) -> Histogram {
        let histogram = self
            .meter
            .f64_histogram(self.name(name))
            .with_description(help)
            .with_boundaries(bounds.to_vec())
            .build();
        Histogram::new(histogram, labels)
    }

    fn name(&self, name: &str) -> String {
        format!("{}_{name}", self.prefix)
    }
}
