//! Measures a knowledge base against questions: `measure KB QUERIES [THRESHOLD] [--misses]`.

use std::io::Write;

use ai_agent::evaluate::{Query, faq};
use ai_agent::knowledge::{Format, Source, import};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kb, queries, rest @ ..] = arguments.as_slice() else {
        return Err("measure KB QUERIES [THRESHOLD]".into());
    };
    let threshold = rest.first().map_or(Ok(0.5), |text| text.parse())?;
    let format = Format::of_name(kb).ok_or("unknown format")?;
    let source = Source { name: kb, format, zone: &jiff::tz::TimeZone::UTC };
    let imported = import(&source, &std::fs::read(kb)?);
    let mut out = std::io::stdout().lock();
    for problem in &imported.problems {
        writeln!(out, "{problem}")?;
    }
    let text = std::fs::read_to_string(queries)?;
    let queries: Vec<Query> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let report = faq(imported.entries, queries.into_iter(), threshold);
    writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
    Ok(())
}
