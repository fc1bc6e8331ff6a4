//! Taking again what is in quarantine, in its order, after what kept it from being taken was mended; or throwing it away.

use crate::discarded::{DISCARDED, Discarded, GONE};
use crate::item::{Arrival, Taken, take};
use crate::normalise::Normaliser;
use crate::orders::{Order, Ordered};
use crate::part::Part;
use crate::quarantine::Held;
use channels::contract::{RawRequest, Verified};
use spine::journal::Journalled;
use spine::{Decided, Error};
use std::collections::HashSet;
use uuid::Uuid;

/// Items that are taken between two batches of new requests.
const SOME: usize = 32;

/// An order in the middle of being carried out.
pub(crate) struct Going {
    ordered: Ordered,
    /// Sequence and number of the last item that was tried.
    after: (i64, i32),
    stuck: HashSet<Uuid>,
    taken: usize,
    stay: usize,
}

impl Going {
    pub(crate) fn of(ordered: Ordered) -> Self {
        Self { ordered, after: (-1, -1), stuck: HashSet::new(), taken: 0, stay: 0 }
    }
}

/// What became of an item that was tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    Taken,
    /// A send that it may be about is still under way.
    Early {
        why: String,
    },
    /// Its account is not in use.
    Away,
    /// Without `blocks` it is refused alone, whatever it waited behind before.
    Stays {
        why: String,
        blocks: bool,
        /// Whose it is found to be.
        thread: Option<Uuid>,
    },
}

impl Again {
    pub(crate) fn alone(why: impl ToString) -> Self {
        Self::Stays { why: why.to_string(), blocks: false, thread: None }
    }
}

impl Part<'_> {
    /// Does some of the order; whether more of it is left.
    pub(crate) async fn go_on(&mut self, going: &mut Going) -> Result<bool, Error> {
        match going.ordered.order.clone() {
            Order::Reingest { tenant, late } => self.take_some(going, tenant.as_deref(), late).await,
            Order::Discard { item, by, reason } => {
                self.discard(&going.ordered, item, (&by, &reason)).await?;
                Ok(false)
            }
        }
    }

    async fn take_some(
        &mut self,
        going: &mut Going,
        tenant: Option<&str>,
        late: bool,
    ) -> Result<bool, Error> {
        let state = &self.normaliser.state;
        let some = state.held_in(self.part, tenant, going.after, SOME).await?;
        let left = some.len() == SOME;
        let (mut gone, mut alone) = (Vec::new(), Vec::new());
        for held in some {
            going.after = held.order();
            let waits = held.thread.is_some_and(|thread| going.stuck.contains(&thread));
            let again = if waits { None } else { Some(self.again(&held, late).await?) };
            match again {
                Some(Again::Taken) => {
                    gone.push(held.id);
                    going.taken += 1;
                    continue;
                }
                Some(Again::Stays { why, blocks: false, thread }) if held.blocks || held.thread.is_none() => {
                    alone.push(Held { error: why, thread: held.thread.or(thread), ..held });
                }
                Some(Again::Stays { blocks, .. }) => going.stuck.extend(held.thread.filter(|_| blocks)),
                Some(Again::Early { .. } | Again::Away) | None => {
                    going.stuck.extend(held.thread.filter(|_| held.blocks));
                }
            }
            going.stay += 1;
        }
        let answer = format!("{} {}", going.taken, going.stay);
        self.let_go((&gone, &alone), None, (!left).then_some((&going.ordered, answer))).await?;
        Ok(left)
    }

    pub(crate) async fn again(&self, held: &Held, late: bool) -> Result<Again, Error> {
        // What is destroyed with its customer is settled, and so is what is gone.
        let again = async {
            match self.normaliser.state.request_of(&self.normaliser.keys, held).await? {
                Some(raw) => self.normaliser.take_again(held, &raw, late).await,
                None => Ok(Again::Taken),
            }
        };
        match again.await {
            // What does not pass by itself keeps one item, not the whole part.
            Err(error) if !error.is_passing() => Ok(Again::alone(error)),
            other => other,
        }
    }

    async fn discard(
        &mut self,
        ordered: &Ordered,
        item: Uuid,
        (by, reason): (&str, &str),
    ) -> Result<(), Error> {
        let state = &self.normaliser.state;
        let Some(held) = state.find(item).await?.filter(|held| held.place.part == self.part) else {
            return self.let_go((&[], &[]), None, Some((ordered, GONE.into()))).await;
        };
        let at = self.normaliser.log.clock().now();
        let discarded = Discarded { held, by: by.into(), reason: reason.into(), at };
        self.let_go((&[item], &[]), Some(&discarded), Some((ordered, DISCARDED.into()))).await?;
        let Held { id, tenant, place, number, .. } = discarded.held;
        tracing::warn!(quarantine.id = %id, tenant.id = &*tenant, inbound.place = %place, item.number = number, "an item in quarantine was discarded");
        Ok(())
    }
}

impl Normaliser {
    /// Tries an item again; `late` takes a customer's message whatever its age.
    ///
    /// # Errors
    /// When the machine fails.
    pub(crate) async fn take_again(&self, held: &Held, raw: &RawRequest, late: bool) -> Result<Again, Error> {
        let Some(ready) = self.accounts.by_id(held.account).await? else { return Ok(Again::Away) };
        let Some(webhook) = ready.channel.webhook else {
            return Ok(Again::alone("the channel takes no requests"));
        };
        let items = webhook.items(&ready.account, Verified::journalled(raw));
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
        let mut again = Again::Taken;
        for item in &items[own] {
            let item = match item {
                Ok(item) => item,
                Err(fault) => return Ok(Again::alone(fault)),
            };
            let arrival = Arrival {
                ready: &ready,
                item,
                place: Some(held.place),
                cause: journalled.cause(held.number, "receive"),
                received_at: held.received_at,
                late,
            };
            match take(&self.log, &self.keys, &arrival, None).await? {
                Taken::Settled { thread, decided } => {
                    let is_named = matches!(decided, Some(Decided::Appended(_)));
                    self.note_late(held, thread.filter(|_| !is_named)).await?;
                }
                Taken::Erased { thread } => self.note_late(held, Some(thread)).await?,
                Taken::Early { .. } => again = Again::Early { why: "its message is still under way".into() },
                Taken::Rests { why, .. } => again = Again::Early { why },
                Taken::Refused { thread, why, blocks } => {
                    self.note_late(held, Some(thread)).await?;
                    return Ok(Again::Stays { why, blocks, thread: Some(thread) });
                }
                Taken::Newer { thread, error } => {
                    return Ok(Again::Stays { why: error.to_string(), blocks: true, thread: Some(thread) });
                }
            }
        }
        Ok(again)
    }

    /// Notes the request of an item for the erasure of a thread that nobody knew when it was held.
    async fn note_late(&self, held: &Held, thread: Option<Uuid>) -> Result<(), Error> {
        let whose = Held { thread: thread.filter(|_| held.thread.is_none()), ..held.clone() };
        self.keys.note_requests(whose.request().as_slice()).await
    }
}
