//! The law of a lead: what was learned, joined with the same person's earlier lead, forgotten on request.

use events::Micros;
use events::lead::{Consent, DetailKind, LeadEvent};
use spine::Entity;
use strum::VariantNames;
use uuid::Uuid;

/// Details that one lead takes at most; beyond that somebody is playing with the form.
pub const DETAILS_MAX: usize = 50;

/// The state of a lead.
#[derive(Debug, Default)]
pub enum Lead {
    #[default]
    Unknown,
    Open(Open),
    /// The same person's earlier lead goes on.
    Joined(Open, String),
    Erased,
}

/// A lead that is there. Values stay sealed; tokens tell whether a value is known.
#[derive(Debug, Default)]
pub struct Open {
    /// Kind and source message of each detail.
    pub details: Vec<(DetailKind, Uuid)>,
    pub consent: Option<Consent>,
    pub qualified: Option<u32>,
}

/// Why something cannot be done with a lead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    #[error("the lead is not known")]
    Unknown,
    #[error("the lead was erased")]
    Erased,
    #[error("the lead goes on as {into}")]
    Joined { into: String },
    #[error("the lead has {DETAILS_MAX} details, which is all it takes")]
    Full,
    #[error("a lead cannot be joined with itself")]
    Same,
}

impl Entity for Lead {
    type Event = LeadEvent;
    const KIND: &'static str = "lead";
    const EVENTS: &'static [&'static str] = LeadEvent::VARIANTS;

    fn evolve(&mut self, event: &LeadEvent) {
        match (std::mem::take(self), event) {
            (Self::Erased, _) | (_, LeadEvent::Erased { .. }) => *self = Self::Erased,
            (Self::Unknown, event) => {
                let mut open = Open::default();
                open.evolve(event);
                *self = Self::Open(open);
            }
            (Self::Open(open), LeadEvent::Joined { into, .. }) => *self = Self::Joined(open, into.clone()),
            (Self::Joined(open, _), LeadEvent::Parted { .. }) => *self = Self::Open(open),
            (Self::Open(mut open), event) => {
                open.evolve(event);
                *self = Self::Open(open);
            }
            (Self::Joined(mut open, into), event) => {
                open.evolve(event);
                *self = Self::Joined(open, into);
            }
        }
    }
}

impl Open {
    fn evolve(&mut self, event: &LeadEvent) {
        match event {
            LeadEvent::Captured { kind, message, consent, .. } => {
                self.details.push((*kind, *message));
                self.consent = self.consent.or(Some(*consent));
            }
            LeadEvent::Consented { consent, .. } => self.consent = Some(*consent),
            LeadEvent::Qualified { score, .. } => self.qualified = Some(*score),
            _ => {}
        }
    }
}

fn open(state: &Lead) -> Result<&Open, Rejection> {
    match state {
        Lead::Unknown => Err(Rejection::Unknown),
        Lead::Open(open) | Lead::Joined(open, _) => Ok(open),
        Lead::Erased => Err(Rejection::Erased),
    }
}

/// Captures what one message told: only details that the lead has not taken from this message yet. Events
/// other than `Captured` are ignored.
///
/// # Errors
/// [`Rejection::Erased`], [`Rejection::Full`].
pub fn capture(state: &Lead, details: &[LeadEvent]) -> Result<Vec<LeadEvent>, Rejection> {
    let none = Open::default();
    let open = match state {
        Lead::Unknown => &none,
        other => open(other)?,
    };
    let taken: Vec<Uuid> = open.details.iter().map(|(_, message)| *message).collect();
    let fresh: Vec<LeadEvent> = details
        .iter()
        .filter(|event| matches!(event, LeadEvent::Captured { message, .. } if !taken.contains(message)))
        .cloned()
        .collect();
    if open.details.len() + fresh.len() > DETAILS_MAX {
        return Err(Rejection::Full);
    }
    Ok(fresh)
}

/// The customer allowed or refused to be contacted.
///
/// # Errors
/// When there is no lead to say it of.
pub fn consent(
    state: &Lead,
    message: Uuid,
    consent: Consent,
    at: Micros,
) -> Result<Vec<LeadEvent>, Rejection> {
    let known = open(state)?.consent;
    Ok(if known == Some(consent) { Vec::new() } else { vec![LeadEvent::Consented { message, consent, at }] })
}

