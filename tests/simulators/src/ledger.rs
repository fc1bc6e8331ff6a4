//! What was sent and what arrived, seen from outside, to be compared with the log afterwards.

use crate::Micros;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;

/// Messages to one person that wait to be looked at; later ones are in the ledger only.
const FOLLOWED_MAX: usize = 64;

/// Something a person did towards the suite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    pub channel: &'static str,
    pub account: String,
    pub user: String,
    /// The platform's id of the message; for events of the platform, what distinguishes them.
    pub provider: String,
    pub text: String,
    pub at: Micros,
    /// How often it was delivered, duplicates included.
    pub deliveries: u32,
    /// Of these, those that the suite refused or did not answer.
    pub refused: u32,
    /// When the suite first acknowledged it, if ever.
    pub acknowledged: Option<Micros>,
}

/// Something that reached a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    pub channel: &'static str,
    pub account: String,
    pub user: String,
    /// The suite's id of the message, where the channel carries one.
    pub id: Option<String>,
    pub text: String,
    pub at: Micros,
    pub by_ai: bool,
    /// Whether a message of the same id had arrived before.
    pub repeated: bool,
}

/// Where to find a [`Sent`] again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry(usize);

/// The record of a run. Copies share it.
#[derive(Clone, Debug, Default)]
pub struct Ledger(Arc<Mutex<Pages>>);

#[derive(Debug, Default)]
struct Pages {
    sent: Vec<Sent>,
    received: Vec<Received>,
    /// By person; names are unique in a run.
    followers: HashMap<String, mpsc::Sender<Received>>,
}

impl Ledger {
    /// Writes down what is about to be delivered.
    pub fn sent(&self, sent: Sent) -> Entry {
        let mut pages = self.pages();
        pages.sent.push(sent);
        Entry(pages.sent.len() - 1)
    }

    /// Its first delivery begins now; what was prepared earlier waited for its turn.
    pub fn departs(&self, entry: Entry, at: Micros) {
        if let Some(sent) = self.pages().sent.get_mut(entry.0)
            && sent.deliveries == 0
        {
            sent.at = at;
        }
    }

    /// One delivery of it ended, acknowledged or not.
    pub fn delivered(&self, entry: Entry, acknowledged: Option<Micros>) {
        if let Some(sent) = self.pages().sent.get_mut(entry.0) {
            sent.deliveries += 1;
            sent.refused += u32::from(acknowledged.is_none());
            sent.acknowledged = match (sent.acknowledged, acknowledged) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
        }
    }

    /// Writes down what arrived.
    pub fn received(&self, received: Received) {
        let mut pages = self.pages();
        if let Some(follower) = pages.followers.get(&received.user) {
            // A follower who looks elsewhere misses a notice and no line of the ledger.
            let _missed = follower.try_send(received.clone());
        }
        pages.received.push(received);
    }

    /// What reaches that person from now on, as it comes. A later follower takes the place of an earlier one.
    pub fn follow(&self, user: &str) -> mpsc::Receiver<Received> {
        let (follower, arrivals) = mpsc::channel(FOLLOWED_MAX);
        self.pages().followers.insert(user.to_owned(), follower);
        arrivals
    }

    /// Everything sent so far, in the order of sending.
    pub fn all_sent(&self) -> Vec<Sent> {
        self.pages().sent.clone()
    }

    /// Everything received so far, in the order of arrival.
    pub fn all_received(&self) -> Vec<Received> {
        self.pages().received.clone()
    }

    /// What was received behind the first `seen`.
    pub fn received_after(&self, seen: usize) -> Vec<Received> {
        self.pages().received.get(seen..).unwrap_or_default().to_vec()
    }

    /// How many were sent and how many received, without copying.
    pub fn counts(&self) -> (usize, usize) {
        let pages = self.pages();
        (pages.sent.len(), pages.received.len())
    }

    /// Per person (channel, account, user): from their first message to the first that reached them after it, in
    /// microseconds; none for those who still wait.
    pub fn first_replies(&self) -> HashMap<(&'static str, String, String), Option<Micros>> {
        let pages = self.pages();
        let mut first: HashMap<_, (Micros, Option<Micros>)> = HashMap::new();
        for sent in &pages.sent {
            let who = (sent.channel, sent.account.clone(), sent.user.clone());
            first.entry(who).or_insert((sent.at, None));
        }
        for received in &pages.received {
            let who = (received.channel, received.account.clone(), received.user.clone());
            if let Some((asked, answered)) = first.get_mut(&who)
                && answered.is_none()
                && received.at >= *asked
            {
                *answered = Some(received.at);
            }
        }
        first.into_iter().map(|(who, (asked, answered))| (who, answered.map(|at| at - asked))).collect()
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        // A panic while writing a line down leaves the other lines right.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(user: &str, at: Micros) -> Sent {
        Sent {
            channel: "c",
            account: "a".into(),
            user: user.into(),
            provider: "1".into(),
            text: "t".into(),
            at,
            deliveries: 0,
            refused: 0,
            acknowledged: None,
        }
    }

    fn received(user: &str, at: Micros) -> Received {
        let (account, text) = ("a".into(), "t".into());
        Received {
            channel: "c",
            account,
            user: user.into(),
            id: None,
            text,
            at,
            by_ai: true,
            repeated: false,
        }
    }

    #[test]
    fn the_first_acknowledgement_counts_and_each_delivery_is_counted() {
        let ledger = Ledger::default();
        let entry = ledger.sent(sent("u", 1));
        ledger.delivered(entry, None);
        ledger.delivered(entry, Some(9));
        ledger.delivered(entry, Some(5));
        assert_eq!((ledger.all_sent()[0].deliveries, ledger.all_sent()[0].acknowledged), (3, Some(5)));
    }

    #[test]
    fn who_follows_a_person_sees_what_reaches_them() {
        let ledger = Ledger::default();
        let mut arrivals = ledger.follow("u");
        ledger.received(received("v", 1));
        ledger.received(received("u", 2));
        assert_eq!(arrivals.try_recv().map(|received| received.at), Ok(2));
        assert!(arrivals.try_recv().is_err());
        assert_eq!(ledger.counts(), (0, 2));
    }

    #[test]
    fn a_reply_is_counted_from_the_first_message_and_who_waits_is_seen() {
        let ledger = Ledger::default();
        for (user, at) in [("u", 10), ("u", 20), ("v", 10)] {
            ledger.sent(sent(user, at));
        }
        for at in [5, 30, 40] {
            ledger.received(received("u", at));
        }
        let replies = ledger.first_replies();
        let of = |user: &str| replies[&("c", "a".to_owned(), user.to_owned())];
        assert_eq!((of("u"), of("v")), (Some(20), None));
    }
}
