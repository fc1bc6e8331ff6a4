//! What a journey sees of the log, compared with what the outside saw.

use crate::outside::Outside;
use crate::setup::TENANT;
use crate::world::World;
use conversation::{Decision, Owner, Rejection, Thread};
use events::ThreadEvent;
use simulators::http::Item;
use spine::keys::Opened;
use spine::{Address, Cause, Decided, Entity, Refused, new_id};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use uuid::Uuid;

/// Whether a customer wrote their messages one after the other, each acknowledged before the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Kept,
    /// They were on their way together, so any order is right.
    Any,
}

/// A thread's address.
pub fn address(thread: Uuid) -> Address {
    Address::of(TENANT, Thread::KIND, thread).expect("the journeys' tenant has a good name")
}

impl World {
    /// The thread of a customer, as soon as there is one.
    ///
    /// # Panics
    /// When there is none in time; all functions here panic when the suite does not do what it must.
    pub async fn thread_of(&self, account: Uuid, user: &str) -> Uuid {
        let account = account.to_string();
        ground::eventually(&format!("a thread of {user}"), async || {
            let found = self.spine.keys.find_thread(TENANT, &account, user, None).await.ok().flatten()?;
            Some(found.thread)
        })
        .await
    }

    /// A thread's events so far.
    pub async fn history(&self, thread: Uuid) -> Vec<ThreadEvent> {
        let records = self.spine.log.history(&address(thread), None).await.expect("the log answers");
        let events =
            |record: &spine::Recorded| record.events::<Thread>().expect("the events are known").to_vec();
        records.iter().flat_map(events).collect()
    }

    /// Waits until the thread's history shows something, and answers it.
    pub async fn until<T>(&self, what: &str, thread: Uuid, look: impl Fn(&[ThreadEvent]) -> Option<T>) -> T {
        ground::eventually(what, async || look(&self.history(thread).await)).await
    }

    /// Decides on a thread, as a role or a person would.
    pub async fn decide(
        &self,
        thread: Uuid,
        purpose: &'static str,
        decide: impl Fn(&Thread) -> Decision,
    ) -> Result<Decided, Refused<Rejection>> {
        let cause = Cause::new(new_id(), purpose, "journey");
        self.spine.log.transact(&address(thread), &cause, decide).await
    }

    /// What the customer wrote, in the order of the log.
    pub async fn texts(&self, thread: Uuid) -> Vec<String> {
        let subject = address(thread).subject();
        let mut texts = Vec::new();
        for event in self.history(thread).await {
            let ThreadEvent::Received { content, .. } = event else { continue };
            let Some(sealed) = content.text else { continue };
            let opened = self.spine.keys.open_text(sealed.as_str(), &subject, "content.text").await;
            if let Opened::Text(text) = opened.expect("the register opens") {
                texts.push(text);
            }
        }
        texts
    }

    /// Waits until nobody's answer is outstanding in the thread: the AI owes none, and none is on its way.
    pub async fn quiet(&self, thread: Uuid) {
        let at = address(thread);
        let rests = |thread: &Thread| {
            let owed = thread.owner() == Some(Owner::Ai) && !thread.awaiting().is_empty();
            !owed && thread.pending().next().is_none()
        };
        ground::eventually(&format!("thread {thread} to rest"), async || {
            // What this process knows may be older than a message that the caller just read from the server.
            let rests = self.spine.log.read_confirmed::<Thread, _>(&at, rests).await.ok()?;
            rests.then_some(())
        })
        .await;
    }

