//! The log against a real nats-server of each test's own.

#![expect(clippy::unwrap_used, reason = "a test that fails says where")]

mod counter;
mod deciding;
mod foreign;
mod full;
mod moment;
