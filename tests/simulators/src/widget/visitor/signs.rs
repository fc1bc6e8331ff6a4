//! What a browser tells and shows beside messages: who is signed in, and who types.

use super::Visitor;
use crate::Error;
use serde_json::json;

impl Visitor {
    /// The page is loaded with a user of the shop, or with nobody: the next hello says so.
    pub fn signed_in(&mut self, proof: Option<String>) {
        self.proof = proof;
    }

    /// The browser kept this token, such as one from before somebody signed in.
    pub fn keeps(&mut self, token: &str) {
        self.token = Some(token.to_owned());
    }

    /// The user signs in while the socket is open; waits until the server has taken it in.
    ///
    /// # Errors
    /// When the server refuses or stays silent.
    pub async fn sign_in(&mut self, proof: String) -> Result<(), Error> {
        self.say(&json!({ "type": "identify", "identity": proof })).await?;
        self.proof = Some(proof);
        let deadline = self.deadline(self.site.patience_ms);
        while let Some(frame) = self.frame(deadline).await? {
            if frame["type"] == "identified" {
                self.token = frame["token"].as_str().map(str::to_owned);
                return Ok(());
            }
            self.take(&frame)?;
        }
        Err(Error::Silent)
    }

    /// The next mark of typing by the other side, within `ms`.
    ///
    /// # Errors
    /// When the socket breaks or the server refuses something.
    pub async fn typing(&mut self, ms: u64) -> Result<Option<bool>, Error> {
        let deadline = self.deadline(ms);
        loop {
            if let Some(on) = self.typing.pop_front() {
                return Ok(Some(on));
            }
            match self.frame(deadline).await? {
                Some(frame) => self.take(&frame)?,
                None => return Ok(None),
            }
        }
    }

    /// Shows the server that the browser is still there.
    ///
    /// # Errors
    /// When the socket is broken.
    pub async fn ping(&mut self) -> Result<(), Error> {
        self.say(&json!({ "type": "ping" })).await
    }
}
