//! The feed as an AsyncAPI 3 document: one channel and one message for each type.

use crate::described::{TYPES, example, finish};
use events::feed::LeadCloudEvent;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

pub(crate) fn document() -> Value {
    let (mut channels, mut operations, mut messages) = (Map::new(), Map::new(), Map::new());
    for (kind, name, what) in TYPES {
        let token = kind.token();
        channels.insert(name.into(), channel(token, name, what));
        operations.insert(
            format!("send{}{}", name[..1].to_uppercase(), &name[1..]),
            json!({ "action": "send", "channel": { "$ref": format!("#/channels/{name}") },
                "messages": [{ "$ref": format!("#/channels/{name}/messages/{name}") }] }),
        );
        messages.insert(
            name.into(),
            json!({
                "name": serde_json::to_value(kind).unwrap(),
                "title": what,
                "contentType": "application/cloudevents+json; charset=utf-8",
                "headers": { "$ref": "#/components/schemas/Headers" },
                "payload": { "$ref": "#/components/schemas/LeadCloudEvent" },
                "examples": [{ "name": token, "payload": serde_json::to_value(example(kind)).unwrap() }],
            }),
        );
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tributary lead feed",
            "version": "1",
            "license": { "name": "Apache-2.0" },
            "description": "What happens to leads, as CloudEvents 1.0 in structured JSON on the JetStream stream LEADS. docs/leads.md says how to read it, resume and forget.",
        },
        "defaultContentType": "application/cloudevents+json; charset=utf-8",
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages, "schemas": schemas() },
    })
}

fn channel(token: &str, name: &str, what: &str) -> Value {
    json!({
        "address": format!("leads.{{tenant}}.{token}.{{lead}}"),
        "description": what,
        "parameters": {
            "tenant": { "description": "The business: lower case letters, digits and dashes." },
            "lead": { "description": "The lead's id." },
        },
        "messages": { name: { "$ref": format!("#/components/messages/{name}") } },
    })
}

fn schemas() -> Map<String, Value> {
    let mut settings = SchemaSettings::draft07().for_serialize();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    let mut root = finish(settings.into_generator().into_root_schema_for::<LeadCloudEvent>());
    let mut schemas = Map::new();
    if let Some(fields) = root.as_object_mut() {
        // The definitions stand where the path says, below the root.
        if let Some(Value::Object(components)) = fields.remove("components")
            && let Some(Value::Object(found)) = components.get("schemas").cloned()
        {
            schemas = found;
        }
    }
    schemas.insert("LeadCloudEvent".into(), root);
    schemas.insert(
        "Headers".into(),
        json!({
            "type": "object",
            "required": ["Nats-Msg-Id", "tributary-source", "tributary-positions"],
            "properties": {
                "Nats-Msg-Id": { "type": "string", "format": "uuid", "description": "The event's id." },
                "tributary-source": { "type": "string", "description": "For the feeder: where in the log the event comes from." },
                "tributary-positions": { "type": "string", "description": "For the feeder: how far the log is in the feed." },
            },
        }),
    );
    schemas
}
