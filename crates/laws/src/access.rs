//! The record of one opening of personal data; it is written once.

use events::AccessEvent;
use spine::Entity;
use std::convert::Infallible;
use strum::VariantNames;

/// Whether the opening is recorded.
#[derive(Debug, Default)]
pub struct Access {
    pub recorded: bool,
}

impl Entity for Access {
    type Event = AccessEvent;
    const KIND: &'static str = "access";
    const EVENTS: &'static [&'static str] = AccessEvent::VARIANTS;

    fn evolve(&mut self, _: &AccessEvent) {
        self.recorded = true;
    }
}

/// Records the opening.
///
/// # Errors
/// Never.
pub fn record(state: &Access, event: &AccessEvent) -> Result<Vec<AccessEvent>, Infallible> {
    Ok(if state.recorded { Vec::new() } else { vec![event.clone()] })
}
