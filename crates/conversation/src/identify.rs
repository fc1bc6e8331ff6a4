//! Deciding to take in what a channel proved about the person: a sign-in, a union id, a verified address.

use crate::receive::is_new;
use crate::{Decision, Thread};
use events::customer::EvidenceKind;
use events::{Micros, Sealed, ThreadEvent};

/// Strong evidence, proved by the channel and never merely typed.
#[derive(Clone, Debug, PartialEq)]
pub struct Identify {
    pub kind: EvidenceKind,
    /// Sealed for the thread's subject under the field name `identified.value`.
    pub value: Sealed,
    /// Everything that tells this act from others of the thread, without personal data.
    pub provider: String,
    /// The platform's time.
    pub sent_at: Micros,
}

/// Records the evidence once, also after ids of messages are forgotten: somebody may sign in every day for years. It is
/// no activity in the conversation.
///
/// # Errors
/// [`crate::Rejection::Unknown`] before the thread began, else as [`crate::receive`].
pub fn identify(thread: &Thread, asked: &Identify, at: Micros) -> Decision {
    if !is_new(thread, &asked.provider, asked.sent_at, at)? {
        return Ok(vec![]);
    }
    if thread.living()?.proven.contains(asked.provider.as_str()) {
        return Ok(vec![]);
    }
    let Identify { kind, value, provider, .. } = asked.clone();
    Ok(vec![ThreadEvent::Identified { kind, value, provider, at }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rejection;
    use crate::scene::*;

    fn asked_of(provider: &str) -> Identify {
        Identify {
            kind: EvidenceKind::Login,
            value: Sealed("v1.x".into()),
            provider: provider.into(),
            sent_at: NOON,
        }
    }

    #[test]
    fn evidence_is_taken_in_once() {
        let event = ThreadEvent::Identified {
            kind: EvidenceKind::Login,
            value: Sealed("v1.x".into()),
            provider: "i1".into(),
            at: LATER,
        };
        given(asked([])).when(|t| identify(t, &asked_of("i1"), LATER)).then([event]);
    }

    #[test]
    fn the_same_evidence_a_month_later_is_nothing_new() {
        let event = ThreadEvent::Identified {
            kind: EvidenceKind::Login,
            value: Sealed("v1.x".into()),
            provider: "i1".into(),
            at: NOON,
        };
        let later = NOON + 30 * DAY;
        let again = Identify { sent_at: later, ..asked_of("i1") };
        given(asked([event])).when(|t| identify(t, &again, later)).then_nothing();
    }

    #[test]
    fn nobody_is_identified_before_they_came() {
        given([]).when(|t| identify(t, &asked_of("i1"), LATER)).then_rejected(Rejection::Unknown);
    }

    #[test]
    fn an_erased_person_is_not_identified() {
        given([forgotten()]).when(|t| identify(t, &asked_of("i1"), LATER)).then_rejected(Rejection::Erased);
    }
}
