//! What a visitor sees of a thread: messages once they are sent, and who answers.

use channels::widget::frames::{By, Event, ServerFrame, Shown};
use conversation::Thread;
use events::ThreadEvent;
use events::thread::Author;
use spine::keys::{Keys, Opened};
use spine::{Error, Recorded};
use std::collections::HashMap;
use uuid::Uuid;

/// Events that one decision may show; a visitor's sequence is the log's times this, plus the place within.
pub(crate) const PER_DECISION_MAX: u64 = 16;
const CLIENT_ID_PREFIX: &str = "widget:";

/// Whether the sequence was shown or acknowledged in this thread. That of another thread, such as one that was erased
/// since, says nothing of what the visitor has seen here.
pub(crate) fn is_of(history: &[Recorded], sequence: u64) -> bool {
    history.iter().any(|record| record.position.sequence == sequence / PER_DECISION_MAX)
}

/// The state of showing one thread on one socket.
#[derive(Default)]
pub(crate) struct Show {
    /// Answers that are decided and not sent: shown only when they are, since they may be withdrawn.
    decided: HashMap<Uuid, (By, Option<String>)>,
    /// Our messages that were shown, by sequence, for receipts.
    shown: Vec<(u64, Uuid)>,
    last: u64,
}

impl Show {
    /// The frames of one stored decision that come after sequence `after`.
    ///
    /// # Errors
    /// When the key register fails or the message cannot be decoded.
    pub(crate) async fn frames(
        &mut self,
        keys: &Keys,
        record: &Recorded,
        after: u64,
    ) -> Result<Vec<ServerFrame>, Error> {
        let base = record.position.sequence * PER_DECISION_MAX;
        if base + PER_DECISION_MAX <= self.last {
            return Ok(Vec::new());
        }
        let subject = record.address.subject();
        let mut frames = Vec::new();
        let mut place = 0;
        for event in record.events::<Thread>()? {
            let Some(shown) = self.show(keys, &subject, event).await? else { continue };
            let sequence = base + place.min(PER_DECISION_MAX - 1);
            place += 1;
            if let Shown::Message { id, by, .. } = &shown
                && *by != By::Visitor
            {
                self.shown.push((sequence, *id));
            }
            if sequence > after && sequence > self.last {
                self.last = sequence;
                frames.push(ServerFrame::Event(Event { sequence, at_ms: record.meta.at / 1_000, shown }));
            }
        }
        Ok(frames)
    }

    /// Our last message up to the sequence, which a receipt is about.
    pub(crate) fn message_up_to(&self, sequence: u64) -> Option<Uuid> {
        self.shown.iter().rev().find(|(at, _)| *at <= sequence).map(|(_, message)| *message)
    }

    async fn show(
        &mut self,
        keys: &Keys,
        subject: &str,
        event: &ThreadEvent,
    ) -> Result<Option<Shown>, Error> {
        Ok(match event {
            ThreadEvent::Received { message, provider, content, .. } => {
                let Some(text) = open(keys, subject, content.text.as_ref()).await? else { return Ok(None) };
                let client_id = provider.strip_prefix(CLIENT_ID_PREFIX).map(str::to_owned);
                Some(Shown::Message { id: *message, by: By::Visitor, name: None, text, client_id })
            }
            ThreadEvent::Replied { message, by, content, .. } => {
                let by = match by {
                    Author::Ai => By::Ai,
                    Author::Agent(_) => By::Agent,
                    Author::System => By::System,
                };
                let text = content.text.as_ref().map(|text| text.as_str().to_owned());
                self.decided.insert(*message, (by, text));
                None
            }
            ThreadEvent::Sent { message, .. } => match self.decided.remove(message) {
                Some((by, Some(sealed))) => {
                    let sealed = events::Sealed(sealed);
                    let text = open(keys, subject, Some(&sealed)).await?;
                    text.map(|text| Shown::Message { id: *message, by, name: None, text, client_id: None })
                }
                _ => None,
            },
            ThreadEvent::Withdrawn { message, .. } => {
                self.decided.remove(message);
                None
            }
            ThreadEvent::HandedOver { .. } => Some(Shown::Queued { position: None }),
            ThreadEvent::Assigned { .. } | ThreadEvent::TakenOver { .. } => {
                Some(Shown::Joined { name: None })
            }
            ThreadEvent::Closed { .. } => Some(Shown::Closed),
            _ => None,
        })
    }
}

async fn open(keys: &Keys, subject: &str, sealed: Option<&events::Sealed>) -> Result<Option<String>, Error> {
    let Some(sealed) = sealed else { return Ok(None) };
    match keys.open_text(sealed.as_str(), subject, conversation::content::TEXT).await? {
        Opened::Text(text) => Ok(Some(text)),
        Opened::Gone => Ok(None),
    }
}
