//! Groups: the leads that have a value in common, or a thread, and which of them are due to be joined.
//!
//! In each group the earliest lead (by its beginning, then its id) goes on; every other one that is not joined and
//! was not parted by a person is due. Parts that commit at the same time on Postgres meet at the group's row, which
//! both write first, in the order of tokens, so that the second sees what the first did.

use super::super::address::{address_of, parse};
use super::JOIN;
use super::detail::Detail;
use super::lead::Lines;
use crate::extract;
use crate::qualify::reaches;
use events::lead::DetailKind;
use spine::db::{AnyQuery, Bulk};
use spine::keys::Keys;
use spine::{Due, DueChanges, Error};
use sqlx::{AnyConnection, Row};
use std::collections::{BTreeMap, BTreeSet};

/// The kind of the token that all leads of one thread have in common.
const THREAD: &str = "thread";

/// Tenant, kind, token.
type Name = (String, String, String);

/// A lead's place in a group.
struct Member {
    name: Name,
    lead: String,
    at: i64,
    part: u8,
    sequence: u64,
    open: bool,
}

/// The groups that a batch touches.
pub(super) struct Groups {
    names: Vec<Name>,
    added: Vec<Member>,
    /// Tenant and id of the leads that the batch joined, parted or erased: none of them is ever due again.
    settled: Vec<(String, String)>,
    /// Those of them that it erased.
    erased: Vec<String>,
}

static OF_LEADS: Bulk = Bulk::new("SELECT tenant, kind, token FROM tokens WHERE lead IN (", 1, ")");

/// The groups that the batch's details add to, and those of leads that it joins, parts or erases.
///
/// # Errors
/// Database errors.
pub(super) async fn touched(
    tx: &mut AnyConnection,
    keys: &Keys,
    details: &[Detail],
    lines: &Lines,
) -> Result<Groups, Error> {
    let mut added = BTreeMap::new();
    for detail in details.iter().filter(|detail| reaches(detail.kind)) {
        let Some(line) = lines.get(&detail.lead) else { continue };
        for name in names_of(keys, &line.tenant, detail).await? {
            let member = Member {
                name: name.clone(),
                lead: detail.lead.clone(),
                at: line.created_at,
                part: detail.part,
                sequence: detail.sequence,
                open: line.is_open(),
            };
            added.entry((name, detail.lead.clone())).or_insert(member);
        }
    }
    let regrouped: Vec<_> = lines.iter().filter(|(_, line)| line.regrouped).collect();
    let rows = OF_LEADS.fetch(tx, &regrouped, |query, (lead, _)| query.bind((*lead).clone())).await?;
    let mut names: BTreeSet<Name> = rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
    names.extend(added.keys().map(|(name, _)| name.clone()));
    let erased = regrouped.iter().filter(|(_, line)| line.erased).map(|(lead, _)| (*lead).clone());
    Ok(Groups {
        names: names.into_iter().collect(),
        erased: erased.collect(),
        settled: regrouped.iter().map(|(lead, line)| (line.tenant.clone(), (*lead).clone())).collect(),
        added: added.into_values().collect(),
    })
}

/// The groups that a detail puts its lead into: that of its value, if it can be opened, and that of its thread.
async fn names_of(keys: &Keys, tenant: &str, detail: &Detail) -> Result<Vec<Name>, Error> {
    let mut names = Vec::new();
    if let Some((thread, _)) = parse(&detail.lead) {
        names.push((tenant.to_owned(), THREAD.to_owned(), thread.to_string()));
    }
    if let Some(value) = &detail.value {
        let kind = detail.kind.as_ref();
        let token = keys.token(tenant, kind, &normal(detail.kind, value)).await?;
        names.push((tenant.to_owned(), kind.to_owned(), token));
    }
    Ok(names)
}

/// The form in which equal values are equal: a phone with its country where that is known, and its extension.
fn normal(kind: DetailKind, value: &str) -> String {
    if kind != DetailKind::Phone {
        return value.to_owned();
    }
    let number = extract::international(value).unwrap_or_else(|| value.to_owned());
    match value.split_once('x') {
        Some((_, extension)) if !number.contains('x') => format!("{number}x{extension}"),
        _ => number,
    }
}

