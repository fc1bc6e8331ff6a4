//! What to answer: knowledge, finding in it, noticing who wants a person, and the answer itself.

pub mod answer;
pub mod detect;
pub mod evaluate;
pub mod retrieve;
pub mod service;

/// What the answers come from.
pub use knowledge;
