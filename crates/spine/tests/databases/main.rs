//! Stores, read models and the key register on SQLite, and on Postgres when `TEST_DATABASE_URL` names one.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod comparing;
mod contacts;
mod copies;
mod cursors;
mod deserted;
mod ending;
mod full;
mod leases;
mod lost;
mod notes;
mod register;
mod sealing;
mod slots;
mod stores;
mod tls;
