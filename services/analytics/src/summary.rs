//! The figures of a span: counts and sums by SQL, exact percentiles from the durations of the span.

use crate::definition;
use crate::question::{FILTER, Filter, Refusal, text};
use futures::TryStreamExt;
use proto::v1::summary_row::Group;
use proto::v1::{Durations, GroupBy, HandoverCount, LeadsRateDenominator, Metric, Metrics, SummaryRow};
use spine::Error;
use spine::db::Store;
use sqlx::any::AnyRow;
use sqlx::{Any, AssertSqlSafe, Row, Transaction};
use std::collections::HashMap;

/// Rows of one answer. A span of more hours is refused before it is read, more channels or accounts after.
pub const GROUPS_MAX: usize = 10_000;
/// Durations that one answer is computed from, of both kinds together. At eight bytes each, in lists that may
/// have room for twice as many, this bounds the memory of a summary to 32 MB, whatever the span.
pub const DURATIONS_MAX: usize = 2_000_000;

const HOUR_US: i64 = 3_600_000_000;
const REASONS: std::ops::RangeInclusive<i32> = 1..=5;

/// Which row a conversation is counted in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Bucket {
    All,
    Name(String),
    /// Hours since the span's begin.
    Hour(i64),
}

/// The durations of a bucket, in milliseconds.
#[derive(Debug, Default)]
struct Sample {
    first_response: Vec<i64>,
    waiting: Vec<i64>,
}

/// The rows of the answer, in the order of their groups.
///
/// # Errors
/// [`Refusal::TooMuch`] above [`GROUPS_MAX`] and [`DURATIONS_MAX`], and database errors.
pub(crate) async fn summarise(
    store: &Store,
    filter: &Filter,
    group: GroupBy,
) -> Result<Vec<SummaryRow>, Refusal> {
    let hours = (filter.to_us - filter.from_us) / HOUR_US;
    if group == GroupBy::Hour && hours > GROUPS_MAX as i64 {
        return Err(Refusal::TooMuch { what: "hours", max: GROUPS_MAX });
    }
    // Both statements see one state, so that the percentiles are of the conversations that are counted.
    let mut tx = store.begin_reading().await?;
    let rows = sum(&mut tx, filter, group).await?;
    let mut samples = sample(&mut tx, filter, group).await?;
    tx.rollback().await.map_err(Error::database("end a summary"))?;
    let row = |row: &AnyRow| {
        let bucket = bucket_of(row, group);
        let sample = samples.remove(&bucket).unwrap_or_default();
        SummaryRow { metrics: Some(metrics(row, sample)), group: group_of(bucket, filter, group) }
    };
    Ok(rows.iter().map(row).collect())
}

/// One row per bucket: its name, a count per definition, a sum per duration, a count per reason.
async fn sum(
    tx: &mut Transaction<'static, Any>,
    filter: &Filter,
    group: GroupBy,
) -> Result<Vec<AnyRow>, Refusal> {
    let count = |condition: &str| {
        format!("CAST(COALESCE(SUM(CASE WHEN {condition} THEN 1 ELSE 0 END), 0) AS BIGINT)")
    };
    let counts = definition::ALL.iter().map(|definition| count(definition.condition));
    let values = definition::ALL.iter().filter_map(|definition| definition.value);
    let sums = values.map(|value| format!("CAST(COALESCE(SUM({value}), 0) AS BIGINT)"));
    let reasons = REASONS.map(|reason| count(&format!("handover_reasons & {} <> 0", 1 << reason)));
    let columns: Vec<String> = counts.chain(sums).chain(reasons).collect();
    let groups = if group == GroupBy::Unspecified { "" } else { "GROUP BY 1 ORDER BY 1" };
    let text = format!(
        "SELECT {}, {} FROM conversations WHERE {FILTER} {groups} LIMIT {}",
        bucket(group),
        columns.join(", "),
        GROUPS_MAX + 1
    );
    let query = filter.bind(sqlx::query(AssertSqlSafe(text)), filter.from_us);
    let rows = query.fetch_all(&mut **tx).await.map_err(Error::database("sum conversations"))?;
    if rows.len() > GROUPS_MAX {
        return Err(Refusal::TooMuch { what: "groups", max: GROUPS_MAX });
    }
    Ok(rows)
}

