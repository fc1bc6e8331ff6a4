//! The identity service with a real nats-server, on SQLite and, when `TEST_DATABASE_URL` names one, Postgres.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod admin;
mod customers;
mod erasing;
mod joined;
mod linking;
mod notebook;
mod people;
mod resuming;
mod world;
