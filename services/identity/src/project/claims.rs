//! Merges: what customers say of each other, and the other half of a merge or split that is still to come.

use super::fold::Fold;
use super::people::People;
use super::rows::{self, bind_id, id};
use crate::ids::customer_address;
use spine::db::{AnyQuery, Bulk};
use spine::{Due, DueChanges, Error, Recorded};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Whoever merges or splits does both halves at once; only if nothing comes for so long did they die.
const PATIENCE_US: i64 = 2_000_000;

static OF_CUSTOMERS: Bulk = Bulk::new(
    "SELECT customer, other, tenant, kind, claimed, splits, at FROM merges WHERE customer IN (",
    1,
    ")",
);
static OF_OTHERS: Bulk = Bulk::new(
    "SELECT customer, other, tenant, kind, claimed, splits, at FROM merges WHERE other IN (",
    1,
    ")",
);
static PUT: Bulk = Bulk::new(
    "INSERT INTO merges (customer, other, tenant, kind, claimed, splits, at)",
    7,
    "ON CONFLICT (customer, other) DO UPDATE SET kind = excluded.kind, claimed = excluded.claimed,
     splits = excluded.splits, at = excluded.at",
);

#[derive(Clone)]
struct ClaimRow {
    tenant: String,
    kind: String,
    claimed: bool,
    splits: i64,
    at: i64,
}

type Pairs = BTreeMap<(Uuid, Uuid), ClaimRow>;

/// Writes what customers say of each other, and makes due what does not agree yet.
pub(super) async fn write(
    tx: &mut AnyConnection,
    fold: &Fold<'_>,
    people: &People,
    (due, record): (&mut DueChanges, &Recorded),
) -> Result<(), Error> {
    let ends = |(customer, change): (&Uuid, &super::fold::Change)| {
        (change.erased || change.absorbed_into.is_some()).then_some(*customer)
    };
    let mut named: BTreeSet<Uuid> = fold.customers.iter().filter_map(ends).collect();
    named.extend(fold.merges.keys().flat_map(|(customer, other)| [*customer, *other]));
    if named.is_empty() {
        return Ok(());
    }
    let named: Vec<Uuid> = named.into_iter().collect();
    let mut pairs = read(tx, &named).await?;
    take_in(&mut pairs, fold);
    let changed: Vec<(&(Uuid, Uuid), &ClaimRow)> =
        pairs.iter().filter(|(pair, _)| fold.merges.contains_key(pair)).collect();
    put(tx, &changed).await?;
    let missing: BTreeSet<Uuid> = pairs.keys().flat_map(|(one, other)| [*one, *other]).collect();
    let missing: Vec<Uuid> = missing.into_iter().filter(|id| !people.customers.contains_key(id)).collect();
    let rest = rows::customers(tx, &missing).await?;
    let find = |id: &Uuid| people.customers.get(id).or_else(|| rest.get(id));
    for ((customer, other), claim) in &pairs {
        let entity = customer_address(&claim.tenant, *other)?.subject();
        let goes_on_as = find(other).and_then(|row| row.absorbed_into);
        let erased = [customer, other].into_iter().filter_map(find).any(|row| row.erased);
        let agreed = (goes_on_as == Some(*customer)) == claim.claimed;
        let open = (!erased && !agreed).then_some(if claim.claimed { "absorb" } else { "restore" });
        for kind in ["absorb", "restore"] {
            if open == Some(kind) {
                due.put(record, due_row(kind, &entity, *customer, claim));
            } else {
                due.remove(kind, &entity, &customer.to_string());
            }
        }
    }
    Ok(())
}

fn due_row(kind: &'static str, entity: &str, customer: Uuid, claim: &ClaimRow) -> Due {
    Due {
        kind,
        entity: entity.into(),
        key: customer.to_string(),
        lane: claim.tenant.clone(),
        at: claim.at + PATIENCE_US,
        body: "{}".into(),
    }
}

fn take_in(pairs: &mut Pairs, fold: &Fold<'_>) {
    for (pair, claim) in &fold.merges {
        let row = pairs.entry(*pair).or_insert_with(|| ClaimRow {
            tenant: claim.tenant.to_string(),
            kind: String::new(),
            claimed: false,
            splits: 0,
            at: 0,
        });
        if let Some(kind) = claim.kind {
            row.kind = kind.as_ref().to_owned();
        }
        (row.claimed, row.at) = (claim.claimed, claim.at);
        row.splits += claim.splits;
    }
}

async fn read(tx: &mut AnyConnection, named: &[Uuid]) -> Result<Pairs, Error> {
    let failed = || Error::database("read merges");
    let mut found = OF_CUSTOMERS.fetch(tx, named, bind_id).await?;
    found.extend(OF_OTHERS.fetch(tx, named, bind_id).await?);
    let read = |row: &AnyRow| -> Result<((Uuid, Uuid), ClaimRow), Error> {
        let claim = ClaimRow {
            tenant: row.try_get(2).map_err(failed())?,
            kind: row.try_get(3).map_err(failed())?,
            claimed: row.try_get::<i32, _>(4).map_err(failed())? != 0,
            splits: row.try_get(5).map_err(failed())?,
            at: row.try_get(6).map_err(failed())?,
        };
        Ok(((id(row, 0)?, id(row, 1)?), claim))
    };
    found.iter().map(read).collect()
}

async fn put(tx: &mut AnyConnection, changed: &[(&(Uuid, Uuid), &ClaimRow)]) -> Result<(), Error> {
    let bind = |query: AnyQuery, (pair, row): &(&(Uuid, Uuid), &ClaimRow)| {
        query
            .bind(pair.0.to_string())
            .bind(pair.1.to_string())
            .bind(row.tenant.clone())
            .bind(row.kind.clone())
            .bind(i32::from(row.claimed))
            .bind(row.splits)
            .bind(row.at)
    };
    PUT.write(tx, changed, bind).await.map(|_| ())
}
