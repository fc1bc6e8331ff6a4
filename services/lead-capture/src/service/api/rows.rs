//! The rows that answer queries.

use events::lead::DetailKind as Stored;
use proto::v1::{Consent, DetailKind, Lead, LeadDetail, LeadFilter, LeadQualification};
use spine::Error;
use spine::db::{Bulk, Store};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use std::collections::{BTreeSet, HashMap};
use std::fmt;

/// A place in the list: the latest first, so what follows is earlier.
pub(super) struct Page {
    created_at: i64,
    lead: String,
}

impl Page {
    /// Before everything.
    pub(super) fn first() -> Self {
        Self { created_at: i64::MAX, lead: String::new() }
    }

    pub(super) fn after(lead: &Lead) -> Self {
        Self { created_at: lead.captured_at_us, lead: lead.id.clone() }
    }

    pub(super) fn parse(token: &str) -> Option<Self> {
        let (created_at, lead) = token.split_once('.')?;
        Some(Self { created_at: created_at.parse().ok()?, lead: lead.into() })
    }
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.created_at, self.lead)
    }
}

/// What a list is asked for.
pub(super) struct Asked<'a> {
    pub(super) tenant: &'a str,
    pub(super) filter: &'a LeadFilter,
    pub(super) after: &'a Page,
    pub(super) size: u32,
}

const COLUMNS: &str = "lead, thread, n, account, channel, created_at, changed_at, joined_into, consent, score, reasons, qualified_at, erased";

/// One lead of the tenant.
///
/// # Errors
/// Database errors.
pub(super) async fn one(store: &Store, tenant: &str, lead: &str, clear: bool) -> Result<Option<Lead>, Error> {
    let action = "read a lead";
    let mut connection = store.reads().acquire().await.map_err(Error::database(action))?;
    let text = format!("SELECT {COLUMNS} FROM leads WHERE tenant = $1 AND lead = $2");
    let row = sqlx::query(sqlx::AssertSqlSafe(text))
        .bind(tenant)
        .bind(lead)
        .fetch_optional(&mut *connection)
        .await
        .map_err(Error::database(action))?;
    let mut leads: Vec<Lead> = row.iter().map(lead_of).collect();
    add_details(&mut connection, &mut leads, clear).await?;
    Ok(leads.pop())
}

static ERASED: Bulk = Bulk::new("SELECT lead, tenant FROM leads WHERE erased = 1 AND lead IN (", 1, ")");

/// Which of these leads of the tenant are erased.
///
/// # Errors
/// Database errors.
pub(super) async fn erased(store: &Store, tenant: &str, leads: &[String]) -> Result<BTreeSet<String>, Error> {
    if leads.is_empty() {
        return Ok(BTreeSet::new());
    }
    let mut connection = store.reads().acquire().await.map_err(Error::database("find erased leads"))?;
    let rows = ERASED.fetch(&mut connection, leads, |query, lead| query.bind(lead.clone())).await?;
    let own = rows.iter().filter(|row| row.get::<String, _>(1) == tenant);
    Ok(own.map(|row| row.get(0)).collect())
}

