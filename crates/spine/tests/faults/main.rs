//! What goes wrong between the log and its servers: nodes of a cluster that die, freeze or lose their leadership,
//! acknowledgements that are lost, lines that go dead, a log that is not the one that was read.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that fails says where, and how far it came"
)]

mod cluster;
#[path = "../log/counter.rs"]
mod counter;
mod followers;
mod gaps;
mod line;
mod load;
mod lost;
mod power;
mod repeated;
mod replaced;
