//! lead-capture as it runs: on real NATS, on SQLite and on Postgres when there is one.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod capture;
mod consumer;
mod feed;
mod model;
mod publish;
mod queries;
mod read;
mod stream;
mod world;
