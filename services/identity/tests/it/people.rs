//! What people do in these tests, written to the log as the other services would.

use crate::world::{TENANT, World};
use conversation::{Beginning, Identify, Inbound, Thread};
use events::customer::EvidenceKind;
use events::lead::{Consent, DetailKind, LeadEvent};
use events::thread::Touch;
use events::{Content, ContentKind, Sealed};
use identity::ids::{lead_address, thread_address};
use laws::lead::{self, Lead};
use spine::keys::{Contact, Owner, Period, SealKey};
use spine::{Cause, Position};
use uuid::Uuid;

pub(crate) const ACCOUNT: Uuid = Uuid::from_u128(0xACC);

impl World {
    pub(crate) fn now(&self) -> i64 {
        self.spine.log.clock().now()
    }

    fn key(&self, thread: Uuid, class: &str) -> SealKey {
        SealKey {
            tenant: TENANT.into(),
            owner: Owner::thread(thread),
            class: class.into(),
            period: Period::quarter(self.now()),
        }
    }

    async fn seal(&self, thread: Uuid, class: &str, subject: &str, (field, text): (&str, &str)) -> Sealed {
        Sealed(self.spine.keys.seal(&self.key(thread, class), subject, field, text).await.unwrap())
    }

    /// A person writes on the account, for the first time or again, and may come from somewhere.
    pub(crate) async fn writes(&self, person: &str, text: &str, source: Option<&str>) -> Uuid {
        let account = ACCOUNT.to_string();
        let contact = Contact {
            tenant: TENANT,
            account: &account,
            external_user: person,
            class: "message",
            journalled: None,
            period: &Period::quarter(self.now()),
        };
        let thread = self.spine.keys.thread_for(&contact).await.unwrap().thread;
        let address = thread_address(TENANT, thread).unwrap();
        let subject = address.subject();
        let raw = self.journal.append(TENANT, ACCOUNT, text.as_bytes(), None).await.unwrap();
        let content = Content {
            kind: ContentKind::Text,
            text: Some(self.seal(thread, "message", &subject, ("content.text", text)).await),
            media: None,
            length: 1,
            language: "zh".into(),
        };
        let id = spine::new_id();
        let inbound = Inbound {
            message: id,
            provider: id.to_string(),
            content,
            sent_at: self.now(),
            order: None,
            window: None,
            raw: Some(raw.to_string()),
            touch: source.map(|source| Touch { source: Some(source.into()), ..Touch::default() }),
            began: Some(Beginning {
                account: ACCOUNT,
                channel: "http".into(),
                contact: self.seal(thread, "message", &subject, ("began.contact", person)).await,
                name: None,
            }),
        };
        let at = self.now();
        let cause = Cause::new(id, "receive", "test");
        let decide = |state: &Thread| conversation::receive(state, &inbound, at);
        self.spine.log.transact(&address, &cause, decide).await.unwrap();
        thread
    }

    /// The channel proves something about the person.
    pub(crate) async fn proves(&self, thread: Uuid, kind: EvidenceKind, value: &str) -> Position {
        let address = thread_address(TENANT, thread).unwrap();
        let sealed = self.seal(thread, "identity", &address.subject(), ("identified.value", value)).await;
        let id = spine::new_id();
        let (provider, at) = (id.to_string(), self.now());
        let asked = Identify { kind, value: sealed, provider, sent_at: at };
        let cause = Cause::new(id, "identify", "test");
        let decide = |state: &Thread| conversation::identify(state, &asked, at);
        self.spine.log.transact(&address, &cause, decide).await.unwrap().position()
    }

    /// The person typed a phone: a lead, and its message in the feed, in clear.
    pub(crate) async fn types_phone(&self, thread: Uuid, number: u32, phone: &str) -> String {
        let lead = format!("{thread}-{number}");
        let address = lead_address(TENANT, &lead).unwrap();
        let value = self.seal(thread, "lead", &address.subject(), ("lead.value", phone)).await;
        let captured = LeadEvent::Captured {
            thread,
            conversation: 1,
            message: spine::new_id(),
            kind: DetailKind::Phone,
            value,
            form: "plain".into(),
            consent: Consent::Implied,
            account: ACCOUNT,
            channel: "http".into(),
            at: self.now(),
        };
        let cause = Cause::new(spine::new_id(), "capture", "test");
        let decide = |state: &Lead| lead::capture(state, std::slice::from_ref(&captured));
        self.spine.log.transact(&address, &cause, decide).await.unwrap();
        self.feeds("created", &lead, &format!("{{\"phone\":\"{phone}\"}}")).await;
        lead
    }

    /// Lead-capture found that the lead is the same person's as an earlier one.
    pub(crate) async fn joins(&self, own: &str, into: &str) {
        let (address, at) = (lead_address(TENANT, own).unwrap(), self.now());
        let cause = Cause::new(spine::new_id(), "join", "test");
        let decide = |state: &Lead| lead::join(state, own, into, DetailKind::Phone, at);
        self.spine.log.transact(&address, &cause, decide).await.unwrap();
    }

    /// A person found that it is not.
    pub(crate) async fn parts(&self, own: &str) {
        let (address, at) = (lead_address(TENANT, own).unwrap(), self.now());
        let cause = Cause::new(spine::new_id(), "part", "test");
        self.spine.log.transact(&address, &cause, |state: &Lead| lead::part(state, at)).await.unwrap();
    }

    /// A message of the lead feed.
    pub(crate) async fn feeds(&self, kind: &str, lead: &str, payload: &str) -> u64 {
        let jetstream = async_nats::jetstream::new(self.spine.log.nats().client().clone());
        let subject = format!("leads.{TENANT}.{kind}.{lead}");
        let sent = jetstream.publish(subject, payload.to_owned().into()).await.unwrap();
        sent.await.unwrap().sequence
    }
}
