//! Figures, as analytics answers.

use super::extract::{self, Params, parse};
use super::page::{self, Page};
use super::time::{Time, micros};
use super::word;
use crate::access::Act;
use crate::caller::Caller;
use crate::peers::answer;
use crate::refusal::{Refusal, RefusalBody};
use crate::state::App;
use axum::Json;
use axum::extract::State;
use proto::v1::summary_row::Group;
use proto::v1::{
    self, AnalyticsFilter, GroupBy, HandoverReason, LeadsRateDenominator, Metric, SummaryRequest,
    ThreadsRequest,
};
use runtime::{Problem, Role};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct SummaryQuery {
    /// The begin of the span, inclusive, RFC 3339.
    from: String,
    /// The end of the span, exclusive, RFC 3339.
    to: String,
    channel: Option<String>,
    account: Option<String>,
    /// `channel`, `account` or `hour`; without it there is one row.
    group_by: Option<String>,
    /// A log position, such as a write answered: the answer reflects at least this.
    at_least: Option<String>,
}

/// The figures of a span of time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Summary {
    pub(crate) rows: Vec<SummaryRow>,
    /// How each figure is defined.
    pub(crate) definitions: Vec<Definition>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SummaryRow {
    /// The channel, the account or the hour's first moment.
    pub(crate) group: Option<String>,
    /// 对话数.
    pub(crate) conversations: i64,
    /// 开口数.
    pub(crate) opened: i64,
    /// 留资数.
    pub(crate) leads: i64,
    /// 留资率, from 0 to 1.
    pub(crate) leads_rate: Option<f64>,
    /// `conversations` or `opened`.
    pub(crate) leads_rate_denominator: Option<String>,
    pub(crate) first_response_ms: Option<Durations>,
    pub(crate) waiting_ms: Option<Durations>,
    pub(crate) resolved_by_ai: i64,
    pub(crate) handovers: Vec<HandoverCount>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Durations {
    pub(crate) count: i64,
    pub(crate) mean: Option<f64>,
    pub(crate) p50: Option<f64>,
    pub(crate) p90: Option<f64>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HandoverCount {
    pub(crate) reason: Option<String>,
    pub(crate) count: i64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Definition {
    pub(crate) metric: Option<String>,
    pub(crate) version: u32,
    /// The event whose time decides into which span a conversation falls.
    pub(crate) dated_by: String,
}

/// The figures of a span of time, in rows by group.
#[utoipa::path(
    get, path = "/analytics/summary", operation_id = "getSummary", tag = "analytics", params(SummaryQuery),
    responses((status = 200, body = Summary), RefusalBody)
)]
pub(crate) async fn summary(
    State(app): State<App>,
    caller: Caller,
    Params(query): Params<SummaryQuery>,
) -> Result<Json<Summary>, Refusal> {
    caller.check(Act::ReadFigures)?;
    let group_by = match query.group_by.as_deref() {
        None => GroupBy::Unspecified,
        Some("channel") => GroupBy::Channel,
        Some("account") => GroupBy::Account,
        Some("hour") => GroupBy::Hour,
        Some(other) => {
            let text = format!("`{other}` is none of channel, account and hour.");
            return Err(Problem::invalid("group_by", text).into());
        }
    };
    let filter = filter(&caller, &query.from, &query.to, (query.channel, query.account))?;
    let at_least = query.at_least.unwrap_or_default();
    let request = SummaryRequest { filter: Some(filter), group_by: group_by.into(), at_least };
    let mut analytics = app.peers().analytics()?;
    let found = answer(Role::Analytics, analytics.summary(request)).await?;
    Ok(Json(Summary {
        rows: found.rows.into_iter().map(row).collect(),
        definitions: found.definitions.iter().map(definition).collect(),
    }))
}

fn filter(
    caller: &Caller,
    from: &str,
    to: &str,
    (channel, account): (Option<String>, Option<String>),
) -> Result<AnalyticsFilter, Refusal> {
    let (from_us, to_us) = (micros("from", from)?, micros("to", to)?);
    if from_us >= to_us {
        return Err(Problem::invalid("to", "The span ends before it begins.").into());
    }
    let channel = extract::channel(channel)?;
    if let Some(account) = &account {
        parse::<Uuid>("account", account, "id")?;
    }
    Ok(AnalyticsFilter { tenant: caller.tenant.to_string(), from_us, to_us, channel, account })
}

fn row(row: v1::SummaryRow) -> SummaryRow {
    let group = row.group.map(|group| match group {
        Group::Channel(name) | Group::Account(name) => name,
        Group::HourUs(at) => jiff::Timestamp::from_microsecond(at).unwrap_or_default().to_string(),
    });
    let metrics = row.metrics.unwrap_or_default();
    let denominator = metrics.leads_rate_denominator();
    let durations = |found: v1::Durations| Durations {
        count: found.count,
        mean: found.mean,
        p50: found.p50,
        p90: found.p90,
    };
    SummaryRow {
        group,
        conversations: metrics.conversations,
        opened: metrics.opened,
        leads: metrics.leads,
        leads_rate: metrics.leads_rate,
        leads_rate_denominator: denominator_word(denominator),
        first_response_ms: metrics.first_response_ms.map(durations),
        waiting_ms: metrics.waiting_ms.map(durations),
        resolved_by_ai: metrics.resolved_by_ai,
        handovers: metrics
            .handovers
            .iter()
            .map(|row| HandoverCount { reason: reason_word(row.reason()), count: row.count })
            .collect(),
    }
}

fn denominator_word(denominator: LeadsRateDenominator) -> Option<String> {
    word(denominator.as_str_name(), "LEADS_RATE_DENOMINATOR_")
}

pub(super) fn reason_word(reason: HandoverReason) -> Option<String> {
    word(reason.as_str_name(), "HANDOVER_REASON_")
}

fn definition(definition: &v1::MetricDefinition) -> Definition {
    Definition {
        metric: word(definition.metric().as_str_name(), "METRIC_"),
        version: definition.version,
        dated_by: definition.dated_by.clone(),
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct CountedQuery {
    /// `conversations`, `opened`, `leads`, `first_response`, `waiting`, `resolved_by_ai` or `handovers`.
    metric: String,
    /// The begin of the span, inclusive, RFC 3339.
    from: String,
    /// The end of the span, exclusive, RFC 3339.
    to: String,
    channel: Option<String>,
    account: Option<String>,
    /// Only with `handovers`.
    reason: Option<String>,
    /// 1 to 200; 50 without it.
    page_size: Option<u32>,
    cursor: Option<String>,
    /// A log position, such as a write answered: the answer reflects at least this.
    at_least: Option<String>,
}

/// A conversation that a figure counts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Counted {
    pub(crate) thread: String,
    pub(crate) n: u32,
    pub(crate) account: String,
    pub(crate) channel: String,
    /// The time by which the figure dates the conversation.
    pub(crate) at: Time,
    pub(crate) value_ms: Option<i64>,
    pub(crate) reason: Option<String>,
}

/// The conversations that a figure counts, by time.
#[utoipa::path(
    get, path = "/analytics/threads", operation_id = "listCountedConversations", tag = "analytics",
    params(CountedQuery),
    responses((status = 200, body = Page<Counted>), RefusalBody)
)]
pub(crate) async fn threads(
    State(app): State<App>,
    caller: Caller,
    Params(query): Params<CountedQuery>,
) -> Result<Json<Page<Counted>>, Refusal> {
    caller.check(Act::ReadFigures)?;
    let metric = choice("metric", &query.metric, "METRIC_", |number| {
        Metric::try_from(number).ok().map(|metric| metric.as_str_name())
    })?;
    let reason = match &query.reason {
        None => HandoverReason::Unspecified.into(),
        Some(reason) => choice("reason", reason, "HANDOVER_REASON_", |number| {
            HandoverReason::try_from(number).ok().map(|reason| reason.as_str_name())
        })?,
    };
    let request = ThreadsRequest {
        metric,
        filter: Some(filter(&caller, &query.from, &query.to, (query.channel, query.account))?),
        reason,
        page_size: page::size(query.page_size)?,
        page_token: query.cursor.unwrap_or_default(),
        at_least: query.at_least.unwrap_or_default(),
    };
    let mut analytics = app.peers().analytics()?;
    let found = answer(Role::Analytics, analytics.threads(request)).await?;
    let items = found.conversations.into_iter().map(|counted| Counted {
        reason: reason_word(counted.reason()),
        thread: counted.thread,
        n: counted.conversation,
        account: counted.account,
        channel: counted.channel,
        at: Time::of(counted.at_us),
        value_ms: counted.value_ms,
    });
    Ok(Json(Page { items: items.collect(), next: page::of_peer(found.next_page_token) }))
}

