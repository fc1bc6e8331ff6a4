//! Who goes on as whom: the customers and threads that a batch is about, and what it makes of them.

use super::fold::Fold;
use super::rows::{self, CustomerRow, Stamp, ThreadRow, bind_id, id};
use crate::ids::customer_of;
use spine::Error;
use spine::db::Bulk;
use sqlx::{AnyConnection, Row};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// The rows as they are read and as they are written.
#[derive(Default)]
pub(super) struct People {
    pub(super) customers: BTreeMap<Uuid, CustomerRow>,
    pub(super) threads: BTreeMap<Uuid, ThreadRow>,
    customers_before: BTreeMap<Uuid, CustomerRow>,
    threads_before: BTreeMap<Uuid, ThreadRow>,
    /// Roots of which touches or evidence may have come or gone other than one by one.
    pub(super) changed: BTreeSet<Uuid>,
}

impl People {
    pub(super) async fn load(tx: &mut AnyConnection, fold: &Fold<'_>) -> Result<Self, Error> {
        let mut people = Self::default();
        let named: Vec<Uuid> = fold.threads.keys().copied().collect();
        people.threads = rows::threads(tx, &named).await?;
        people.threads_before = people.threads.clone();
        for (thread, tenant) in &fold.threads {
            let origin = customer_of(*thread);
            people.threads.entry(*thread).or_insert_with(|| ThreadRow {
                tenant: (&**tenant).into(),
                origin,
                customer: origin,
                account: String::new(),
                channel: String::new(),
                began_at: None,
                erased: false,
            });
        }
        let wanted = people.wanted(fold);
        let ids: Vec<Uuid> = wanted.keys().copied().collect();
        people.customers = rows::customers(tx, &ids).await?;
        people.load_groups(tx, fold, &ids).await?;
        people.customers_before = people.customers.clone();
        for (customer, tenant) in wanted {
            people.customers.entry(customer).or_insert_with(|| CustomerRow::stub(&tenant, customer));
        }
        Ok(people)
    }

    fn wanted(&self, fold: &Fold<'_>) -> BTreeMap<Uuid, String> {
        let mut wanted = BTreeMap::new();
        for row in self.threads.values() {
            wanted.insert(row.origin, row.tenant.clone());
            wanted.insert(row.customer, row.tenant.clone());
        }
        for ((customer, other), claim) in &fold.merges {
            wanted.insert(*customer, claim.tenant.to_string());
            wanted.insert(*other, claim.tenant.to_string());
        }
        for (customer, change) in &fold.customers {
            wanted.insert(*customer, change.tenant.to_string());
            if let Some(Some(into)) = change.absorbed_into {
                wanted.insert(into, change.tenant.to_string());
            }
        }
        wanted
    }

    /// If anybody's end changes, all who go on as one of those that are loaded: no chain leads out of them.
    async fn load_groups(
        &mut self,
        tx: &mut AnyConnection,
        fold: &Fold<'_>,
        loaded: &[Uuid],
    ) -> Result<(), Error> {
        if fold.customers.values().all(|change| change.absorbed_into.is_none()) {
            return Ok(());
        }
        let root = |id: &Uuid| self.customers.get(id).map_or(*id, |row| row.root);
        let roots: BTreeSet<Uuid> = loaded.iter().map(root).collect();
        let roots: Vec<Uuid> = roots.into_iter().collect();
        for (customer, row) in rows::groups(tx, &roots).await? {
            self.customers.entry(customer).or_insert(row);
        }
        Ok(())
    }

    /// Takes in what the batch says of threads and customers, and moves whoever goes on as another now.
    pub(super) fn take_in(&mut self, fold: &Fold<'_>) {
        for (thread, began) in &fold.began {
            let Some(row) = self.threads.get_mut(thread).filter(|row| !row.erased) else { continue };
            (row.account, row.channel) = (began.account.to_string(), began.channel.to_owned());
            row.began_at = Some(began.at);
            if let Some(origin) = self.customers.get_mut(&row.origin) {
                origin.began_at = Some(began.at);
                // A rebuild may know of merges before it knows who is the older.
                if self.customers_before.contains_key(&row.origin) {
                    self.changed.insert(origin.root);
                }
            }
        }
        for thread in &fold.erased_threads {
            let Some(row) = self.threads.get_mut(thread) else { continue };
            row.erased = true;
            row.account.clear();
            row.channel.clear();
        }
        for (customer, change) in &fold.customers {
            let Some(row) = self.customers.get_mut(customer) else { continue };
            row.appeared |= change.appeared;
            row.erased |= change.erased;
            if let Some(absorbed_into) = change.absorbed_into {
                row.absorbed_into = absorbed_into;
            }
        }
        if fold.customers.values().any(|change| change.absorbed_into.is_some()) {
            self.find_roots();
        }
        for ((customer, other), _) in fold.merges.iter().filter(|(_, claim)| claim.splits > 0) {
            let roots = [customer, other].map(|id| self.customers.get(id).map_or(*id, |row| row.root));
            self.changed.extend(roots);
        }
        for (thread, row) in &mut self.threads {
            row.customer = self.customers.get(&row.origin).map_or(row.customer, |origin| origin.root);
            if fold.erased_threads.contains(thread) {
                self.changed.insert(row.customer);
            }
        }
    }