/// A page of the tenant's leads that go on, the latest first. Of one thread also those that were joined into
/// another thread's lead: whoever asks with the thread finds where its lead goes on.
///
/// # Errors
/// Database errors.
pub(super) async fn list(store: &Store, asked: &Asked<'_>, clear: bool) -> Result<Vec<Lead>, Error> {
    let action = "list leads";
    let mut connection = store.reads().acquire().await.map_err(Error::database(action))?;
    let text = format!(
        "SELECT {COLUMNS} FROM leads WHERE tenant = $1 AND erased = 0 AND ($11 <> '' OR joined_into IS NULL)
         AND (created_at < $2 OR (created_at = $3 AND lead < $4)) AND created_at >= $5 AND created_at < $6
         AND ($7 = '' OR channel = $8) AND ($9 = '' OR account = $10) AND ($11 = '' OR thread = $12)
         AND ($13 < 0 OR CASE WHEN score IS NULL THEN 0 ELSE 1 END = $14)
         ORDER BY created_at DESC, lead DESC LIMIT $15"
    );
    let filter = asked.filter;
    let word = |value: &Option<String>| value.clone().unwrap_or_default();
    let qualified = filter.qualified.map_or(-1, i32::from);
    let rows = sqlx::query(sqlx::AssertSqlSafe(text))
        .bind(asked.tenant)
        .bind(asked.after.created_at)
        .bind(asked.after.created_at)
        .bind(&asked.after.lead)
        .bind(filter.from_us.unwrap_or(i64::MIN))
        .bind(filter.to_us.unwrap_or(i64::MAX))
        .bind(word(&filter.channel))
        .bind(word(&filter.channel))
        .bind(word(&filter.account))
        .bind(word(&filter.account))
        .bind(word(&filter.thread))
        .bind(word(&filter.thread))
        .bind(qualified)
        .bind(qualified)
        .bind(i64::from(asked.size))
        .fetch_all(&mut *connection)
        .await
        .map_err(Error::database(action))?;
    let mut leads: Vec<Lead> = rows.iter().map(lead_of).collect();
    add_details(&mut connection, &mut leads, clear).await?;
    Ok(leads)
}

static DETAILS: Bulk = Bulk::new(
    "SELECT lead, kind, value, masked, form, message, conversation, at FROM details WHERE lead IN (",
    1,
    ") ORDER BY lead, sequence, number",
);

/// A detail that nobody can open any more is left out.
async fn add_details(connection: &mut AnyConnection, leads: &mut [Lead], clear: bool) -> Result<(), Error> {
    let names: Vec<String> = leads.iter().map(|lead| lead.id.clone()).collect();
    let places: HashMap<String, usize> = names.iter().cloned().zip(0..).collect();
    for row in &DETAILS.fetch(connection, &names, |query, lead| query.bind(lead.clone())).await? {
        let value: Option<String> = if clear { row.get(2) } else { row.get(3) };
        let (Some(place), Some(value)) = (places.get(&row.get::<String, _>(0)), value) else { continue };
        leads[*place].details.push(LeadDetail {
            kind: kind_of(row.get(1)).into(),
            value,
            form: row.get(4),
            message: row.get(5),
            conversation: number(row.get(6)),
            at_us: row.get(7),
        });
    }
    Ok(())
}

fn lead_of(row: &AnyRow) -> Lead {
    let consent: Option<String> = row.get(8);
    let qualification = row.get::<Option<i64>, _>(9).map(|score| LeadQualification {
        score: number(score),
        reasons: serde_json::from_str(row.get(10)).unwrap_or_default(),
        at_us: row.get::<Option<i64>, _>(11).unwrap_or(0),
    });
    Lead {
        id: row.get(0),
        thread: row.get(1),
        conversation: number(row.get(2)),
        account: row.get(3),
        channel: row.get(4),
        captured_at_us: row.get(5),
        changed_at_us: row.get(6),
        details: Vec::new(),
        consent: consent_of(consent.as_deref()).into(),
        qualification,
        joined_into: row.get(7),
        erased: row.get::<i32, _>(12) != 0,
    }
}

fn consent_of(stored: Option<&str>) -> Consent {
    match stored {
        Some("implied") => Consent::Implied,
        Some("given") => Consent::Given,
        Some("refused") => Consent::Refused,
        _ => Consent::Unspecified,
    }
}

fn kind_of(stored: &str) -> DetailKind {
    match stored.parse::<Stored>() {
        Ok(Stored::Phone) => DetailKind::Phone,
        Ok(Stored::Wechat) => DetailKind::Wechat,
        Ok(Stored::Qq) => DetailKind::Qq,
        Ok(Stored::Email) => DetailKind::Email,
        Ok(Stored::Telegram) => DetailKind::Telegram,
        Ok(Stored::Name) => DetailKind::Name,
        Ok(Stored::Address) => DetailKind::Address,
        Ok(Stored::Company) => DetailKind::Company,
        Err(_) => DetailKind::Unspecified,
    }
}

fn number(stored: i64) -> u32 {
    u32::try_from(stored).unwrap_or(0)
}