/// Joins the lead with the same person's earlier one.
///
/// # Errors
/// When the lead is unknown, erased or joined elsewhere.
pub fn join(
    state: &Lead,
    own: &str,
    into: &str,
    kind: DetailKind,
    at: Micros,
) -> Result<Vec<LeadEvent>, Rejection> {
    if own == into {
        return Err(Rejection::Same);
    }
    match state {
        Lead::Joined(_, known) if known == into => Ok(Vec::new()),
        Lead::Joined(_, known) => Err(Rejection::Joined { into: known.clone() }),
        other => open(other).map(|_| vec![LeadEvent::Joined { into: into.into(), kind, at }]),
    }
}

/// Undoes a join.
///
/// # Errors
/// When the lead is unknown or erased.
pub fn part(state: &Lead, at: Micros) -> Result<Vec<LeadEvent>, Rejection> {
    match state {
        Lead::Joined(_, into) => Ok(vec![LeadEvent::Parted { from: into.clone(), at }]),
        other => open(other).map(|_| Vec::new()),
    }
}

/// Scores the lead.
///
/// # Errors
/// When the lead is unknown or erased.
pub fn qualify(
    state: &Lead,
    score: u32,
    reasons: &[String],
    at: Micros,
) -> Result<Vec<LeadEvent>, Rejection> {
    let known = open(state)?.qualified;
    let event = || LeadEvent::Qualified { score, reasons: reasons.to_vec(), at };
    Ok(if known == Some(score) { Vec::new() } else { vec![event()] })
}

/// Forgets the person; nothing follows.
///
/// # Errors
/// Never refused; the type is shared with the other decisions.
pub fn erase(state: &Lead, erasure: Uuid, at: Micros) -> Result<Vec<LeadEvent>, Rejection> {
    Ok(match state {
        Lead::Erased => Vec::new(),
        _ => vec![LeadEvent::Erased { erasure, at }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::Sealed;

    const MESSAGE: Uuid = Uuid::from_u128(5);

    fn phone(message: Uuid) -> LeadEvent {
        LeadEvent::Captured {
            thread: Uuid::from_u128(1),
            conversation: 1,
            message,
            kind: DetailKind::Phone,
            value: Sealed("v1.x".into()),
            form: "plain".into(),
            consent: Consent::Implied,
            account: Uuid::nil(),
            channel: "http".into(),
            at: 1,
        }
    }

    fn after(events: &[LeadEvent]) -> Lead {
        let mut state = Lead::default();
        events.iter().for_each(|event| state.evolve(event));
        state
    }

    #[test]
    fn a_message_is_captured_once() {
        let decided = capture(&Lead::Unknown, &[phone(MESSAGE)]).unwrap();
        assert_eq!(decided.len(), 1);
        assert_eq!(capture(&after(&decided), &[phone(MESSAGE)]), Ok(vec![]));
        assert_eq!(capture(&after(&decided), &[phone(Uuid::from_u128(6))]).unwrap().len(), 1);
    }

    #[test]
    fn a_lead_takes_a_bounded_number_of_details() {
        let many: Vec<LeadEvent> = (0..=DETAILS_MAX as u128).map(|n| phone(Uuid::from_u128(n))).collect();
        assert_eq!(capture(&Lead::Unknown, &many), Err(Rejection::Full));
    }

    #[test]
    fn a_joined_and_parted_lead_is_as_before() {
        let mut state = after(&[phone(MESSAGE)]);
        for event in join(&state, "b-1", "a-1", DetailKind::Phone, 2).unwrap() {
            state.evolve(&event);
        }
        assert_eq!(join(&state, "b-1", "a-1", DetailKind::Phone, 3), Ok(vec![]));
        assert_eq!(
            join(&state, "b-1", "c-1", DetailKind::Phone, 3),
            Err(Rejection::Joined { into: "a-1".into() })
        );
        for event in part(&state, 3).unwrap() {
            state.evolve(&event);
        }
        assert!(matches!(&state, Lead::Open(open) if open.details.len() == 1));
        assert_eq!(part(&state, 4), Ok(vec![]));
    }

    #[test]
    fn an_erased_lead_takes_nothing() {
        let state = after(&[phone(MESSAGE), LeadEvent::Erased { erasure: Uuid::nil(), at: 2 }]);
        assert_eq!(capture(&state, &[phone(Uuid::from_u128(9))]), Err(Rejection::Erased));
        assert_eq!(erase(&state, Uuid::nil(), 3), Ok(vec![]));
    }

    #[test]
    fn consent_is_recorded_once() {
        let state = after(&[phone(MESSAGE)]);
        assert_eq!(consent(&state, MESSAGE, Consent::Implied, 2), Ok(vec![]));
        assert_eq!(consent(&state, MESSAGE, Consent::Refused, 2).unwrap().len(), 1);
    }
}
