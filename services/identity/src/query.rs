//! Reading customers whole, many in few statements.

use events::customer::EvidenceKind as Kind;
use proto::v1::{Customer, CustomerThread, CustomerTouch, EvidenceKind};
use spine::Error;
use spine::db::{AnyQuery, Bulk};
use sqlx::any::AnyRow;
use sqlx::{AnyPool, Row};
use std::collections::HashMap;
use std::fmt;
use uuid::Uuid;

/// Where a page ends: the last customer's time and id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    latest: i64,
    customer: Uuid,
}

impl Page {
    pub(crate) fn parse(token: &str) -> Option<Self> {
        let (latest, customer) = token.split_once('.')?;
        Some(Self { latest: latest.parse().ok()?, customer: customer.parse().ok()? })
    }
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.latest, self.customer)
    }
}

/// The customer that this one goes on as.
pub(crate) async fn root_of_customer(
    reads: &AnyPool,
    tenant: &str,
    customer: Uuid,
) -> Result<Option<Uuid>, Error> {
    let text = "SELECT root FROM customers WHERE customer = $1 AND tenant = $2";
    find(reads, text, tenant, customer).await
}

/// The customer whom the thread belongs to.
pub(crate) async fn root_of_thread(
    reads: &AnyPool,
    tenant: &str,
    thread: Uuid,
) -> Result<Option<Uuid>, Error> {
    let text = "SELECT customer FROM customer_threads WHERE thread = $1 AND tenant = $2";
    find(reads, text, tenant, thread).await
}

async fn find(reads: &AnyPool, text: &'static str, tenant: &str, id: Uuid) -> Result<Option<Uuid>, Error> {
    let found: Option<String> = sqlx::query_scalar(text)
        .bind(id.to_string())
        .bind(tenant)
        .fetch_optional(reads)
        .await
        .map_err(Error::database("find a customer"))?;
    Ok(found.and_then(|id| id.parse().ok()))
}

/// A page of the tenant's customers, the latest first, and where the next one starts.
pub(crate) async fn page(
    reads: &AnyPool,
    tenant: &str,
    after: Option<Page>,
    size: u32,
) -> Result<(Vec<Uuid>, Option<Page>), Error> {
    let after = after.unwrap_or(Page { latest: i64::MAX, customer: Uuid::max() });
    let rows = sqlx::query(
        "SELECT customer, latest FROM customers WHERE tenant = $1 AND root = customer AND erased = 0
         AND began_at IS NOT NULL AND (latest < $2 OR (latest = $2 AND customer < $3))
         ORDER BY latest DESC, customer DESC LIMIT $4",
    )
    .bind(tenant)
    .bind(after.latest)
    .bind(after.customer.to_string())
    .bind(i64::from(size) + 1)
    .fetch_all(reads)
    .await
    .map_err(Error::database("list customers"))?;
    let read = |row: &AnyRow| {
        let customer: String = row.get(0);
        Page { latest: row.get(1), customer: customer.parse().unwrap_or_default() }
    };
    let mut pages: Vec<Page> = rows.iter().map(read).collect();
    let more = pages.len() > size as usize;
    pages.truncate(size as usize);
    let next = pages.last().filter(|_| more).copied();
    Ok((pages.into_iter().map(|page| page.customer).collect(), next))
}

