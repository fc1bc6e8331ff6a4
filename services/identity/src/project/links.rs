//! Who shares strong evidence: a link that is due, or a conflict that waits for a person.

use super::learned::{Token, bind_token, token};
use super::rows::{bind_id, id};
use crate::work::LinkBody;
use events::customer::EvidenceKind;
use spine::db::{AnyQuery, Bulk};
use spine::{Due, DueChanges, Error, Recorded};
use sqlx::{AnyConnection, Row};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

static TOKENS: Bulk = Bulk::new(
    "SELECT DISTINCT tk.tenant, tk.kind, tk.token FROM tokens tk
     JOIN customer_threads ct ON ct.thread = tk.thread WHERE ct.customer IN (",
    1,
    ")",
);
static OWNERS: Bulk = Bulk::new(
    "SELECT DISTINCT tk.tenant, tk.kind, tk.token, ct.customer FROM tokens tk
     JOIN customer_threads ct ON ct.thread = tk.thread WHERE (tk.tenant, tk.kind, tk.token) IN (",
    3,
    ")",
);
static LOGINS: Bulk = Bulk::new(
    "SELECT DISTINCT ct.customer, tk.token FROM tokens tk JOIN customer_threads ct ON ct.thread = tk.thread
     WHERE tk.kind = 'login' AND ct.customer IN (",
    1,
    ")",
);
static AGES: Bulk = Bulk::new("SELECT customer, began_at, erased FROM customers WHERE customer IN (", 1, ")");
static SPLITS: Bulk = Bulk::new(
    "SELECT a.root, b.root FROM merges m JOIN customers a ON a.customer = m.customer
     JOIN customers b ON b.customer = m.other WHERE m.splits > 0 AND a.root IN (",
    1,
    ")",
);
static FORGET_CUSTOMERS: Bulk = Bulk::new("DELETE FROM conflicts WHERE customer IN (", 1, ")");
static FORGET_OTHERS: Bulk = Bulk::new("DELETE FROM conflicts WHERE other IN (", 1, ")");
static PUT: Bulk = Bulk::new(
    "INSERT INTO conflicts (customer, other, kind, tenant, reason)",
    5,
    "ON CONFLICT (customer, other, kind) DO UPDATE SET reason = excluded.reason",
);

/// What is known about customers who share something.
#[derive(Default)]
struct Sharing {
    owners: BTreeMap<Token, BTreeSet<Uuid>>,
    logins: BTreeMap<Uuid, BTreeSet<String>>,
    /// When they began; erased ones are not among them.
    ages: BTreeMap<Uuid, i64>,
    splits: BTreeSet<(Uuid, Uuid)>,
}

/// Two customers, the older first, the kind of what they share and why a person must decide.
type Conflicts = BTreeMap<(Uuid, String, String), (String, &'static str)>;

/// Looks anew at everything that the changed customers share, and at the tokens that were given up.
pub(super) async fn write(
    tx: &mut AnyConnection,
    changed: &BTreeSet<Uuid>,
    given_up: Vec<Token>,
    (due, record): (&mut DueChanges, &Recorded),
) -> Result<(), Error> {
    if changed.is_empty() && given_up.is_empty() {
        return Ok(());
    }
    let changed: Vec<Uuid> = changed.iter().copied().collect();
    let mut tokens: BTreeSet<Token> = given_up.into_iter().collect();
    for row in &TOKENS.fetch(tx, &changed, bind_id).await? {
        tokens.insert(token(row)?);
    }
    let tokens: Vec<Token> = tokens.into_iter().collect();
    let sharing = Sharing::read(tx, &tokens, &changed).await?;
    let mut conflicts = Conflicts::new();
    for token in &tokens {
        let pair = sharing.decide(token, &mut conflicts);
        let entity = format!("link.{}.{}.{}", token.tenant, token.kind, token.token);
        match pair {
            Some((older, younger)) => due.put(record, due_row(token, entity, older, younger)?),
            None => due.remove("link", &entity, ""),
        }
    }
    sharing.own_conflicts(&tokens, &mut conflicts);
    FORGET_CUSTOMERS.write(tx, &changed, bind_id).await?;
    FORGET_OTHERS.write(tx, &changed, bind_id).await?;
    put(tx, conflicts).await
}

fn due_row(token: &Token, entity: String, older: Uuid, younger: Uuid) -> Result<Due, Error> {
    let kind: EvidenceKind =
        token.kind.parse().map_err(|_| Error::Other(format!("{} is no kind of evidence", token.kind)))?;
    let body = LinkBody { tenant: token.tenant.clone(), kind, older, younger };
    Ok(Due {
        kind: "link",
        entity,
        key: String::new(),
        lane: token.tenant.clone(),
        at: 0,
        body: serde_json::to_string(&body).map_err(Error::Unwritable)?,
    })
}

async fn put(tx: &mut AnyConnection, conflicts: Conflicts) -> Result<(), Error> {
    let rows: Vec<_> = conflicts.into_iter().collect();
    let bind = |query: AnyQuery, row: &((Uuid, String, String), (String, &'static str))| {
        let ((customer, other, kind), (tenant, reason)) = row;
        query
            .bind(customer.to_string())
            .bind(other.clone())
            .bind(kind.clone())
            .bind(tenant.clone())
            .bind(*reason)
    };
    PUT.write(tx, &rows, bind).await.map(|_| ())
}

impl Sharing {
    async fn read(tx: &mut AnyConnection, tokens: &[Token], changed: &[Uuid]) -> Result<Self, Error> {
        let failed = || Error::database("read who shares evidence");
        let mut sharing = Self::default();
        for row in &OWNERS.fetch(tx, tokens, bind_token).await? {
            sharing.owners.entry(token(row)?).or_default().insert(id(row, 3)?);
        }
        let all: BTreeSet<Uuid> = sharing.owners.values().flatten().chain(changed).copied().collect();
        let all: Vec<Uuid> = all.into_iter().collect();
        for row in &LOGINS.fetch(tx, &all, bind_id).await? {
            let login = row.try_get(1).map_err(failed())?;
            sharing.logins.entry(id(row, 0)?).or_default().insert(login);
        }
        for row in &AGES.fetch(tx, &all, bind_id).await? {
            let began_at: Option<i64> = row.try_get(1).map_err(failed())?;
            let erased: i32 = row.try_get(2).map_err(failed())?;
            if erased == 0 {
                sharing.ages.insert(id(row, 0)?, began_at.unwrap_or(i64::MAX));
            }
        }
        for row in &SPLITS.fetch(tx, &all, bind_id).await? {
            let (one, other) = (id(row, 0)?, id(row, 1)?);
            sharing.splits.insert((one.min(other), one.max(other)));
        }
        Ok(sharing)
    }

    /// The first two, by age, whom this token links; pairs that only a person may link become conflicts.
    fn decide(&self, token: &Token, conflicts: &mut Conflicts) -> Option<(Uuid, Uuid)> {
        let mut owners: Vec<(i64, Uuid)> = self
            .owners
            .get(token)?
            .iter()
            .filter_map(|owner| Some((*self.ages.get(owner)?, *owner)))
            .collect();
        owners.sort_unstable();
        let mut linked = None;
        for (place, (_, older)) in owners.iter().enumerate() {
            for (_, younger) in &owners[place + 1..] {
                match self.against(*older, *younger) {
                    Some(reason) => {
                        let key = (*older, younger.to_string(), token.kind.clone());
                        conflicts.insert(key, (token.tenant.clone(), reason));
                    }
                    None => linked = linked.or(Some((*older, *younger))),
                }
            }
        }
        linked
    }

    /// What speaks against linking the two without a person.
    fn against(&self, one: Uuid, other: Uuid) -> Option<&'static str> {
        let logins: BTreeSet<&String> =
            [one, other].iter().filter_map(|id| self.logins.get(id)).flatten().collect();
        if logins.len() > 1 {
            return Some("two_logins");
        }
        self.splits.contains(&(one.min(other), one.max(other))).then_some("split_before")
    }

    /// One customer with two logins, such as two people at one computer.
    fn own_conflicts(&self, tokens: &[Token], conflicts: &mut Conflicts) {
        for token in tokens.iter().filter(|token| token.kind == EvidenceKind::Login.as_ref()) {
            for owner in self.owners.get(token).into_iter().flatten() {
                let there = self.ages.contains_key(owner);
                if there && self.logins.get(owner).is_some_and(|logins| logins.len() > 1) {
                    let key = (*owner, String::new(), token.kind.clone());
                    conflicts.insert(key, (token.tenant.clone(), "two_logins"));
                }
            }
        }
    }
}
