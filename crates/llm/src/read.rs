//! Reads what an endpoint said. Pure, and trusts none of it.

use crate::grounds::Grounds;
use crate::question::Passage;
use serde::Deserialize;

/// Characters of an answer; a longer one is no answer to a customer's question.
const ANSWER_CHARS_MAX: usize = 600;
/// Entries that an answer may rest on; one that names them all rests on none.
const CITED_MAX: usize = 3;
/// How models that think aloud end it.
const THOUGHT_END: &str = "</think>";

/// What a model says to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// This, resting on the passages at these places, in rising order.
    Answer { text: String, passages: Vec<usize> },
    /// The passages do not hold the answer.
    NotThere,
}

/// Why nothing of a reply can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// It is no chat completion.
    #[error("it is no chat completion")]
    Form,
    /// The model was stopped before its end.
    #[error("the model was stopped before its end")]
    Cut,
    /// It does not say what it was asked to say.
    #[error("it does not have the form that was asked for")]
    Words,
    /// It names no passage or one that there is not.
    #[error("the answer names no passage, or one that there is not")]
    Citation,
    /// A number, address or link in it stands in no passage that it names.
    #[error("a number, address or link of the answer stands in no passage that it names")]
    Ungrounded,
}

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Option<String>,
}

/// What the instructions ask for.
#[derive(Deserialize)]
struct Told {
    answer: Option<String>,
    #[serde(default)]
    passages: Vec<usize>,
}

/// The reply in the body of a chat completion.
///
/// # Errors
/// When it is none, is cut, or holds anything that its passages do not.
pub fn read(body: &[u8], passages: &[Passage<'_>]) -> Result<Reply, Unusable> {
    let completion: Completion = serde_json::from_slice(body).map_err(|_| Unusable::Form)?;
    let choice = completion.choices.into_iter().next().ok_or(Unusable::Form)?;
    // Some endpoints leave it out; of the others only this one is a whole reply.
    if choice.finish_reason.is_some_and(|reason| reason != "stop") {
        return Err(Unusable::Cut);
    }
    let content = choice.message.content.unwrap_or_default();
    let told: Told = serde_json::from_str(bare(&content)).map_err(|_| Unusable::Words)?;
    let Some(answer) = told.answer else { return Ok(Reply::NotThere) };
    let text = answer.trim();
    if text.is_empty() {
        return Ok(Reply::NotThere);
    }
    if !is_plain(text) {
        return Err(Unusable::Words);
    }
    let cited = cited(told.passages, passages.len()).ok_or(Unusable::Citation)?;
    // What an entry asks is no word of the business.
    let known = Grounds::of(cited.iter().map(|place| passages[*place].answer));
    if !Grounds::of([text]).stand_in(&known) {
        return Err(Unusable::Ungrounded);
    }
    Ok(Reply::Answer { text: text.to_owned(), passages: cited })
}

/// Without what was thought aloud and without the fence of a code block.
fn bare(content: &str) -> &str {
    let said = content.rfind(THOUGHT_END).map_or(content, |at| &content[at + THOUGHT_END.len()..]).trim();
    let fenced = said.strip_prefix("```").and_then(|rest| rest.strip_suffix("```"));
    fenced.map_or(said, |inner| inner.strip_prefix("json").unwrap_or(inner).trim())
}

/// Whether it can be shown to a customer: of a bounded length, no control characters, no marks of a model's inside.
fn is_plain(text: &str) -> bool {
    let inside = ["<think", "<|", "```"];
    text.chars().count() <= ANSWER_CHARS_MAX
        && !text.chars().any(|c| (c.is_control() && c != '\n') || is_unseen(c))
        && !inside.iter().any(|mark| text.contains(mark))
}

/// Characters that are not seen, or turn the direction of others: with them 48 is written that reads as 84.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{200c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}')
        || matches!(c, '\u{ad}' | '\u{feff}' | char::REPLACEMENT_CHARACTER)
}

