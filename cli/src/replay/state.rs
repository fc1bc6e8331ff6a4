//! The state at the end of a replay, folded by the entity's own law.

use conversation::{Pending, Stage, Thread};
use events::thread::Author;
use laws::customer::Customer;
use laws::lead::{Lead, Open};
use serde_json::{Value, json};
use spine::log::codec::rfc3339;
use spine::{Entity, Error, Recorded};

/// The state after these messages of one entity.
///
/// # Errors
/// When a newer release wrote one of them, or one is broken: then it cannot be told.
pub(crate) fn after(kind: &str, records: &[Recorded]) -> Result<Value, Error> {
    match kind {
        Thread::KIND => Ok(thread(&folded(records)?)),
        Customer::KIND => Ok(customer(&folded(records)?)),
        Lead::KIND => Ok(lead(&folded(records)?)),
        _ => Ok(Value::Null),
    }
}

fn folded<S: Entity>(records: &[Recorded]) -> Result<S, Error> {
    let mut state = S::default();
    for record in records {
        for event in record.events::<S>()? {
            state.evolve(event);
        }
    }
    Ok(state)
}

fn thread(thread: &Thread) -> Value {
    if thread.is_erased() {
        return json!({ "erased": true });
    }
    let pending: Vec<Value> = thread.pending().map(pending).collect();
    json!({
        "conversation": thread.open_number(),
        "conversations": thread.last_number(),
        "owner": thread.owner().map(|owner| owner.to_string()),
        "queue": thread.queue(),
        "tenure": thread.tenure(),
        "awaiting": thread.awaiting(),
        "reachable": thread.is_reachable(),
        "window_until": thread.window().map(|window| rfc3339(window.until)),
        "pending": pending,
    })
}

fn pending(pending: &Pending) -> Value {
    let by = match pending.by {
        Author::Ai => "ai".to_owned(),
        Author::System => "system".to_owned(),
        Author::Agent(agent) => format!("agent {agent}"),
    };
    let stage = match pending.stage {
        Stage::Waiting { retry_at: None } => "waits".to_owned(),
        Stage::Waiting { retry_at: Some(at) } => format!("waits until {}", rfc3339(at)),
        Stage::Started { at } => format!("started {}", rfc3339(at)),
        Stage::Unknown { since } => format!("unknown since {}", rfc3339(since)),
    };
    json!({
        "message": pending.message, "by": by, "tenure": pending.tenure, "attempt": pending.attempt, "stage": stage,
    })
}

fn customer(customer: &Customer) -> Value {
    let (known, into) = match customer {
        Customer::Unknown => return json!({ "known": false }),
        Customer::Erased => return json!({ "erased": true }),
        Customer::Known(known) => (known, None),
        Customer::Absorbed { into, known } => (known, Some(*into)),
    };
    let evidence: Vec<Value> = known
        .evidence
        .iter()
        .map(|(thread, kind)| json!({ "kind": kind.as_ref(), "thread": thread }))
        .collect();
    json!({ "threads": known.threads, "goes_on_as": into, "evidence": evidence, "touches": known.touches.len() })
}

fn lead(lead: &Lead) -> Value {
    let (open, into): (&Open, _) = match lead {
        Lead::Unknown => return json!({ "known": false }),
        Lead::Erased => return json!({ "erased": true }),
        Lead::Open(open) => (open, None),
        Lead::Joined(open, into) => (open, Some(into)),
    };
    let details: Vec<Value> = open
        .details
        .iter()
        .map(|(kind, message)| json!({ "kind": kind.as_ref(), "message": message }))
        .collect();
    json!({
        "details": details,
        "consent": open.consent.map(|consent| consent.as_ref().to_owned()),
        "qualified": open.qualified,
        "goes_on_as": into,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::{Sealed, ThreadEvent};
    use uuid::Uuid;

    #[test]
    fn the_state_names_owner_tenure_and_what_waits() {
        let mut state = Thread::default();
        let began = ThreadEvent::Began {
            account: Uuid::nil(),
            channel: "http".into(),
            contact: Sealed("v1.x".into()),
            name: None,
            at: 1,
        };
        state.evolve(&began);
        state.evolve(&ThreadEvent::Opened {
            n: 1,
            by: events::thread::OpenedBy::Message,
            touch: None,
            window: None,
            provider: None,
            at: 1,
        });
        let told = thread(&state);
        assert_eq!(
            (&told["conversation"], &told["owner"], &told["tenure"]),
            (&json!(1), &json!("the AI"), &json!(0))
        );
        assert_eq!(told["pending"], json!([]));
        state.evolve(&ThreadEvent::Erased { erasure: Uuid::nil(), at: 2 });
        assert_eq!(thread(&state), json!({ "erased": true }));
    }
}
