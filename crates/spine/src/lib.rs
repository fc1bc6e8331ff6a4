//! The spine: the only code that knows NATS, positions and keys.

pub mod address;
pub mod backup;
mod bundle;
pub mod clock;
pub mod cursor;
pub mod db;
pub mod denied;
pub mod entity;
mod erase;
pub mod error;
pub mod feed;
pub mod journal;
pub mod keys;
pub mod lease;
pub mod log;
pub mod nats;
pub mod position;
pub mod read;
pub mod record;
pub mod streams;
pub mod trace;

pub use address::{Address, PARTS};
pub use bundle::{Readers, Spine};
pub use clock::{Clock, new_id};
pub use entity::Entity;
pub use error::Error;
pub use log::{Decided, Log, LogSettings, Refused, Tail};
pub use nats::{Nats, NatsAccess};
pub use position::Position;
pub use read::{Due, DueChanges, Projector, Reader, UNHURRIED};
pub use record::{Cause, ERASE, Meta, Recorded};
