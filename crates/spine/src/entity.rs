//! What an entity is to the log: a state folded from its own events.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A state that is folded from the events of one subject. Synchronous on purpose: a decision does no I/O,
/// reads no clock and draws no random number; what it needs is looked up first and passed in.
pub trait Entity: Default + Send + Sync + 'static {
    /// The stored events, tagged by `type`.
    type Event: Serialize + DeserializeOwned + Send + Sync + 'static;

    /// The token of the entity in its subject, such as `thread`.
    const KIND: &'static str;

    /// The names of all variants of `Event` that this build knows, so that an event of a newer release is
    /// told apart from a broken one.
    const EVENTS: &'static [&'static str];

    /// Takes in one stored event. Decides nothing and cannot fail.
    fn evolve(&mut self, event: &Self::Event);
}
