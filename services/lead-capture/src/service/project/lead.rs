//! The rows of leads: read, taken further by the batch, written.

use super::super::address::parse;
use super::fold::{Fold, Step};
use events::lead::Consent;
use events::{LeadEvent, Micros};
use spine::Error;
use spine::db::{AnyQuery, Bulk};
use sqlx::{AnyConnection, Row};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// A lead's row, and what the batch did to it.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    pub(super) tenant: String,
    thread: String,
    n: i64,
    account: String,
    channel: String,
    pub(super) created_at: Micros,
    changed_at: Micros,
    joined_into: Option<String>,
    parted: bool,
    consent: Option<String>,
    score: Option<i64>,
    reasons: String,
    qualified_at: Option<Micros>,
    pub(super) erased: bool,
    /// Whether it was joined, parted or erased in this batch: what is due with its twins may change.
    pub(super) regrouped: bool,
    /// Whether it stands in the table already.
    known: bool,
}

/// The lines that the batch changes, by lead.
pub(super) type Lines = BTreeMap<String, Line>;

static LINES: Bulk = Bulk::new(
    "SELECT lead, tenant, thread, n, account, channel, created_at, changed_at, joined_into, parted, consent,
     score, reasons, qualified_at, erased FROM leads WHERE lead IN (",
    1,
    ")",
);
static OF_THREADS: Bulk = Bulk::new("SELECT lead FROM leads WHERE thread IN (", 1, ")");
static ERASED: Bulk = Bulk::new("SELECT thread FROM erased_threads WHERE thread IN (", 1, ")");

/// Reads the lines of all leads that the batch names or whose thread it erases, and takes them further.
///
/// # Errors
/// Database errors.
pub(super) async fn take_in(tx: &mut AnyConnection, fold: &Fold<'_>) -> Result<Lines, Error> {
    let erased_now: Vec<String> = fold.erased_threads.keys().map(Uuid::to_string).collect();
    let mut names: BTreeSet<String> = fold.leads.keys().map(|lead| (*lead).to_owned()).collect();
    let rows = OF_THREADS.fetch(tx, &erased_now, |query, thread| query.bind(thread.clone())).await?;
    names.extend(rows.iter().map(|row| row.get::<String, _>(0)));
    let names: Vec<String> = names.into_iter().collect();
    let rows = LINES.fetch(tx, &names, |query, lead| query.bind(lead.clone())).await?;
    let mut lines: Lines = rows.iter().map(|row| (row.get(0), line_of(row))).collect();
    let threads: BTreeSet<String> =
        fold.leads.keys().filter_map(|lead| parse(lead)).map(|(thread, _)| thread.to_string()).collect();
    let threads: Vec<String> = threads.into_iter().collect();
    let rows = ERASED.fetch(tx, &threads, |query, thread| query.bind(thread.clone())).await?;
    // From where on a thread is erased: from the beginning if it was before this batch.
    let mut erased: BTreeMap<String, u64> = rows.iter().map(|row| (row.get(0), 0)).collect();
    for (thread, (_, sequence)) in &fold.erased_threads {
        erased.entry(thread.to_string()).or_insert(*sequence);
    }
    for (lead, steps) in &fold.leads {
        let line = lines.entry((*lead).to_owned()).or_insert_with(|| begin(lead));
        let erased = erased.get(&line.thread).copied();
        for step in steps {
            line.take_in(step, erased.is_some_and(|erased| step.record.position.sequence > erased));
        }
    }
    for line in lines.values_mut().filter(|line| erased.contains_key(&line.thread)) {
        line.erase();
    }
    Ok(lines)
}

fn begin(lead: &str) -> Line {
    let (thread, n) = parse(lead).unwrap_or((Uuid::nil(), 0));
    Line { thread: thread.to_string(), n: n.into(), reasons: "[]".into(), ..Line::default() }
}

fn line_of(row: &sqlx::any::AnyRow) -> Line {
    Line {
        tenant: row.get(1),
        thread: row.get(2),
        n: row.get(3),
        account: row.get(4),
        channel: row.get(5),
        created_at: row.get(6),
        changed_at: row.get(7),
        joined_into: row.get(8),
        parted: row.get::<i32, _>(9) != 0,
        consent: row.get(10),
        score: row.get(11),
        reasons: row.get(12),
        qualified_at: row.get(13),
        erased: row.get::<i32, _>(14) != 0,
        regrouped: false,
        known: true,
    }
}

impl Line {
    /// Whether it may still be joined by itself: it is joined nowhere, and no person parted it.
    pub(super) fn is_open(&self) -> bool {
        self.joined_into.is_none() && !self.parted
    }

    fn take_in(&mut self, step: &Step<'_>, thread_is_erased: bool) {
        for event in step.events {
            if !self.known {
                self.known = true;
                self.tenant = step.record.address.tenant.to_string();
                self.created_at = at_of(event);
                self.changed_at = self.created_at;
            }
            if thread_is_erased {
                self.erase();
            }
            self.evolve(event);
        }
    }

    fn evolve(&mut self, event: &LeadEvent) {
        if self.erased {
            return;
        }
        self.changed_at = self.changed_at.max(at_of(event));
        match event {
            LeadEvent::Captured { consent, account, channel, .. } => {
                if self.account.is_empty() {
                    self.account = account.to_string();
                    self.channel.clone_from(channel);
                }
                self.consent.get_or_insert_with(|| word(*consent));
            }
            LeadEvent::Consented { consent, .. } => self.consent = Some(word(*consent)),
            LeadEvent::Qualified { score, reasons, at } => {
                self.score = Some((*score).into());
                self.reasons = serde_json::to_string(reasons).unwrap_or_else(|_| "[]".into());
                self.qualified_at = Some(*at);
            }
            LeadEvent::Joined { into, .. } => {
                self.joined_into = Some(into.clone());
                self.regrouped = true;
            }
            LeadEvent::Parted { .. } => {
                self.joined_into = None;
                self.parted = true;
                self.regrouped = true;
            }
            LeadEvent::Erased { .. } => self.erase(),
        }
    }

    fn erase(&mut self) {
        if self.erased {
            return;
        }
        self.erased = true;
        self.regrouped = true;
        self.consent = None;
        self.score = None;
        self.reasons = "[]".into();
        self.qualified_at = None;
    }
}

fn word(consent: Consent) -> String {
    consent.as_ref().to_owned()
}

fn at_of(event: &LeadEvent) -> Micros {
    match event {
        LeadEvent::Captured { at, .. }
        | LeadEvent::Consented { at, .. }
        | LeadEvent::Joined { at, .. }
        | LeadEvent::Parted { at, .. }
        | LeadEvent::Qualified { at, .. }
        | LeadEvent::Erased { at, .. } => *at,
    }
}

static WRITE: Bulk = Bulk::new(
    "INSERT INTO leads (lead, tenant, thread, n, account, channel, created_at, changed_at, joined_into, parted,
     consent, score, reasons, qualified_at, erased)",
    15,
    "ON CONFLICT (lead) DO UPDATE SET account = excluded.account, channel = excluded.channel,
     changed_at = excluded.changed_at, joined_into = excluded.joined_into, parted = excluded.parted,
     consent = excluded.consent, score = excluded.score, reasons = excluded.reasons,
     qualified_at = excluded.qualified_at, erased = excluded.erased",
);
static WRITE_ERASED: Bulk =
    Bulk::new("INSERT INTO erased_threads (thread)", 1, "ON CONFLICT (thread) DO NOTHING");

pub(super) async fn write(tx: &mut AnyConnection, fold: &Fold<'_>, lines: &Lines) -> Result<(), Error> {
    let rows: Vec<(&String, &Line)> = lines.iter().collect();
    let bind = |query: AnyQuery, (lead, line): &(&String, &Line)| {
        query
            .bind((*lead).clone())
            .bind(line.tenant.clone())
            .bind(line.thread.clone())
            .bind(line.n)
            .bind(line.account.clone())
            .bind(line.channel.clone())
            .bind(line.created_at)
            .bind(line.changed_at)
            .bind(line.joined_into.clone())
            .bind(i32::from(line.parted))
            .bind(line.consent.clone())
            .bind(line.score)
            .bind(line.reasons.clone())
            .bind(line.qualified_at)
            .bind(i32::from(line.erased))
    };
    WRITE.write(tx, &rows, bind).await?;
    let erased: Vec<String> = fold.erased_threads.keys().map(Uuid::to_string).collect();
    WRITE_ERASED.write(tx, &erased, |query, thread| query.bind(thread.clone())).await?;
    Ok(())
}
