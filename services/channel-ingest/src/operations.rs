//! What an operator may ask of the running service.

use crate::discarded::{DISCARDED, Discarded};
use crate::orders::Order;
use crate::quarantine::Held;
use crate::state::StateStore;
use spine::Error;
use std::collections::BTreeSet;
use uuid::Uuid;

/// The running service's handle for the operator's commands.
#[derive(Clone)]
pub struct Operations {
    pub(crate) state: StateStore,
}

impl Operations {
    /// Everything in quarantine; of one tenant if given.
    ///
    /// # Errors
    /// Database errors.
    pub async fn quarantine(&self, tenant: Option<&str>) -> Result<Vec<Held>, Error> {
        self.state.held(tenant).await
    }

    /// What was thrown away from quarantine, newest first; of one tenant if given.
    ///
    /// # Errors
    /// Database errors.
    pub async fn discarded(&self, tenant: Option<&str>) -> Result<Vec<Discarded>, Error> {
        self.state.discarded(tenant).await
    }

    /// Takes what is in quarantine again, in order, beside new messages: how many were taken, and how many stay.
    /// Whichever process holds a part does it. With `late` also what a customer wrote that is too old to be told from a
    /// redelivery: had it been taken before, it is taken twice.
    ///
    /// # Errors
    /// When the machine fails; what was taken until then is taken, and the rest goes on by itself.
    pub async fn reingest(&self, tenant: Option<&str>, late: bool) -> Result<(usize, usize), Error> {
        let state = &self.state;
        let parts: BTreeSet<u8> = state.held(tenant).await?.iter().map(|held| held.place.part).collect();
        let parts: Vec<u8> = parts.into_iter().collect();
        if parts.is_empty() {
            return Ok((0, 0));
        }
        let answers =
            state.order(&parts, &Order::Reingest { tenant: tenant.map(str::to_owned), late }).await?;
        let counts = answers.iter().filter_map(|answer| {
            let (taken, stay) = answer.split_once(' ')?;
            Some((taken.parse::<usize>().ok()?, stay.parse::<usize>().ok()?))
        });
        Ok(counts.fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1)))
    }

    /// Throws an item in quarantine away, with who did it and why; what waits behind it can then be taken again.
    /// False when there is no such item. Both texts must satisfy [`crate::is_reference`].
    ///
    /// # Errors
    /// When the machine fails.
    pub async fn discard(&self, item: Uuid, by: &str, reason: &str) -> Result<bool, Error> {
        let state = &self.state;
        let Some(part) = state.part_of(item).await? else { return Ok(false) };
        let order = Order::Discard { item, by: by.to_owned(), reason: reason.to_owned() };
        let answers = state.order(&[part], &order).await?;
        Ok(answers.iter().any(|answer| answer == DISCARDED))
    }
}
