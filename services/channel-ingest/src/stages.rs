//! How long each stage takes between a customer's message and the platform's word that the answer arrived.

use events::{Micros, ThreadEvent};
use lru::LruCache;
use runtime::Metrics;
use runtime::metrics::{Histogram, Label};
use spine::Clock;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use uuid::Uuid;

/// The stages, each with what it should take at most on a machine that is not overloaded; alerts and the dashboard show
/// them beside what they took.
const STAGES: &[&str] = &["journal", "receive", "answer", "queue", "platform"];
/// Conversations whose stages are followed at the same time; the longest silent is given up.
const TURNS_MAX: NonZeroUsize = NonZeroUsize::new(16_384).expect("it is not zero");
/// What is older was read again, in a catch-up, and tells nothing of now.
const FRESH_US: Micros = 60_000_000;
const MICROS: f64 = 1e6;

/// The figures. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Stages {
    stage: Histogram,
    first_reply: Histogram,
    turns: Arc<Mutex<LruCache<Uuid, Turn>>>,
    clock: Clock,
}

/// A customer's first unanswered message, and how far its answer is.
#[derive(Clone, Copy, Debug, Default)]
struct Turn {
    asked: Micros,
    replied: Option<Micros>,
    started: Option<Micros>,
}

impl Stages {
    pub(crate) fn new(metrics: &Metrics, clock: Clock) -> Self {
        let scope = metrics.scope("ingest");
        Self {
            stage: scope.seconds(
                "stage",
                "Time of one stage between a message and its answer at the platform.",
                vec![Label::of("stage", STAGES)],
            ),
            first_reply: scope.seconds(
                "first_reply",
                "From a customer's message to the platform's word that the first answer to it arrived.",
                vec![],
            ),
            turns: Arc::new(Mutex::new(LruCache::new(TURNS_MAX))),
            clock,
        }
    }

    /// A request was verified and is durable.
    pub(crate) fn journalled(&self, took: Duration) {
        self.stage.record(took.as_secs_f64(), &["journal"]);
    }

    /// An item of a request that was journalled at `at` stands in its thread.
    pub(crate) fn received(&self, at: Micros) {
        self.record("receive", self.clock.now() - at);
    }

    /// What became of a thread.
    pub(crate) fn follow(&self, thread: Uuid, event: &ThreadEvent) {
        let (Some(at), now) = (moment(event), self.clock.now()) else { return };
        if now.saturating_sub(at) > FRESH_US {
            return;
        }
        let done = step(&mut self.turns.lock().unwrap_or_else(PoisonError::into_inner), thread, event);
        for (stage, took) in done.into_iter().flatten() {
            match stage {
                FIRST_REPLY => self.first_reply.record(took as f64 / MICROS, &[]),
                stage => self.record(stage, took),
            }
        }
    }

    fn record(&self, stage: &str, took: Micros) {
        self.stage.record(took.max(0) as f64 / MICROS, &[stage]);
    }
}

const FIRST_REPLY: &str = "first_reply";

fn moment(event: &ThreadEvent) -> Option<Micros> {
    match event {
        ThreadEvent::Received { at, .. }
        | ThreadEvent::Replied { at, .. }
        | ThreadEvent::SendStarted { at, .. }
        | ThreadEvent::Sent { at, .. }
        | ThreadEvent::Closed { at, .. } => Some(*at),
        _ => None,
    }
}

/// Moves the thread's turn on and tells which stages ended.
fn step(
    turns: &mut LruCache<Uuid, Turn>,
    thread: Uuid,
    event: &ThreadEvent,
) -> [Option<(&'static str, Micros)>; 2] {
    match event {
        ThreadEvent::Received { at, .. } => {
            turns.get_or_insert(thread, || Turn { asked: *at, ..Turn::default() });
        }
        ThreadEvent::Replied { at, .. } => {
            if let Some(turn) = turns.get_mut(&thread).filter(|turn| turn.replied.is_none()) {
                turn.replied = Some(*at);
                return [Some(("answer", *at - turn.asked)), None];
            }
        }
        ThreadEvent::SendStarted { attempt: 1, at, .. } => {
            if let Some(turn) = turns.get_mut(&thread).filter(|turn| turn.started.is_none())
                && let Some(replied) = turn.replied
            {
                turn.started = Some(*at);
                return [Some(("queue", *at - replied)), None];
            }
        }
        ThreadEvent::Sent { at, .. } => {
            if let Some(turn) = turns.pop(&thread) {
                let platform = turn.started.map(|started| ("platform", *at - started));
                return [platform, turn.replied.map(|_| (FIRST_REPLY, *at - turn.asked))];
            }
        }
        ThreadEvent::Closed { .. } => {
            turns.pop(&thread);
        }
        _ => {}
    }
    [None, None]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn event(fields: Value) -> ThreadEvent {
        serde_json::from_value(fields).unwrap()
    }

    #[test]
    fn each_stage_of_a_turn_is_told_once_and_the_first_reply_spans_them() {
        let mut turns = LruCache::new(TURNS_MAX);
        let (thread, id) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let content = json!({ "kind": "text", "length": 1, "language": "zh" });
        let received = |at: i64| {
            event(json!({ "type": "Received", "n": 1, "message": id, "provider": "p", "content": content,
                "sent_at": at, "at": at }))
        };
        let replied = event(json!({ "type": "Replied", "n": 1, "message": id, "by": "ai", "tenure": 0,
            "content": content, "citations": [], "at": 30 }));
        let started = event(json!({ "type": "SendStarted", "message": id, "attempt": 1, "at": 35 }));
        let sent = event(json!({ "type": "Sent", "message": id, "attempt": 1, "at": 45 }));
        let mut told = Vec::new();
        for event in [&received(10), &received(20), &replied, &replied, &started, &sent, &sent] {
            told.extend(step(&mut turns, thread, event).into_iter().flatten());
        }
        assert_eq!(told, [("answer", 20), ("queue", 5), ("platform", 10), (FIRST_REPLY, 35)]);
        assert!(turns.is_empty());
    }

    #[test]
    fn what_a_turn_never_began_or_a_close_ended_tells_nothing() {
        let mut turns = LruCache::new(TURNS_MAX);
        let sent = event(json!({ "type": "Sent", "message": Uuid::nil(), "attempt": 1, "at": 45 }));
        assert_eq!(step(&mut turns, Uuid::nil(), &sent), [None, None]);
    }
}
