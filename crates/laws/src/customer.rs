//! The law of a customer: who they are by evidence, merged and split as events, forgotten on request.

use events::customer::{CustomerEvent, EvidenceKind};
use events::thread::Touch;
use events::{Micros, Sealed};
use spine::Entity;
use std::collections::BTreeSet;
use strum::VariantNames;
use uuid::Uuid;

/// The state of a customer.
#[derive(Debug, Default)]
pub enum Customer {
    #[default]
    Unknown,
    Known(Known),
    /// Goes on as another customer, and comes back as it was if that is undone.
    Absorbed {
        into: Uuid,
        known: Known,
    },
    Erased,
}

/// A customer who is there.
#[derive(Debug, Default)]
pub struct Known {
    pub threads: BTreeSet<Uuid>,
    /// Who came along with whom: (customer merged from, thread).
    pub merged: BTreeSet<(Uuid, Uuid)>,
    /// Customers that it was parted from.
    given_back: BTreeSet<Uuid>,
    pub evidence: Vec<(Uuid, EvidenceKind)>,
    pub touches: BTreeSet<(Uuid, u32)>,
}

/// Why something cannot be done with a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    #[error("the customer is not known")]
    Unknown,
    #[error("the customer goes on as {into}")]
    Absorbed { into: Uuid },
    #[error("the customer was erased")]
    Erased,
    #[error("customer {from} was never merged into this one")]
    NotMerged { from: Uuid },
    #[error("a customer cannot be merged with itself")]
    Same,
    #[error("the customer has taken {other} in, so it cannot go on as it")]
    Claims { other: Uuid },
    #[error("customer {from} was split from this one, so only a person merges them again")]
    GivenBack { from: Uuid },
}

impl Entity for Customer {
    type Event = CustomerEvent;
    const KIND: &'static str = "customer";
    const EVENTS: &'static [&'static str] = CustomerEvent::VARIANTS;

    fn evolve(&mut self, event: &CustomerEvent) {
        match (&mut *self, event) {
            (Self::Erased, _) => {}
            (_, CustomerEvent::Erased { .. }) => *self = Self::Erased,
            (_, CustomerEvent::Appeared { thread, .. }) => {
                *self = Self::Known(Known { threads: BTreeSet::from([*thread]), ..Known::default() });
            }
            (Self::Known(known), CustomerEvent::Absorbed { into, .. }) => {
                *self = Self::Absorbed { into: *into, known: std::mem::take(known) };
            }
            (Self::Absorbed { known, .. }, CustomerEvent::Restored { from, threads, .. }) => {
                let mut known = std::mem::take(known);
                known.given_back.insert(*from);
                *self = Self::Known(Known { threads: threads.iter().copied().collect(), ..known });
            }
            (Self::Known(known), event) => known.evolve(event),
            _ => {}
        }
    }
}

impl Known {
    fn evolve(&mut self, event: &CustomerEvent) {
        match event {
            CustomerEvent::Touched { thread, conversation, .. } => {
                self.touches.insert((*thread, *conversation));
            }
            CustomerEvent::Evidenced { thread, kind, .. } => self.evidence.push((*thread, *kind)),
            CustomerEvent::Merged { from, threads, .. } => {
                self.threads.extend(threads);
                self.given_back.remove(from);
                self.merged.extend(threads.iter().map(|thread| (*from, *thread)));
            }
            CustomerEvent::Split { to, threads, .. } => {
                self.threads.retain(|thread| !threads.contains(thread));
                self.merged.retain(|(from, _)| from != to);
                self.given_back.insert(*to);
            }
            _ => {}
        }
    }
}

impl Customer {
    /// The customer who is there.
    ///
    /// # Errors
    /// Why there is none.
    pub fn known(&self) -> Result<&Known, Rejection> {
        match self {
            Self::Unknown => Err(Rejection::Unknown),
            Self::Known(known) => Ok(known),
            Self::Absorbed { into, .. } => Err(Rejection::Absorbed { into: *into }),
            Self::Erased => Err(Rejection::Erased),
        }
    }

    /// What the customer knew before it went on as another, or knows now. What was learned here is not learned
    /// again there.
    fn ever_known(&self) -> Option<&Known> {
        match self {
            Self::Known(known) | Self::Absorbed { known, .. } => Some(known),
            Self::Unknown | Self::Erased => None,
        }
    }
}

impl Known {
    /// Whether the customer took `other` in and did not give it back.
    pub fn claims(&self, other: Uuid) -> bool {
        self.merged.iter().any(|(from, _)| *from == other)
    }
}

