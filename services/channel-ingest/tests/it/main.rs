//! The service on a real nats-server and database, reached as platforms reach it.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod desk;
mod echoes;
mod parts;
mod places;
mod purge;
mod replicas;
mod service;
mod tokens;
