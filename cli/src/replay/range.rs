//! A span of the log: one part from a position on, or all parts from a time on, in the order of storing.

use super::ask::{Ask, Moment, disorder};
use super::place;
use super::play::{Lines, Stage, opened};
use super::told::{Sight, told};
use anyhow::bail;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde_json::{Value, json};
use spine::address::GENERATION;
use spine::log::Reading;
use spine::{PARTS, Recorded};
use std::collections::BTreeMap;

/// The sequences of one part that are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    first: u64,
    last: u64,
}

pub(super) async fn play(
    stage: &Stage,
    ask: &Ask,
    (from, until): (Moment, Option<Moment>),
    lines: &mut Lines<'_>,
) -> anyhow::Result<()> {
    if until.is_some() && ask.as_of.is_some() {
        bail!("the range has an end already: leave --as-of out");
    }
    let until = until.or(ask.as_of);
    if ask.follow && until.is_some() {
        bail!("--follow has no end: leave the range's end out");
    }
    if let Some(wrong) = until.and_then(|until| disorder(from, until)) {
        bail!(wrong);
    }
    if !ask.follow {
        place::not_beyond_the_end(&stage.log, from).await?;
    }
    let spans = spans(stage, from, until).await?;
    let sight = match (&ask.opening, &ask.tenant) {
        (None, _) => Sight::Masked,
        (Some(_), None) => bail!("values are opened of one tenant: name it with --tenant"),
        (opening, Some(tenant)) => {
            let end = until.map_or_else(|| "now".to_owned(), |until| until.to_string());
            opened(stage, opening.as_ref(), tenant, &format!("range {from} to {end}")).await?
        }
    };
    let mut scene = Scene { stage, tenant: ask.tenant.as_deref(), kind: ask.kind.as_deref(), sight };
    if let Some(at) = scene.history(&spans, lines).await? {
        return lines.send(json!({ "more": at })).await;
    }
    if ask.follow && !lines.is_full() {
        scene.follow(&spans, lines).await?;
    }
    Ok(())
}

async fn spans(stage: &Stage, from: Moment, until: Option<Moment>) -> anyhow::Result<BTreeMap<u8, Span>> {
    let ends = stage.log.ends().await?;
    let last = match until {
        None => ends,
        Some(Moment::TimeUs(time)) => stage.log.sequences_at(time).await?,
        Some(Moment::Position(at)) => {
            let mut lasts = [0; PARTS as usize];
            if let Some(last) = lasts.get_mut(usize::from(at.part)) {
                *last = at.sequence.min(ends[usize::from(at.part)]);
            }
            lasts
        }
    };
    match from {
        Moment::Position(from) if from.generation != GENERATION || from.part >= PARTS => {
            bail!("{from} is in no part of the log")
        }
        Moment::Position(from) => {
            let last = last[usize::from(from.part)];
            Ok(BTreeMap::from([(from.part, Span { first: from.sequence.max(1), last })]))
        }
        Moment::TimeUs(time) => {
            // What was stored at the time itself is in it.
            let before = stage.log.sequences_at(time - 1).await?;
            let span =
                |part: u8| Span { first: before[usize::from(part)] + 1, last: last[usize::from(part)] };
            Ok((0..PARTS).map(|part| (part, span(part))).collect())
        }
    }
}

struct Scene<'a> {
    stage: &'a Stage,
    tenant: Option<&'a str>,
    kind: Option<&'a str>,
    sight: Sight,
}

impl Scene<'_> {
    /// Everything in the spans; where it stopped when there was no room for more.
    async fn history(
        &mut self,
        spans: &BTreeMap<u8, Span>,
        lines: &mut Lines<'_>,
    ) -> anyhow::Result<Option<Value>> {
        let mut heads: BTreeMap<(i64, u8), (Recorded, Reading)> = BTreeMap::new();
        for (part, span) in spans {
            if span.first <= span.last {
                let mut reading = self.stage.log.reading(*part, span.first);
                let record = reading.next().await?;
                heads.insert((record.stored_at, *part), (record, reading));
            }
        }
        while let Some(((_, part), (record, mut reading))) = heads.pop_first() {
            if !self.show(&record, lines).await? {
                return Ok(Some(json!(record.position)));
            }
            if record.position.sequence < spans[&part].last {
                let next = reading.next().await?;
                heads.insert((next.stored_at, part), (next, reading));
            }
        }
        Ok(None)
    }

    async fn follow(&mut self, spans: &BTreeMap<u8, Span>, lines: &mut Lines<'_>) -> anyhow::Result<()> {
        let next = async |mut reading: Reading| (reading.next().await, reading);
        let mut waiting = FuturesUnordered::new();
        for (part, span) in spans {
            let start = span.first.max(span.last + 1);
            waiting.push(next(self.stage.log.reading(*part, start)));
        }
        while let Some((record, reading)) = waiting.next().await {
            if !self.show(&record?, lines).await? || lines.is_full() {
                return Ok(());
            }
            waiting.push(next(reading));
        }
        Ok(())
    }

    /// False when there was no room for all of it.
    async fn show(&mut self, record: &Recorded, lines: &mut Lines<'_>) -> anyhow::Result<bool> {
        let Recorded { address, .. } = record;
        if self.tenant.is_some_and(|tenant| *tenant != *address.tenant)
            || self.kind.is_some_and(|kind| *kind != *address.kind)
        {
            return Ok(true);
        }
        if lines.is_full() {
            return Ok(false);
        }
        for line in told(self.stage, record, self.sight).await? {
            if lines.is_full() {
                return Ok(false);
            }
            lines.send(line).await?;
        }
        Ok(true)
    }
}
