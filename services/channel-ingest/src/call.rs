//! The platform call of a message: one for each part of a text that is too long for one.

use crate::deliver::{Delivery, Letter, is_final, proof};
use crate::project::SendBody;
use channels::contract::{Outbound, SendOutcome};
use channels::text;
use conversation::Proof;
use events::thread::FailureClass;
use spine::Error;
use spine::keys::Opened;

impl Delivery {
    /// The call itself, one per part of a text that is too long for one message.
    pub(crate) async fn call(&self, letter: &Letter<'_>) -> Result<SendOutcome, Error> {
        let Letter { address, ready, message, attempt, contact, body } = *letter;
        let Some(sender) = ready.channel.sender else {
            return Ok(SendOutcome::failed(FailureClass::Configuration));
        };
        let subject = address.subject();
        let body: SendBody =
            serde_json::from_str(body).map_err(|_| Error::Other("a due send is broken".into()))?;
        let contact = self.keys.open_text(contact, &subject, "began.contact").await?;
        let text = match &body.text {
            Some(text) => self.keys.open_text(text, &subject, conversation::content::TEXT).await?,
            None => Opened::Gone,
        };
        // Without its key nothing can be sent; the person is being erased.
        let (Opened::Text(contact), Opened::Text(text)) = (contact, text) else {
            return Ok(SendOutcome::failed(FailureClass::Permanent));
        };
        let limit = ready.channel.capabilities_of(&ready.account).text;
        let mut provider = None;
        for (part, text) in text::split(&text, limit).into_iter().enumerate() {
            let outbound = Outbound {
                contact: contact.clone(),
                text,
                message_id: message,
                part: u32::try_from(part).unwrap_or(u32::MAX),
                attempt,
                by_ai: body.by_ai,
                by_system: body.by_system,
                persona: ready.account.setting("persona").map(str::to_owned),
            };
            match sender.send(&ready.account, &outbound, &self.tools).await {
                SendOutcome::Sent { provider: id } => provider = provider.or(id),
                // A first part that arrived must not arrive again.
                SendOutcome::Failed { class, code, .. }
                    if part > 0 && proof(ready) != Proof::IdempotencyKey =>
                {
                    tracing::warn!(message.id = %message, error.code = code, "only the first parts of a long message arrived");
                    return Ok(SendOutcome::failed(if is_final(class) {
                        class
                    } else {
                        FailureClass::Permanent
                    }));
                }
                other => return Ok(other),
            }
        }
        Ok(SendOutcome::Sent { provider })
    }
}
