//! What the admin port refuses, in words for a person.

use serde_json::Value;

pub(super) fn refusal(status: reqwest::StatusCode, body: &[u8]) -> String {
    let problem: Value = serde_json::from_slice(body).unwrap_or_default();
    let words = words(&problem);
    match (words.is_empty(), status) {
        (false, _) => words,
        (true, reqwest::StatusCode::NOT_FOUND) => {
            "the process that runs here has not the role that can do this; ask the one that has".into()
        }
        (true, status) => format!("the suite refused with {status}"),
    }
}

/// A problem document in one line.
pub(crate) fn words(problem: &Value) -> String {
    let text = |name: &str| problem.get(name).and_then(Value::as_str);
    let mut line = String::new();
    for part in ["title", "field", "detail", "remedy"].into_iter().filter_map(text) {
        match line.chars().last() {
            None => {}
            Some('.') => line.push(' '),
            Some(_) => line.push_str(": "),
        }
        line.push_str(part);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_problem_is_one_line_that_ends_with_its_remedy() {
        let problem = json!({ "title": "Not valid", "field": "agent", "detail": "There is none.", "remedy": "Add it." });
        assert_eq!(words(&problem), "Not valid: agent: There is none. Add it.");
        assert_eq!(words(&json!({})), "");
    }
}
