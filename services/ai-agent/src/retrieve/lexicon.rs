//! Owns the words of customer service: which phrases mean the same, what a question word asks for, what tells nothing.
//!
//! The table is written for the field as a whole (retail and service, Chinese and English), not for any one
//! knowledge base. It stands in `lexicon.txt`, so that it can be read and extended without reading code.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::atoms::{self, Atom};

/// What a question asks for, as a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asks(u16);

impl Asks {
    const NAMES: [&str; 10] =
        ["when", "long", "money", "where", "who", "why", "many", "how", "whether", "what"];
    /// The kinds whose answers cannot stand for one another: a price is no place.
    const DEFINITE: u16 = 0b111_1111;
    /// A time is asked for by when and by how long alike.
    const TIME: u16 = 0b11;

    fn named(name: &str) -> Asks {
        Asks(Asks::NAMES.iter().position(|known| *known == name).map_or(0, |bit| 1 << bit))
    }

    pub(crate) fn with(self, other: Asks) -> Asks {
        Asks(self.0 | other.0)
    }

    fn definite(self) -> u16 {
        let bits = self.0 & Asks::DEFINITE;
        if bits & Asks::TIME == 0 { bits } else { bits | Asks::TIME }
    }

    /// How much two questions ask for different things: 1 for a price against a place, less where one leaves it open.
    pub(crate) fn mismatch(self, other: Asks) -> f32 {
        match (self.definite(), other.definite()) {
            (0, 0) => 0.0,
            (a, b) if a & b != 0 => 0.0,
            (0, _) => 0.3,
            (_, 0) => 0.6,
            _ => 1.0,
        }
    }
}

/// What a phrase means, from all lines on which it stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meaning {
    /// Lines of synonyms, by number.
    pub(crate) topics: Vec<u16>,
    /// Lines of one kind of thing, by number.
    pub(crate) kinds: Vec<u16>,
    /// How much it says about the topic, 0..1.
    pub(crate) weight: f32,
    pub(crate) asks: Asks,
}

impl Meaning {
    /// How well one phrase speaks of what another does, 0..1.
    pub(crate) fn likeness(&self, other: &Meaning) -> f32 {
        if self.shares_topic(other) {
            SYNONYM_LIKENESS
        } else if self.kinds.iter().any(|line| other.kinds.contains(line)) {
            KIND_LIKENESS
        } else {
            0.0
        }
    }

    pub(crate) fn shares_topic(&self, other: &Meaning) -> bool {
        self.topics.iter().any(|line| other.topics.contains(line))
    }
}

/// How well a synonym speaks of a word.
pub(crate) const SYNONYM_LIKENESS: f32 = 1.0;

/// How well a sock speaks of a shirt.
pub(crate) const KIND_LIKENESS: f32 = 0.3;

struct Phrase {
    keys: Vec<u64>,
    meaning: u16,
}

pub(crate) struct Lexicon {
    by_first: HashMap<u64, Vec<Phrase>>,
    meanings: Vec<Meaning>,
}

static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| Lexicon::parse(include_str!("lexicon.txt")));

impl Lexicon {
    pub(crate) fn of_the_field() -> &'static Lexicon {
        &LEXICON
    }

    fn parse(table: &str) -> Lexicon {
        let mut by_keys: HashMap<Vec<u64>, Meaning> = HashMap::new();
        let mut order: Vec<Vec<u64>> = Vec::new();
        let lines = table.lines().filter(|line| !line.starts_with('#'));
        let mut numbers: HashMap<&str, u16> = HashMap::new();
        for (head, phrases) in lines.filter_map(|line| line.split_once(" : ")) {
            // A topic may stand on several lines; its name makes them one.
            let (name, next) = (head.split(' ').next().unwrap_or(head), numbers.len() as u16);
            let number = *numbers.entry(name).or_insert(next);
            for phrase in phrases.split_whitespace() {
                let folded = super::fold::fold(&phrase.replace('_', " "));
                let keys: Vec<u64> = atoms::split(&folded).iter().map(|atom| atom.key).collect();
                let known = by_keys.entry(keys).or_insert_with_key(|keys| {
                    order.push(keys.clone());
                    Meaning::default()
                });
                add_line(known, head, number);
            }
        }
        let mut lexicon = Lexicon { by_first: HashMap::new(), meanings: Vec::new() };
        for keys in order {
            let (Some(first), Some(meaning)) = (keys.first().copied(), by_keys.remove(&keys)) else {
                continue;
            };
            let number = lexicon.meanings.len() as u16;
            lexicon.meanings.push(meaning);
            lexicon.by_first.entry(first).or_default().push(Phrase { keys, meaning: number });
        }
        for phrases in lexicon.by_first.values_mut() {
            phrases.sort_by_key(|phrase| std::cmp::Reverse(phrase.keys.len()));
        }
        lexicon
    }

    /// The longest phrase that begins the atoms: its length and the number of its meaning.
    pub(crate) fn longest(&self, atoms: &[Atom]) -> Option<(usize, u16)> {
        let phrases = self.by_first.get(&atoms.first()?.key)?;
        let fits = |phrase: &&Phrase| {
            phrase.keys.len() <= atoms.len()
                && phrase.keys.iter().zip(atoms).all(|(key, atom)| *key == atom.key)
                && atoms[..phrase.keys.len()].iter().skip(1).all(|atom| !atom.apart)
        };
        phrases.iter().find(fits).map(|phrase| (phrase.keys.len(), phrase.meaning))
    }

    pub(crate) fn meaning(&self, number: u16) -> &Meaning {
        &self.meanings[usize::from(number)]
    }
}

/// A phrase weighs what its most telling line gives it.
fn add_line(meaning: &mut Meaning, head: &str, number: u16) {
    let mut words = head.split_whitespace().skip(1);
    let weight = words.next().and_then(|weight| weight.parse().ok()).unwrap_or(1.0);
    meaning.weight = meaning.weight.max(weight);
    for flag in words {
        match flag {
            "=" if !meaning.topics.contains(&number) => meaning.topics.push(number),
            "~" if !meaning.kinds.contains(&number) => meaning.kinds.push(number),
            "=" | "~" => {}
            _ => meaning.asks = meaning.asks.with(Asks::named(flag.trim_start_matches('?'))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_read() {
        let table = include_str!("lexicon.txt");
        for line in table.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let (head, phrases) = line.split_once(" : ").expect("a colon between blanks");
            let mut words = head.split_whitespace().skip(1);
            assert!(words.next().is_some_and(|w| w.parse::<f32>().is_ok()), "{line}");
            let known = |w: &str| {
                ["=", "~"].contains(&w) || Asks::named(w.trim_start_matches('?')) != Asks::default()
            };
            assert!(words.all(known), "{line}");
            assert!(phrases.split_whitespace().count() > 0, "{line}");
        }
    }

    #[test]
    fn a_price_is_no_place_but_a_date_is_a_time() {
        assert!(Asks::named("money").mismatch(Asks::named("where")) > 0.9);
        assert_eq!(Asks::named("when").mismatch(Asks::named("long")), 0.0);
    }
}
