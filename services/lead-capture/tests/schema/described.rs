//! The JSON Schema of an event, and one event of each type.

use events::feed::{LeadCloudEvent, LeadDetail, LeadFeedType, LeadNotice};
use events::lead::{Consent, DetailKind};
use schemars::Schema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

/// Each type with the name of its message and what it says.
pub(crate) const TYPES: [(LeadFeedType, &str, &str); 6] = [
    (LeadFeedType::Created, "leadCreated", "A lead's first contact details."),
    (
        LeadFeedType::Updated,
        "leadUpdated",
        "Further details of a known lead; or all of them again, under what the customer now says about being contacted.",
    ),
    (LeadFeedType::Joined, "leadJoined", "The lead is the same person as an earlier one, which goes on."),
    (LeadFeedType::Parted, "leadParted", "A join was wrong: the lead stands for itself again."),
    (
        LeadFeedType::Qualified,
        "leadQualified",
        "The lead is good enough to be handed on, or its score changed since.",
    ),
    (LeadFeedType::Erased, "leadErased", "The person was erased: delete what you hold of the lead."),
];

/// The schema of an event as it is written, in JSON Schema 2020-12.
pub(crate) fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = finish(settings.into_generator().into_root_schema_for::<LeadCloudEvent>());
    schema["$id"] = json!("urn:tributary:schema:lead-event");
    schema["title"] = json!("Lead event");
    schema
}

/// What the types do not say: fixed values and formats, and that nothing is ever null.
pub(crate) fn finish(schema: Schema) -> Value {
    let mut schema = schema.to_value();
    never_null(&mut schema);
    let properties = &mut schema["properties"];
    properties["specversion"]["const"] = json!("1.0");
    properties["datacontenttype"]["const"] = json!("application/json");
    properties["id"]["format"] = json!("uuid");
    properties["time"]["format"] = json!("date-time");
    schema
}

fn never_null(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::Array(types)) = fields.get_mut("type") {
                types.retain(|kind| kind != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    fields.insert("type".into(), only);
                }
            }
            fields.retain(|name, value| !(name == "default" && value.is_null()));
            fields.values_mut().for_each(never_null);
        }
        Value::Array(values) => values.iter_mut().for_each(never_null),
        _ => {}
    }
}

/// One event of the type.
pub(crate) fn example(kind: LeadFeedType) -> LeadCloudEvent {
    let thread = "3648bfa5-7c16-4742-b87d-7c6957ee0f89";
    let lead = format!("{thread}-1");
    let (tenant, account) = ("demo".to_owned(), "0acc0000-0000-4000-8000-000000000001".to_owned());
    let detail = |kind, value: &str, consent| LeadDetail {
        kind,
        value: value.into(),
        consent,
        message: "5d1f3c2a-9b0e-5c47-8d2b-0f4c7a9e1b35".into(),
    };
    let bare = LeadNotice {
        lead: lead.clone(),
        tenant: tenant.clone(),
        thread: Some(thread.into()),
        conversation: None,
        channel: None,
        account: None,
        details: vec![],
        joined_into: None,
        score: None,
        reasons: vec![],
    };
    let data = match kind {
        LeadFeedType::Created => LeadNotice {
            conversation: Some(1),
            channel: Some("wechat_oa".into()),
            account: Some(account),
            details: vec![
                detail(DetailKind::Phone, "13812345678", Consent::Implied),
                detail(DetailKind::Wechat, "13812345678", Consent::Implied),
            ],
            ..bare
        },
        LeadFeedType::Updated => {
            LeadNotice { details: vec![detail(DetailKind::Phone, "13812345678", Consent::Refused)], ..bare }
        }
        LeadFeedType::Joined => {
            let into = "9c0e4d1b-52a7-4f7e-8a55-1f2b3c4d5e6f-1";
            LeadNotice { joined_into: Some(into.into()), ..bare }
        }
        LeadFeedType::Parted => bare,
        LeadFeedType::Qualified => {
            let reasons = ["phone", "wechat", "intent_price"].map(String::from).to_vec();
            LeadNotice { score: Some(60), reasons, ..bare }
        }
        LeadFeedType::Erased => LeadNotice { thread: None, ..bare },
    };
    LeadCloudEvent {
        specversion: "1.0".into(),
        id: "0b7b1f7e-2f0a-5d7c-9a53-6a7e1c2d3b4f".into(),
        source: format!("/tenants/{tenant}"),
        kind,
        subject: lead,
        time: "2026-11-24T08:30:00.123456Z".into(),
        datacontenttype: "application/json".into(),
        data,
    }
}
