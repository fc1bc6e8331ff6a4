//! What an erasure found, did and still has to do: kept in a state store, so that a death costs time only.

use serde::{Deserialize, Serialize};
use spine::db::{Database, Migration, Store};
use spine::{Error, Position};
use sqlx::Row;
use sqlx::any::AnyRow;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

pub(crate) const MIGRATIONS: &[Migration] = &[Migration::portable(
    1,
    "CREATE TABLE erasures (erasure TEXT PRIMARY KEY, tenant TEXT NOT NULL, subject TEXT NOT NULL,
     reason TEXT NOT NULL, step TEXT NOT NULL, plan TEXT NOT NULL, waits TEXT NOT NULL, certificate TEXT,
     asked_at BIGINT NOT NULL, done_at BIGINT)",
)];
const COLUMNS: &str =
    "SELECT erasure, tenant, subject, reason, step, plan, waits, certificate, asked_at FROM erasures";

/// Whom an erasure is about: any customer or thread of the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    Customer(Uuid),
    Thread(Uuid),
}

/// What comes next. Each step can be done again after a death in its middle.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    strum::AsRefStr,
    strum::EnumString,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Step {
    /// Find everything of the person; a legal hold keeps the erasure here.
    Collect,
    /// Append `Erased` to all of it.
    Append,
    /// Destroy the keys.
    Keys,
    /// Wait until every reader has read that, look whether anything was added meanwhile, and list what is to be
    /// deleted.
    Read,
    /// Delete the raw requests.
    Inbound,
    /// Delete the messages of the lead feed.
    Feed,
    /// Drop fillings of read models that nobody reads any more.
    Models,
    /// Get what was deleted out of every file; on Postgres, wait until other processes' readers have purged theirs.
    Files,
    Sign,
    Done,
}

/// Ids and positions only, never anything of the person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub threads: BTreeSet<Uuid>,
    pub customers: BTreeSet<Uuid>,
    pub leads: BTreeSet<String>,
    /// Threads of joined leads that are not erased: a contact detail of the person was written in them.
    #[serde(default)]
    pub others: BTreeSet<Uuid>,
    /// Where `Erased` stands, by subject.
    pub erased: BTreeMap<String, Position>,
    /// Keys that were destroyed.
    pub keys: BTreeSet<String>,
    /// Raw requests, by place.
    pub inbound: BTreeSet<String>,
    /// Messages of the lead feed, by sequence.
    pub feed: BTreeSet<u64>,
    pub readers: BTreeSet<String>,
    pub models: BTreeSet<String>,
    pub files: BTreeSet<String>,
}

impl Plan {
    /// Whether an erasure by this plan is about the subject, too.
    fn reaches(&self, subject: Subject) -> bool {
        match subject {
            Subject::Customer(customer) => self.customers.contains(&customer),
            Subject::Thread(thread) => self.threads.contains(&thread),
        }
    }

    /// Whether everybody and everything that the other plan found is in this one.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.threads.is_superset(&other.threads)
            && self.customers.is_superset(&other.customers)
            && self.leads.is_superset(&other.leads)
    }
}

/// An erasure as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Erasure {
    pub id: Uuid,
    pub tenant: String,
    pub subject: Subject,
    /// A reference, such as a ticket's number.
    pub reason: String,
    pub step: Step,
    pub plan: Plan,
    /// What it waits for, in words for the operator; empty when it goes on.
    pub waits: String,
    /// The signed certificate as JSON, once done.
    pub certificate: Option<String>,
    pub asked_at: i64,
}

/// The state store of erasures. Cheap to clone.
#[derive(Clone)]
pub(super) struct Shelf {
    store: Store,
}

impl Shelf {
    pub(super) async fn open(database: &Database) -> Result<Self, Error> {
        Ok(Self { store: database.state("identity", MIGRATIONS).await? })
    }

    pub(super) async fn add(&self, erasure: &Erasure) -> Result<(), Error> {
        sqlx::query(
            "INSERT INTO erasures (erasure, tenant, subject, reason, step, plan, waits, asked_at)
             VALUES ($1, $2, $3, $4, $5, $6, '', $7)",
        )
        .bind(erasure.id.to_string())
        .bind(erasure.tenant.clone())
        .bind(json(&erasure.subject)?)
        .bind(erasure.reason.clone())
        .bind(erasure.step.as_ref())
        .bind(json(&erasure.plan)?)
        .bind(erasure.asked_at)
        .execute(self.store.write())
        .await
        .map_err(Error::database("add an erasure"))?;
        Ok(())
    }

