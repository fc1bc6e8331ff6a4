//! The demo tenant of `run --demo`: applied, with a token, and three things to try with curl.

use crate::demo::{Documents, TENANT};
use crate::suite::Suite;
use anyhow::{Context, bail};
use runtime::Common;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What a visitor of the demo asks.
const QUESTION: &str = "退货的运费谁来出？";

/// The demo, ready to be tried.
pub(super) struct Trial {
    token: PathBuf,
    /// Whether the token was revoked since it was written down.
    revoked: bool,
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
    let revoked = token.exists() && is_revoked(&suite, &token).await?;
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
    Ok(Trial { token, revoked, webhook_secret: documents.webhook_secret, http_slug: documents.http_slug })
}

/// Whether the suite says so of the token in this file. What is no token of this suite is left to the API to refuse.
async fn is_revoked(suite: &Suite, file: &Path) -> anyhow::Result<bool> {
    let text = std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    let listed = suite.get(&format!("/admin/tokens?tenant={TENANT}")).await?;
    Ok(listed.as_array().is_some_and(|tokens| {
        tokens.iter().any(|token| is_of(token, &text) && !token["revoked_at"].is_null())
    }))
}

/// Whether this is the listed token's text: it carries the token's id.
fn is_of(token: &Value, text: &str) -> bool {
    let id = token["id"].as_str().and_then(|id| uuid::Uuid::try_parse(id).ok());
    id.is_some_and(|id| text.split('_').any(|part| part == id.simple().to_string()))
}

impl Trial {
    /// What to do about a token that opens nothing any more; none while it does.
    pub(super) fn remedy(&self) -> Option<String> {
        let token = self.token.display();
        self.revoked.then(|| {
            format!(
                "the demo's token was revoked; another one: tributary token create --role admin --tenant {TENANT} > \"{token}\""
            )
        })
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_in_the_list_by_the_id_in_its_text() {
        let listed = json!({ "id": "0190b3c2-0000-7000-8000-0000000000aa" });
        assert!(is_of(&listed, "trib_0190b3c20000700080000000000000aa_c2VjcmV0\n"));
        assert!(!is_of(&listed, "trib_0190b3c20000700080000000000000ab_c2VjcmV0"));
        assert!(!is_of(&json!({}), "trib_0190b3c20000700080000000000000aa_c2VjcmV0"));
    }
}
