//! What happens in a shop: customers write, the AI and people answer, all by the law of the thread.

use crate::world::{TENANT, World};
use conversation::{Beginning, Inbound, Thread};
use events::thread::{Author, HandoverReason};
use events::{Content, ContentKind, Sealed, ThreadEvent};
use laws::agent::Agent;
use spine::keys::{Owner, Period, SealKey};
use spine::{Address, Cause, Entity, Position};
use uuid::Uuid;

pub(crate) const ACCOUNT: Uuid = Uuid::from_u128(0xACC0);
pub(crate) const ANNA: Uuid = Uuid::from_u128(0xA);
pub(crate) const BOB: Uuid = Uuid::from_u128(0xB);

/// A customer's thread.
#[derive(Clone)]
pub(crate) struct Customer {
    pub(crate) address: Address,
    pub(crate) id: Uuid,
}

impl World {
    pub(crate) fn customer(&self) -> Customer {
        let id = spine::new_id();
        Customer { address: Address::of(TENANT, Thread::KIND, id).unwrap(), id }
    }

    pub(crate) async fn sealed(&self, customer: &Customer, field: &str, text: &str) -> Sealed {
        let period = Period::quarter(self.spine.log.clock().now());
        let owner = Owner::thread(customer.id);
        let key = SealKey { tenant: TENANT.into(), owner, class: "message".into(), period };
        Sealed(self.spine.keys.seal(&key, &customer.address.subject(), field, text).await.unwrap())
    }

    pub(crate) async fn content(&self, customer: &Customer, text: &str) -> Content {
        Content {
            kind: ContentKind::Text,
            text: Some(self.sealed(customer, "content.text", text).await),
            media: None,
            length: text.chars().count() as u32,
            language: "zh".into(),
        }
    }

    /// Decides on the thread; each call is a cause of its own.
    pub(crate) async fn decide(
        &self,
        customer: &Customer,
        decision: impl Fn(&Thread) -> conversation::Decision,
    ) -> Position {
        let cause = Cause::new(spine::new_id(), "test", "test");
        let decided = self.spine.log.transact::<Thread, _>(&customer.address, &cause, decision).await;
        decided.unwrap().position()
    }

    /// The customer writes; answers with the message's id.
    pub(crate) async fn writes(&self, customer: &Customer, text: &str) -> Uuid {
        let at = self.spine.log.clock().now();
        self.writes_at(customer, text, (at, None)).await
    }

    /// As [`World::writes`], at the platform's time and order.
    pub(crate) async fn writes_at(
        &self,
        customer: &Customer,
        text: &str,
        (sent_at, order): (i64, Option<i64>),
    ) -> Uuid {
        let message = spine::new_id();
        let inbound = Inbound {
            message,
            provider: message.to_string(),
            content: self.content(customer, text).await,
            sent_at,
            order,
            window: None,
            raw: None,
            touch: None,
            began: Some(Beginning {
                account: ACCOUNT,
                channel: "widget".into(),
                contact: self.sealed(customer, "began.contact", "openid-1").await,
                name: Some(self.sealed(customer, "began.name", "张三丰").await),
            }),
        };
        let at = self.spine.log.clock().now();
        self.decide(customer, |thread| conversation::receive(thread, &inbound, at)).await;
        message
    }

    /// The AI answers what the customer wrote last, and it is sent and read.
    pub(crate) async fn ai_answers(&self, customer: &Customer, seen: Uuid, text: &str) -> Uuid {
        let message = spine::new_id();
        let reply = conversation::AiReply {
            message,
            tenure: self.tenure(customer).await,
            seen: Some(seen),
            content: self.content(customer, text).await,
            citations: vec![events::thread::Citation { entry: "e".into(), version: 3 }],
            confidence: Some(870),
            worded_by: None,
        };
        let at = self.spine.log.clock().now();
        self.decide(customer, |thread| conversation::reply_by_ai(thread, &reply, at)).await;
        self.sends(customer, message).await;
        message
    }

    /// The oldest pending message leaves, arrives and is read.
    pub(crate) async fn sends(&self, customer: &Customer, message: Uuid) {
        let at = self.spine.log.clock().now();
        let events = vec![
            ThreadEvent::SendStarted { message, attempt: 1, parts: None, at },
            ThreadEvent::Sent { message, attempt: 1, provider: Some("wamid.1".into()), at },
            ThreadEvent::Receipt { message, state: events::thread::ReceiptState::Read, at },
        ];
        self.decide(customer, |_| Ok(events.clone())).await;
    }

    pub(crate) async fn hands_over(&self, customer: &Customer) {
        let tenure = self.tenure(customer).await;
        let message = spine::new_id();
        let content = self.content(customer, "正在为您转接").await;
        let hand_over = conversation::HandOver {
            tenure,
            reason: HandoverReason::WantsPerson,
            queue: "default".into(),
            notice: Some(conversation::Notice { message, content }),
        };
        let at = self.spine.log.clock().now();
        self.decide(customer, |thread| conversation::hand_over(thread, &hand_over, at)).await;
    }

    pub(crate) async fn tenure(&self, customer: &Customer) -> u32 {
        self.spine.log.read::<Thread, _>(&customer.address, Thread::tenure).await.unwrap()
    }

    pub(crate) async fn authors(&self, customer: &Customer) -> Vec<Author> {
        let look = |thread: &Thread| thread.pending().map(|pending| pending.by).collect();
        self.spine.log.read::<Thread, _>(&customer.address, look).await.unwrap()
    }

    /// Anna and Bob join the team.
    pub(crate) async fn team(&self) {
        for (id, name) in [(ANNA, "Anna"), (BOB, "Bob")] {
            let profile = events::agent::Profile {
                slug: None,
                name: name.into(),
                capacity: 5,
                skills: vec![],
                channels: vec![],
                queues: vec![],
            };
            let address = Address::of(TENANT, Agent::KIND, id).unwrap();
            let cause = Cause::new(spine::new_id(), "test", "test");
            let decide = |agent: &Agent| laws::agent::profile(agent, &profile, 1);
            self.spine.log.transact(&address, &cause, decide).await.unwrap();
        }
        self.caught_up().await;
    }
}
