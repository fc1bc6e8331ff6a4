//! Judges a history by its events alone, as an auditor would, without the state that decided them.

use events::ThreadEvent;
use events::thread::{Author, TransferredTo};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// What an auditor writes down while reading.
#[derive(Default)]
struct Audit {
    begun: bool,
    erased: bool,
    open: Option<u32>,
    last_number: u32,
    tenure: u32,
    /// The tenure with which a person last became the owner.
    person_since: u32,
    providers: HashSet<String>,
    /// The customer's messages in order.
    received: Vec<Uuid>,
    /// How many of them were answered, handed to people, or left behind in a closed conversation.
    dealt_with: usize,
    /// Our messages in order, with author and tenure.
    replied: Vec<(Uuid, Author, u32)>,
    /// The place in `replied` of the last message that was begun to be sent.
    last_started: usize,
    attempts: HashMap<Uuid, u32>,
    in_flight: Option<Uuid>,
    settled: HashSet<Uuid>,
    resent: HashSet<Uuid>,
}

pub(crate) fn judge(history: &[ThreadEvent]) {
    let mut audit = Audit::default();
    for event in history {
        assert!(!audit.erased, "{event:?} follows an erasure");
        assert!(audit.begun || matches!(event, ThreadEvent::Began { .. } | ThreadEvent::Erased { .. }));
        audit.read(event);
    }
}

/// The stored name of an event.
pub(crate) fn name(event: &ThreadEvent) -> String {
    let stored = serde_json::to_value(event).expect("an event has a stored form");
    stored["type"].as_str().expect("an event is tagged by its type").to_owned()
}

impl Audit {
    fn read(&mut self, event: &ThreadEvent) {
        match event {
            ThreadEvent::Began { .. } => {
                assert!(!self.begun, "a thread begins once");
                self.begun = true;
            }
            ThreadEvent::Opened { n, .. } => {
                assert_eq!((self.open, *n), (None, self.last_number + 1), "conversations are 1, 2, 3 …");
                (self.open, self.last_number) = (Some(*n), *n);
            }
            ThreadEvent::Received { n, message, provider, .. } => {
                assert_eq!(self.open, Some(*n));
                assert!(self.providers.insert(provider.clone()), "{provider} was received twice");
                self.received.push(*message);
            }
            ThreadEvent::Replied { n, message, by, tenure, seen, resends, .. } => {
                assert_eq!((self.open, *tenure), (Some(*n), self.tenure), "a reply in the tenure that holds");
                match (resends, by, seen) {
                    (Some(of), ..) => {
                        assert!(self.settled.contains(of) && self.resent.insert(*of), "sent again once");
                    }
                    (None, Author::Ai | Author::Agent(_), Some(seen)) => self.answer(*seen, *by),
                    (None, ..) => {}
                }
                self.replied.push((*message, *by, *tenure));
            }
            ThreadEvent::Erased { .. } => self.erased = true,
            _ => {
                self.read_owner(event);
                self.read_send(event);
            }
        }
    }

    fn answer(&mut self, seen: Uuid, by: Author) {
        let place = self.received.iter().rposition(|message| *message == seen);
        let place = place.expect("an answer to a message that came") + 1;
        assert!(by != Author::Ai || place > self.dealt_with, "the AI answers what was dealt with");
        self.dealt_with = self.dealt_with.max(place);
    }

    fn read_owner(&mut self, event: &ThreadEvent) {
        if matches!(event, ThreadEvent::HandedOver { .. } | ThreadEvent::AnsweredOutside { .. }) {
            self.dealt_with = self.received.len();
        }
        if matches!(event, ThreadEvent::DeskLetGo { moved: true, .. }) {
            self.dealt_with = self.received.len();
        }
        let (n, tenure, person) = match event {
            ThreadEvent::DeskTook { tenure, moved: false, .. }
            | ThreadEvent::DeskLetGo { tenure, moved: false, .. } => {
                assert_eq!(*tenure, self.tenure, "what moves nothing is no new tenure");
                return;
            }
            ThreadEvent::DeskTook { n, tenure, .. } => (n, tenure, true),
            ThreadEvent::DeskLetGo { n, tenure, .. } => (n, tenure, false),
            ThreadEvent::HandedOver { n, tenure, .. } | ThreadEvent::Released { n, tenure, .. } => {
                (n, tenure, false)
            }
            ThreadEvent::Assigned { n, tenure, .. } | ThreadEvent::TakenOver { n, tenure, .. } => {
                (n, tenure, true)
            }
            ThreadEvent::Transferred { n, tenure, to, .. } => {
                (n, tenure, matches!(to, TransferredTo::Agent(_)))
            }
            ThreadEvent::Closed { n, tenure, .. } => {
                assert_eq!(self.open.take(), Some(*n), "only what is open is closed");
                assert_eq!(*tenure, self.tenure + 1);
                self.tenure = *tenure;
                self.dealt_with = self.received.len();
                return;
            }
            ThreadEvent::AnsweredOutside { n, tenure, .. } if *tenure == self.tenure => {
                assert_eq!(self.open, Some(*n));
                return;
            }
            ThreadEvent::AnsweredOutside { n, tenure, .. } => (n, tenure, true),
            _ => return,
        };
        assert_eq!((self.open, *tenure), (Some(*n), self.tenure + 1), "each change of owner is one tenure");
        self.tenure = *tenure;
        if person {
            self.person_since = *tenure;
        }
    }

    fn read_send(&mut self, event: &ThreadEvent) {
        if let ThreadEvent::Failed { message, attempt, .. } | ThreadEvent::Unknown { message, attempt, .. } =
            event
        {
            assert_eq!(self.attempts.get(message), Some(attempt), "only the last attempt fails");
        }
        match event {
            ThreadEvent::SendStarted { message, attempt, .. } => self.start(*message, *attempt),
            ThreadEvent::Sent { message, .. } | ThreadEvent::Failed { message, retry_at: None, .. } => {
                self.leave(*message);
                self.settled.insert(*message);
            }
            ThreadEvent::Failed { message, retry_at: Some(_), .. } => self.leave(*message),
            ThreadEvent::Unknown { message, last, .. } => {
                assert_eq!(self.in_flight, Some(*message), "only what is in flight becomes unknown");
                if *last {
                    self.leave(*message);
                    self.settled.insert(*message);
                }
            }
            ThreadEvent::Withdrawn { message, .. } => {
                assert_ne!(self.in_flight, Some(*message), "what is in flight is not withdrawn");
                assert!(self.settled.insert(*message), "withdrawn after it was settled");
            }
            ThreadEvent::Receipt { message, .. } => assert!(self.settled.contains(message)),
            _ => {}
        }
    }

    fn start(&mut self, message: Uuid, attempt: u32) {
        assert!(!self.settled.contains(&message), "a settled message is not sent");
        assert!(self.in_flight.is_none_or(|other| other == message), "one message in flight at most");
        self.in_flight = Some(message);
        let attempts = self.attempts.entry(message).or_default();
        assert_eq!(*attempts + 1, attempt, "attempts are 1, 2, 3 …");
        *attempts = attempt;
        let place = self.replied.iter().position(|(replied, ..)| *replied == message);
        let place = place.expect("only what was decided is sent");
        assert!(place >= self.last_started, "messages leave in the order they were decided");
        self.last_started = place;
        let (_, by, tenure) = self.replied[place];
        assert!(by != Author::Ai || tenure >= self.person_since, "a stale answer of the AI left");
    }

    fn leave(&mut self, message: Uuid) {
        if self.in_flight == Some(message) {
            self.in_flight = None;
        }
    }
}
