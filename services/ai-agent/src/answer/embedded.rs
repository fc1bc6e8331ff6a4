//! Owns the answerer that needs no model: detection first, then small talk, then knowledge.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{PoisonError, RwLock};

use unicode_normalization::UnicodeNormalization;

use super::burst::{self, Ask};
use super::pith::pith;
use super::{Answer, Answerer, Citation, Language, Reason, Speaker, Turn};
use crate::detect::{Smalltalk, anger, declines_person, smalltalk, wants_person};
use crate::retrieve::{Hit, Index};

/// Confidence from which an entry is the answer: the fit shifts the confidence so that it is this one, see
/// [`Weights`](crate::retrieve::Weights). A tenant's `confidence_min` is this in thousandths.
pub const THRESHOLD: f32 = 0.5;

/// Answers given together at most.
const ANSWERS_MAX: usize = 3;
/// Entries in which an answer may stand.
const PASSAGES_MAX: usize = 6;

/// What a business says when nothing is asked. Chinese and English.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phrases {
    /// To 你好.
    pub greeting: [String; 2],
    /// To 谢谢.
    pub thanks: [String; 2],
    /// To 再见.
    pub goodbye: [String; 2],
    /// To 好的.
    pub acknowledgement: [String; 2],
}

impl Default for Phrases {
    fn default() -> Phrases {
        let both = |zh: &str, en: &str| [zh.to_owned(), en.to_owned()];
        Phrases {
            greeting: both("您好，请问有什么可以帮您？", "Hello! How can I help you?"),
            thanks: both(
                "不客气，还有其他需要随时告诉我。",
                "You're welcome. Is there anything else I can do?",
            ),
            goodbye: both("感谢您的咨询，再见！", "Thank you for your message. Goodbye!"),
            acknowledgement: both(
                "好的，还有其他问题请随时告诉我。",
                "All right. Tell me if you need anything else.",
            ),
        }
    }
}

impl Phrases {
    fn of(&self, kind: Smalltalk, language: Language) -> &str {
        let both = match kind {
            Smalltalk::Greeting => &self.greeting,
            Smalltalk::Thanks => &self.thanks,
            Smalltalk::Goodbye => &self.goodbye,
            Smalltalk::Acknowledgement => &self.acknowledgement,
        };
        &both[usize::from(language == Language::En)]
    }
}

/// One tenant's knowledge and phrases.
pub struct Library {
    /// The entries.
    pub index: Index,
    /// What is said when nothing is asked.
    pub phrases: Phrases,
    /// Confidence from which an entry is the answer, 0..1.
    pub threshold: f32,
}

impl Default for Library {
    fn default() -> Library {
        Library { index: Index::default(), phrases: Phrases::default(), threshold: THRESHOLD }
    }
}

/// Answers from each tenant's own knowledge, with no model and no I/O.
#[derive(Default)]
pub struct Embedded {
    libraries: RwLock<BTreeMap<String, Library>>,
}

impl Embedded {
    /// Changes a tenant's library, which is made when it is new.
    ///
    /// Answers wait meanwhile, so a change should put or remove entries and nothing slower.
    pub fn edit<R>(&self, tenant: &str, change: impl FnOnce(&mut Library) -> R) -> R {
        // A panic in a change can leave at most one entry half put; answering goes on with the others.
        let mut libraries = self.libraries.write().unwrap_or_else(PoisonError::into_inner);
        change(libraries.entry(tenant.to_owned()).or_default())
    }

    /// Reads a tenant's library, if there is one.
    pub fn read<R>(&self, tenant: &str, look: impl FnOnce(&Library) -> R) -> Option<R> {
        self.libraries.read().unwrap_or_else(PoisonError::into_inner).get(tenant).map(look)
    }

    /// The entries in which the answer to a turn may stand however unsure that is: by turns the likeliest for what is asked
    /// on its own, and for it together with what was asked before, since a question that goes on (那怎么办呢) says little.
    pub fn passages(&self, turn: &Turn) -> Vec<Hit> {
        let asked: String = turn.texts.join(" ").nfkc().collect();
        let before = turn.history.iter().rev().find(|said| said.by == Speaker::Customer);
        let both = before.map(|said| format!("{} {asked}", said.text));
        self.read(&turn.tenant, |library| {
            let search = |text: &String| library.index.search(text, turn.at, PASSAGES_MAX);
            let mut lists =
                [search(&asked), both.as_ref().map(search).unwrap_or_default()].map(Vec::into_iter);
            let mut hits: Vec<Hit> = Vec::new();
            for hit in (0..PASSAGES_MAX).flat_map(|_| lists.each_mut().map(Iterator::next)).flatten() {
                if !hit.entry.answer.is_empty() && hits.iter().all(|known| known.entry.id != hit.entry.id) {
                    hits.push(hit);
                }
            }
            hits.truncate(PASSAGES_MAX);
            hits
        })
        .unwrap_or_default()
    }

