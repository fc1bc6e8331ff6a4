//! What is asked, checked before the database sees it, and why it is refused.

use proto::v1::AnalyticsFilter;
use spine::Error;
use spine::address::check_tenant;
use spine::db::Store;
use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, Row};

/// Conversations of a page when the caller does not say.
const PAGE_SIZE: u32 = 50;
const PAGE_SIZE_MAX: u32 = 200;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("{0}")]
    Invalid(String),
    #[error("no account of the tenant has this id")]
    NoSuchAccount,
    #[error("the span holds more than {max} {what}: choose a shorter one, or one account or channel")]
    TooMuch { what: &'static str, max: usize },
    #[error(transparent)]
    Failed(#[from] Error),
}

/// What is counted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Filter {
    pub(crate) tenant: String,
    pub(crate) from_us: i64,
    pub(crate) to_us: i64,
    pub(crate) channel: Option<String>,
    pub(crate) account: Option<String>,
}

/// The condition of a [`Filter`], for the values that [`Filter::bind`] binds first.
pub(crate) const FILTER: &str = "tenant = $1 AND opened_at >= $2 AND opened_at < $3 \
     AND ($4 IS NULL OR channel = $4) AND ($5 IS NULL OR account = $5)";

type AnyQuery<'q> = Query<'q, Any, AnyArguments>;

impl Filter {
    /// Checks what can be checked without the database.
    pub(crate) fn parse(filter: Option<AnalyticsFilter>) -> Result<Self, Refusal> {
        let missing = || Refusal::Invalid("the filter is missing".into());
        let AnalyticsFilter { tenant, from_us, to_us, channel, account } = filter.ok_or_else(missing)?;
        check_tenant(&tenant)?;
        if from_us < 0 || to_us < from_us {
            return Err(Refusal::Invalid("a span needs 0 <= from_us <= to_us".into()));
        }
        Ok(Self { tenant, from_us, to_us, channel, account })
    }

    /// Refuses an account that is not one of the tenant's.
    pub(crate) async fn check_account(&self, store: &Store) -> Result<(), Refusal> {
        let Some(account) = &self.account else { return Ok(()) };
        let known = sqlx::query("SELECT 1 FROM accounts WHERE account = $1 AND tenant = $2")
            .bind(account)
            .bind(&self.tenant)
            .fetch_optional(store.reads())
            .await
            .map_err(Error::database("look an account up"))?;
        known.map(|_| ()).ok_or(Refusal::NoSuchAccount)
    }

    /// Binds the five values of [`FILTER`], beginning no earlier than `from_us`.
    pub(crate) fn bind<'q>(&'q self, query: AnyQuery<'q>, from_us: i64) -> AnyQuery<'q> {
        query
            .bind(&self.tenant)
            .bind(from_us.max(self.from_us))
            .bind(self.to_us)
            .bind(self.channel.as_ref())
            .bind(self.account.as_ref())
    }
}

/// How many rows a page has.
pub(crate) fn page_size(asked: u32) -> Result<u32, Refusal> {
    match asked {
        0 => Ok(PAGE_SIZE),
        1..=PAGE_SIZE_MAX => Ok(asked),
        _ => Err(Refusal::Invalid(format!("page_size is at most {PAGE_SIZE_MAX}"))),
    }
}

/// A text column that may be NULL.
pub(crate) fn text(row: &sqlx::any::AnyRow, column: usize) -> String {
    row.get::<Option<String>, _>(column).unwrap_or_default()
}
