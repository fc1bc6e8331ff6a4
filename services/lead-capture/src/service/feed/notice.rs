//! What the feed says of a lead's events: CloudEvents with values in clear, opened when they are published.

use super::super::VALUE;
use super::super::address::parse;
use super::Done;
use events::feed::{LeadCloudEvent, LeadDetail, LeadFeedType, LeadNotice};
use events::lead::Consent;
use events::{LeadEvent, Micros};
use futures::{StreamExt, TryStreamExt};
use laws::lead::Lead;
use spine::feed::publish::Notice;
use spine::feed::{Positions, Source};
use spine::keys::{Keys, Opened, SealedField};
use spine::log::codec::rfc3339;
use spine::{Entity, Error, Log, Recorded};
use std::sync::Arc;

/// Messages whose leads are looked up at once.
const LOOKUPS_MAX: usize = 32;

/// An event of the feed before its values are opened.
struct Draft<'a> {
    source: Source,
    kind: LeadFeedType,
    at: Micros,
    /// The details that it tells, sealed.
    told: Vec<Told<'a>>,
    notice: LeadNotice,
}

struct Told<'a> {
    event: &'a LeadEvent,
    consent: Consent,
}

/// The lead's own messages up to the one that is told, for events that say something of earlier details.
type Earlier = Vec<Recorded>;

/// Everything that the batch says, in its order, each with what is in the feed once it is. `done` goes along.
///
/// # Errors
/// When the key register or the log cannot be read, and [`Error::UnknownEvent`].
pub(super) async fn of(
    log: &Log,
    keys: &Keys,
    batch: &[Arc<Recorded>],
    done: &mut Done,
) -> Result<Vec<Notice>, Error> {
    let of_leads: Vec<Arc<Recorded>> =
        batch.iter().filter(|record| &*record.address.kind == Lead::KIND).cloned().collect();
    let looked_up: Vec<(Standing, Earlier)> = futures::stream::iter(of_leads.clone())
        .map(|record| look_up(log.clone(), record))
        .buffered(LOOKUPS_MAX)
        .try_collect()
        .await?;
    let mut looked_up = of_leads.iter().zip(&looked_up).peekable();
    let mut notices = Vec::new();
    for record in batch {
        let before = done.positions.clone();
        done.positions.reach(record.position);
        let Some((_, (standing, earlier))) = looked_up.next_if(|(lead, _)| Arc::ptr_eq(lead, record)) else {
            continue;
        };
        let mut drafts = match drafts(record, earlier, *standing) {
            Ok(drafts) => drafts,
            Err(error @ Error::UnknownEvent { .. }) => return Err(error),
            Err(error) => {
                tracing::error!(log.position = %record.position, error = %error, "a message of a lead is not published");
                continue;
            }
        };
        if let Some(source) = done.source.filter(|source| source.position == record.position) {
            drafts.retain(|draft| draft.source.index > source.index);
        }
        let last = drafts.len().saturating_sub(1);
        for (place, draft) in drafts.into_iter().enumerate() {
            // Only with the last of them is the whole message in the feed.
            let positions = if place == last { &done.positions } else { &before };
            notices.push(publishable(keys, record, draft, positions).await?);
        }
    }
    Ok(notices)
}

/// What may be told of a lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Live,
    /// Its person is erased: only that.
    Erased,
    /// Its last message cannot be read and may be the erasure: everything but its details.
    Unsure,
}

/// What may be told of the record's lead, and its own messages where the record speaks of earlier ones.
async fn look_up(log: Log, record: Arc<Recorded>) -> Result<(Standing, Earlier), Error> {
    let standing = match log.read::<Lead, _>(&record.address, |state| matches!(state, Lead::Erased)).await {
        Ok(true) => Standing::Erased,
        Ok(false) => Standing::Live,
        Err(error) => unfolded(&log, &record, error).await?,
    };
    let consented = record
        .events::<Lead>()
        .is_ok_and(|events| events.iter().any(|event| matches!(event, LeadEvent::Consented { .. })));
    let earlier = if consented && standing == Standing::Live {
        log.history(&record.address, Some(record.position.sequence)).await?
    } else {
        Vec::new()
    };
    Ok((standing, earlier))
}

/// What may be told of a lead of which a message is unreadable, while others may be readable all the same.
async fn unfolded(log: &Log, record: &Recorded, error: Error) -> Result<Standing, Error> {
    if error.is_passing() || matches!(error, Error::UnknownEvent { .. }) {
        return Err(error);
    }
    match log.history(&record.address, None).await {
        Ok(records) => standing(&records),
        Err(error) if error.is_passing() => Err(error),
        Err(_) => Ok(Standing::Unsure),
    }
}

/// By the messages that can be read. Nothing follows an erasure, so a readable last message settles it.
fn standing(records: &[Recorded]) -> Result<Standing, Error> {
    let mut standing = Standing::Unsure;
    for record in records {
        standing = match record.events::<Lead>() {
            Ok(events) if events.iter().any(|event| matches!(event, LeadEvent::Erased { .. })) => {
                return Ok(Standing::Erased);
            }
            Ok(_) => Standing::Live,
            Err(error @ Error::UnknownEvent { .. }) => return Err(error),
            Err(_) => Standing::Unsure,
        };
    }
    Ok(standing)
}

