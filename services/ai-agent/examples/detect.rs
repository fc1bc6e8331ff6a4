//! Predicts emotion and the wish for a person for a file of `{"id","text"}` lines: `detect FILE > PREDICTIONS`.

use std::io::Write;

use ai_agent::detect::{anger, wants_person};
use serde::Deserialize;

#[derive(Deserialize)]
struct Line {
    id: String,
    text: String,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args().nth(1).ok_or("detect FILE")?;
    let mut out = std::io::stdout().lock();
    for line in std::fs::read_to_string(file)?.lines() {
        let Line { id, text } = serde_json::from_str(line)?;
        let anger = anger(&text);
        let handoff = wants_person(&text);
        let prediction = serde_json::json!({
            "id": id, "neg": u8::from(anger.is_negative), "neg_score": anger.level, "handoff": u8::from(handoff),
        });
        writeln!(out, "{prediction}")?;
    }
    Ok(())
}
