//! Items to the suite: signed, alone or many, repeated until they are accepted.

use super::partner::{Office, Partner};
use crate::Plan;
use crate::ledger::{Entry, Sent};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use std::time::Duration;

/// A message of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The partner's id of the message.
    pub id: String,
    pub user: String,
    pub text: String,
}

/// What became of a post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    pub posts: u32,
    /// The status of the last answer; none when nothing answered.
    pub status: Option<u16>,
    pub accepted: bool,
}

impl Partner {
    /// Posts items in one request: one alone as an object, several as a list.
    pub async fn post(&self, items: &[Item]) -> Posted {
        let entries: Vec<Entry> = items.iter().map(|item| enter(&self.office, item)).collect();
        let mut bodies: Vec<Value> = items.iter().map(|item| written(&self.office, item)).collect();
        let body = match bodies.len() {
            1 => bodies.remove(0),
            _ => Value::Array(bodies),
        };
        deliver(&self.office, &body.to_string(), &entries).await
    }

    /// Posts each item in a request of its own, on their way as the plan says.
    pub async fn storm(&self, items: &[Item], plan: Plan) -> Vec<Posted> {
        let prepared: Vec<(String, Entry)> = items
            .iter()
            .map(|item| (written(&self.office, item).to_string(), enter(&self.office, item)))
            .collect();
        let posts = plan.deliveries(prepared.len()).into_iter().map(|index| {
            let (body, entry) = &prepared[index];
            deliver(&self.office, body, std::slice::from_ref(entry))
        });
        stream::iter(posts).buffered(plan.in_flight_max.max(1)).collect().await
    }

    /// Posts any body, signed, once; the status.
    pub async fn post_raw(&self, body: &str) -> Option<u16> {
        once(&self.office, body, 0, &self.office.config.secret).await
    }

    /// Posts a body signed with another secret, or so many seconds ago; the status.
    pub async fn post_forged(&self, body: &str, other_secret: Option<&str>, age_s: i64) -> Option<u16> {
        once(&self.office, body, age_s, other_secret.unwrap_or(&self.office.config.secret)).await
    }
}

fn written(office: &Office, item: &Item) -> Value {
    let sent_at = office.clock.now().div_euclid(1000);
    let mut body = json!({ "id": item.id, "user": item.user, "text": item.text, "sent_at": sent_at });
    if let Some(order) = item.id.parse::<i64>().ok().filter(|_| office.config.numbered) {
        body["order"] = json!(order);
    }
    body
}

fn enter(office: &Office, item: &Item) -> Entry {
    office.ledger.sent(Sent {
        channel: "http",
        account: office.config.account.clone(),
        user: item.user.clone(),
        provider: item.id.clone(),
        text: item.text.clone(),
        at: office.clock.now(),
        deliveries: 0,
        refused: 0,
        acknowledged: None,
    })
}

async fn deliver(office: &Office, body: &str, entries: &[Entry]) -> Posted {
    let mut posts = 0;
    entries.iter().for_each(|entry| office.ledger.departs(*entry, office.clock.now()));
    loop {
        posts += 1;
        let status = once(office, body, 0, &office.config.secret).await;
        let accepted = status.is_some_and(|status| (200..300).contains(&status));
        let at = accepted.then(|| office.clock.now());
        entries.iter().for_each(|entry| office.ledger.delivered(*entry, at));
        if accepted || posts >= office.config.posts_max {
            return Posted { posts, status, accepted };
        }
        tokio::time::sleep(Duration::from_millis(office.config.pause_ms)).await;
    }
}

async fn once(office: &Office, body: &str, age_s: i64, secret: &str) -> Option<u16> {
    let (id, target) = {
        let mut state = office.state();
        state.posts += 1;
        (format!("evt_{}", state.posts), state.target.clone())
    };
    let at = office.clock.now_s() - age_s;
    let signed = standardwebhooks::Webhook::new(secret).ok()?.sign(&id, at, body.as_bytes()).ok()?;
    let request = office
        .client
        .post(target)
        .header("content-type", "application/json")
        .header(standardwebhooks::HEADER_WEBHOOK_ID, id)
        .header(standardwebhooks::HEADER_WEBHOOK_TIMESTAMP, at.to_string())
        .header(standardwebhooks::HEADER_WEBHOOK_SIGNATURE, signed)
        .body(body.to_owned());
    Some(request.send().await.ok()?.status().as_u16())
}
