//! A partner system behind the generic HTTP channel: posts signed items, takes signed messages.

pub mod callback;
pub mod partner;
pub mod post;

pub use partner::{Config, Partner};
pub use post::{Item, Posted};