/// A person is met in a thread for the first time.
///
/// # Errors
/// [`Rejection::Erased`].
pub fn appear(
    state: &Customer,
    thread: Uuid,
    account: Uuid,
    channel: &str,
    at: Micros,
) -> Result<Vec<CustomerEvent>, Rejection> {
    match state {
        Customer::Unknown => {
            Ok(vec![CustomerEvent::Appeared { thread, account, channel: channel.into(), at }])
        }
        Customer::Known(_) | Customer::Absorbed { .. } => Ok(Vec::new()),
        Customer::Erased => Err(Rejection::Erased),
    }
}

/// The customer came from somewhere, at the beginning of a conversation.
///
/// # Errors
/// When the customer is not there to be touched.
pub fn touch(
    state: &Customer,
    thread: Uuid,
    conversation: u32,
    touch: &Touch,
    at: Micros,
) -> Result<Vec<CustomerEvent>, Rejection> {
    if state.ever_known().is_some_and(|known| known.touches.contains(&(thread, conversation))) {
        return Ok(Vec::new());
    }
    state.known()?;
    Ok(vec![CustomerEvent::Touched { thread, conversation, touch: touch.clone(), at }])
}

/// Strong evidence was learned in a thread.
///
/// # Errors
/// When the customer is not there.
pub fn evidence(
    state: &Customer,
    thread: Uuid,
    kind: EvidenceKind,
    value: Sealed,
    at: Micros,
) -> Result<Vec<CustomerEvent>, Rejection> {
    if state.ever_known().is_some_and(|known| known.evidence.contains(&(thread, kind))) {
        return Ok(Vec::new());
    }
    state.known()?;
    Ok(vec![CustomerEvent::Evidenced { thread, kind, value, at }])
}

/// Takes another customer, with these threads, into this one.
///
/// # Errors
/// When this one is not there; [`Rejection::GivenBack`] when the two were split before and no person asks for it.
pub fn merge(
    state: &Customer,
    from: Uuid,
    threads: &[Uuid],
    kind: EvidenceKind,
    at: Micros,
) -> Result<Vec<CustomerEvent>, Rejection> {
    let known = state.known()?;
    if known.claims(from) {
        return Ok(Vec::new());
    }
    // Evidence that was looked at before the split may come to be decided on after it.
    if known.given_back.contains(&from) && kind != EvidenceKind::Person {
        return Err(Rejection::GivenBack { from });
    }
    Ok(vec![CustomerEvent::Merged { from, threads: threads.to_vec(), kind, at }])
}

/// Goes on as another customer.
///
/// # Errors
/// When this one is not there, already goes on elsewhere, or has taken `into` in itself.
pub fn absorb(state: &Customer, own: Uuid, into: Uuid, at: Micros) -> Result<Vec<CustomerEvent>, Rejection> {
    if own == into {
        return Err(Rejection::Same);
    }
    match state {
        Customer::Absorbed { into: known, .. } if *known == into => Ok(Vec::new()),
        Customer::Known(known) if known.claims(into) => Err(Rejection::Claims { other: into }),
        other => other.known().map(|_| vec![CustomerEvent::Absorbed { into, at }]),
    }
}

/// Undoes a merge: `from` gets back what came along with it.
///
/// # Errors
/// [`Rejection::NotMerged`] when it never came along.
pub fn split(state: &Customer, from: Uuid, at: Micros) -> Result<Vec<CustomerEvent>, Rejection> {
    let threads: Vec<Uuid> = state
        .known()?
        .merged
        .iter()
        .filter(|(merged, _)| *merged == from)
        .map(|(_, thread)| *thread)
        .collect();
    if threads.is_empty() {
        return Err(Rejection::NotMerged { from });
    }
    Ok(vec![CustomerEvent::Split { to: from, threads, at }])
}

/// The other half of [`split`]: this customer is itself again.
///
/// # Errors
/// [`Rejection::Erased`] and [`Rejection::Unknown`].
pub fn restore(
    state: &Customer,
    from: Uuid,
    threads: &[Uuid],
    at: Micros,
) -> Result<Vec<CustomerEvent>, Rejection> {
    match state {
        Customer::Absorbed { into, .. } if *into == from => {
            Ok(vec![CustomerEvent::Restored { from, threads: threads.to_vec(), at }])
        }
        Customer::Absorbed { into, .. } => Err(Rejection::Absorbed { into: *into }),
        other => other.known().map(|_| Vec::new()),
    }
}

/// Forgets the person; nothing follows.
///
/// # Errors
/// Never refused; the type is shared with the other decisions.
pub fn erase(state: &Customer, erasure: Uuid, at: Micros) -> Result<Vec<CustomerEvent>, Rejection> {
    Ok(match state {
        Customer::Erased => Vec::new(),
        _ => vec![CustomerEvent::Erased { erasure, at }],
    })
}

#[cfg(test)]
mod tests;
