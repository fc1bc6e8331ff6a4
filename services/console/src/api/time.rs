//! Times as the API writes and reads them: RFC 3339 in UTC.

use crate::refusal::Refusal;
use jiff::Timestamp;
use runtime::Problem;
use serde::Serialize;

/// An instant, written `2026-11-26T09:30:00Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = DateTime)]
pub(crate) struct Time(Timestamp);

impl Time {
    /// Of microseconds since the Unix epoch; one that no calendar has is the epoch.
    pub(crate) fn of(micros: i64) -> Self {
        Self(Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH))
    }
}

/// The microseconds of a query's time.
pub(crate) fn micros(field: &str, text: &str) -> Result<i64, Refusal> {
    let wrong = |_| {
        Problem::invalid(field, format!("`{text}` is no time."))
            .remedy("Write an RFC 3339 time such as 2026-11-26T09:30:00+08:00.")
    };
    Ok(text.parse::<Timestamp>().map_err(wrong)?.as_microsecond())
}