/// The places behind the numbers that a model names, which count from 1.
fn cited(numbers: Vec<usize>, passages: usize) -> Option<Vec<usize>> {
    let mut places: Vec<usize> =
        numbers.into_iter().map(|number| number.checked_sub(1)).collect::<Option<_>>()?;
    places.sort_unstable();
    places.dedup();
    let is_some = !places.is_empty() && places.len() <= CITED_MAX;
    (is_some && places.iter().all(|place| *place < passages)).then_some(places)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const PASSAGES: [Passage<'_>; 2] = [
        Passage { question: "多久发货", answer: "48小时内发货" },
        Passage { question: "退货运费", answer: "运费由我们承担" },
    ];

    fn said(content: &str) -> Result<Reply, Unusable> {
        let body = json!({ "choices": [{ "message": { "role": "assistant", "content": content },
            "finish_reason": "stop" }] });
        read(body.to_string().as_bytes(), &PASSAGES)
    }

    fn answer(text: &str, passages: &[usize]) -> Result<Reply, Unusable> {
        Ok(Reply::Answer { text: text.into(), passages: passages.to_vec() })
    }

    #[test]
    fn an_answer_that_names_its_passages_is_taken() {
        let plain = r#"{"answer": " 48小时内发货 ", "passages": [1]}"#;
        assert_eq!(said(plain), answer("48小时内发货", &[0]));
        assert_eq!(said(&format!("<think>24小时?</think>\n{plain}")), answer("48小时内发货", &[0]));
        assert_eq!(said(&format!("```json\n{plain}\n```")), answer("48小时内发货", &[0]));
        let both = r#"{"answer": "48小时内发货，运费由我们承担", "passages": [2, 1, 2]}"#;
        assert_eq!(said(both), answer("48小时内发货，运费由我们承担", &[0, 1]));
    }

    #[test]
    fn what_is_not_there_is_said_in_three_ways() {
        for content in [
            r#"{"answer": null, "passages": []}"#,
            r#"{"answer": null}"#,
            r#"{"answer": " ", "passages": [1]}"#,
        ] {
            assert_eq!(said(content), Ok(Reply::NotThere), "{content}");
        }
    }

    #[test]
    fn nothing_else_reaches_a_customer() {
        for (content, why) in [
            ("48小时内发货", Unusable::Words),
            (r#"{"answer": "48小时"#, Unusable::Words),
            (r#"{"answer": "好", "passages": [1]} and more"#, Unusable::Words),
            ("<think>{\"answer\": \"好\", \"passages\": [1]}", Unusable::Words),
            (r#"{"answer": "<think>好", "passages": [1]}"#, Unusable::Words),
            ("{\"answer\": \"好\\u0000\", \"passages\": [1]}", Unusable::Words),
            (r#"{"answer": 7, "passages": [1]}"#, Unusable::Words),
            ("{\"answer\": \"好\u{202e}\", \"passages\": [1]}", Unusable::Words),
            (r#"{"answer": "好"}"#, Unusable::Citation),
            (r#"{"answer": "好", "passages": [0]}"#, Unusable::Citation),
            (r#"{"answer": "好", "passages": [3]}"#, Unusable::Citation),
            (r#"{"answer": "24小时内发货", "passages": [1]}"#, Unusable::Ungrounded),
            (r#"{"answer": "48小时内发货", "passages": [2]}"#, Unusable::Ungrounded),
        ] {
            assert_eq!(said(content), Err(why), "{content}");
        }
        let long = format!(r#"{{"answer": "{}", "passages": [1]}}"#, "好".repeat(ANSWER_CHARS_MAX + 1));
        assert_eq!(said(&long), Err(Unusable::Words));
    }

    #[test]
    fn a_body_that_is_no_completion_is_told_apart_from_a_cut_one() {
        for body in ["", "data: {}\n\n", "[]", "{}", r#"{"choices": []}"#, r#"{"choices": [{}]}"#, "\u{0}"] {
            assert_eq!(read(body.as_bytes(), &PASSAGES), Err(Unusable::Form), "{body}");
        }
        let cut = json!({ "choices": [{ "message": { "content": "{}" }, "finish_reason": "length" }] });
        assert_eq!(read(cut.to_string().as_bytes(), &PASSAGES), Err(Unusable::Cut));
        let silent = json!({ "choices": [{ "message": { "content": null } }] });
        assert_eq!(read(silent.to_string().as_bytes(), &PASSAGES), Err(Unusable::Words));
    }
}