    fn find_roots(&mut self) {
        let into = |customer: Uuid| self.customers.get(&customer).and_then(|row| row.absorbed_into);
        let found: Vec<(Uuid, Uuid)> =
            self.customers.keys().map(|customer| (*customer, root_of(*customer, into))).collect();
        for (customer, root) in found {
            let Some(row) = self.customers.get_mut(&customer) else { continue };
            if row.root != root {
                self.changed.extend([row.root, root, customer]);
                row.root = root;
            }
        }
    }

    /// Whether the thread was not erased.
    pub(super) fn is_there(&self, thread: &Uuid) -> bool {
        self.threads.get(thread).is_some_and(|row| !row.erased)
    }

    pub(super) async fn write_threads(&mut self, tx: &mut AnyConnection) -> Result<(), Error> {
        let before = &self.threads_before;
        let changed: Vec<(&Uuid, &ThreadRow)> =
            self.threads.iter().filter(|(id, row)| before.get(*id) != Some(*row)).collect();
        rows::put_threads(tx, &changed).await?;
        let moved: Vec<(Uuid, Uuid)> = self
            .customers
            .iter()
            .filter(|(id, row)| self.customers_before.get(*id).map_or(**id, |before| before.root) != row.root)
            .map(|(id, row)| (*id, row.root))
            .collect();
        rows::move_threads(tx, &moved).await
    }

    /// Counts new touches in one by one, and anew where customers or threads came or went.
    pub(super) async fn count_touches(
        &mut self,
        tx: &mut AnyConnection,
        fresh: &[Stamp],
    ) -> Result<(), Error> {
        for stamp in fresh {
            let root = self.threads.get(&stamp.thread).map(|row| row.customer);
            if let Some(row) = root.and_then(|root| self.customers.get_mut(&root)) {
                row.touched(*stamp);
            }
        }
        let changed: Vec<Uuid> = self.changed.iter().copied().collect();
        for customer in &changed {
            if let Some(row) = self.customers.get_mut(customer) {
                (row.first, row.last) = (None, None);
            }
        }
        for (customer, stamp) in touches(tx, &changed).await? {
            if let Some(row) = self.customers.get_mut(&customer) {
                row.touched(stamp);
            }
        }
        Ok(())
    }

    pub(super) async fn write_customers(&self, tx: &mut AnyConnection) -> Result<(), Error> {
        let before = &self.customers_before;
        let changed: Vec<(&Uuid, &CustomerRow)> =
            self.customers.iter().filter(|(id, row)| before.get(*id) != Some(*row)).collect();
        rows::put_customers(tx, &changed).await
    }
}

/// Where `customer` ends up. Customers that go on as each other, which only two writers at the same instant can
/// bring about, end up at the smallest of them until a person splits them.
fn root_of(customer: Uuid, into: impl Fn(Uuid) -> Option<Uuid>) -> Uuid {
    let mut path = vec![customer];
    let mut at = customer;
    while let Some(next) = into(at) {
        if let Some(start) = path.iter().position(|known| *known == next) {
            return path[start..].iter().copied().min().unwrap_or(next);
        }
        path.push(next);
        at = next;
    }
    at
}

static TOUCHES: Bulk = Bulk::new(
    "SELECT ct.customer, t.at, t.thread, t.conversation FROM customer_threads ct
     JOIN touches t ON t.thread = ct.thread WHERE t.known = 1 AND ct.customer IN (",
    1,
    ")",
);

async fn touches(tx: &mut AnyConnection, customers: &[Uuid]) -> Result<Vec<(Uuid, Stamp)>, Error> {
    let failed = || Error::database("read touches");
    let mut found = Vec::new();
    for row in &TOUCHES.fetch(tx, customers, bind_id).await? {
        let (at, conversation) = (row.try_get(1).map_err(failed())?, row.try_get(3).map_err(failed())?);
        found.push((id(row, 0)?, Stamp { at, thread: id(row, 2)?, conversation }));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(edges: &[(u128, u128)], of: u128) -> Uuid {
        let into = |id: Uuid| {
            edges.iter().find(|(from, _)| Uuid::from_u128(*from) == id).map(|(_, to)| Uuid::from_u128(*to))
        };
        root_of(Uuid::from_u128(of), into)
    }

    #[test]
    fn the_end_of_a_chain_is_its_root() {
        assert_eq!(root(&[(3, 2), (2, 1)], 3), Uuid::from_u128(1));
        assert_eq!(root(&[(3, 2)], 2), Uuid::from_u128(2));
    }

    #[test]
    fn a_circle_ends_at_its_smallest() {
        let circle = [(1, 2), (2, 3), (3, 1), (4, 3)];
        assert!((1..=4).all(|of| root(&circle, of) == Uuid::from_u128(1)));
    }
}
