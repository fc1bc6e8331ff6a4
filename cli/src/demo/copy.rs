//! The copy of the leads that the example consumer keeps: one lead per line.

use super::streams::Notice;
use anyhow::Context as _;
use serde::Deserialize;
use std::path::Path;

#[derive(Deserialize)]
struct Lead {
    lead: String,
    thread: String,
    details: Vec<Detail>,
}

#[derive(Deserialize)]
struct Detail {
    kind: String,
    value: String,
}

/// Each lead of the copy, as if one notice had told all of it. The consumer replaces its file whole, so a line is never
/// half written; before its first lead there is no file.
///
/// # Errors
/// Names the line that is no lead.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<Notice>> {
    match std::fs::read_to_string(path) {
        Ok(text) => leads(&text).with_context(|| format!("--consumer-output {}", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => {
            Err(error).with_context(|| format!("--consumer-output {} cannot be read", path.display()))
        }
    }
}

fn leads(text: &str) -> anyhow::Result<Vec<Notice>> {
    let notice = |(number, line): (usize, &str)| {
        let Lead { lead, thread, details } = serde_json::from_str(line).with_context(|| {
            format!("line {}: not a lead as examples/lead-consumer writes them to leads.jsonl", number + 1)
        })?;
        let details = details.into_iter().map(|detail| (detail.kind, detail.value)).collect();
        Ok(Notice { kind: "lead.created".into(), lead, thread, details })
    };
    text.lines().enumerate().map(notice).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_of_the_consumers_copy_is_a_lead_with_its_details() {
        let text = r#"{"account":"a","details":[{"consent":"implied","kind":"phone","message":"m","value":"138"}],"events":["e"],"lead":"l","tenant":"demo","thread":"t"}"#;
        let notice = leads(text).unwrap().remove(0);
        assert!(notice.tells());
        assert_eq!((notice.lead.as_str(), notice.thread.as_str()), ("l", "t"));
        assert_eq!(notice.details, [("phone".to_owned(), "138".to_owned())]);
    }

    #[test]
    fn a_line_that_is_no_lead_is_named() {
        let cloud_event = r#"{"type":"lead.created","data":{"lead":"l"}}"#;
        let error = leads(cloud_event).unwrap_err();
        assert!(error.to_string().starts_with("line 1: not a lead"), "{error:#}");
    }
}
