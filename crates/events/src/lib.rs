//! The published language: every event that the log holds, one file per entity, and no logic.
//!
//! Stored names and fields are only ever added, never renamed or removed; `tests/golden` holds one stored
//! form of each variant, and each must parse for ever. A value that carries personal data is [`Sealed`].
//! Times are microseconds since the Unix epoch, UTC.

pub mod access;
pub mod account;
pub mod agent;
pub mod content;
pub mod customer;
pub mod delivery;
pub mod feed;
pub mod knowledge;
pub mod lead;
pub mod sealed;
pub mod tenant;
pub mod thread;

pub use access::AccessEvent;
pub use account::AccountEvent;
pub use agent::AgentEvent;
pub use content::{Content, ContentKind};
pub use customer::CustomerEvent;
pub use knowledge::KnowledgeEvent;
pub use lead::LeadEvent;
pub use sealed::Sealed;
pub use tenant::TenantEvent;
pub use thread::ThreadEvent;

/// Microseconds since the Unix epoch, UTC.
pub type Micros = i64;
