//! Owns the index over the entries of one knowledge base: putting and removing.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::atoms::Reading;
use super::confidence::FEATURES;
use super::fold::fold;
use super::postings::Postings;
use super::soft::{Spoken, Spread};
use crate::knowledge::Entry;

/// An entry that may answer, with how sure that is.
#[derive(Clone, Debug)]
pub struct Hit {
    /// The entry as it was when it was found.
    pub entry: Arc<Entry>,
    /// How sure it is that this entry answers the text, 0..1, 0.5 being the recommended threshold; see [`super::Weights`] for how it is calibrated.
    pub confidence: f32,
    /// What the confidence was computed from, in the order of [`super::FEATURE_NAMES`].
    pub features: [f32; FEATURES],
}

pub(crate) struct Unit {
    pub(crate) entry: u32,
    pub(crate) reading: Reading,
}

pub(super) struct Stored {
    pub(super) entry: Arc<Entry>,
    pub(super) units: Box<[u32]>,
    /// What its wordings have in common.
    pub(super) core: Box<[(u64, f32)]>,
    pub(super) spoken: Spoken,
}

/// An index that is changed entry by entry and searched without being changed.
///
/// Results depend on its entries alone, never on the order in which they were put.
#[derive(Default)]
pub struct Index {
    ids: BTreeMap<String, u32>,
    pub(super) entries: Vec<Option<Stored>>,
    entries_free: Vec<u32>,
    pub(super) units: Vec<Option<Unit>>,
    units_free: Vec<u32>,
    pub(super) questions: Postings,
    pub(super) answers: Postings,
    /// Each entry's question and variants as one text.
    pub(super) wholes: Postings,
    pub(super) spread: Spread,
}

impl Index {
    /// Takes an entry in, in place of one with the same id.
    pub fn put(&mut self, entry: Arc<Entry>) {
        self.remove(&entry.id);
        let slot = self.entries_free.pop().unwrap_or_else(|| {
            self.entries.push(None);
            self.entries.len() as u32 - 1
        });
        let texts =
            std::iter::once(&entry.question).chain(&entry.variants).filter(|text| !text.trim().is_empty());
        let units: Box<[u32]> = texts.map(|text| self.put_unit(slot, text)).collect();
        self.wholes.insert(slot, keys_of(&self.units, &units).into_iter());
        let answer = Reading::of(&fold(&entry.answer));
        self.answers.insert(slot, answer.terms().into_iter().map(|(key, _)| key));
        self.ids.insert(entry.id.clone(), slot);
        let readings: Vec<&Reading> = units
            .iter()
            .filter_map(|unit| self.units[*unit as usize].as_ref())
            .map(|unit| &unit.reading)
            .collect();
        let core = super::whole::core(&readings);
        let spoken = Spoken::of(&readings, &answer);
        self.spread.insert(&spoken);
        self.entries[slot as usize] = Some(Stored { entry, units, core, spoken });
    }

    fn put_unit(&mut self, entry: u32, text: &str) -> u32 {
        let mut reading = Reading::of(&fold(text));
        reading.atoms.shrink_to_fit();
        let slot = self.units_free.pop().unwrap_or_else(|| {
            self.units.push(None);
            self.units.len() as u32 - 1
        });
        self.questions.insert(slot, reading.terms().into_iter().map(|(key, _)| key));
        self.units[slot as usize] = Some(Unit { entry, reading });
        slot
    }

    /// Takes an entry out; false if there was none with this id.
    pub fn remove(&mut self, id: &str) -> bool {
        let Some(slot) = self.ids.remove(id) else { return false };
        let Some(stored) = self.entries[slot as usize].take() else { return false };
        self.wholes.remove(slot, keys_of(&self.units, &stored.units).into_iter());
        self.spread.remove(&stored.spoken);
        for unit in stored.units {
            if let Some(gone) = self.units[unit as usize].take() {
                self.questions.remove(unit, gone.reading.terms().into_iter().map(|(key, _)| key));
            }
            self.units_free.push(unit);
        }
        let answer = Reading::of(&fold(&stored.entry.answer));
        self.answers.remove(slot, answer.terms().into_iter().map(|(key, _)| key));
        self.entries_free.push(slot);
        true
    }

    /// The entry with this id.
    pub fn get(&self, id: &str) -> Option<&Arc<Entry>> {
        self.entries[*self.ids.get(id)? as usize].as_ref().map(|stored| &stored.entry)
    }

    /// Entries held.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// True without any entry.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// All entries, by id.
    pub fn entries(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.ids.values().filter_map(|slot| self.entries[*slot as usize].as_ref().map(|stored| &stored.entry))
    }

    pub(super) fn id(&self, slot: u32) -> &str {
        self.entries[slot as usize].as_ref().map_or("", |stored| &stored.entry.id)
    }
}

/// The terms of all the units.
fn keys_of(held: &[Option<Unit>], units: &[u32]) -> Vec<u64> {
    let readings = units.iter().filter_map(|unit| held[*unit as usize].as_ref());
    readings.flat_map(|unit| unit.reading.terms()).map(|(key, _)| key).collect()
}
