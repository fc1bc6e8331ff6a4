//! Given, when, then: histories of test threads and what a decision makes of them.

use crate::{Beginning, Decision, Inbound, Notice, Rejection, Thread};
use events::thread::{Author, ClosedBy, FailureClass, HandoverReason, OpenedBy, ReleasedTo};
use events::{Content, ContentKind, Micros, Sealed, ThreadEvent};
use spine::Entity;
use uuid::Uuid;

pub(crate) const NOON: Micros = 1_700_000_000_000_000;
pub(crate) const MINUTE: Micros = 60_000_000;
pub(crate) const DAY: Micros = 24 * 60 * MINUTE;
/// When decisions of tests are taken; histories happen at [`NOON`].
pub(crate) const LATER: Micros = NOON + MINUTE;
pub(crate) const ANNA: Uuid = Uuid::from_u128(0xA);
pub(crate) const BOB: Uuid = Uuid::from_u128(0xB);

pub(crate) struct Given(Thread);

pub(crate) struct Then<F> {
    before: Thread,
    decide: F,
    decision: Decision,
}

pub(crate) fn given(history: impl IntoIterator<Item = ThreadEvent>) -> Given {
    Given(fold(Thread::default(), &history.into_iter().collect::<Vec<_>>()))
}

pub(crate) fn fold(mut thread: Thread, events: &[ThreadEvent]) -> Thread {
    events.iter().for_each(|event| thread.evolve(event));
    thread
}

impl Given {
    pub(crate) fn when<F: Fn(&Thread) -> Decision>(self, decide: F) -> Then<F> {
        let decision = decide(&self.0);
        Then { before: self.0, decide, decision }
    }

    /// The state itself, for questions.
    pub(crate) fn thread(self) -> Thread {
        self.0
    }
}

impl<F: Fn(&Thread) -> Decision> Then<F> {
    /// These events, and deciding the same again changes nothing. Answers with the state after them.
    pub(crate) fn then(self, expected: impl IntoIterator<Item = ThreadEvent>) -> Thread {
        let expected: Vec<_> = expected.into_iter().collect();
        assert_eq!(self.decision, Ok(expected.clone()));
        let after = fold(self.before, &expected);
        let again = (self.decide)(&after);
        assert!(again.as_ref().map_or(true, Vec::is_empty), "decided again: {again:?}");
        after
    }

    pub(crate) fn then_nothing(self) {
        assert_eq!(self.decision, Ok(vec![]));
    }

    pub(crate) fn then_rejected(self, rejection: Rejection) {
        assert_eq!(self.decision, Err(rejection));
    }
}

/// The customer's message `i`.
pub(crate) fn m(i: u32) -> Uuid {
    Uuid::from_u128(0x1000 + u128::from(i))
}

/// Our message `i`.
pub(crate) fn r(i: u32) -> Uuid {
    Uuid::from_u128(0x2000 + u128::from(i))
}

pub(crate) fn text() -> Content {
    Content {
        kind: ContentKind::Text,
        text: Some(Sealed("v1.aes256gcm.k.n.c".into())),
        media: None,
        length: 2,
        language: "zh".into(),
    }
}

pub(crate) fn beginning() -> Beginning {
    Beginning {
        account: Uuid::from_u128(1),
        channel: "widget".into(),
        contact: Sealed("v1.contact".into()),
        name: None,
    }
}

pub(crate) fn began(at: Micros) -> ThreadEvent {
    let Beginning { account, channel, contact, name } = beginning();
    ThreadEvent::Began { account, channel, contact, name, at }
}

pub(crate) fn opened(n: u32, by: OpenedBy, at: Micros) -> ThreadEvent {
    ThreadEvent::Opened { n, by, touch: None, window: None, provider: None, at }
}

pub(crate) fn inbound(i: u32) -> Inbound {
    Inbound {
        message: m(i),
        provider: format!("p{i}"),
        content: text(),
        sent_at: NOON,
        order: None,
        window: None,
        raw: None,
        touch: None,
        began: Some(beginning()),
    }
}

pub(crate) fn wrote_in(n: u32, i: u32, at: Micros) -> ThreadEvent {
    let Inbound { message, provider, content, sent_at, order, window, raw, .. } = inbound(i);
    ThreadEvent::Received { n, message, provider, content, sent_at, order, window, raw, at }
}

pub(crate) fn wrote(i: u32) -> ThreadEvent {
    wrote_in(1, i, NOON)
}

/// A history of conversation 1 in which the customer wrote message 1, and then `more` happened.
pub(crate) fn asked(more: impl IntoIterator<Item = ThreadEvent>) -> Vec<ThreadEvent> {
    [began(NOON), opened(1, OpenedBy::Message, NOON), wrote(1)].into_iter().chain(more).collect()
}

/// Our message `i` in conversation 1, having seen the customer's message `seen`.
pub(crate) fn replied(i: u32, by: Author, tenure: u32, seen: Option<u32>, at: Micros) -> ThreadEvent {
    ThreadEvent::Replied {
        n: 1,
        message: r(i),
        by,
        tenure,
        seen: seen.map(m),
        content: text(),
        citations: vec![],
        confidence: None,
        worded_by: None,
        resends: None,
        at,
    }
}

/// Our message `i`, as the AI wrote it in tenure 0 to message 1.
pub(crate) fn answered(i: u32) -> ThreadEvent {
    replied(i, Author::Ai, 0, Some(1), NOON)
}

pub(crate) fn notice(i: u32) -> Notice {
    Notice { message: r(i), content: text() }
}

pub(crate) fn handed(tenure: u32, reason: HandoverReason, at: Micros) -> ThreadEvent {
    ThreadEvent::HandedOver { n: 1, tenure, reason, queue: "sales".into(), at }
}

pub(crate) fn taken(tenure: u32, agent: Uuid, at: Micros) -> ThreadEvent {
    ThreadEvent::TakenOver { n: 1, tenure, agent, at }
}

pub(crate) fn released(tenure: u32, to: ReleasedTo, at: Micros) -> ThreadEvent {
    ThreadEvent::Released { n: 1, tenure, to, at }
}

pub(crate) fn closed(tenure: u32, by: ClosedBy, at: Micros) -> ThreadEvent {
    ThreadEvent::Closed { n: 1, tenure, by, at }
}

pub(crate) fn started(i: u32, attempt: u32, at: Micros) -> ThreadEvent {
    ThreadEvent::SendStarted { message: r(i), attempt, parts: None, at }
}

pub(crate) fn was_sent(i: u32, attempt: u32, at: Micros) -> ThreadEvent {
    ThreadEvent::Sent { message: r(i), attempt, provider: None, at }
}

pub(crate) fn was_lost(i: u32, attempt: u32, last: bool, at: Micros) -> ThreadEvent {
    ThreadEvent::Unknown { message: r(i), attempt, last, at }
}

pub(crate) fn has_failed(i: u32, attempt: u32, retry_at: Option<Micros>, at: Micros) -> ThreadEvent {
    ThreadEvent::Failed {
        message: r(i),
        attempt,
        class: FailureClass::Retryable,
        retry_at,
        arrived: None,
        at,
    }
}

pub(crate) fn forgotten() -> ThreadEvent {
    ThreadEvent::Erased { erasure: Uuid::from_u128(9), at: NOON }
}
