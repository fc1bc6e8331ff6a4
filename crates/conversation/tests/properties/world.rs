//! A thread under random commands: decides, checks what must hold at once, folds.

use crate::ask::text;
use crate::command::{Command, Seen, Staleness, Which};
use conversation::{Attempt, Notice, Stage, Thread};
use events::{Micros, ThreadEvent};
use spine::Entity;
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

const START: Micros = 1_700_000_000_000_000;
pub(crate) const MINUTE: Micros = 60_000_000;
pub(crate) const DAY: Micros = 24 * 60 * MINUTE;

pub(crate) struct World {
    pub(crate) history: Vec<ThreadEvent>,
    pub(crate) refusals: BTreeSet<String>,
    pub(crate) thread: Thread,
    pub(crate) now: Micros,
    /// The platform's time of each thing the customer did, the same at every delivery.
    happened: HashMap<u32, Micros>,
    last_reply: (Uuid, Micros),
    replies: u128,
}

impl Default for World {
    fn default() -> Self {
        Self {
            history: vec![],
            refusals: BTreeSet::new(),
            thread: Thread::default(),
            now: START,
            happened: HashMap::new(),
            last_reply: (Uuid::nil(), START),
            replies: 0,
        }
    }
}

impl World {
    pub(crate) fn run(&mut self, command: &Command) {
        if let Command::Pass(time) = command {
            self.now += time;
            return;
        }
        let ask = self.ask(command);
        let tenure = self.thread.tenure();
        let decision = ask(&self.thread);
        assert_eq!(decision, ask(&self.thread), "a decision is a function of the state");
        match decision {
            Err(rejection) => {
                let name = format!("{rejection:?}");
                self.refusals.insert(name.split([' ', '{']).next().unwrap_or_default().to_owned());
            }
            Ok(events) => {
                for event in events {
                    self.thread.evolve(&event);
                    self.history.push(event);
                }
                let again = ask(&self.thread);
                assert!(again.as_ref().map_or(true, Vec::is_empty), "{command:?} decided again: {again:?}");
            }
        }
        assert!(self.thread.is_erased() || self.thread.tenure() >= tenure, "the tenure fell");
        let in_flight = self.thread.pending().filter(|p| !matches!(p.stage, Stage::Waiting { .. }));
        assert!(in_flight.count() <= 1, "two messages in flight");
    }

    /// A fold of the stored form gives the state that was folded on the way.
    pub(crate) fn check_fold(&self) {
        let mut thread = Thread::default();
        for event in &self.history {
            let stored = serde_json::to_string(event).expect("an event has a stored form");
            thread.evolve(&serde_json::from_str(&stored).expect("a stored form parses"));
        }
        assert_eq!(thread, self.thread);
    }

    pub(crate) fn happened(&mut self, i: u32) -> Micros {
        // Platforms' clocks are up to a minute off ours.
        let skew = (i64::from(i % 3) - 1) * MINUTE;
        *self.happened.entry(i).or_insert(self.now + skew)
    }

    pub(crate) fn tenure(&self, stale: Staleness) -> u32 {
        self.thread.tenure().saturating_add_signed(stale.into())
    }

    pub(crate) fn seen(&self, seen: Seen) -> Option<Uuid> {
        let messages = self.history.iter().rev().filter_map(|event| match event {
            ThreadEvent::Received { message, .. } => Some(*message),
            _ => None,
        });
        messages.into_iter().nth(seen?)
    }

    pub(crate) fn which(&self, which: Which) -> Uuid {
        let next = self.thread.next_send().map(|pending| pending.message);
        let replies = self.history.iter().rev().filter_map(|event| match event {
            ThreadEvent::Replied { message, .. } => Some(*message),
            _ => None,
        });
        match which {
            None => next.unwrap_or_default(),
            Some(back) => replies.into_iter().nth(back).unwrap_or_default(),
        }
    }

    pub(crate) fn last_attempt(&self, of: Uuid) -> u32 {
        let attempts = self.history.iter().filter_map(|event| match event {
            ThreadEvent::SendStarted { message, attempt, .. } if *message == of => Some(*attempt),
            _ => None,
        });
        attempts.max().unwrap_or(0)
    }

    pub(crate) fn attempt(&self, which: Which, back: u32) -> Attempt {
        let message = self.which(which);
        Attempt { message, number: self.last_attempt(message).saturating_sub(back) }
    }

    /// A new id, or the last one again as long as a caller may retry.
    pub(crate) fn reply_id(&mut self, again: bool) -> Uuid {
        if !again || self.now - self.last_reply.1 > 8 * DAY {
            self.replies += 1;
            self.last_reply = (Uuid::from_u128(0x2000_0000 + self.replies), self.now);
        }
        self.last_reply.0
    }

    pub(crate) fn notice(&mut self) -> Notice {
        Notice { message: self.reply_id(false), content: text() }
    }
}
