//! The service around the answerer: what it sees of the log, what it does, what it is asked.

mod api;
mod assisted;
mod project;
mod recent;
mod run;
mod shelf;
mod work;

pub use project::{EFFECTS, STORES};
pub use run::{Service, start};
