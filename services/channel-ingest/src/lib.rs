//! Placeholder.

pub mod channels;
