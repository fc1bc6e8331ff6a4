//! A knowledge entry: written in versions, or removed.

use events::knowledge::{Entry, KnowledgeEvent};
use spine::Entity;
use std::convert::Infallible;
use strum::VariantNames;

/// The state of a knowledge entry.
#[derive(Debug, Default)]
pub struct Knowledge {
    /// What stands now; none when it was never written or is removed.
    pub entry: Option<Entry>,
    /// Versions so far, counting removed ones.
    pub version: u64,
}

impl Entity for Knowledge {
    type Event = KnowledgeEvent;
    const KIND: &'static str = "knowledge";
    const EVENTS: &'static [&'static str] = KnowledgeEvent::VARIANTS;

    fn evolve(&mut self, event: &KnowledgeEvent) {
        match event {
            KnowledgeEvent::Written { entry, version, .. } => {
                self.entry = Some(entry.clone());
                self.version = *version;
            }
            KnowledgeEvent::Removed { .. } => self.entry = None,
        }
    }
}

/// Writes the entry in its next version.
///
/// # Errors
/// Never.
pub fn write(state: &Knowledge, entry: &Entry, at: i64) -> Result<Vec<KnowledgeEvent>, Infallible> {
    let same = state.entry.as_ref() == Some(entry);
    let event = || KnowledgeEvent::Written { entry: entry.clone(), version: state.version + 1, at };
    Ok(if same { Vec::new() } else { vec![event()] })
}

/// Removes the entry.
///
/// # Errors
/// Never.
pub fn remove(state: &Knowledge, at: i64) -> Result<Vec<KnowledgeEvent>, Infallible> {
    Ok(if state.entry.is_none() { Vec::new() } else { vec![KnowledgeEvent::Removed { at }] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_grow_over_a_removal() {
        let entry = Entry {
            slug: "returns".into(),
            question: "怎么退货".into(),
            variants: vec![],
            answer: "七天内可退。".into(),
            valid_from: None,
            valid_until: None,
        };
        let mut state = Knowledge::default();
        for (at, wanted) in [(1, 1), (2, 2)] {
            write(&state, &entry, at).unwrap().iter().for_each(|event| state.evolve(event));
            assert_eq!(state.version, wanted);
            assert_eq!(write(&state, &entry, at).unwrap(), []);
            remove(&state, at).unwrap().iter().for_each(|event| state.evolve(event));
            assert_eq!(remove(&state, at).unwrap(), []);
        }
    }
}
