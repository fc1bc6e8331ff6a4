//! What a consumer finds on LEADS.

use crate::world::World;
use events::LeadEvent;
use events::feed::{LeadCloudEvent, LeadFeedType};
use ground::Server;
use laws::lead::Lead;
use spine::Entity;
use spine::feed::Source;
use spine::log::Consumption;
use std::collections::BTreeSet;

/// One message of the stream.
pub(crate) struct Message {
    pub(crate) subject: String,
    pub(crate) event: LeadCloudEvent,
    pub(crate) bytes: Vec<u8>,
}

/// Everything on the stream, in its order.
pub(crate) async fn all(server: &Server) -> Vec<Message> {
    let nats = server.nats().await;
    let jetstream = async_nats::jetstream::new(nats.client().clone());
    let state = jetstream.get_stream("LEADS").await.unwrap().cached_info().state.clone();
    let mut reading = Consumption::with_gaps(&nats, "LEADS".into(), 1);
    let mut found = Vec::new();
    while u64::try_from(found.len()).unwrap() < state.messages {
        let stored = reading.next().await.unwrap();
        let content_type = stored.headers.get("content-type").unwrap().as_str();
        assert_eq!(content_type, "application/cloudevents+json; charset=utf-8");
        let event: LeadCloudEvent = serde_json::from_slice(&stored.payload).unwrap();
        assert_eq!(stored.headers.get("Nats-Msg-Id").unwrap().as_str(), event.id);
        found.push(Message { subject: stored.subject, event, bytes: stored.payload.to_vec() });
    }
    found
}

/// The ids that the log's messages of leads make on the stream, by a rule of the test's own: one for all details of
/// a decision, one for everything else.
pub(crate) async fn wanted(world: &World) -> BTreeSet<String> {
    let mut wanted = BTreeSet::new();
    for (part, end) in (0..spine::PARTS).zip(world.log().ends().await.unwrap()) {
        let stream = spine::address::stream_name(1, part);
        let mut reading = Consumption::of_log(world.log().nats(), stream, 1);
        for sequence in 1..=end {
            let stored = reading.next().await.unwrap();
            if !stored.subject.contains(&format!(".{}.", Lead::KIND)) {
                continue;
            }
            let payload: serde_json::Value = serde_json::from_slice(&stored.payload).unwrap();
            let mut told = false;
            for (index, event) in payload["events"].as_array().unwrap().iter().enumerate() {
                let event: LeadEvent = serde_json::from_value(event.clone()).unwrap();
                let is_detail = matches!(event, LeadEvent::Captured { .. });
                if is_detail && told {
                    continue;
                }
                told |= is_detail;
                let position = spine::Position { generation: 1, part, sequence };
                let index = u32::try_from(index).unwrap();
                wanted.insert(Source { position, index }.id().to_string());
            }
        }
    }
    wanted
}

/// The types of what the stream says of a lead, in its order.
pub(crate) fn types_of(messages: &[Message], lead: &str) -> Vec<LeadFeedType> {
    messages
        .iter()
        .filter(|message| message.event.subject == lead)
        .map(|message| message.event.kind)
        .collect()
}
