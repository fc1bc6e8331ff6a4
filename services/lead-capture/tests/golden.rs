//! The golden file: messages and what must be captured of each, kinds and canonical values in the order of the text.

use lead_capture::extract::{Kind, captured};

#[derive(serde::Deserialize)]
struct Line {
    text: String,
    details: Vec<(Kind, String)>,
}

#[test]
fn every_golden_message_yields_exactly_its_details() {
    let mut wrong = Vec::new();
    for line in include_str!("golden.jsonl").lines() {
        let line: Line = serde_json::from_str(line).unwrap();
        let found: Vec<(Kind, String)> =
            captured(&line.text).into_iter().map(|detail| (detail.kind, detail.norm)).collect();
        if found != line.details {
            wrong.push(format!("{}\n  wanted {:?}\n  found  {found:?}", line.text, line.details));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
