//! What reaches a suite over HTTP: a customer's webhook, and questions to the REST API.

use super::{SECRET, World};
use serde_json::{Value, json};

impl World {
    /// What the REST API answers; nothing without a body is null.
    pub(crate) fn rest(&self, token: &str, method: reqwest::Method, path: &str, body: &Value) -> Value {
        let run: Value = serde_json::from_slice(&self.read("run.json")).expect("run.json");
        let url = format!("{}/api/v1/{path}", run["api"].as_str().expect("an address"));
        let asked = async {
            let _provider = rustls::crypto::ring::default_provider().install_default();
            let mut request = reqwest::Client::new().request(method, url).bearer_auth(token);
            if !body.is_null() {
                request = request.json(body);
            }
            let answer = request.send().await.expect("the suite answers");
            answer.json().await.unwrap_or_default()
        };
        tokio::runtime::Runtime::new().expect("a runtime").block_on(asked)
    }

    pub(crate) fn write_as_customer(&self, text: &str) {
        self.write_as("alice", text);
    }

    /// A signed webhook of the partner, as Standard Webhooks says; again while the account is not known yet.
    pub(crate) fn write_as(&self, user: &str, text: &str) {
        let at = spine::Clock::system().now();
        self.post(at, &json!({ "id": at.to_string(), "user": user, "text": text, "sent_at": at / 1_000 }));
    }

    /// A message without its time, which is set aside.
    pub(crate) fn write_what_cannot_be_taken(&self, user: &str) {
        let at = spine::Clock::system().now();
        self.post(at, &json!({ "id": at.to_string(), "user": user, "text": "在吗" }));
    }

    fn post(&self, at: i64, body: &Value) {
        let run: Value = serde_json::from_slice(&self.read("run.json")).expect("run.json");
        let url = format!("{}/channels/http/shop-http", run["http"].as_str().expect("an address"));
        let body = body.to_string();
        let webhook = standardwebhooks::Webhook::from_bytes(SECRET.to_vec()).expect("a key");
        let id = format!("msg_{at}");
        let signature = webhook.sign(&id, at / 1_000_000, body.as_bytes()).expect("a signature");
        let post = async || {
            let _provider = rustls::crypto::ring::default_provider().install_default();
            let answer = reqwest::Client::new()
                .post(&url)
                .header("webhook-id", &id)
                .header("webhook-timestamp", (at / 1_000_000).to_string())
                .header("webhook-signature", &signature)
                .body(body.clone())
                .send()
                .await
                .expect("the suite answers");
            answer.status()
        };
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let answered =
            || Some(runtime.block_on(post())).filter(|status| *status != reqwest::StatusCode::NOT_FOUND);
        let status = self.until(answered);
        assert!(status.is_success(), "{status}");
    }
}
