//! Answers of the admin port that come line by line: progress, then a result, or many rows.

use super::client::Suite;
use super::words::refusal;
use anyhow::{Context, bail};
use futures::StreamExt;
use serde::Serialize;
use serde_json::Value;

impl Suite {
    /// Posts to a route that answers with one JSON value a line: progress, then the result. `told` hears each
    /// line but the last, which is returned.
    ///
    /// # Errors
    /// The refusal in the suite's words, also one that comes as a line.
    pub(crate) async fn follow(
        &self,
        path: &str,
        body: &impl Serialize,
        mut told: impl FnMut(&Value),
    ) -> anyhow::Result<Value> {
        let mut last = Value::Null;
        let heard = |line| {
            let before = std::mem::replace(&mut last, line);
            if !before.is_null() {
                told(&before);
            }
            Ok(())
        };
        self.lines(path, body, heard).await?;
        Ok(last)
    }

    /// Posts to a route that answers with one JSON value a line, each of which `told` hears as it comes.
    ///
    /// # Errors
    /// The refusal in the suite's words, also one that comes as a line; what `told` fails with.
    pub(crate) async fn lines(
        &self,
        path: &str,
        body: &impl Serialize,
        mut told: impl FnMut(Value) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let request = self.http.post(format!("{}{path}", self.file.admin)).json(body);
        let response = request
            .bearer_auth(self.credential.expose())
            .send()
            .await
            .context("the suite does not answer")?;
        if !response.status().is_success() {
            bail!(refusal(response.status(), &response.bytes().await?));
        }
        let (mut chunks, mut rest) = (response.bytes_stream(), Vec::new());
        while let Some(chunk) = chunks.next().await {
            rest.extend_from_slice(&chunk.context("the suite stopped before its answer ended")?);
            while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = rest.drain(..=end).collect();
                let line: Value = serde_json::from_slice(&line)?;
                if let Some(error) = line.get("error").and_then(Value::as_str) {
                    bail!(error.to_owned());
                }
                told(line)?;
            }
        }
        Ok(())
    }
}