static CUSTOMERS: Bulk = Bulk::new(
    "SELECT customer, erased, first_thread, first_conversation, last_thread, last_conversation FROM customers
     WHERE customer IN (",
    1,
    ")",
);
static THREADS: Bulk = Bulk::new(
    "SELECT customer, thread, account, channel, erased FROM customer_threads WHERE customer IN (",
    1,
    ") ORDER BY began_at, thread",
);
static MERGED: Bulk = Bulk::new(
    "SELECT c.root, c.customer, COALESCE(m.kind, '') FROM customers c LEFT JOIN merges m
     ON m.customer = c.absorbed_into AND m.other = c.customer AND m.claimed = 1
     WHERE c.customer <> c.root AND c.root IN (",
    1,
    ") ORDER BY c.customer",
);
static EVIDENCE: Bulk = Bulk::new(
    "SELECT DISTINCT ct.customer, e.kind FROM evidence e JOIN customer_threads ct ON ct.thread = e.thread
     WHERE e.known = 1 AND ct.customer IN (",
    1,
    ")",
);
static TOUCHES: Bulk = Bulk::new(
    "SELECT thread, conversation, at, source, medium, campaign, scene, page FROM touches
     WHERE (thread, conversation) IN (",
    2,
    ")",
);

/// Thread and conversation of a touch.
type TouchKey = (String, i64);

fn text(row: &AnyRow, place: usize) -> Result<String, Error> {
    row.try_get(place).map_err(Error::database("read customers"))
}

/// These customers, in this order; one that is not there is left out.
pub(crate) async fn customers(reads: &AnyPool, ids: &[Uuid]) -> Result<Vec<Customer>, Error> {
    let failed = || Error::database("read customers");
    let mut connection = reads.acquire().await.map_err(failed())?;
    let bind = |query: AnyQuery, id: &Uuid| query.bind(id.to_string());
    let mut found: HashMap<String, Customer> = HashMap::new();
    let mut wanted: Vec<TouchKey> = Vec::new();
    let mut touched: Vec<(String, [Option<TouchKey>; 2])> = Vec::new();
    for row in &CUSTOMERS.fetch(&mut connection, ids, bind).await? {
        let id = text(row, 0)?;
        let erased = row.try_get::<i32, _>(1).map_err(failed())? != 0;
        let key = |place: usize| -> Result<Option<TouchKey>, Error> {
            let thread: Option<String> = row.try_get(place).map_err(failed())?;
            let conversation: Option<i64> = row.try_get(place + 1).map_err(failed())?;
            Ok(thread.zip(conversation))
        };
        let keys = [key(2)?, key(4)?];
        wanted.extend(keys.iter().flatten().cloned());
        touched.push((id.clone(), keys));
        found.insert(id.clone(), Customer { id, erased, ..Customer::default() });
    }
    for row in &THREADS.fetch(&mut connection, ids, bind).await? {
        let thread = CustomerThread { thread: text(row, 1)?, account: text(row, 2)?, channel: text(row, 3)? };
        found.entry(text(row, 0)?).and_modify(|customer| customer.threads.push(thread));
    }
    for row in &MERGED.fetch(&mut connection, ids, bind).await? {
        let (other, kind) = (text(row, 1)?, text(row, 2)?);
        found.entry(text(row, 0)?).and_modify(|customer| {
            customer.merged_from.push(other);
            if kind == Kind::Person.as_ref() {
                customer.evidence.push(EvidenceKind::Person.into());
            }
        });
    }
    for row in &EVIDENCE.fetch(&mut connection, ids, bind).await? {
        let kind = evidence(&text(row, 1)?).into();
        found.entry(text(row, 0)?).and_modify(|customer| customer.evidence.push(kind));
    }
    let touches = touches(&mut connection, &wanted).await?;
    for (id, keys) in touched {
        let [first, last] = keys.map(|key| key.and_then(|key| touches.get(&key).cloned()));
        found.entry(id).and_modify(|customer| {
            (customer.first_touch, customer.last_touch) = (first, last);
            customer.evidence.sort_unstable();
            customer.evidence.dedup();
        });
    }
    Ok(ids.iter().filter_map(|id| found.remove(&id.to_string())).collect())
}

async fn touches(
    connection: &mut sqlx::AnyConnection,
    wanted: &[TouchKey],
) -> Result<HashMap<TouchKey, CustomerTouch>, Error> {
    let failed = || Error::database("read touches");
    let bind = |query: AnyQuery, key: &TouchKey| query.bind(key.0.clone()).bind(key.1);
    let mut found = HashMap::new();
    for row in &TOUCHES.fetch(connection, wanted, bind).await? {
        let optional = |place| row.try_get::<Option<String>, _>(place).map_err(failed());
        let (thread, conversation): (String, i64) = (text(row, 0)?, row.try_get(1).map_err(failed())?);
        let touch = CustomerTouch {
            thread: thread.clone(),
            conversation: u32::try_from(conversation).unwrap_or(0),
            at_us: row.try_get::<Option<i64>, _>(2).map_err(failed())?.unwrap_or(0),
            source: optional(3)?,
            medium: optional(4)?,
            campaign: optional(5)?,
            scene: optional(6)?,
            page: optional(7)?,
        };
        found.insert((thread, conversation), touch);
    }
    Ok(found)
}

fn evidence(kind: &str) -> EvidenceKind {
    match kind.parse() {
        Ok(Kind::Login) => EvidenceKind::Login,
        Ok(Kind::Unionid) => EvidenceKind::Unionid,
        Ok(Kind::VerifiedPhone) => EvidenceKind::VerifiedPhone,
        Ok(Kind::VerifiedEmail) => EvidenceKind::VerifiedEmail,
        Ok(Kind::Person) => EvidenceKind::Person,
        Err(_) => EvidenceKind::Unspecified,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_reads_back_as_written() {
        let page = Page { latest: -5, customer: Uuid::from_u128(7) };
        assert_eq!(Page::parse(&page.to_string()), Some(page));
        assert_eq!(Page::parse("5"), None);
    }
}