/// The number of a word of the language of analytics, or a problem that lists the words there are.
fn choice(
    field: &str,
    text: &str,
    prefix: &str,
    name_of: fn(i32) -> Option<&'static str>,
) -> Result<i32, Refusal> {
    let names: Vec<(i32, String)> =
        (1..).map_while(|number| Some((number, word(name_of(number)?, prefix)?))).collect();
    if let Some((number, _)) = names.iter().find(|(_, name)| name == text) {
        return Ok(*number);
    }
    let names: Vec<String> = names.into_iter().map(|(_, name)| name).collect();
    let problem = Problem::invalid(field, format!("`{text}` is not known."));
    Err(problem.remedy(format!("Write one of {}.", names.join(", "))).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_word_is_refused_with_those_that_there_are() {
        let metric = |text: &str| {
            choice("metric", text, "METRIC_", |number| Metric::try_from(number).ok().map(|m| m.as_str_name()))
        };
        assert_eq!(metric("leads").unwrap(), i32::from(Metric::Leads));
        let refusal = metric("luck").unwrap_err();
        let remedy = refusal.0.problem.remedy.unwrap();
        for known in
            ["conversations", "opened", "leads", "first_response", "waiting", "resolved_by_ai", "handovers"]
        {
            assert!(remedy.contains(known), "{known}: {remedy}");
        }
        assert_eq!(refusal.0.problem.field.as_deref(), Some("metric"));
    }
}
