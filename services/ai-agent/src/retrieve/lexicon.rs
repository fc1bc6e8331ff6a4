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

/// One line of the table, as far as a match needs it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lexeme {
    /// The number of the line if its phrases are synonyms.
    pub(crate) topic: Option<u16>,
    /// How much a word of this line says about the topic, 0..1.
    pub(crate) weight: f32,
    pub(crate) asks: Asks,
    pub(crate) negates: bool,
}

struct Phrase {
    keys: Vec<u64>,
    lexeme: Lexeme,
}

pub(crate) struct Lexicon {
    by_first: HashMap<u64, Vec<Phrase>>,
}

static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| Lexicon::parse(include_str!("lexicon.txt")));

impl Lexicon {
    pub(crate) fn of_the_field() -> &'static Lexicon {
        &LEXICON
    }

    fn parse(table: &str) -> Lexicon {
        let mut by_first: HashMap<u64, Vec<Phrase>> = HashMap::new();
        let lines = table.lines().filter(|line| !line.starts_with('#'));
        for (number, (head, phrases)) in (0_u16..).zip(lines.filter_map(|line| line.split_once(" : "))) {
            let lexeme = lexeme(head, number);
            for phrase in phrases.split_whitespace() {
                let keys: Vec<u64> = atoms::split(&super::fold::fold(&phrase.replace('_', " ")))
                    .iter()
                    .map(|atom| atom.key)
                    .collect();
                if let Some(first) = keys.first() {
                    by_first.entry(*first).or_default().push(Phrase { keys, lexeme });
                }
            }
        }
        for phrases in by_first.values_mut() {
            phrases.sort_by_key(|phrase| std::cmp::Reverse(phrase.keys.len()));
        }
        Lexicon { by_first }
    }

    /// The longest phrase that begins the atoms: its length and its meaning.
    pub(crate) fn longest(&self, atoms: &[Atom]) -> Option<(usize, Lexeme)> {
        let phrases = self.by_first.get(&atoms.first()?.key)?;
        let fits = |phrase: &&Phrase| {
            phrase.keys.len() <= atoms.len()
                && phrase.keys.iter().zip(atoms).all(|(key, atom)| *key == atom.key)
                && atoms[..phrase.keys.len()].iter().skip(1).all(|atom| !atom.apart)
        };
        phrases.iter().find(fits).map(|phrase| (phrase.keys.len(), phrase.lexeme))
    }
}

fn lexeme(head: &str, number: u16) -> Lexeme {
    let mut words = head.split_whitespace().skip(1);
    let weight = words.next().and_then(|weight| weight.parse().ok()).unwrap_or(1.0);
    let mut lexeme = Lexeme { topic: None, weight, asks: Asks::default(), negates: false };
    for flag in words {
        match flag {
            "=" => lexeme.topic = Some(number),
            "-" => lexeme.negates = true,
            _ => lexeme.asks = lexeme.asks.with(Asks::named(flag.trim_start_matches('?'))),
        }
    }
    lexeme
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
            assert!(
                words.all(|w| w == "="
                    || w == "-"
                    || Asks::named(w.trim_start_matches('?')) != Asks::default()),
                "{line}"
            );
            assert!(phrases.split_whitespace().count() > 0, "{line}");
        }
    }

    #[test]
    fn a_price_is_no_place_but_a_date_is_a_time() {
        assert!(Asks::named("money").mismatch(Asks::named("where")) > 0.9);
        assert_eq!(Asks::named("when").mismatch(Asks::named("long")), 0.0);
    }
}
