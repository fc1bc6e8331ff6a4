//! Analytics with a real nats-server, on SQLite and on Postgres: what is decided, what is counted, what is listed.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod ask;
mod chance;
mod count;
mod durable;
mod model;
mod random;
mod refused;
mod script;
mod scripted;
mod suite;
mod talk;