/// The durations of each bucket. They are read as a stream and kept as bare numbers.
async fn sample(
    tx: &mut Transaction<'static, Any>,
    filter: &Filter,
    group: GroupBy,
) -> Result<HashMap<Bucket, Sample>, Refusal> {
    let text = format!(
        "SELECT {}, first_response_ms, waiting_ms FROM conversations WHERE {FILTER}
         AND (first_response_ms IS NOT NULL OR waiting_ms IS NOT NULL)",
        bucket(group)
    );
    let mut rows = filter.bind(sqlx::query(AssertSqlSafe(text)), filter.from_us).fetch(&mut **tx);
    let mut samples: HashMap<Bucket, Sample> = HashMap::new();
    let mut kept = 0;
    while let Some(row) = rows.try_next().await.map_err(Error::database("read durations"))? {
        let (first_response, waiting): (Option<i64>, Option<i64>) = (row.get(1), row.get(2));
        kept += usize::from(first_response.is_some()) + usize::from(waiting.is_some());
        if kept > DURATIONS_MAX {
            return Err(Refusal::TooMuch { what: "durations", max: DURATIONS_MAX });
        }
        let sample = samples.entry(bucket_of(&row, group)).or_default();
        sample.first_response.extend(first_response);
        sample.waiting.extend(waiting);
    }
    Ok(samples)
}

/// The SQL of the bucket in which a row is counted.
fn bucket(group: GroupBy) -> &'static str {
    match group {
        GroupBy::Unspecified => "0",
        GroupBy::Channel => "channel",
        GroupBy::Account => "account",
        GroupBy::Hour => "(opened_at - $2) / 3600000000",
    }
}

fn bucket_of(row: &AnyRow, group: GroupBy) -> Bucket {
    match group {
        GroupBy::Unspecified => Bucket::All,
        GroupBy::Channel | GroupBy::Account => Bucket::Name(text(row, 0)),
        GroupBy::Hour => Bucket::Hour(row.get(0)),
    }
}

fn group_of(bucket: Bucket, filter: &Filter, group: GroupBy) -> Option<Group> {
    match (bucket, group) {
        (Bucket::All, _) => None,
        (Bucket::Name(name), GroupBy::Account) => Some(Group::Account(name)),
        (Bucket::Name(name), _) => Some(Group::Channel(name)),
        (Bucket::Hour(hour), _) => Some(Group::HourUs(filter.from_us + hour * HOUR_US)),
    }
}

fn metrics(row: &AnyRow, sample: Sample) -> Metrics {
    let count = |metric: Metric| row.get::<i64, _>(metric as usize);
    let sums = 1 + definition::ALL.len();
    let (opened, leads) = (count(Metric::Opened), count(Metric::Leads));
    let reasons = REASONS.zip(sums + 2..);
    let handovers = reasons.map(|(reason, column)| HandoverCount { reason, count: row.get(column) });
    Metrics {
        conversations: count(Metric::Conversations),
        opened,
        leads,
        leads_rate: (opened > 0).then(|| leads as f64 / opened as f64),
        leads_rate_denominator: LeadsRateDenominator::Opened.into(),
        first_response_ms: Some(durations(sample.first_response, row.get(sums))),
        waiting_ms: Some(durations(sample.waiting, row.get(sums + 1))),
        resolved_by_ai: count(Metric::ResolvedByAi),
        handovers: handovers.filter(|handover| handover.count > 0).collect(),
    }
}

fn durations(mut values: Vec<i64>, sum: i64) -> Durations {
    Durations {
        count: values.len() as i64,
        mean: (!values.is_empty()).then(|| sum as f64 / values.len() as f64),
        p50: percentile(&mut values, 50),
        p90: percentile(&mut values, 90),
    }
}

/// The smallest value that at least `percent` of all values do not exceed (the nearest rank).
fn percentile(values: &mut [i64], percent: usize) -> Option<f64> {
    let rank = (values.len() * percent).div_ceil(100);
    let (_, value, _) = values.select_nth_unstable(rank.checked_sub(1)?);
    Some(*value as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_occurred() {
        let mut values: Vec<i64> = (1..=10).rev().collect();
        assert_eq!(percentile(&mut values, 50), Some(5.0));
        assert_eq!(percentile(&mut values, 90), Some(9.0));
        assert_eq!(percentile(&mut [7], 50), Some(7.0));
        assert_eq!(percentile(&mut [1, 2, 3], 90), Some(3.0));
        assert_eq!(percentile(&mut [], 90), None);
    }

    #[test]
    fn a_count_stands_in_the_column_of_its_metrics_number() {
        for (place, definition) in definition::ALL.iter().enumerate() {
            assert_eq!(definition.metric as usize, place + 1);
        }
        let timed: Vec<_> = definition::ALL.iter().filter(|d| d.value.is_some()).map(|d| d.metric).collect();
        assert_eq!(timed, [Metric::FirstResponse, Metric::Waiting]);
    }
}
