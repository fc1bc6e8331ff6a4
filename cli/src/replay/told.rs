//! A stored event as it is told: what is sealed stays so, unless it is opened, and what is gone is gone.

use super::play::Stage;
use events::LeadEvent;
use laws::lead::Lead;
use serde_json::{Map, Value, json};
use spine::keys::{Opened, SealedField};
use spine::log::codec::rfc3339;
use spine::{Entity, Recorded};

/// Whether sealed values are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    Masked,
    /// Somebody's looking is recorded.
    Open,
}

/// The events of one stored decision, one JSON value each.
///
/// # Errors
/// When the key register cannot be read, or of a lead the log.
pub(crate) async fn told(stage: &Stage, record: &Recorded, sight: Sight) -> Result<Vec<Value>, spine::Error> {
    let payload: Value = serde_json::from_slice(&record.payload).unwrap_or_default();
    let Some(Value::Array(mut events)) = payload.get("events").cloned() else {
        return Ok(vec![line(record, "unreadable", &Map::new())]);
    };
    replace_sealed(stage, record, &mut events, sight).await?;
    let tell = |event: &Value| {
        let nothing = Map::new();
        let fields = event.as_object().unwrap_or(&nothing);
        let kind = fields.get("type").and_then(Value::as_str).unwrap_or("unreadable");
        line(record, kind, fields)
    };
    Ok(events.iter().map(tell).collect())
}

fn line(record: &Recorded, event: &str, fields: &Map<String, Value>) -> Value {
    let rest: Map<String, Value> = fields
        .iter()
        .filter(|(name, _)| *name != "type")
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    json!({
        "position": record.position,
        "tenant": &*record.address.tenant,
        "kind": &*record.address.kind,
        "id": &*record.address.id,
        "stored_at": rfc3339(record.stored_at),
        "actor": &*record.meta.actor,
        "decision": &*record.meta.decision,
        "version": record.meta.version,
        "event": event,
        "author": author(&record.address.kind, event, fields, &record.meta.actor),
        "fields": rest,
    })
}

/// Whose act it was, as a reader of the conversation sees it.
fn author(kind: &str, event: &str, fields: &Map<String, Value>, actor: &str) -> String {
    if kind != "thread" {
        return actor.into();
    }
    match event {
        "Began" | "Touched" | "Received" | "Edited" | "Recalled" | "Identified" | "Unreachable" => {
            "customer".into()
        }
        "Opened" if fields.get("by").and_then(Value::as_str) != Some("agent") => "customer".into(),
        "Replied" => match fields.get("by") {
            Some(Value::String(word)) => word.clone(),
            Some(Value::Object(agent)) => {
                format!("agent {}", agent.get("agent").and_then(Value::as_str).unwrap_or_default())
            }
            _ => actor.into(),
        },
        "AnsweredOutside" => "a person outside".into(),
        "DeskTook" | "DeskLetGo" => "the platform's desk".into(),
        _ => actor.into(),
    }
}

/// One sealed value of the events, by the steps that lead to it.
struct Place {
    steps: Vec<Step>,
    sealed: String,
    field: Option<String>,
}

#[derive(Clone)]
enum Step {
    Name(String),
    Number(usize),
}

async fn replace_sealed(
    stage: &Stage,
    record: &Recorded,
    events: &mut [Value],
    sight: Sight,
) -> Result<(), spine::Error> {
    let mut places = Vec::new();
    for (number, event) in events.iter().enumerate() {
        let kind = event.get("type").and_then(Value::as_str).unwrap_or_default();
        find(event, &mut vec![Step::Number(number)], &mut |steps, sealed| {
            let field = field_of(&record.address.kind, kind, steps);
            places.push(Place { steps: steps.to_vec(), sealed: sealed.into(), field });
        });
    }
    if places.is_empty() {
        return Ok(());
    }
    if &*record.address.kind == Lead::KIND && may_be_erased(&stage.log.history(&record.address, None).await?)
    {
        places.iter().for_each(|place| put(events, &place.steps, gone()));
        return Ok(());
    }
    let subject = record.address.subject();
    let asked: Vec<SealedField<'_>> = places
        .iter()
        .map(|place| SealedField {
            sealed: &place.sealed,
            subject: &subject,
            field: place.field.as_deref().unwrap_or_default(),
        })
        .collect();
    // Opened also where it is not shown: only so it can be told that a key is destroyed.
    let opened = stage.keys.open_many(&asked).await?;
    for (place, opened) in places.iter().zip(opened) {
        let shown = match opened {
            Ok(Opened::Gone) => gone(),
            Ok(Opened::Text(text)) if sight == Sight::Open && place.field.is_some() => Value::String(text),
            Ok(Opened::Text(_)) | Err(_) => mask(&place.sealed),
        };
        put(events, &place.steps, shown);
    }
    Ok(())
}

/// Whether a lead is erased, as far as its whole history can be read. A joined lead is erased with somebody else while
/// the key of its own thread lives, so the key does not tell it. Nothing follows an erasure: a last message that can
/// be read and is none settles it.
fn may_be_erased(history: &[Recorded]) -> bool {
    let erases = |event: &LeadEvent| matches!(event, LeadEvent::Erased { .. });
    let readable = |record: &Recorded| record.events::<Lead>().is_ok();
    history.iter().any(|record| record.events::<Lead>().is_ok_and(|events| events.iter().any(erases)))
        || !history.last().is_some_and(readable)
}

