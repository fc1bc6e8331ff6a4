//! The outside world in and out: webhooks, sockets, the journal's normaliser, deliveries.

pub mod accounts;
mod call;
mod deliver;
mod discarded;
mod early;
mod evidence;
mod holding;
mod hub;
pub mod intake;
mod item;
mod job;
mod moment;
mod normalise;
mod operations;
mod orders;
mod pace;
mod part;
mod privacy;
mod profiles;
mod project;
pub mod quarantine;
mod refused;
mod reingest;
mod request;
mod rest;
mod run;
mod show;
mod socket;
mod stages;
pub mod state;
mod typing;
mod visit;

pub use discarded::{Discarded, is_reference};
pub use operations::Operations;
pub use project::{EFFECTS, STORES};
pub use run::{Service, start};
