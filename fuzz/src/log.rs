//! Payloads of the log: another release, or somebody with a key of NATS, may have written them.

use events::access::AccessEvent;
use events::account::AccountEvent;
use events::agent::AgentEvent;
use events::customer::CustomerEvent;
use events::knowledge::KnowledgeEvent;
use events::lead::LeadEvent;
use events::tenant::TenantEvent;
use events::thread::ThreadEvent;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::hint::black_box;

/// As the log stores a decision.
#[derive(Deserialize)]
struct Payload<E> {
    events: Vec<E>,
}

/// The payload of a decision, as each entity reads it.
pub fn log_events(input: &[u8]) {
    read::<AccessEvent>(input);
    read::<AccountEvent>(input);
    read::<AgentEvent>(input);
    read::<CustomerEvent>(input);
    read::<KnowledgeEvent>(input);
    read::<LeadEvent>(input);
    read::<TenantEvent>(input);
    read::<ThreadEvent>(input);
}

fn read<E: DeserializeOwned>(input: &[u8]) {
    if let Ok(payload) = serde_json::from_slice::<Payload<E>>(input) {
        black_box(payload.events);
    }
}
