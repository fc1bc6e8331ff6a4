//! The partner's callback: genuine messages are kept once, everything else is refused.

use serde_json::{Value, json};
use simulators::http::{Config, Partner};
use simulators::{Clock, Fault, Ledger};
use standardwebhooks::Webhook;
use tokio_util::sync::CancellationToken;

struct World {
    partner: Partner,
    clock: Clock,
    ledger: Ledger,
    _shutdown: CancellationToken,
}

async fn world() -> World {
    let shutdown = CancellationToken::new();
    let (clock, ledger) = (Clock::world(), Ledger::default());
    let partner = Partner::start(Config::new("crm"), clock.clone(), ledger.clone(), &shutdown).await.unwrap();
    World { partner, clock, ledger, _shutdown: shutdown }
}

fn message(id: &str) -> Value {
    json!({"type": "message", "timestamp": "2026-01-01T00:00:00Z", "data": {"id": id, "message": id, "part": 0,
           "account": "crm", "user": "u1", "text": "您好", "by": "ai", "persona": null}})
}

impl World {
    /// The status for a body under an id, stamped so many seconds ago, with a change to the signature.
    async fn call(&self, id: &str, body: &str, age_s: i64, change: impl FnOnce(String) -> String) -> u16 {
        let at = self.clock.now_s() - age_s;
        let signed = Webhook::new(&Config::new("crm").secret).unwrap().sign(id, at, body.as_bytes()).unwrap();
        let request = reqwest::Client::new()
            .post(self.partner.callback_url())
            .header("webhook-id", id)
            .header("webhook-timestamp", at.to_string())
            .header("webhook-signature", change(signed))
            .body(body.to_owned());
        request.send().await.unwrap().status().as_u16()
    }

    async fn take(&self, id: &str, body: &Value) -> u16 {
        self.call(id, &body.to_string(), 0, |signed| signed).await
    }
}

#[tokio::test]
async fn a_genuine_message_is_kept_once_however_often_it_comes() {
    let world = world().await;
    for _ in 0..3 {
        assert_eq!(world.take("m1", &message("m1")).await, 200);
    }
    let received = world.ledger.all_received();
    assert_eq!(received.iter().map(|received| received.repeated).collect::<Vec<_>>(), [false, true, true]);
    assert!(received[0].by_ai && received[0].text == "您好");
    assert!(world.partner.refused().is_empty());
}

#[tokio::test]
async fn another_signature_or_an_old_one_is_refused() {
    let world = world().await;
    let body = message("m1").to_string();
    assert_eq!(world.call("m1", &body, 0, |signed| signed.replace("v1,", "v1,A")).await, 401);
    assert_eq!(world.call("m1", &body, 301, |signed| signed).await, 401);
    // The clock runs on until it is looked at.
    assert_eq!(world.call("m1", &body, -360, |signed| signed).await, 401);
    assert_eq!(world.call("m1", &body, 0, |signed| format!("v1,AAAA {signed}")).await, 200);
    let bare = reqwest::Client::new().post(world.partner.callback_url()).body(body).send().await.unwrap();
    assert_eq!(bare.status(), 400);
    assert_eq!(world.partner.refused().len(), 4);
}

#[tokio::test]
async fn a_body_that_is_not_as_documented_is_refused() {
    let world = world().await;
    let mut cases = vec![json!({}), json!([]), message("another")];
    for (field, value) in [
        ("text", json!(1)),
        ("by", json!("robot")),
        ("account", json!("")),
        ("part", json!(1)),
        ("extra", json!(1)),
    ] {
        let mut body = message("m1");
        body["data"][field] = value;
        cases.push(body);
    }
    let mut missing = message("m1");
    missing["data"].as_object_mut().unwrap().remove("user");
    cases.push(missing);
    for body in &cases {
        assert_eq!(world.take("m1", body).await, 422, "{body}");
    }
    assert_eq!(world.ledger.counts(), (0, 0));
}

#[tokio::test]
async fn a_person_who_is_gone_is_answered_410_and_a_fault_is_answered_once() {
    let world = world().await;
    world.partner.faults().user("u1", Fault::Status { status: 429, retry_after_s: Some(1) }, 1);
    assert_eq!(world.take("m1", &message("m1")).await, 429);
    assert_eq!(world.take("m1", &message("m1")).await, 200);
    world.partner.lose("u1");
    assert_eq!(world.take("m2", &message("m2")).await, 410);
    assert_eq!(world.ledger.counts().1, 1);
}
