//! The dialogues: what customers write, turn by turn, and what each turn should lead to.

use anyhow::{Context, ensure};
use serde::Deserialize;

/// The shop's own dialogues, played when no file is named.
pub(crate) const RETAIL: &str = include_str!("../../demo/dialogues/retail.jsonl");

/// Characters of one text; the suite's own channels take no longer ones.
const TEXT_CHARS_MAX: usize = 4000;

/// One customer's part of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dialogue {
    pub(crate) id: String,
    pub(crate) turns: Vec<Turn>,
}

/// One text of the customer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Turn {
    pub(crate) text: String,
    /// Absent in files that only bring load.
    #[serde(default)]
    pub(crate) expect: Option<Expect>,
}

/// What a turn should lead to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Expect {
    pub(crate) kind: Kind,
    /// The entry that answers, with [`Kind::Answer`].
    #[serde(default)]
    pub(crate) entry: Option<String>,
    /// Why a person takes over, with [`Kind::Handover`].
    #[serde(default)]
    pub(crate) reason: Option<String>,
    /// The contact details in the text.
    #[serde(default)]
    pub(crate) lead: Vec<Planted>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Answer,
    Handover,
    Contact,
    Smalltalk,
    /// A person owns the conversation, the AI stays silent.
    None,
}

/// A contact detail that a text holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
pub(crate) struct Planted {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) norm: String,
}

#[derive(Deserialize)]
struct Written {
    id: String,
    turns: Vec<Said>,
}

#[derive(Deserialize)]
struct Said {
    role: String,
    #[serde(flatten)]
    turn: Turn,
}

/// Reads a file of the load format: JSON lines of `{id, turns: [{role, text, expect?}]}`. Only the customer's turns
/// are kept; a dialogue without any is left out.
///
/// # Errors
/// Names the first line that is not of the format.
pub(crate) fn read(text: &str) -> anyhow::Result<Vec<Dialogue>> {
    let mut dialogues = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let written: Written =
            serde_json::from_str(line).with_context(|| format!("line {} is no dialogue", number + 1))?;
        let turns: Vec<Turn> =
            written.turns.into_iter().filter(|said| said.role == "user").map(|said| said.turn).collect();
        for turn in &turns {
            let length = turn.text.chars().count();
            ensure!(!turn.text.trim().is_empty(), "line {}: a text is empty", number + 1);
            ensure!(length <= TEXT_CHARS_MAX, "line {}: a text has {length} characters", number + 1);
        }
        if !turns.is_empty() {
            dialogues.push(Dialogue { id: written.id, turns });
        }
    }
    ensure!(!dialogues.is_empty(), "the file holds no dialogue");
    Ok(dialogues)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shops_dialogues_are_readable_and_each_turn_expects_something() {
        let dialogues = read(RETAIL).unwrap();
        assert_eq!(dialogues.len(), 60);
        let turns: Vec<&Turn> = dialogues.iter().flat_map(|dialogue| &dialogue.turns).collect();
        assert!(turns.iter().all(|turn| turn.expect.is_some()));
        let kind = |kind| turns.iter().filter(|turn| turn.expect.as_ref().unwrap().kind == kind).count();
        assert_eq!((kind(Kind::Answer), kind(Kind::Handover), kind(Kind::None)), (125, 14, 12));
    }

    #[test]
    fn of_a_load_file_only_the_customers_turns_are_played() {
        let line = r#"{"id":"1","source":"x","lang":"zh","turns":[{"role":"user","text":"a"},{"role":"agent","text":"b"},{"role":"user","text":"c"}]}"#;
        let dialogues = read(line).unwrap();
        let texts: Vec<&str> = dialogues[0].turns.iter().map(|turn| turn.text.as_str()).collect();
        assert_eq!(texts, ["a", "c"]);
        assert!(read("{}").is_err());
        assert!(read("").is_err());
    }
}
