//! The service around the extraction: what it captures, what it sees of the log, what it publishes and is asked.

mod address;
mod api;
mod capture;
mod feed;
mod join;
mod project;
mod run;
mod state;

pub use project::{EFFECTS, STORES};
pub use run::{Service, projector, start};

/// Who acts, in the log.
const ACTOR: &str = "lead-capture";
/// The field that a detail's value is sealed for.
const VALUE: &str = "lead.value";