    /// Compares both channels with the ledger: every message of every customer is in the log once, whole and in
    /// order, every answer that the log calls sent arrived once, and no other did.
    pub async fn everything_is_there_once(&self, outside: &Outside, order: Order) {
        let mut wanted: BTreeMap<(Uuid, String), Vec<String>> = BTreeMap::new();
        let mut known = HashSet::new();
        for sent in outside.ledger.all_sent() {
            assert!(sent.acknowledged.is_some(), "{} was never taken", sent.provider);
            let account = outside.account(sent.channel);
            if !sent.text.is_empty() && known.insert((account, sent.user.clone(), sent.provider)) {
                wanted.entry((account, sent.user)).or_default().push(sent.text);
            }
        }
        let mut answered = BTreeSet::new();
        for ((account, user), mut texts) in wanted {
            let thread = self.thread_of(account, &user).await;
            let mut found = ground::eventually(&format!("all messages of {user}"), async || {
                let found = self.texts(thread).await;
                (found.len() >= texts.len()).then_some(found)
            })
            .await;
            if order == Order::Any {
                found.sort();
                texts.sort();
            }
            assert_eq!(found, texts, "{user}");
            self.quiet(thread).await;
            if account == outside.shop {
                answered.extend(sent_messages(&self.history(thread).await));
            }
        }
        let arrived: Vec<String> = outside
            .ledger
            .all_received()
            .into_iter()
            .filter(|received| received.channel == "http" && !received.repeated)
            .filter_map(|received| received.id)
            .collect();
        assert_eq!(arrived.iter().cloned().collect::<BTreeSet<_>>(), answered);
        assert_eq!(arrived.len(), answered.len(), "an answer arrived twice");
    }

    /// Waits until the normaliser has decided everything that was acknowledged for the partner's account so far.
    /// The second message is in a later batch than all that came before the first.
    pub async fn journal_is_read(&self, outside: &Outside) {
        for _ in 0..2 {
            let user = format!("sentinel-{}", new_id().simple());
            let item = Item { id: user.clone(), user: user.clone(), text: "你好".into() };
            assert!(outside.partner.post(&[item]).await.accepted);
            let thread = self.thread_of(outside.shop, &user).await;
            self.until("the sentinel", thread, |events| {
                events.iter().any(|event| matches!(event, ThreadEvent::Received { .. })).then_some(())
            })
            .await;
        }
    }

    /// Moves the suite's and the outside's time on.
    pub fn pass(&self, outside: &Outside, seconds: u32) {
        outside.clock.skip_s(seconds);
        self.spine.log.clock().shift(i64::from(seconds) * 1_000_000);
    }

    /// Entities that any reader has parked, with the reader's name.
    pub async fn parked(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for reader in self.spine.readers.all() {
            // A connection that was cut is found so at its next use.
            let rows: Vec<(String,)> = ground::eventually("the parked entities", async || {
                let model = reader.model();
                let rows = sqlx::query_as("SELECT entity FROM parked ORDER BY entity");
                rows.fetch_all(model.store.reads()).await.ok()
            })
            .await;
            found.extend(rows.into_iter().map(|(entity,)| (reader.name().to_owned(), entity)));
        }
        found
    }

    /// Every read model equals what the log says, row for row.
    pub async fn every_model_equals_the_log(&self) {
        self.settle().await;
        for reader in self.spine.readers.all() {
            // Connections may have been cut a moment ago.
            let found = ground::eventually("a verification", async || match reader.verify(|_, _| {}).await {
                Err(error) if error.is_passing() => None,
                done => Some(done.expect("the model can be verified")),
            })
            .await;
            assert!(found.comparison.differences.is_empty(), "{}: {:?}", found.model, found.comparison);
        }
    }
}

/// The messages that the log calls sent.
pub fn sent_messages(events: &[ThreadEvent]) -> Vec<String> {
    let sent = |event: &ThreadEvent| match event {
        ThreadEvent::Sent { message, .. } => Some(message.to_string()),
        _ => None,
    };
    events.iter().filter_map(sent).collect()
}

/// How many events are of the wanted kind.
pub fn count(events: &[ThreadEvent], wanted: impl Fn(&ThreadEvent) -> bool) -> usize {
    events.iter().filter(|event| wanted(event)).count()
}
