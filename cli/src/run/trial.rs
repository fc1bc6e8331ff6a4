//! The demo tenant of `run --demo`: applied, with a token, and three things to try with curl.

use crate::demo::{Documents, TENANT};
use crate::suite::Suite;
use anyhow::{Context, bail};
use runtime::Common;
use serde_json::json;
use standardwebhooks::Webhook;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

/// What a visitor of the demo asks.
const QUESTION: &str = "退货的运费谁来出？";

/// The demo, ready to be tried.
pub(super) struct Trial {
    token: PathBuf,
    /// `whsec_…` of the demo's generic channel.
    webhook_secret: String,
    http_slug: String,
}

/// Applies the demo tenant and makes a token for its API. A second time changes nothing: what was changed since, by hand
/// or by a running `tributary demo`, stays.
///
/// # Errors
/// When the suite refuses the documents or the data folder cannot be written to.
pub(super) async fn apply(common: &Common) -> anyhow::Result<Trial> {
    let (suite, data) = (Suite::of(common).await?, &common.data);
    let documents = Documents::of(data)?;
    // Made last, so where it is the demo is in place.
    let token = data.join("demo").join("token");
    if !token.exists() {
        if let Err(refusal) = suite.post_text("/admin/apply", documents.text).await? {
            bail!("the demo cannot be applied: {}", crate::suite::words(&refusal));
        }
        let made = suite
            .post("/admin/tokens", &json!({ "role": "admin", "tenant": TENANT, "name": "demo" }))
            .await?;
        let text = made["token"].as_str().context("the suite made no token")?;
        let mut options = OpenOptions::new();
        options.create_new(true).write(true).mode(0o600);
        let context = || format!("write {}", token.display());
        options.open(&token).and_then(|mut file| file.write_all(text.as_bytes())).with_context(context)?;
    }
    Ok(Trial { token, webhook_secret: documents.webhook_secret, http_slug: documents.http_slug })
}

impl Trial {
    /// Three commands to paste, for a suite at these addresses; `now_s` is the time in seconds.
    ///
    /// # Errors
    /// When the demo's secret is none.
    pub(super) fn commands(&self, api: &str, http: &str, now_s: i64) -> anyhow::Result<[String; 3]> {
        let id = format!("hello-{now_s}");
        let at = spine::log::codec::rfc3339(now_s * 1_000_000);
        let body = json!({ "id": id, "user": "visitor-1", "text": QUESTION, "sent_at": at }).to_string();
        let signature = Webhook::new(&self.webhook_secret)
            .and_then(|webhook| webhook.sign(&id, now_s, body.as_bytes()))
            .context("the demo's webhook secret is broken")?;
        let token = self.token.display();
        Ok([
            format!(
                "curl -s {api}/api/v1/knowledge/ask -H \"authorization: Bearer $(cat {token})\" \\\n       \
                 -H 'content-type: application/json' -d '{{\"text\":\"{QUESTION}\"}}'"
            ),
            format!(
                "curl -s {http}/channels/http/{}/messages -H 'content-type: application/json' -H 'webhook-id: {id}' \\\n       \
                 -H 'webhook-timestamp: {now_s}' -H 'webhook-signature: {signature}' -d '{body}'",
                self.http_slug
            ),
            format!("curl -s {api}/api/v1/conversations -H \"authorization: Bearer $(cat {token})\""),
        ])
    }
}
