//! What a new schema breaks for who reads by the old one, and for events that were written by it.

use serde_json::Value;
use std::collections::BTreeSet;

/// Schemas that refer to themselves are followed so deep.
const DEPTH_MAX: usize = 16;

/// Every promise of `old` that `new` does not keep, by the path of the field.
pub(crate) fn breaks(old: &Value, new: &Value) -> Vec<String> {
    let mut found = Vec::new();
    Comparison { old, new }.compare(("", 0), (old, new), &mut found);
    found
}

struct Comparison<'a> {
    old: &'a Value,
    new: &'a Value,
}

impl Comparison<'_> {
    fn compare(&self, (path, depth): (&str, usize), (old, new): (&Value, &Value), found: &mut Vec<String>) {
        let (old, new) = (resolve(self.old, old), resolve(self.new, new));
        if depth > DEPTH_MAX {
            return;
        }
        for field in ["type", "format", "const"] {
            if field_of(old, field) != field_of(new, field) {
                found.push(format!(
                    "{path}: {field} was {}, is {}",
                    field_of(old, field),
                    field_of(new, field)
                ));
            }
        }
        for value in words(old).difference(&words(new)) {
            found.push(format!("{path}: the value {value} is gone"));
        }
        if words(old).is_empty() && !words(new).is_empty() {
            found.push(format!("{path}: only some values are allowed now"));
        }
        let (was, is) = (required(old), required(new));
        for name in is.difference(&was) {
            found
                .push(format!("{path}/{name}: is required now, and events that were written before lack it"));
        }
        for name in was.difference(&is) {
            found.push(format!("{path}/{name}: may be missing now"));
        }
        if let Some(properties) = old.get("properties").and_then(Value::as_object) {
            for (name, property) in properties {
                let path = format!("{path}/{name}");
                match new.get("properties").and_then(|properties| properties.get(name)) {
                    Some(now) => self.compare((&path, depth + 1), (property, now), found),
                    None => found.push(format!("{path}: is gone")),
                }
            }
        }
        if let Some(items) = old.get("items") {
            let now = new.get("items").unwrap_or(&Value::Null);
            self.compare((&format!("{path}/[]"), depth + 1), (items, now), found);
        }
    }
}

fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let mut schema = schema;
    for _ in 0..DEPTH_MAX {
        let Some(reference) = schema.get("$ref").and_then(Value::as_str) else { break };
        schema = root.pointer(reference.trim_start_matches('#')).unwrap_or(&Value::Null);
    }
    schema
}

fn field_of(schema: &Value, field: &str) -> Value {
    schema.get(field).cloned().unwrap_or(Value::Null)
}

fn required(schema: &Value) -> BTreeSet<String> {
    let names = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    names.filter_map(Value::as_str).map(String::from).collect()
}

/// The words that are allowed, whether they stand in `enum` or one by one in `oneOf`.
fn words(schema: &Value) -> BTreeSet<String> {
    let list = |field: &str| schema.get(field).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut words: BTreeSet<String> = list("enum").iter().map(Value::to_string).collect();
    for part in list("oneOf") {
        words.extend(part.get("const").map(Value::to_string));
        words.extend(part.get("enum").and_then(Value::as_array).into_iter().flatten().map(Value::to_string));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema() -> Value {
        json!({
            "type": "object",
            "required": ["id"],
            "properties": {
                "id": { "type": "string" },
                "score": { "type": "integer" },
                "details": { "type": "array", "items": { "$ref": "#/$defs/Detail" } },
            },
            "$defs": {
                "Detail": { "type": "object", "properties": { "kind": { "enum": ["phone", "qq"] } } },
            },
        })
    }

    fn changed(change: impl Fn(&mut Value)) -> Vec<String> {
        let mut new = schema();
        change(&mut new);
        breaks(&schema(), &new)
    }

    #[test]
    fn what_is_only_added_breaks_nobody() {
        let added = changed(|new| {
            new["properties"]["campaign"] = json!({ "type": "string" });
            new["$defs"]["Detail"]["properties"]["kind"]["enum"] = json!(["phone", "qq", "line"]);
            new["properties"]["id"]["description"] = json!("words");
        });
        assert_eq!(added, Vec::<String>::new());
    }

    #[test]
    fn a_field_that_is_gone_or_has_another_name_breaks() {
        let gone = changed(|new| {
            let score = new["properties"]["score"].take();
            new["properties"].as_object_mut().unwrap().remove("score");
            new["properties"]["points"] = score;
        });
        assert_eq!(gone, ["/score: is gone"]);
    }

    #[test]
    fn another_type_breaks_also_deep_inside() {
        assert_eq!(changed(|new| new["properties"]["score"]["type"] = json!("string")).len(), 1);
        let deep = changed(|new| new["$defs"]["Detail"]["properties"]["kind"]["enum"] = json!(["phone"]));
        assert_eq!(deep, ["/details/[]/kind: the value \"qq\" is gone"]);
    }

    #[test]
    fn a_field_that_must_or_need_not_be_there_any_more_breaks() {
        let required = changed(|new| new["required"] = json!(["id", "score"]));
        assert!(required.len() == 1 && required[0].starts_with("/score: is required now"));
        assert_eq!(changed(|new| new["required"] = json!([])), ["/id: may be missing now"]);
    }
}