/// What a message of a lead makes: its details are one event, everything else is one each. Of an erased person only
/// the erasure is told, of one who may be erased no detail.
fn drafts<'a>(
    record: &'a Recorded,
    earlier: &'a Earlier,
    standing: Standing,
) -> Result<Vec<Draft<'a>>, Error> {
    let events = record.events::<Lead>()?;
    let mut drafts: Vec<Draft<'a>> = Vec::new();
    let mut details: Option<usize> = None;
    for (index, event) in events.iter().enumerate() {
        if standing == Standing::Erased && !matches!(event, LeadEvent::Erased { .. }) {
            continue;
        }
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let source = Source { position: record.position, index };
        let mut draft =
            Draft { source, kind: LeadFeedType::Updated, at: 0, told: Vec::new(), notice: bare(record) };
        match event {
            LeadEvent::Captured { consent, at, thread, conversation, channel, account, .. } => {
                let told = Told { event, consent: *consent };
                if let Some(place) = details {
                    drafts[place].told.push(told);
                    continue;
                }
                details = Some(drafts.len());
                let first = record.meta.version == 1;
                draft.kind = if first { LeadFeedType::Created } else { LeadFeedType::Updated };
                draft.at = *at;
                draft.told.push(told);
                draft.notice = LeadNotice {
                    thread: Some(thread.to_string()),
                    conversation: Some(*conversation),
                    channel: Some(channel.clone()),
                    account: Some(account.to_string()),
                    ..draft.notice
                };
            }
            LeadEvent::Consented { consent, at, .. } => {
                draft.at = *at;
                draft.told = captured_before(earlier, record, *consent)?;
            }
            LeadEvent::Joined { into, at, .. } => {
                draft.kind = LeadFeedType::Joined;
                draft.at = *at;
                draft.notice.joined_into = Some(into.clone());
            }
            LeadEvent::Parted { at, .. } => {
                draft.kind = LeadFeedType::Parted;
                draft.at = *at;
            }
            LeadEvent::Qualified { score, reasons, at } => {
                draft.kind = LeadFeedType::Qualified;
                draft.at = *at;
                draft.notice.score = Some(*score);
                draft.notice.reasons.clone_from(reasons);
            }
            LeadEvent::Erased { at, .. } => {
                draft.kind = LeadFeedType::Erased;
                draft.at = *at;
                draft.notice.thread = None;
            }
        }
        drafts.push(draft);
    }
    if standing == Standing::Unsure {
        drafts.iter_mut().for_each(|draft| draft.told.clear());
    }
    Ok(drafts)
}

/// All details of the lead so far, under what the customer now said about being contacted.
fn captured_before<'a>(
    earlier: &'a Earlier,
    record: &Recorded,
    consent: Consent,
) -> Result<Vec<Told<'a>>, Error> {
    let mut told = Vec::new();
    for earlier in earlier.iter().filter(|earlier| earlier.position.sequence < record.position.sequence) {
        let captured = earlier.events::<Lead>()?.iter();
        let captured = captured.filter(|event| matches!(event, LeadEvent::Captured { .. }));
        told.extend(captured.map(|event| Told { event, consent }));
    }
    Ok(told)
}

fn bare(record: &Recorded) -> LeadNotice {
    LeadNotice {
        lead: record.address.id.to_string(),
        tenant: record.address.tenant.to_string(),
        thread: parse(&record.address.id).map(|(thread, _)| thread.to_string()),
        conversation: None,
        channel: None,
        account: None,
        details: Vec::new(),
        joined_into: None,
        score: None,
        reasons: Vec::new(),
    }
}

async fn publishable(
    keys: &Keys,
    record: &Recorded,
    draft: Draft<'_>,
    positions: &Positions,
) -> Result<Notice, Error> {
    let Draft { source, kind, at, told, mut notice } = draft;
    notice.details = open(keys, record, &told).await?;
    let (tenant, lead) = (&record.address.tenant, &record.address.id);
    let event = LeadCloudEvent {
        specversion: "1.0".into(),
        id: source.id().to_string(),
        source: format!("/tenants/{tenant}"),
        kind,
        subject: lead.to_string(),
        time: rfc3339(at),
        datacontenttype: "application/json".into(),
        data: notice,
    };
    let payload = serde_json::to_vec(&event).map_err(Error::Unwritable)?.into();
    let subject = format!("leads.{tenant}.{}.{lead}", kind.token());
    Ok(Notice { subject, source, positions: positions.clone(), payload })
}

/// The details in clear; one that nobody can open any more is left out.
async fn open(keys: &Keys, record: &Recorded, told: &[Told<'_>]) -> Result<Vec<LeadDetail>, Error> {
    let subject = record.address.subject();
    let sealed = |told: &Told<'_>| match told.event {
        LeadEvent::Captured { value, .. } => value.as_str().to_owned(),
        _ => String::new(),
    };
    let sealed: Vec<String> = told.iter().map(sealed).collect();
    let fields: Vec<SealedField<'_>> =
        sealed.iter().map(|sealed| SealedField { sealed, subject: &subject, field: VALUE }).collect();
    let opened = keys.open_many(&fields).await?;
    let mut details = Vec::with_capacity(told.len());
    for (Told { event, consent }, opened) in told.iter().zip(opened) {
        let LeadEvent::Captured { kind, message, .. } = event else { continue };
        match opened {
            Ok(Opened::Text(value)) => {
                details.push(LeadDetail {
                    kind: *kind,
                    value,
                    consent: *consent,
                    message: message.to_string(),
                });
            }
            Ok(Opened::Gone) => {}
            Err(error) => {
                tracing::error!(log.position = %record.position, error = %error, "a detail does not open and is not published");
            }
        }
    }
    Ok(details)
}
