//! Owns the answer to a turn: one interface, whether knowledge alone answers or a model does, and the embedded answerer.

mod burst;
mod embedded;
mod pith;

use std::future::Future;
use std::pin::Pin;

use serde::{Deserialize, Serialize};

use crate::detect::Smalltalk;

pub use embedded::{Embedded, Library, Phrases, THRESHOLD};

/// The language in which phrases that are not from knowledge are said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Chinese
    #[default]
    Zh,
    /// English
    En,
}

impl Language {
    /// Chinese if there is any Chinese character in the text, else English.
    pub fn of(text: &str) -> Language {
        let han = |c: char| matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}');
        if text.chars().any(han) || !text.chars().any(|c| c.is_ascii_alphabetic()) {
            Language::Zh
        } else {
            Language::En
        }
    }
}

/// Who said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// The customer.
    Customer,
    /// The AI.
    Ai,
    /// A person of the business.
    Agent,
}

/// Something said earlier in the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Who said it.
    pub by: Speaker,
    /// The words.
    pub text: String,
}

/// What is to be answered now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// Whose knowledge answers.
    pub tenant: String,
    /// All messages of the customer that nobody has answered, oldest first; placeholders of media are left out or empty.
    pub texts: Vec<String>,
    /// What was said and answered before, oldest first; a dozen is enough.
    pub history: Vec<Said>,
    /// The language of the conversation, where known; else that of the texts.
    pub language: Option<Language>,
    /// Now, µs since 1970: it decides which entries are valid.
    pub at: i64,
}

/// The entry that an answer rests on, as it was then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Citation {
    /// Id of the entry.
    pub entry: String,
    /// Its version.
    pub version: u64,
}

/// Why a person shall go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The knowledge does not answer it.
    Unknown,
    /// The customer asks for a person.
    WantsPerson,
    /// The customer is angry or discontented.
    Anger,
}

/// What to do with a turn.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Say this, from knowledge.
    Reply {
        /// As the editor wrote it, or as a model worded it; several answers are parted by an empty line.
        text: String,
        /// The entries it comes from, in the order of the text.
        citations: Vec<Citation>,
        /// The lowest confidence among them, 0..1.
        confidence: f32,
        /// The language model that worded it from the entries; none when they speak for themselves.
        worded_by: Option<String>,
    },
    /// Say this, it is only small talk.
    Smalltalk {
        /// What the customer's words were.
        kind: Smalltalk,
        /// The tenant's phrase.
        text: String,
    },
    /// Let a person go on.
    HandOver {
        /// Why.
        reason: Reason,
    },
    /// There is nothing to answer: no words, only media or marks.
    Nothing,
}

/// Whoever answers turns: the embedded knowledge, or a model behind an endpoint.
pub trait Answerer: Send + Sync {
    /// The answer to a turn. The embedded answerer is ready at once and always says the same to the same turn.
    fn answer<'a>(&'a self, turn: &'a Turn) -> Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;
}
