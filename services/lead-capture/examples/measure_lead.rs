//! Reads labelled messages from a file: `measure_lead FILE` prints the report, `measure_lead FILE predictions` one line per message.

use std::io::{BufRead, BufReader, Write};

use anyhow::Context;
use lead_capture::evaluate::{self, Gold};
use lead_capture::extract;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().context("a file of labelled messages is needed")?;
    let lines: Vec<String> = BufReader::new(std::fs::File::open(&path)?).lines().collect::<Result<_, _>>()?;
    let mut out = std::io::stdout().lock();
    if arguments.next().is_none() {
        let gold: Vec<Gold> =
            lines.iter().map(|line| serde_json::from_str(line)).collect::<Result<_, _>>()?;
        writeln!(out, "{}", serde_json::to_string_pretty(&evaluate::lead(gold))?)?;
        return Ok(());
    }
    for line in &lines {
        let message: serde_json::Value = serde_json::from_str(line)?;
        let text = message["text"].as_str().context("a message has a text")?;
        let entities: Vec<_> = extract::captured(text)
            .iter()
            .map(|detail| {
                serde_json::json!({"type": detail.kind, "start": detail.start, "end": detail.end,
                    "norm": detail.norm, "form": detail.form})
            })
            .collect();
        writeln!(out, "{}", serde_json::json!({"id": message["id"], "entities": entities}))?;
    }
    Ok(())
}