    /// The answer to a turn, at once.
    pub fn decide(&self, turn: &Turn) -> Answer {
        // Full-width brackets and commas are read as what they mean.
        let plain: Vec<String> = turn.texts.iter().map(|text| text.nfkc().collect()).collect();
        let texts: Vec<&str> =
            plain.iter().map(|text| text.trim()).filter(|text| burst::has_words(text)).collect();
        if texts.is_empty() {
            return Answer::Nothing;
        }
        if let Some(reason) = person_needed(&texts) {
            return Answer::HandOver { reason };
        }
        self.read(&turn.tenant, |library| library.answer(turn, &texts))
            .unwrap_or_else(|| Library::default().answer(turn, &texts))
    }
}

impl Answerer for Embedded {
    fn answer<'a>(&'a self, turn: &'a Turn) -> Pin<Box<dyn Future<Output = Answer> + Send + 'a>> {
        Box::pin(std::future::ready(self.decide(turn)))
    }
}

/// A wish for a person that a later message does not take back, or anger in any message.
fn person_needed(texts: &[&str]) -> Option<Reason> {
    let wish = texts.iter().fold(false, |wish, text| (wish || wants_person(text)) && !declines_person(text));
    if wish {
        return Some(Reason::WantsPerson);
    }
    let together = texts.join("，");
    let angry = texts.iter().any(|text| anger(text).is_negative) || anger(&together).is_negative;
    angry.then_some(Reason::Anger)
}

impl Library {
    fn answer(&self, turn: &Turn, texts: &[&str]) -> Answer {
        let asked: Vec<String> =
            texts.iter().map(|text| pith(text)).filter(|text| burst::has_words(text)).collect();
        if asked.is_empty() {
            let language = turn.language.unwrap_or_else(|| Language::of(&texts.join(" ")));
            let kind =
                texts.iter().filter_map(|text| smalltalk(text)).max().unwrap_or(Smalltalk::Acknowledgement);
            return Answer::Smalltalk { kind, text: self.phrases.of(kind, language).to_owned() };
        }
        let hits = self.hits(turn, &burst::asks(&asked));
        if hits.is_empty() {
            return Answer::HandOver { reason: Reason::Unknown };
        }
        reply(&hits)
    }

    /// The entries that answer all that is asked; none if any part of it stays open.
    fn hits(&self, turn: &Turn, asks: &[Ask]) -> Vec<Hit> {
        let together = asks.iter().map(|ask| ask.text.as_str()).collect::<Vec<_>>().join(" ");
        if asks.len() == 1 {
            let found = self.sure(&together, turn.at).or_else(|| self.follow_up(turn, &together));
            return found.into_iter().collect();
        }
        let each: Vec<Option<Hit>> = asks.iter().map(|ask| self.sure(&ask.text, turn.at)).collect();
        let open = asks.iter().zip(&each).any(|(ask, hit)| hit.is_none() && ask.is_question);
        let mut hits: Vec<Hit> = Vec::new();
        for hit in each.into_iter().flatten() {
            if hits.len() < ANSWERS_MAX && !hits.iter().any(|known| known.entry.answer == hit.entry.answer) {
                hits.push(hit);
            }
        }
        match self.sure(&together, turn.at) {
            // Pieces of one question say more together than alone.
            Some(hit) if hits.len() < 2 => vec![hit],
            _ if open => Vec::new(),
            _ => hits,
        }
    }

    fn sure(&self, text: &str, at: i64) -> Option<Hit> {
        let mut hits = self.index.search(text, at, 1);
        hits.pop().filter(|hit| hit.confidence >= self.threshold && !hit.entry.answer.is_empty())
    }

    /// 那多久能到？ asks about what was asked before.
    fn follow_up(&self, turn: &Turn, text: &str) -> Option<Hit> {
        if !burst::leans_on_before(text) {
            return None;
        }
        let before = turn
            .history
            .iter()
            .rev()
            .find(|said| said.by == Speaker::Customer && burst::has_words(&said.text))?;
        let alone = self.sure(&before.text, turn.at);
        let hit = self.sure(&format!("{} {text}", before.text), turn.at)?;
        // The old answer again would not answer the new question.
        (alone.map(|old| old.entry.id.clone()) != Some(hit.entry.id.clone())).then_some(hit)
    }
}

fn reply(hits: &[Hit]) -> Answer {
    Answer::Reply {
        text: hits.iter().map(|hit| hit.entry.answer.as_str()).collect::<Vec<_>>().join("\n\n"),
        citations: hits
            .iter()
            .map(|hit| Citation { entry: hit.entry.id.clone(), version: hit.entry.version })
            .collect(),
        confidence: hits.iter().map(|hit| hit.confidence).fold(1.0, f32::min),
        worded_by: None,
    }
}
