//! Two customers who are one person, and the undoing of it. Both are two decisions, on one customer each.

use crate::ids::customer_address;
use events::Micros;
use events::customer::EvidenceKind;
use laws::customer::{self, Customer, Rejection};
use spine::{Cause, Decided, Error, Position, Refused, Spine};
use std::sync::Arc;
use uuid::Uuid;

/// Who is merged with whom.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a> {
    pub tenant: &'a str,
    /// The one that goes on.
    pub into: Uuid,
    /// The one that goes on as the other.
    pub from: Uuid,
}

/// Why a merge or split was not made.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    #[error("the law refuses")]
    Rejected(#[source] Rejection),
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<Refused<Rejection>> for Problem {
    fn from(refused: Refused<Rejection>) -> Self {
        match refused {
            Refused::Rejected(rejection) => Self::Rejected(rejection),
            Refused::Failed(error) => Self::Failed(error),
        }
    }
}

/// Merges and splits, one at a time in this process. Cheap to clone.
#[derive(Clone)]
pub struct Merger {
    spine: Spine,
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Merger {
    pub fn new(spine: Spine) -> Self {
        Self { spine, turn: Arc::default() }
    }

    /// `from` goes on as `into`. First `into` takes its threads in, then `from` points to it; whoever dies in
    /// between is finished for. Answers with the positions at which this stands. Again changes nothing.
    ///
    /// # Errors
    /// [`Problem::Rejected`] when either is not there, or already goes on as somebody else.
    pub async fn merge(
        &self,
        pair: Pair<'_>,
        kind: EvidenceKind,
        cause: &Cause,
    ) -> Result<Vec<Position>, Problem> {
        if pair.into == pair.from {
            return Err(Problem::Rejected(Rejection::Same));
        }
        let _turn = self.turn.lock().await;
        let threads = match self.look(pair.tenant, pair.from, threads_of).await? {
            Ok(threads) => threads,
            Err(Rejection::Absorbed { into }) if into == pair.into => Vec::new(),
            Err(rejection) => return Err(Problem::Rejected(rejection)),
        };
        // Asked first, so that nothing is half done which cannot be done whole.
        if self.claims(Pair { into: pair.from, from: pair.into, ..pair }).await? {
            return Err(Problem::Rejected(Rejection::Claims { other: pair.into }));
        }
        let at = self.now();
        let into = customer_address(pair.tenant, pair.into)?;
        let decide = |state: &Customer| customer::merge(state, pair.from, &threads, kind, at);
        let merged = self.spine.log.transact(&into, &named(cause, "merge"), decide).await?;
        let absorbed = self.absorb(pair, &named(cause, "absorb")).await?;
        Ok(vec![merged.position(), absorbed.position()])
    }

    /// `into` gives `from` back what came along with it. Again changes nothing.
    ///
    /// # Errors
    /// [`Problem::Rejected`] when `from` was never merged into `into`, or `into` itself goes on as another: that
    /// one is to be split first.
    pub async fn split(&self, pair: Pair<'_>, cause: &Cause) -> Result<Vec<Position>, Problem> {
        let _turn = self.turn.lock().await;
        let mut positions = Vec::new();
        match self.give_up(pair, &named(cause, "split")).await {
            Ok(decided) => positions.push(decided.position()),
            // An earlier call may have died before the other half.
            Err(Refused::Rejected(Rejection::NotMerged { .. })) if self.is_absorbed(pair).await? => {}
            Err(refused) => return Err(refused.into()),
        }
        positions.push(self.restore(pair, &named(cause, "restore")).await?.position());
        Ok(positions)
    }

    /// Whether `into` holds, as the leader of the log confirms, that `from` is the same person.
    pub(crate) async fn claims(&self, pair: Pair<'_>) -> Result<bool, Error> {
        let claims = |state: &Customer| state.known().is_ok_and(|known| known.claims(pair.from));
        self.look(pair.tenant, pair.into, claims).await
    }

    async fn is_absorbed(&self, pair: Pair<'_>) -> Result<bool, Error> {
        let points =
            |state: &Customer| matches!(state, Customer::Absorbed { into, .. } if *into == pair.into);
        self.look(pair.tenant, pair.from, points).await
    }

    /// As [`Merger::absorb`], unless it was undone meanwhile in this process: for who finishes what another began.
    pub(crate) async fn absorb_claimed(
        &self,
        pair: Pair<'_>,
        cause: &Cause,
    ) -> Result<Option<Decided>, Refused<Rejection>> {
        let _turn = self.turn.lock().await;
        if !self.claims(pair).await? {
            return Ok(None);
        }
        self.absorb(pair, cause).await.map(Some)
    }

    async fn absorb(&self, pair: Pair<'_>, cause: &Cause) -> Result<Decided, Refused<Rejection>> {
        let (address, at) = (customer_address(pair.tenant, pair.from)?, self.now());
        let decide = |state: &Customer| customer::absorb(state, pair.from, pair.into, at);
        self.spine.log.transact(&address, cause, decide).await
    }

    /// `into` no longer holds that `from` is the same person.
    pub(crate) async fn give_up(&self, pair: Pair<'_>, cause: &Cause) -> Result<Decided, Refused<Rejection>> {
        let (address, at) = (customer_address(pair.tenant, pair.into)?, self.now());
        self.spine
            .log
            .transact(&address, cause, |state: &Customer| customer::split(state, pair.from, at))
            .await
    }

    pub(crate) async fn restore(&self, pair: Pair<'_>, cause: &Cause) -> Result<Decided, Refused<Rejection>> {
        let (address, at) = (customer_address(pair.tenant, pair.from)?, self.now());
        let decide = |state: &Customer| {
            let threads = match state {
                Customer::Absorbed { known, .. } => known.threads.iter().copied().collect(),
                _ => Vec::new(),
            };
            customer::restore(state, pair.into, &threads, at)
        };
        self.spine.log.transact(&address, cause, decide).await
    }

    /// Looks at a customer's newest state, as the leader of the log has it.
    async fn look<T>(
        &self,
        tenant: &str,
        customer: Uuid,
        look: impl FnOnce(&Customer) -> T,
    ) -> Result<T, Error> {
        self.spine.log.read_confirmed(&customer_address(tenant, customer)?, look).await
    }

    fn now(&self) -> Micros {
        self.spine.log.clock().now()
    }
}

fn threads_of(state: &Customer) -> Result<Vec<Uuid>, Rejection> {
    state.known().map(|known| known.threads.iter().copied().collect())
}

/// The two halves have the same cause and are two decisions.
fn named(cause: &Cause, purpose: &'static str) -> Cause {
    Cause { purpose, ..cause.clone() }
}
