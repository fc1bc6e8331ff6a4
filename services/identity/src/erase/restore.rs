//! After a restore: a backup of the keys may bring an erased person back, and the log says who was erased.

use super::Erasures;
use super::plan::{Erasure, Plan, Step, Subject};
use spine::keys::{Owner, OwnerKind};
use spine::{Address, Error};
use sqlx::Row;
use std::collections::BTreeMap;
use uuid::Uuid;

/// The reference in the certificate of an erasure that is applied again.
const REASON: &str = "restore";

impl Erasures {
    /// Begins anew every erasure that the log knows and the key register does not. Answers with how many.
    ///
    /// # Errors
    /// Database errors.
    pub async fn apply_again(&self) -> Result<usize, Error> {
        let model = self.reader.model();
        let rows = sqlx::query("SELECT erasure, entity FROM erasures ORDER BY erasure, entity")
            .fetch_all(model.store.reads())
            .await
            .map_err(Error::database("list who was erased"))?;
        let mut forgotten: BTreeMap<String, (String, Subject)> = BTreeMap::new();
        for row in &rows {
            let (erasure, entity): (String, String) = (row.get(0), row.get(1));
            if forgotten.contains_key(&erasure) {
                continue;
            }
            let address = Address::parse(&entity)?;
            let Some((owner, subject)) = owner_of(&address) else { continue };
            if self.spine.keys.is_erased(&address.tenant, &owner).await?.is_none() {
                forgotten.insert(erasure, (address.tenant.to_string(), subject));
            }
        }
        let open = self.shelf.open_ones().await?;
        // One that is on its way has its `Erased` in the log before its keys are destroyed.
        forgotten.retain(|erasure, _| !open.iter().any(|id| id.to_string() == *erasure));
        let count = forgotten.len();
        for (tenant, subject) in forgotten.into_values() {
            self.shelf.add(&self.fresh(&tenant, subject, REASON)).await?;
        }
        Ok(count)
    }

    /// An erasure of which nothing is done yet.
    pub(super) fn fresh(&self, tenant: &str, subject: Subject, reason: &str) -> Erasure {
        Erasure {
            id: spine::new_id(),
            tenant: tenant.into(),
            subject,
            reason: reason.into(),
            step: Step::Collect,
            plan: Plan::default(),
            waits: String::new(),
            certificate: None,
            asked_at: self.spine.log.clock().now(),
        }
    }
}

/// Whose keys an erased entity had; a lead has those of its thread.
fn owner_of(address: &Address) -> Option<(Owner, Subject)> {
    let id: Uuid = address.uuid()?;
    match &*address.kind {
        kind if kind == OwnerKind::Thread.as_str() => Some((Owner::thread(id), Subject::Thread(id))),
        kind if kind == OwnerKind::Customer.as_str() => Some((Owner::customer(id), Subject::Customer(id))),
        _ => None,
    }
}