/// What stands in place of a value that nobody is shown again.
fn gone() -> Value {
    json!({ "gone": true })
}

/// What stands in place of a sealed value.
fn mask(sealed: &str) -> Value {
    let mut parts = sealed.split('.').skip(1);
    json!({ "sealed": parts.next().unwrap_or_default(), "key": parts.next().unwrap_or_default() })
}

fn is_sealed(text: &str) -> bool {
    let mut parts = text.split('.');
    parts.next() == Some("v1") && matches!(parts.next(), Some("a256gcm" | "sm4gcm")) && parts.count() == 3
}

fn find(value: &Value, steps: &mut Vec<Step>, found: &mut impl FnMut(&[Step], &str)) {
    match value {
        Value::String(text) if is_sealed(text) => found(steps, text),
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                steps.push(Step::Number(number));
                find(item, steps, found);
                steps.pop();
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                steps.push(Step::Name(name.clone()));
                find(field, steps, found);
                steps.pop();
            }
        }
        _ => {}
    }
}

fn put(events: &mut [Value], steps: &[Step], shown: Value) {
    let Some((Step::Number(number), rest)) = steps.split_first() else { return };
    let Some(mut place) = events.get_mut(*number) else { return };
    for step in rest {
        let next = match step {
            Step::Name(name) => place.get_mut(name.as_str()),
            Step::Number(number) => place.get_mut(*number),
        };
        match next {
            Some(next) => place = next,
            None => return,
        }
    }
    *place = shown;
}

/// The name under which the value at these steps was sealed; none for what is opened to nobody here, such as an
/// account's secrets.
fn field_of(entity: &str, event: &str, steps: &[Step]) -> Option<String> {
    let names: Vec<&str> = steps
        .iter()
        .filter_map(|step| match step {
            Step::Name(name) => Some(name.as_str()),
            Step::Number(_) => None,
        })
        .collect();
    let field = match (entity, event, &names[..]) {
        ("thread", _, ["content", name]) => return Some(format!("content.{name}")),
        ("thread", "Began", [name]) => return Some(format!("began.{name}")),
        ("thread", "Identified", ["value"]) => "identified.value",
        ("lead", "Captured", ["value"]) => "lead.value",
        ("customer", "Evidenced", ["value"]) => "customer.evidence",
        _ => return None,
    };
    Some(field.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEALED: &str = "v1.a256gcm.k1.bm9uY2U.Y2lwaGVy";

    #[test]
    fn a_sealed_value_is_told_from_other_texts() {
        assert!(is_sealed(SEALED));
        for plain in ["v1.2.3", "v1.a256gcm.k1.n", "您好", "v2.a256gcm.k1.n.c"] {
            assert!(!is_sealed(plain), "{plain}");
        }
        assert_eq!(mask(SEALED), json!({ "sealed": "a256gcm", "key": "k1" }));
    }

    #[test]
    fn each_sealed_value_is_found_under_the_name_it_was_sealed_for() {
        let event =
            json!({ "type": "Received", "content": { "kind": "text", "text": SEALED }, "list": [SEALED] });
        let mut found = Vec::new();
        find(&event, &mut vec![Step::Number(0)], &mut |steps, _| {
            found.push(field_of("thread", "Received", steps));
        });
        assert_eq!(found, [Some("content.text".to_owned()), None]);
        let name = |name: &str| [Step::Number(0), Step::Name(name.into())];
        assert_eq!(field_of("thread", "Began", &name("contact")).as_deref(), Some("began.contact"));
        assert_eq!(field_of("lead", "Captured", &name("value")).as_deref(), Some("lead.value"));
        let secret = [
            Step::Number(0),
            Step::Name("setup".into()),
            Step::Name("secrets".into()),
            Step::Name("t".into()),
        ];
        assert_eq!(field_of("account", "Configured", &secret), None, "secrets are opened to nobody");
    }

    #[test]
    fn a_value_is_put_back_where_it_was_found() {
        let mut events = vec![json!({ "a": 1 }), json!({ "b": [{ "c": SEALED }] })];
        let mut steps = Vec::new();
        find(&events[1], &mut vec![Step::Number(1)], &mut |found, _| steps = found.to_vec());
        put(&mut events, &steps, json!({ "gone": true }));
        assert_eq!(events[1], json!({ "b": [{ "c": { "gone": true } }] }));
    }

    #[test]
    fn a_reply_is_its_authors_and_a_message_the_customers() {
        let fields = |value: Value| value.as_object().cloned().unwrap();
        let by = |by: Value| author("thread", "Replied", &fields(json!({ "by": by })), "console");
        assert_eq!(by(json!("ai")), "ai");
        assert_eq!(by(json!({ "agent": "7" })), "agent 7");
        assert_eq!(author("thread", "Received", &Map::new(), "channel-ingest"), "customer");
        assert_eq!(author("thread", "Sent", &Map::new(), "channel-ingest"), "channel-ingest");
        assert_eq!(author("lead", "Captured", &Map::new(), "lead-capture"), "lead-capture");
    }
}
