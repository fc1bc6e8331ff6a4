//! What the customers of a batch wrote, opened and read.

use crate::qualify::{self, Reading};
use conversation::Thread;
use events::{Content, Micros, ThreadEvent};
use spine::keys::{Keys, SealedField};
use spine::{Entity, Error, Recorded};
use std::sync::Arc;
use uuid::Uuid;

/// The field that a message's text is sealed for.
pub(super) use conversation::content::TEXT;

/// A message that tells something.
pub(super) struct Told {
    /// The message of the log that it stands in.
    pub(super) record: Arc<Recorded>,
    pub(super) thread: Uuid,
    pub(super) message: Uuid,
    /// The conversation; none for an edited message, whose first form says it.
    pub(super) conversation: Option<u32>,
    pub(super) at: Micros,
    pub(super) reading: Reading,
}

/// A text of a customer, still sealed.
pub(super) struct Written<'a> {
    pub(super) message: Uuid,
    pub(super) conversation: Option<u32>,
    pub(super) at: Micros,
    pub(super) text: &'a str,
}

/// The text in an event, if a customer wrote it.
pub(super) fn written(event: &ThreadEvent) -> Option<Written<'_>> {
    let of = |message: &Uuid, conversation: Option<u32>, at: &Micros, content: &'_ Content| {
        content.has_text().then_some((*message, conversation, *at))
    };
    let (found, content) = match event {
        ThreadEvent::Received { n, message, content, at, .. } => {
            (of(message, Some(*n), at, content)?, content)
        }
        ThreadEvent::Edited { message, content, at, .. } => (of(message, None, at, content)?, content),
        _ => return None,
    };
    let (message, conversation, at) = found;
    Some(Written { message, conversation, at, text: content.text.as_ref()?.as_str() })
}

/// Reads the batch; what tells nothing is left out, as is what nobody can open any more.
///
/// # Errors
/// [`Error::UnknownEvent`]: a newer release wrote in a thread, and this one waits for it. Database errors.
pub(super) async fn read(keys: &Keys, batch: &[Arc<Recorded>]) -> Result<Vec<Told>, Error> {
    let mut places = Vec::new();
    for record in batch.iter().filter(|record| &*record.address.kind == Thread::KIND) {
        let Some(thread) = record.address.uuid() else { continue };
        match record.events::<Thread>() {
            Ok(events) => {
                places.extend(events.iter().filter_map(written).map(|written| (record, thread, written)));
            }
            Err(error @ Error::UnknownEvent { .. }) => return Err(error),
            Err(error) => {
                tracing::error!(log.position = %record.position, error = %error, "a message of the log is not examined");
            }
        }
    }
    let subjects: Vec<String> = places.iter().map(|(record, ..)| record.address.subject()).collect();
    let fields: Vec<SealedField<'_>> = places
        .iter()
        .zip(&subjects)
        .map(|((_, _, written), subject)| SealedField { sealed: written.text, subject, field: TEXT })
        .collect();
    let opened = keys.open_many(&fields).await?;
    let mut told = Vec::new();
    for ((record, thread, written), opened) in places.into_iter().zip(opened) {
        let text = match opened {
            Ok(opened) => opened.text(),
            Err(error) => {
                tracing::error!(log.position = %record.position, error = %error, "a text does not open");
                None
            }
        };
        let reading = text.map(|text| qualify::read(&text)).unwrap_or_default();
        if !reading.is_empty() {
            let Written { message, conversation, at, .. } = written;
            told.push(Told { record: record.clone(), thread, message, conversation, at, reading });
        }
    }
    Ok(told)
}
