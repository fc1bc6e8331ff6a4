//! A replay as text: one line an event, then the state.

use crate::output::{list, text};
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

/// The line of an event; times are told in `zone`.
pub(super) fn event(line: &Value, zone: &TimeZone) -> String {
    let nothing = Map::new();
    let fields = line.get("fields").and_then(Value::as_object).unwrap_or(&nothing);
    let mut parts = vec![
        text(line, "position").to_owned(),
        time(text(line, "stored_at"), zone),
        format!("{}.{}", text(line, "kind"), text(line, "event")),
        text(line, "author").to_owned(),
    ];
    parts.extend(said(fields));
    // Its own time is when it was decided; the line already tells when it was stored.
    let rest = fields.iter().filter(|(name, _)| !matches!(name.as_str(), "content" | "at"));
    parts.extend(rest.map(|(name, value)| format!("{name}={}", named(name, value, zone))));
    parts.retain(|part| !part.is_empty());
    parts.join("  ")
}

/// What a message says, in quotes when it is shown.
fn said(fields: &Map<String, Value>) -> Option<String> {
    let content = fields.get("content")?;
    let kind = text(content, "kind");
    let shown = |name: &str| {
        content.get(name).map(|value| match value {
            Value::String(text) => format!("“{}”", safe(text)),
            other => plain(other),
        })
    };
    let words: Vec<String> = [shown("text"), shown("media")].into_iter().flatten().collect();
    let kind = if kind == "text" { String::new() } else { format!("({kind})") };
    let said = [vec![kind], words].concat();
    Some(said.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" "))
}

/// A field's value; one that is a time by its name is told as such.
fn named(name: &str, value: &Value, zone: &TimeZone) -> String {
    let is_time = name.ends_with("_at") || matches!(name, "until" | "valid_from" | "valid_until");
    match value.as_i64().filter(|_| is_time).map(jiff::Timestamp::from_microsecond) {
        Some(Ok(at)) => local(at, zone),
        _ => plain(value),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => safe(text),
        Value::Object(fields) if fields.contains_key("gone") => "[gone]".into(),
        Value::Object(fields) if fields.contains_key("sealed") => {
            format!("[sealed: {} key {}]", text(value, "sealed"), text(value, "key"))
        }
        Value::Object(fields) => {
            let parts: Vec<String> =
                fields.iter().map(|(name, value)| format!("{name}: {}", plain(value))).collect();
            format!("{{{}}}", parts.join(", "))
        }
        Value::Array(items) => {
            let parts: Vec<String> = items.iter().map(plain).collect();
            format!("[{}]", parts.join(", "))
        }
        other => other.to_string(),
    }
}

/// A text that cannot move the cursor, hide anything or turn the line round.
fn safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push('⏎'),
            c if c.is_control()
                || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') =>
            {
                out.extend(c.escape_unicode());
            }
            c => out.push(c),
        }
    }
    out
}

fn time(rfc3339: &str, zone: &TimeZone) -> String {
    match rfc3339.parse::<jiff::Timestamp>() {
        Ok(time) => local(time, zone),
        Err(_) => rfc3339.to_owned(),
    }
}

fn local(time: jiff::Timestamp, zone: &TimeZone) -> String {
    time.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M:%S%.3f%:z").to_string()
}

/// The lines of the state at the end.
pub(super) fn state(state: &Value) -> Vec<String> {
    let is = state.get("is").unwrap_or(&Value::Null);
    let head = format!("{} {} at {}:", text(state, "kind"), text(state, "id"), text(state, "at"));
    if is.get("erased").is_some() {
        return vec![format!("{head} erased")];
    }
    if let Some(unknown) = is.get("unknown").and_then(Value::as_str) {
        return vec![format!("{head} cannot be told: {unknown}")];
    }
    let nothing = Map::new();
    let fields = is.as_object().unwrap_or(&nothing);
    let mut lines = vec![head];
    let told = fields.iter().filter(|(name, value)| *name != "pending" && !value.is_null());
    lines.extend(told.map(|(name, value)| format!("  {:<14}{}", name.replace('_', " "), plain(value))));
    if let Some(pending) = fields.get("pending").and_then(Value::as_array) {
        lines.push(format!("  {:<14}{}", "pending", pending.len()));
    }
    for send in list(is, "pending") {
        let number = |name: &str| send.get(name).and_then(Value::as_u64).unwrap_or_default();
        lines.push(format!(
            "    {} by {} in tenure {}, attempt {}: {}",
            text(send, "message"),
            text(send, "by"),
            number("tenure"),
            number("attempt"),
            text(send, "stage")
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn received(said: Value) -> Value {
        json!({
            "position": "1.3:4711", "kind": "thread", "event": "Received", "author": "customer",
            "stored_at": "2026-11-26T02:32:07.123456Z",
            "fields": { "n": 2, "content": { "kind": "text", "text": said, "length": 2 }, "at": 1 },
        })
    }

    #[test]
    fn an_event_is_one_line_with_position_time_author_and_masked_text() {
        let zone = TimeZone::fixed(jiff::tz::offset(8));
        let sealed = json!({ "sealed": "a256gcm", "key": "k1" });
        assert_eq!(
            event(&received(sealed), &zone),
            "1.3:4711  2026-11-26 10:32:07.123+08:00  thread.Received  customer  [sealed: a256gcm key k1]  n=2"
        );
        assert!(event(&received(json!({ "gone": true })), &zone).contains("[gone]"));
    }

    #[test]
    fn a_field_that_is_a_time_is_told_in_the_zone() {
        let zone = TimeZone::fixed(jiff::tz::offset(8));
        assert_eq!(
            named("retry_at", &json!(1_795_657_553_767_613_i64), &zone),
            "2026-11-26 09:45:53.767+08:00"
        );
        assert_eq!(named("attempt", &json!(3), &zone), "3");
    }

    #[test]
    fn a_shown_text_stays_in_its_line() {
        let shown = event(&received(json!("您\n好\u{1b}[2J\u{202e}")), &TimeZone::UTC);
        assert!(shown.contains("“您⏎好\\u{1b}[2J\\u{202e}”"), "{shown}");
    }

    #[test]
    fn the_state_lists_what_waits_to_be_sent() {
        let told = state(&json!({ "kind": "thread", "id": "x", "at": "1.3:9", "is": {
            "conversation": 1, "owner": "the AI", "tenure": 4, "queue": null,
            "pending": [{ "message": "m", "by": "ai", "tenure": 4, "attempt": 1, "stage": "waits" }],
        }}));
        assert_eq!(told[0], "thread x at 1.3:9:");
        assert!(told.contains(&"  owner         the AI".to_owned()), "{told:?}");
        assert!(told.contains(&"    m by ai in tenure 4, attempt 1: waits".to_owned()), "{told:?}");
        assert_eq!(
            state(&json!({ "kind": "thread", "id": "x", "at": "1.3:9", "is": { "erased": true } })).len(),
            1
        );
    }
}
