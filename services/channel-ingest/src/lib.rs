//! The outside world in and out: webhooks, sockets, the journal's normaliser, deliveries.

pub mod accounts;
mod call;
pub mod channels;
mod deliver;
mod hub;
pub mod intake;
mod item;
mod normalise;
mod pace;
mod project;
pub mod quarantine;
mod reingest;
mod request;
mod run;
mod show;
mod socket;
pub mod state;

pub use run::{Operations, Service, start};
