//! The console with a real nats-server and a real database, asked over HTTP.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its own functions too")]

mod apply;
mod feed;
mod journeys;
mod law;
mod measure;
mod openapi;
mod peers;
mod projection;
mod roles;
mod searching;
mod shop;
mod taken_out;
mod words;
mod world;
