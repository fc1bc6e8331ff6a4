//! Declarative documents as they are written, for `tributary apply`: reading them, with everything that is wrong with their
//! form, whatever the log holds. Pure.

mod aliases;
mod document;
mod mistakes;
mod nesting;
mod parse;

pub use aliases::repeats_too_much;
pub use document::{
    AccountSpec, AgentSpec, Body, Document, EntrySpec, KnowledgeSpec, Scalar, TenantSpec, Wrong, check_name,
};
pub use nesting::nests_too_deeply;
pub use parse::{Parsed, parse};
