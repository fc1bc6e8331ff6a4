//! Looking back: what a conversation told before its lead began, and what a lead holds already.

use super::told::{TEXT, Told, written};
use crate::qualify::{self, Reading};
use conversation::Thread;
use events::lead::DetailKind;
use events::{LeadEvent, Micros, ThreadEvent};
use laws::lead::Lead;
use spine::keys::{Keys, SealedField};
use spine::{Address, Error, Log, Recorded};
use std::collections::HashSet;
use uuid::Uuid;

/// Messages of a conversation that are looked back at.
const MESSAGES_MAX: usize = 200;

/// An earlier message of the conversation.
pub(super) struct Earlier {
    pub(super) message: Uuid,
    pub(super) at: Micros,
    pub(super) reading: Reading,
}

/// The conversation of an edited message: that of its first form.
pub(super) async fn conversation_of(log: &Log, told: &Told) -> Result<Option<u32>, Error> {
    if told.conversation.is_some() {
        return Ok(told.conversation);
    }
    for record in log.history(&told.record.address, Some(told.record.position.sequence)).await? {
        for event in record.events::<Thread>()? {
            if let ThreadEvent::Received { n, message, .. } = event
                && *message == told.message
            {
                return Ok(Some(*n));
            }
        }
    }
    Ok(None)
}

/// What the customer's messages told in conversation `n` before this one, oldest first.
pub(super) async fn earlier(log: &Log, keys: &Keys, told: &Told, n: u32) -> Result<Vec<Earlier>, Error> {
    let records = log.history(&told.record.address, Some(told.record.position.sequence)).await?;
    let mut texts = Vec::new();
    for record in &records {
        for event in record.events::<Thread>()? {
            let Some(written) = written(event) else { continue };
            if written.message != told.message && written.conversation == Some(n) {
                texts.push(written);
            }
        }
    }
    let texts = &texts[texts.len().saturating_sub(MESSAGES_MAX)..];
    let subject = told.record.address.subject();
    let fields: Vec<SealedField<'_>> = texts
        .iter()
        .map(|written| SealedField { sealed: written.text, subject: &subject, field: TEXT })
        .collect();
    let opened = keys.open_many(&fields).await?;
    let read = |(written, opened): (&super::told::Written<'_>, Result<spine::keys::Opened, Error>)| {
        let reading = qualify::read(&opened.ok()?.text()?);
        Some(Earlier { message: written.message, at: written.at, reading })
    };
    Ok(texts.iter().zip(opened).filter_map(read).collect())
}

/// The details that a lead holds, opened.
pub(super) async fn held(
    log: &Log,
    keys: &Keys,
    lead: &Address,
) -> Result<HashSet<(DetailKind, String)>, Error> {
    let records = log.history(lead, None).await?;
    let mut held = HashSet::new();
    for (kind, sealed) in captured(&records)? {
        if let Some(value) = keys.open_text(sealed, &lead.subject(), super::super::VALUE).await?.text() {
            held.insert((kind, value));
        }
    }
    Ok(held)
}

fn captured(records: &[Recorded]) -> Result<Vec<(DetailKind, &str)>, Error> {
    let mut found = Vec::new();
    for record in records {
        for event in record.events::<Lead>()? {
            if let LeadEvent::Captured { kind, value, .. } = event {
                found.push((*kind, value.as_str()));
            }
        }
    }
    Ok(found)
}
