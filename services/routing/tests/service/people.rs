//! Customers, agents and the other services, who write to the log.

use crate::world::QUEUE;
use conversation::{Beginning, Decision, HandOver, Inbound, Notice, Thread, hand_over, receive};
use events::account::Setup;
use events::agent::{Presence, Profile};
use events::tenant::Settings;
use events::thread::HandoverReason;
use events::{AccountEvent, Content, ContentKind, Sealed, ThreadEvent};
use ground::eventually;
use laws::account::Account;
use laws::agent::Agent;
use laws::tenant::Tenant;
use spine::{Address, Cause, Decided, Recorded, Spine};
use std::convert::Infallible;
use uuid::Uuid;

const ACCOUNT: Uuid = Uuid::from_u128(0xACC);

/// Customers, agents and the other services: they write to the log whether routing runs or not.
pub(crate) struct People {
    pub(crate) spine: Spine,
    pub(crate) tenant: &'static str,
}

impl People {
    pub(crate) async fn settle(&self, settings: &Settings) -> Decided {
        let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, self.tenant.as_bytes());
        let address = Address::new(self.tenant, "tenant", &id.to_string(), &id.to_string()).unwrap();
        let decide = |tenant: &Tenant| laws::tenant::configure(tenant, "店", settings, self.now());
        self.spine.log.transact(&address, &cause(), decide).await.unwrap()
    }

    /// The account on which the customers are names the queue of its conversations.
    pub(crate) async fn account_queue(&self, queue: &str) {
        let setup = Setup {
            channel: "widget".into(),
            slug: format!("{}-widget", self.tenant),
            name: "官网".into(),
            settings: [(routing::QUEUE_SETTING.to_owned(), queue.to_owned())].into(),
            secrets: Default::default(),
        };
        let address = Address::of(self.tenant, "account", ACCOUNT).unwrap();
        let event = vec![AccountEvent::Configured { setup, at: self.now() }];
        let decide = |_: &Account| Ok::<_, Infallible>(event.clone());
        self.spine.log.transact(&address, &cause(), decide).await.unwrap();
    }

    /// An agent who serves everything, online.
    pub(crate) async fn agent(&self, number: u128, capacity: u32) -> Uuid {
        let profile = Profile {
            slug: None,
            name: format!("小{number}"),
            capacity,
            skills: vec![],
            channels: vec![],
            queues: vec![],
        };
        self.register(number, &profile).await;
        self.present(Uuid::from_u128(number), Presence::Online).await;
        Uuid::from_u128(number)
    }

    pub(crate) async fn register(&self, number: u128, profile: &Profile) {
        let address = Address::of(self.tenant, "agent", Uuid::from_u128(number)).unwrap();
        let decide = |agent: &Agent| laws::agent::profile(agent, profile, self.now());
        self.spine.log.transact(&address, &cause(), decide).await.unwrap();
    }

    pub(crate) async fn present(&self, agent: Uuid, presence: Presence) {
        let address = Address::of(self.tenant, "agent", agent).unwrap();
        let decide = |agent: &Agent| laws::agent::present(agent, presence, self.now());
        self.spine.log.transact(&address, &cause(), decide).await.unwrap();
    }

    pub(crate) async fn leave(&self, agent: Uuid) {
        let address = Address::of(self.tenant, "agent", agent).unwrap();
        let decide = |agent: &Agent| laws::agent::leave(agent, self.now());
        self.spine.log.transact(&address, &cause(), decide).await.unwrap();
    }

    /// The customer of a new thread writes.
    pub(crate) async fn customer(&self) -> Uuid {
        let thread = spine::new_id();
        self.write(thread).await;
        thread
    }

    /// The customer writes; says which message it was.
    pub(crate) async fn write(&self, thread: Uuid) -> Uuid {
        let message = spine::new_id();
        let inbound = Inbound {
            message,
            provider: message.to_string(),
            content: text(),
            sent_at: self.now(),
            order: None,
            window: None,
            raw: None,
            touch: None,
            began: Some(Beginning {
                account: ACCOUNT,
                channel: "widget".into(),
                contact: Sealed("v1".into()),
                name: None,
            }),
        };
        self.decide(thread, |state| receive(state, &inbound, self.now())).await;
        message
    }

    /// A new customer whom the AI gives to people.
    pub(crate) async fn waiting(&self) -> Uuid {
        let thread = self.customer().await;
        self.hand_over(thread).await;
        thread
    }

    pub(crate) async fn hand_over(&self, thread: Uuid) -> Decided {
        let notice = Some(Notice { message: spine::new_id(), content: text() });
        let (reason, queue) = (HandoverReason::WantsPerson, QUEUE.into());
        let mut wish = HandOver { tenure: 0, reason, queue, notice };
        wish.tenure = self.state(thread).await.tenure();
        self.decide(thread, |state| hand_over(state, &wish, self.now())).await
    }

    pub(crate) async fn decide(&self, thread: Uuid, decide: impl Fn(&Thread) -> Decision) -> Decided {
        let address = Address::of(self.tenant, "thread", thread).unwrap();
        self.spine.log.transact(&address, &cause(), decide).await.unwrap()
    }

    /// The thread as the log has it.
    pub(crate) async fn state(&self, thread: Uuid) -> Thread {
        let mut state = Thread::default();
        for (_, event) in self.story(thread).await {
            spine::Entity::evolve(&mut state, &event);
        }
        state
    }

    /// The thread's events with when the server stored them.
    pub(crate) async fn story(&self, thread: Uuid) -> Vec<(i64, ThreadEvent)> {
        let address = Address::of(self.tenant, "thread", thread).unwrap();
        let records = self.spine.log.history(&address, None).await.unwrap();
        let events = |record: &Recorded| {
            let events = record.events::<Thread>().unwrap().to_vec();
            events.into_iter().map(|event| (record.stored_at, event)).collect::<Vec<_>>()
        };
        records.iter().flat_map(events).collect()
    }

    /// Waits until somebody has the thread, and says who.
    pub(crate) async fn assigned(&self, thread: Uuid) -> Uuid {
        eventually("the thread is assigned", async || match self.state(thread).await.owner() {
            Some(conversation::Owner::Agent(agent)) => Some(agent),
            _ => None,
        })
        .await
    }

    pub(crate) fn now(&self) -> i64 {
        self.spine.log.clock().now()
    }
}

pub(crate) fn cause() -> Cause {
    Cause::new(spine::new_id(), "test", "test")
}

pub(crate) fn text() -> Content {
    Content {
        kind: ContentKind::Text,
        text: Some(Sealed("v1".into())),
        media: None,
        length: 2,
        language: "zh".into(),
    }
}
