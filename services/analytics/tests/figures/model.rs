//! The naive model: conversations as a list in memory, figures by walking over it.

use crate::ask;
use crate::suite::Suite;
use proto::v1::summary_row::Group;
use proto::v1::{
    AnalyticsFilter, CountedConversation, Durations, GroupBy, HandoverCount, HandoverReason,
    LeadsRateDenominator, Metric, Metrics, SummaryRow,
};
use std::collections::BTreeMap;

const HOUR: i64 = 3_600_000_000;

/// What one conversation counts as.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Counted {
    pub(crate) thread: String,
    pub(crate) n: u32,
    pub(crate) account: String,
    pub(crate) channel: String,
    pub(crate) opened_at: i64,
    pub(crate) wrote: bool,
    pub(crate) lead: bool,
    pub(crate) response_ms: Option<i64>,
    pub(crate) waiting_ms: Option<i64>,
    pub(crate) resolved: bool,
    /// Without doubles, in the order of their numbers.
    pub(crate) reasons: Vec<HandoverReason>,
}

/// All questions about the filter get the answers that the list gives.
pub(crate) async fn assert_all(suite: &Suite, filter: &AnalyticsFilter, all: &[Counted]) {
    let chosen = choose(all, filter);
    for group in [GroupBy::Unspecified, GroupBy::Channel, GroupBy::Account, GroupBy::Hour] {
        let answer = ask::summary(suite, filter, group).await;
        assert_eq!(answer.rows, rows(&chosen, filter, group), "{group:?} {filter:?}");
        assert_eq!(answer.definitions.len(), 7);
        assert!(answer.definitions.iter().all(|d| d.version == 1 && d.dated_by == "Opened"));
    }
    let any = HandoverReason::Unspecified;
    for (metric, reason) in [
        (Metric::Conversations, any),
        (Metric::Opened, any),
        (Metric::Leads, any),
        (Metric::FirstResponse, any),
        (Metric::Waiting, any),
        (Metric::ResolvedByAi, any),
        (Metric::Handovers, any),
        (Metric::Handovers, HandoverReason::Anger),
        (Metric::Handovers, HandoverReason::Deadline),
    ] {
        let expected = listed(&chosen, metric, reason);
        for page_size in [200, 7] {
            let found = ask::threads(suite, filter, (metric, reason), page_size).await;
            assert_eq!(found, expected, "{metric:?} {reason:?} {filter:?}");
        }
    }
}

fn choose<'a>(all: &'a [Counted], filter: &AnalyticsFilter) -> Vec<&'a Counted> {
    let fits = |wanted: &Option<String>, has: &String| wanted.as_ref().is_none_or(|wanted| wanted == has);
    let mut chosen: Vec<&Counted> = all
        .iter()
        .filter(|c| (filter.from_us..filter.to_us).contains(&c.opened_at))
        .filter(|c| fits(&filter.channel, &c.channel) && fits(&filter.account, &c.account))
        .collect();
    chosen.sort_by_key(|c| (c.opened_at, &c.thread, c.n));
    chosen
}

fn rows(chosen: &[&Counted], filter: &AnalyticsFilter, group: GroupBy) -> Vec<SummaryRow> {
    if group == GroupBy::Unspecified {
        return vec![SummaryRow { metrics: Some(metrics(chosen)), group: None }];
    }
    let mut groups: BTreeMap<(i64, String), Vec<&Counted>> = BTreeMap::new();
    for counted in chosen {
        let key = match group {
            GroupBy::Channel => (0, counted.channel.clone()),
            GroupBy::Account => (0, counted.account.clone()),
            _ => ((counted.opened_at - filter.from_us).div_euclid(HOUR), String::new()),
        };
        groups.entry(key).or_default().push(counted);
    }
    let row = |((hour, name), counted): ((i64, String), Vec<&Counted>)| SummaryRow {
        metrics: Some(metrics(&counted)),
        group: Some(match group {
            GroupBy::Channel => Group::Channel(name),
            GroupBy::Account => Group::Account(name),
            _ => Group::HourUs(filter.from_us + hour * HOUR),
        }),
    };
    groups.into_iter().map(row).collect()
}

fn metrics(chosen: &[&Counted]) -> Metrics {
    let count = |is: fn(&Counted) -> bool| chosen.iter().filter(|counted| is(counted)).count() as i64;
    let (opened, leads) = (count(|c| c.wrote), count(|c| c.lead));
    let handovers = all_reasons().map(|reason| {
        let count = chosen.iter().filter(|c| c.reasons.contains(&reason)).count() as i64;
        HandoverCount { reason: reason.into(), count }
    });
    Metrics {
        conversations: chosen.len() as i64,
        opened,
        leads,
        leads_rate: if opened == 0 { None } else { Some(leads as f64 / opened as f64) },
        leads_rate_denominator: LeadsRateDenominator::Opened.into(),
        first_response_ms: Some(durations(chosen.iter().filter_map(|c| c.response_ms).collect())),
        waiting_ms: Some(durations(chosen.iter().filter_map(|c| c.waiting_ms).collect())),
        resolved_by_ai: count(|c| c.resolved),
        handovers: handovers.filter(|handover| handover.count > 0).collect(),
    }
}

fn durations(values: Vec<i64>) -> Durations {
    let share_up_to = |limit: i64| values.iter().filter(|value| **value <= limit).count() * 100;
    // The smallest value that at least so many in a hundred do not exceed.
    let percentile = |percent: usize| {
        let reaching = values.iter().filter(|value| share_up_to(**value) >= percent * values.len());
        reaching.min().map(|value| *value as f64)
    };
    let sum: i64 = values.iter().sum();
    let mean = if values.is_empty() { None } else { Some(sum as f64 / values.len() as f64) };
    Durations { count: values.len() as i64, mean, p50: percentile(50), p90: percentile(90) }
}

fn listed(chosen: &[&Counted], metric: Metric, reason: HandoverReason) -> Vec<CountedConversation> {
    let mut list = Vec::new();
    for counted in chosen {
        let (counts, value_ms) = match metric {
            Metric::Opened => (counted.wrote, None),
            Metric::Leads => (counted.lead, None),
            Metric::FirstResponse => (counted.response_ms.is_some(), counted.response_ms),
            Metric::Waiting => (counted.waiting_ms.is_some(), counted.waiting_ms),
            Metric::ResolvedByAi => (counted.resolved, None),
            Metric::Handovers => {
                let reasons = counted.reasons.iter();
                let wanted = reasons.filter(|r| reason == HandoverReason::Unspecified || **r == reason);
                list.extend(wanted.map(|reason| row(counted, None, *reason)));
                continue;
            }
            _ => (true, None),
        };
        if counts {
            list.push(row(counted, value_ms, HandoverReason::Unspecified));
        }
    }
    list
}

fn row(counted: &Counted, value_ms: Option<i64>, reason: HandoverReason) -> CountedConversation {
    CountedConversation {
        thread: counted.thread.clone(),
        conversation: counted.n,
        account: counted.account.clone(),
        channel: counted.channel.clone(),
        at_us: counted.opened_at,
        value_ms,
        reason: reason.into(),
    }
}

fn all_reasons() -> impl Iterator<Item = HandoverReason> {
    (1..=5).map(|number| HandoverReason::try_from(number).unwrap())
}
