//! The service with a real nats-server, on SQLite, and on Postgres when `TEST_DATABASE_URL` names one.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod assigning;
mod capacity;
mod lasting;
mod people;
mod speed;
mod timing;
mod world;