    pub(super) async fn get(&self, id: Uuid) -> Result<Option<Erasure>, Error> {
        let text = format!("{COLUMNS} WHERE erasure = $1");
        let row = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(id.to_string())
            .fetch_optional(self.store.reads())
            .await
            .map_err(Error::database("read an erasure"))?;
        row.as_ref().map(read).transpose()
    }

    /// The one of all that reach the subject which was asked for last.
    pub(super) async fn newest_of(&self, tenant: &str, subject: Subject) -> Result<Option<Erasure>, Error> {
        let (Subject::Customer(id) | Subject::Thread(id)) = subject;
        // A plan names it for other reasons, too, so the text only narrows it down.
        let text =
            format!("{COLUMNS} WHERE tenant = $1 AND plan LIKE $2 ORDER BY asked_at DESC, erasure DESC");
        let rows = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(tenant.to_owned())
            .bind(format!("%{id}%"))
            .fetch_all(self.store.reads())
            .await
            .map_err(Error::database("look for an earlier erasure"))?;
        let mut erasures = rows.iter().map(read);
        erasures.find(|erasure| erasure.as_ref().map_or(true, |it| it.plan.reaches(subject))).transpose()
    }

    /// Those that are not done, the oldest first.
    pub(super) async fn open_ones(&self) -> Result<Vec<Uuid>, Error> {
        let rows =
            sqlx::query("SELECT erasure FROM erasures WHERE step <> 'done' ORDER BY asked_at, erasure")
                .fetch_all(self.store.reads())
                .await
                .map_err(Error::database("list erasures"))?;
        Ok(rows.iter().filter_map(|row| row.get::<String, _>(0).parse().ok()).collect())
    }

    /// Whether one has begun and its certificate is not signed yet. One that a legal hold keeps has not begun.
    pub(super) async fn is_any_under_way(&self) -> Result<bool, Error> {
        let found: Option<String> =
            sqlx::query_scalar("SELECT erasure FROM erasures WHERE step NOT IN ($1, $2) LIMIT 1")
                .bind(Step::Collect.as_ref())
                .bind(Step::Done.as_ref())
                .fetch_optional(self.store.reads())
                .await
                .map_err(Error::database("look for erasures under way"))?;
        Ok(found.is_some())
    }

    /// Writes what a step came to, unless another process has already gone on from `from`.
    pub(super) async fn put(&self, erasure: &Erasure, from: Step, done_at: Option<i64>) -> Result<(), Error> {
        sqlx::query(
            "UPDATE erasures SET step = $1, plan = $2, waits = $3, certificate = $4, done_at = $5
             WHERE erasure = $6 AND step = $7",
        )
        .bind(erasure.step.as_ref())
        .bind(json(&erasure.plan)?)
        .bind(erasure.waits.clone())
        .bind(erasure.certificate.clone())
        .bind(done_at)
        .bind(erasure.id.to_string())
        .bind(from.as_ref())
        .execute(self.store.write())
        .await
        .map_err(Error::database("put an erasure"))?;
        Ok(())
    }
}

fn json(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(Error::Unwritable)
}

fn read(row: &AnyRow) -> Result<Erasure, Error> {
    let broken = |what: &str| Error::Other(format!("an erasure's {what} is broken"));
    let text = |place| row.try_get::<String, _>(place).map_err(Error::database("read an erasure"));
    Ok(Erasure {
        id: text(0)?.parse().map_err(|_| broken("id"))?,
        tenant: text(1)?,
        subject: serde_json::from_str(&text(2)?).map_err(|_| broken("subject"))?,
        reason: text(3)?,
        step: text(4)?.parse().map_err(|_| broken("step"))?,
        plan: serde_json::from_str(&text(5)?).map_err(|_| broken("plan"))?,
        waits: text(6)?,
        certificate: row.try_get(7).map_err(Error::database("read an erasure"))?,
        asked_at: row.try_get(8).map_err(Error::database("read an erasure"))?,
    })
}
