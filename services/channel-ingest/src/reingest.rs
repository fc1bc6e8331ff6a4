//! Taking again what is in quarantine, in its order, after what kept it from being taken was mended.

use crate::channels::contract::Verified;
use crate::item::{Arrival, Taken, take};
use crate::normalise::{Normaliser, lock};
use crate::quarantine::Held;
use spine::Error;
use spine::journal::Journalled;
use std::collections::HashSet;
use uuid::Uuid;

impl Normaliser {
    /// Takes what is in quarantine in its order; what still cannot be taken stays, with all that follows it in
    /// its thread. Says how many were taken and how many stay.
    ///
    /// # Errors
    /// When the machine fails; what was taken until then is taken.
    pub(crate) async fn reingest(&self, tenant: Option<&str>) -> Result<(usize, usize), Error> {
        let (mut taken, mut stay) = (0, 0);
        let mut stuck: HashSet<Uuid> = HashSet::new();
        let all = self.state.held(tenant).await?;
        for held in &all {
            let waits = held.thread.is_some_and(|thread| stuck.contains(&thread));
            if !waits && self.take_again(held).await? {
                self.state.let_go(held.id).await?;
                taken += 1;
            } else {
                stuck.extend(held.thread.filter(|_| held.blocks));
                stay += 1;
            }
        }
        *lock(&self.blocked) = self.state.blocked().await?;
        Ok((taken, stay))
    }

    async fn take_again(&self, held: &Held) -> Result<bool, Error> {
        // What is destroyed with its customer is settled.
        let Some(raw) = self.state.request_of(&self.keys, held).await? else { return Ok(true) };
        let Some(ready) = self.accounts.by_id(held.account).await? else { return Ok(false) };
        let Some(webhook) = ready.channel.webhook else { return Ok(false) };
        let items = webhook.items(&ready.account, Verified::journalled(&raw));
        let journalled = Journalled {
            place: held.place,
            id: Held::id_of(held.place, held.number),
            tenant: held.tenant.clone(),
            account: held.account,
            received_at: held.received_at,
            traceparent: None,
            request: None,
        };
        // A request that could not be split holds all its items; one that could holds only its own.
        let own = if items.len() > held.number && items.len() > 1 {
            held.number..held.number + 1
        } else {
            0..items.len()
        };
        for item in &items[own] {
            let Ok(item) = item else { return Ok(false) };
            let arrival = Arrival {
                ready: &ready,
                item,
                raw: Some(held.place.to_string()),
                cause: journalled.cause(held.number, "receive"),
                received_at: held.received_at,
            };
            if let Taken::Refused { .. } = take(&self.log, &self.keys, &arrival, None).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
