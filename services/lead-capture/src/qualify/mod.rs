//! Qualification: how good a lead is, from what is known of it, with the reasons. Pure.

mod intent;
mod reading;

pub use intent::{Intent, intents};
pub use reading::{Found, Reading, read};

use events::lead::{Consent, DetailKind};
use std::collections::BTreeSet;

/// From this score on a lead is handed on.
pub const SCORE_MIN: u32 = 50;
const SCORE_MAX: u32 = 100;
/// Each further way to reach the person.
const FURTHER_CONTACT: u32 = 10;
const INTENTS_MAX: u32 = 30;
const CONSENT_GIVEN: u32 = 15;
/// Who refused to be contacted is not handed on unless almost everything else speaks for it.
const CONSENT_REFUSED: u32 = 40;

/// What is known of a lead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    pub kinds: BTreeSet<DetailKind>,
    pub consent: Option<Consent>,
    pub intents: BTreeSet<Intent>,
}

/// A score of 0 to 100 and the words that say what it is made of, such as `phone` and `intent_price`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Score {
    pub points: u32,
    pub reasons: Vec<String>,
}

impl Score {
    /// Whether the lead is good enough to be handed on.
    pub fn is_qualified(&self) -> bool {
        self.points >= SCORE_MIN
    }
}

/// Scores a lead: the best way to reach the person and the others, who they are, what they allow and want.
pub fn score(facts: &Facts) -> Score {
    let mut reasons = Vec::new();
    let mut reach: Vec<u32> = Vec::new();
    let mut points = 0;
    for kind in &facts.kinds {
        reasons.push(kind.as_ref().to_owned());
        match worth(*kind) {
            Worth::Reach(value) => reach.push(value),
            Worth::Profile(value) => points += value,
        }
    }
    let further = u32::try_from(reach.len().saturating_sub(1)).unwrap_or(u32::MAX);
    points += reach.iter().max().copied().unwrap_or(0) + further.saturating_mul(FURTHER_CONTACT);
    points += facts.intents.iter().map(|intent| intent.points()).sum::<u32>().min(INTENTS_MAX);
    reasons.extend(facts.intents.iter().map(|intent| format!("intent_{}", intent.name())));
    match facts.consent {
        Some(Consent::Given) => {
            points += CONSENT_GIVEN;
            reasons.push("consent_given".into());
        }
        Some(Consent::Refused) => {
            points = points.saturating_sub(CONSENT_REFUSED);
            reasons.push("consent_refused".into());
        }
        Some(Consent::Implied) | None => {}
    }
    Score { points: points.min(SCORE_MAX), reasons }
}

/// Whether a detail of the kind reaches the person: only these make a lead, and only these tell that two leads
/// are one person's.
pub fn reaches(kind: DetailKind) -> bool {
    matches!(worth(kind), Worth::Reach(_))
}

enum Worth {
    Reach(u32),
    Profile(u32),
}

fn worth(kind: DetailKind) -> Worth {
    match kind {
        DetailKind::Phone => Worth::Reach(40),
        DetailKind::Wechat => Worth::Reach(30),
        DetailKind::Email => Worth::Reach(25),
        DetailKind::Qq | DetailKind::Telegram => Worth::Reach(20),
        DetailKind::Name | DetailKind::Company => Worth::Profile(10),
        DetailKind::Address => Worth::Profile(5),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(kinds: &[DetailKind], consent: Option<Consent>, intents: &[Intent]) -> Facts {
        Facts { kinds: kinds.iter().copied().collect(), consent, intents: intents.iter().copied().collect() }
    }

    #[test]
    fn a_number_alone_is_not_handed_on() {
        let score = score(&facts(&[DetailKind::Phone], Some(Consent::Implied), &[]));
        assert_eq!((score.points, score.is_qualified()), (40, false));
        assert_eq!(score.reasons, ["phone"]);
    }

    #[test]
    fn a_number_and_a_wish_are_handed_on_with_their_reasons() {
        let score = score(&facts(&[DetailKind::Phone], None, &[Intent::Price]));
        assert!(score.is_qualified());
        assert_eq!(score.reasons, ["phone", "intent_price"]);
    }

    #[test]
    fn who_refuses_is_not_handed_on_for_a_number_and_a_name() {
        let known = [DetailKind::Phone, DetailKind::Name];
        assert!(score(&facts(&known, Some(Consent::Given), &[])).is_qualified());
        let refused = score(&facts(&known, Some(Consent::Refused), &[Intent::Purchase]));
        assert_eq!((refused.points, refused.is_qualified()), (30, false));
    }

    #[test]
    fn the_score_stays_within_its_bounds() {
        let all = [
            DetailKind::Phone,
            DetailKind::Wechat,
            DetailKind::Qq,
            DetailKind::Email,
            DetailKind::Telegram,
            DetailKind::Name,
            DetailKind::Address,
            DetailKind::Company,
        ];
        let wishes = [Intent::Price, Intent::Purchase, Intent::Appointment, Intent::Urgent];
        assert_eq!(score(&facts(&all, Some(Consent::Given), &wishes)).points, 100);
        assert_eq!(score(&facts(&[], Some(Consent::Refused), &[])).points, 0);
    }
}