static LOCK: Bulk = Bulk::new(
    "INSERT INTO groups_of_leads (tenant, kind, token)",
    3,
    "ON CONFLICT (tenant, kind, token) DO UPDATE SET token = excluded.token",
);
static UNLOCK: Bulk = Bulk::new("DELETE FROM groups_of_leads WHERE (tenant, kind, token) IN (", 3, ")");
static ADD: Bulk = Bulk::new(
    "INSERT INTO tokens (tenant, kind, token, lead, at, part, sequence, open)",
    8,
    "ON CONFLICT (tenant, kind, token, lead) DO NOTHING",
);
static LEAVE: Bulk = Bulk::new("DELETE FROM tokens WHERE lead IN (", 1, ")");
static SETTLE: Bulk = Bulk::new("UPDATE tokens SET open = 0 WHERE lead IN (", 1, ")");
static FIRST: Bulk = Bulk::new(
    "SELECT g.tenant, g.kind, g.token, (SELECT t.lead FROM tokens t WHERE t.tenant = g.tenant
     AND t.kind = g.kind AND t.token = g.token ORDER BY t.at, t.lead LIMIT 1)
     FROM groups_of_leads g WHERE (g.tenant, g.kind, g.token) IN (",
    3,
    ")",
);
static OPEN: Bulk = Bulk::new(
    "SELECT tenant, kind, token, lead, at, part, sequence FROM tokens
     WHERE open = 1 AND (tenant, kind, token) IN (",
    3,
    ")",
);
fn bind_name(query: AnyQuery, (tenant, kind, token): &Name) -> AnyQuery {
    query.bind(tenant.clone()).bind(kind.clone()).bind(token.clone())
}

impl Groups {
    /// Holds the groups until the transaction ends.
    ///
    /// # Errors
    /// Database errors; a deadlock is one that passes.
    pub(super) async fn lock(&self, tx: &mut AnyConnection) -> Result<(), Error> {
        LOCK.write(tx, &self.names, bind_name).await.map(|_| ())
    }

    /// Writes who has what, and what is due in the groups that are touched.
    ///
    /// # Errors
    /// Database errors.
    pub(super) async fn write(self, tx: &mut AnyConnection) -> Result<(), Error> {
        self.write_tokens(tx).await?;
        let mut changes = DueChanges::default();
        for (tenant, lead) in &self.settled {
            changes.remove_all(JOIN, &address_of(tenant, lead)?.subject());
        }
        let mut firsts: BTreeMap<Name, String> = BTreeMap::new();
        let mut empty = Vec::new();
        for row in FIRST.fetch(tx, &self.names, bind_name).await? {
            let name: Name = (row.get(0), row.get(1), row.get(2));
            match row.get::<Option<String>, _>(3) {
                Some(lead) => {
                    changes.remove(JOIN, &address_of(&name.0, &lead)?.subject(), &key_of(&name));
                    firsts.insert(name, lead);
                }
                None => empty.push(name),
            }
        }
        changes.write(tx).await?;
        let mut changes = DueChanges::default();
        for row in OPEN.fetch(tx, &self.names, bind_name).await? {
            let name: Name = (row.get(0), row.get(1), row.get(2));
            let lead: String = row.get(3);
            let Some(into) = firsts.get(&name).filter(|into| **into != lead) else { continue };
            let (entity, key) = (address_of(&name.0, &lead)?.subject(), key_of(&name));
            let (part, sequence) = (row.get::<i32, _>(5), row.get::<i64, _>(6));
            let due = Due { kind: JOIN, entity, key, lane: name.0, at: row.get(4), body: into.clone() };
            changes.put_of(due, u8::try_from(part).unwrap_or(0), u64::try_from(sequence).unwrap_or(0));
        }
        changes.write(tx).await?;
        UNLOCK.write(tx, &empty, bind_name).await.map(|_| ())
    }

    async fn write_tokens(&self, tx: &mut AnyConnection) -> Result<(), Error> {
        let signed = |sequence: u64| i64::try_from(sequence).unwrap_or(i64::MAX);
        let bind = |query: AnyQuery, member: &Member| {
            bind_name(query, &member.name)
                .bind(member.lead.clone())
                .bind(member.at)
                .bind(i32::from(member.part))
                .bind(signed(member.sequence))
                .bind(i32::from(member.open))
        };
        ADD.write(tx, &self.added, bind).await?;
        LEAVE.write(tx, &self.erased, |query, lead| query.bind(lead.clone())).await?;
        SETTLE.write(tx, &self.settled, |query, (_, lead)| query.bind(lead.clone())).await?;
        Ok(())
    }
}

fn key_of((_, kind, token): &Name) -> String {
    format!("{kind}:{token}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_the_same_with_and_without_its_country() {
        assert_eq!(normal(DetailKind::Phone, "13812345678"), normal(DetailKind::Phone, "+8613812345678"));
        assert_ne!(normal(DetailKind::Phone, "01062345678x12"), normal(DetailKind::Phone, "01062345678x13"));
        assert_eq!(normal(DetailKind::Email, "a@b.cn"), "a@b.cn");
    }
}
