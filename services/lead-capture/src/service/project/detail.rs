//! The rows of details: opened once per batch, written, purged with their person.

use super::fold::Fold;
use super::lead::Lines;
use crate::extract::{self, Kind};
use events::LeadEvent;
use events::lead::DetailKind;
use spine::Error;
use spine::db::{AnyQuery, Bulk};
use spine::keys::{Keys, SealedField};
use sqlx::AnyConnection;
use std::collections::BTreeMap;

/// A detail that the batch adds.
pub(super) struct Detail {
    pub(super) lead: String,
    pub(super) part: u8,
    pub(super) sequence: u64,
    number: usize,
    pub(super) kind: DetailKind,
    /// None when nobody can open it any more.
    pub(super) value: Option<String>,
    form: String,
    message: String,
    conversation: u32,
    at: i64,
}

/// Opens the details of the leads that are not erased by the end of the batch.
///
/// # Errors
/// Database errors, and a value that was tampered with.
pub(super) async fn open(keys: &Keys, fold: &Fold<'_>, lines: &Lines) -> Result<Vec<Detail>, Error> {
    let mut places = Vec::new();
    for (lead, steps) in &fold.leads {
        if lines.get(*lead).is_none_or(|line| line.erased) {
            continue;
        }
        for step in steps {
            for (number, event) in step.events.iter().enumerate() {
                if let LeadEvent::Captured { value, .. } = event {
                    places.push((step.record, number, event, value.as_str()));
                }
            }
        }
    }
    let subjects: Vec<String> = places.iter().map(|(record, ..)| record.address.subject()).collect();
    let fields: Vec<SealedField<'_>> = places
        .iter()
        .zip(&subjects)
        .map(|((.., sealed), subject)| SealedField { sealed, subject, field: super::super::VALUE })
        .collect();
    let opened = keys.open_many(&fields).await?;
    let mut details = Vec::with_capacity(places.len());
    for ((record, number, event, _), opened) in places.into_iter().zip(opened) {
        let LeadEvent::Captured { message, kind, form, conversation, at, .. } = event else { continue };
        details.push(Detail {
            lead: record.address.id.to_string(),
            part: record.position.part,
            sequence: record.position.sequence,
            number,
            kind: *kind,
            value: opened?.text(),
            form: form.clone(),
            message: message.to_string(),
            conversation: *conversation,
            at: *at,
        });
    }
    Ok(details)
}

/// The extraction's name of a kind.
pub(super) fn kind_of(kind: DetailKind) -> Kind {
    match kind {
        DetailKind::Phone => Kind::Phone,
        DetailKind::Wechat => Kind::Wechat,
        DetailKind::Qq => Kind::Qq,
        DetailKind::Email => Kind::Email,
        DetailKind::Telegram => Kind::Telegram,
        DetailKind::Name => Kind::Name,
        DetailKind::Address => Kind::Address,
        DetailKind::Company => Kind::Company,
    }
}

static WRITE: Bulk = Bulk::new(
    "INSERT INTO details (lead, sequence, number, kind, value, masked, form, message, conversation, at)",
    10,
    "ON CONFLICT (lead, sequence, number) DO UPDATE SET value = excluded.value, masked = excluded.masked",
);
static PURGE: Bulk = Bulk::new("DELETE FROM details WHERE lead IN (", 1, ")");

pub(super) async fn write(tx: &mut AnyConnection, details: &[Detail], lines: &Lines) -> Result<(), Error> {
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let bind = |query: AnyQuery, detail: &Detail| {
        let masked = detail.value.as_deref().map(|value| extract::mask(kind_of(detail.kind), value));
        query
            .bind(detail.lead.clone())
            .bind(signed(detail.sequence))
            .bind(signed(detail.number as u64))
            .bind(detail.kind.as_ref().to_owned())
            .bind(detail.value.clone())
            .bind(masked)
            .bind(detail.form.clone())
            .bind(detail.message.clone())
            .bind(i64::from(detail.conversation))
            .bind(detail.at)
    };
    WRITE.write(tx, details, bind).await?;
    let erased: BTreeMap<&String, ()> =
        lines.iter().filter(|(_, line)| line.erased && line.regrouped).map(|(lead, _)| (lead, ())).collect();
    let erased: Vec<&String> = erased.into_keys().collect();
    PURGE.write(tx, &erased, |query, lead| query.bind((*lead).clone())).await?;
    Ok(())
}
