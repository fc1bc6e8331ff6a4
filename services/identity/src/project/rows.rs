//! Rows of customers and threads: read and written in bulk.

use events::Micros;
use spine::Error;
use spine::db::{AnyQuery, Bulk};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use std::collections::BTreeMap;
use uuid::Uuid;

/// When a touch was, and which; they are ordered by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stamp {
    pub(super) at: Micros,
    pub(super) thread: Uuid,
    pub(super) conversation: i64,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct CustomerRow {
    pub(super) tenant: String,
    pub(super) appeared: bool,
    pub(super) erased: bool,
    pub(super) began_at: Option<Micros>,
    pub(super) absorbed_into: Option<Uuid>,
    pub(super) root: Uuid,
    pub(super) first: Option<Stamp>,
    pub(super) last: Option<Stamp>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct ThreadRow {
    pub(super) tenant: String,
    pub(super) origin: Uuid,
    pub(super) customer: Uuid,
    pub(super) account: String,
    pub(super) channel: String,
    pub(super) began_at: Option<Micros>,
    pub(super) erased: bool,
}

impl CustomerRow {
    /// Somebody of whom nothing is known yet.
    pub(super) fn stub(tenant: &str, customer: Uuid) -> Self {
        Self {
            tenant: tenant.into(),
            appeared: false,
            erased: false,
            began_at: None,
            absorbed_into: None,
            root: customer,
            first: None,
            last: None,
        }
    }

    pub(super) fn touched(&mut self, stamp: Stamp) {
        self.first = Some(self.first.map_or(stamp, |first| first.min(stamp)));
        self.last = Some(self.last.map_or(stamp, |last| last.max(stamp)));
    }
}

static CUSTOMERS: Bulk = Bulk::new(
    "SELECT customer, tenant, appeared, erased, began_at, absorbed_into, root, first_at, first_thread,
     first_conversation, last_at, last_thread, last_conversation FROM customers WHERE customer IN (",
    1,
    ")",
);
static GROUPS: Bulk = Bulk::new(
    "SELECT customer, tenant, appeared, erased, began_at, absorbed_into, root, first_at, first_thread,
     first_conversation, last_at, last_thread, last_conversation FROM customers WHERE root IN (",
    1,
    ")",
);
static CUSTOMERS_PUT: Bulk = Bulk::new(
    "INSERT INTO customers (customer, tenant, appeared, erased, began_at, absorbed_into, root, first_at,
     first_thread, first_conversation, last_at, last_thread, last_conversation, latest)",
    14,
    "ON CONFLICT (customer) DO UPDATE SET appeared = excluded.appeared, erased = excluded.erased,
     began_at = excluded.began_at, absorbed_into = excluded.absorbed_into, root = excluded.root,
     first_at = excluded.first_at, first_thread = excluded.first_thread,
     first_conversation = excluded.first_conversation, last_at = excluded.last_at,
     last_thread = excluded.last_thread, last_conversation = excluded.last_conversation,
     latest = excluded.latest",
);
static THREADS: Bulk = Bulk::new(
    "SELECT thread, tenant, origin, customer, account, channel, began_at, erased FROM customer_threads
     WHERE thread IN (",
    1,
    ")",
);
static THREADS_PUT: Bulk = Bulk::new(
    "INSERT INTO customer_threads (thread, tenant, origin, customer, account, channel, began_at, erased)",
    8,
    "ON CONFLICT (thread) DO UPDATE SET customer = excluded.customer, account = excluded.account,
     channel = excluded.channel, began_at = excluded.began_at, erased = excluded.erased",
);

pub(super) fn bind_id(query: AnyQuery, id: &Uuid) -> AnyQuery {
    query.bind(id.to_string())
}

/// An id in a row.
pub(super) fn id(row: &AnyRow, place: usize) -> Result<Uuid, Error> {
    let text: String = row.try_get(place).map_err(Error::database("read an id"))?;
    Uuid::try_parse(&text).map_err(|_| Error::Other("a row holds no id where one must be".into()))
}

fn optional_id(row: &AnyRow, place: usize) -> Result<Option<Uuid>, Error> {
    let text: Option<String> = row.try_get(place).map_err(Error::database("read an id"))?;
    Ok(text.and_then(|text| Uuid::try_parse(&text).ok()))
}

fn stamp(row: &AnyRow, place: usize) -> Result<Option<Stamp>, Error> {
    let failed = || Error::database("read a touch");
    let at: Option<i64> = row.try_get(place).map_err(failed())?;
    let conversation: Option<i64> = row.try_get(place + 2).map_err(failed())?;
    let stamp = |at, thread, conversation| Stamp { at, thread, conversation };
    Ok(at.zip(optional_id(row, place + 1)?).zip(conversation).map(|((at, thread), n)| stamp(at, thread, n)))
}

fn customer(row: &AnyRow) -> Result<(Uuid, CustomerRow), Error> {
    let failed = || Error::database("read customers");
    let flag = |place| row.try_get::<i32, _>(place).map(|flag| flag != 0).map_err(failed());
    let found = CustomerRow {
        tenant: row.try_get(1).map_err(failed())?,
        appeared: flag(2)?,
        erased: flag(3)?,
        began_at: row.try_get(4).map_err(failed())?,
        absorbed_into: optional_id(row, 5)?,
        root: id(row, 6)?,
        first: stamp(row, 7)?,
        last: stamp(row, 10)?,
    };
    Ok((id(row, 0)?, found))
}

pub(super) async fn customers(
    tx: &mut AnyConnection,
    ids: &[Uuid],
) -> Result<BTreeMap<Uuid, CustomerRow>, Error> {
    CUSTOMERS.fetch(tx, ids, bind_id).await?.iter().map(customer).collect()
}

/// All customers that go on as one of these.
pub(super) async fn groups(
    tx: &mut AnyConnection,
    roots: &[Uuid],
) -> Result<BTreeMap<Uuid, CustomerRow>, Error> {
    GROUPS.fetch(tx, roots, bind_id).await?.iter().map(customer).collect()
}

pub(super) async fn put_customers(
    tx: &mut AnyConnection,
    rows: &[(&Uuid, &CustomerRow)],
) -> Result<(), Error> {
    let stamp = |query: AnyQuery, stamp: Option<Stamp>| {
        query
            .bind(stamp.map(|stamp| stamp.at))
            .bind(stamp.map(|stamp| stamp.thread.to_string()))
            .bind(stamp.map(|stamp| stamp.conversation))
    };
    let bind = |query: AnyQuery, (id, row): &(&Uuid, &CustomerRow)| {
        let query = query
            .bind(id.to_string())
            .bind(row.tenant.clone())
            .bind(i32::from(row.appeared))
            .bind(i32::from(row.erased))
            .bind(row.began_at)
            .bind(row.absorbed_into.map(|into| into.to_string()))
            .bind(row.root.to_string());
        let latest = row.last.map(|last| last.at).or(row.began_at).unwrap_or(0);
        stamp(stamp(query, row.first), row.last).bind(latest)
    };
    CUSTOMERS_PUT.write(tx, rows, bind).await.map(|_| ())
}

pub(super) async fn threads(
    tx: &mut AnyConnection,
    ids: &[Uuid],
) -> Result<BTreeMap<Uuid, ThreadRow>, Error> {
    let failed = || Error::database("read threads of customers");
    let rows = THREADS.fetch(tx, ids, bind_id).await?;
    let read = |row: &AnyRow| -> Result<(Uuid, ThreadRow), Error> {
        let found = ThreadRow {
            tenant: row.try_get(1).map_err(failed())?,
            origin: id(row, 2)?,
            customer: id(row, 3)?,
            account: row.try_get(4).map_err(failed())?,
            channel: row.try_get(5).map_err(failed())?,
            began_at: row.try_get(6).map_err(failed())?,
            erased: row.try_get::<i32, _>(7).map_err(failed())? != 0,
        };
        Ok((id(row, 0)?, found))
    };
    rows.iter().map(read).collect()
}

pub(super) async fn put_threads(tx: &mut AnyConnection, rows: &[(&Uuid, &ThreadRow)]) -> Result<(), Error> {
    let bind = |query: AnyQuery, (id, row): &(&Uuid, &ThreadRow)| {
        query
            .bind(id.to_string())
            .bind(row.tenant.clone())
            .bind(row.origin.to_string())
            .bind(row.customer.to_string())
            .bind(row.account.clone())
            .bind(row.channel.clone())
            .bind(row.began_at)
            .bind(i32::from(row.erased))
    };
    THREADS_PUT.write(tx, rows, bind).await.map(|_| ())
}

/// The threads of these customers go on with these.
pub(super) async fn move_threads(tx: &mut AnyConnection, moved: &[(Uuid, Uuid)]) -> Result<(), Error> {
    for (origin, root) in moved {
        sqlx::query("UPDATE customer_threads SET customer = $1 WHERE origin = $2")
            .bind(root.to_string())
            .bind(origin.to_string())
            .execute(&mut *tx)
            .await
            .map_err(Error::database("move threads to a customer"))?;
    }
    Ok(())
}
