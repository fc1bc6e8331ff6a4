//! A lead-capture of its own for each test: nats-server on a free port, SQLite, and Postgres when there is one.

use conversation::{Beginning, Inbound, Thread};
use events::{Content, ContentKind, LeadEvent, Sealed};
use ground::{Place, Server};
use laws::lead::Lead;
use runtime::{Health, Host, Metrics, Secret};
use spine::journal::JournalEnds;
use spine::keys::{KeySettings, Owner, Period, SealKey};
use spine::{Address, Cause, Log, PARTS, Reader, Spine, new_id};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) const TENANT: &str = "shop";

/// Runs the test on each database, on a log of its own.
pub(crate) async fn on_each(test: impl AsyncFn(Place, Server)) {
    ground::on_each(async |place| test(place, Server::start().await).await).await;
}

/// The process around the service: everything but the service runs from the beginning.
pub(crate) struct World {
    pub(crate) spine: Spine,
    pub(crate) host: Host,
    pub(crate) address: Option<std::net::SocketAddr>,
    tasks: JoinSet<()>,
}

impl World {
    /// The spine alone.
    pub(crate) async fn open(place: &Place, server: &Server) -> Self {
        // Given, not made: processes on one Postgres share it.
        let keys = KeySettings { master: Some("07".repeat(32).into()), ..KeySettings::default() };
        let spine = place.spine(server.log().await, keys).await;
        let host = Host {
            role: runtime::Role::LeadCapture,
            health: Health::new(),
            metrics: Metrics::new("test", None).unwrap(),
            credential: Secret::new("0123456789abcdef0123456789abcdef"),
            peers: Arc::default(),
            shutdown: CancellationToken::new(),
        };
        let mut tasks = JoinSet::new();
        let (log, tail, shutdown) = (spine.log.clone(), spine.tail.clone(), host.shutdown.clone());
        tasks.spawn(async move { tail.run(&log, &shutdown).await.unwrap() });
        Self { spine, host, address: None, tasks }
    }

    /// With the service running.
    pub(crate) async fn start(place: &Place, server: &Server) -> Self {
        let mut world = Self::open(place, server).await;
        world.serve().await;
        world
    }

    pub(crate) async fn serve(&mut self) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        self.address = listener.local_addr().ok();
        let (spine, host) = (self.spine.clone(), self.host.clone());
        let service = lead_capture::service::start(spine, host, listener).await.unwrap();
        self.tasks.spawn(async move { service.run().await.unwrap() });
    }

    /// Reads the log into the read model, and nothing else.
    pub(crate) async fn project(&mut self) {
        let projector = lead_capture::service::projector(self.spine.keys.clone());
        let reader = self.spine.reader(projector).await.unwrap();
        let shutdown = self.host.shutdown.clone();
        self.tasks.spawn(async move { reader.run(&shutdown).await.unwrap() });
    }

    /// Everything stops at once, as in a crash.
    pub(crate) async fn kill(mut self) {
        self.tasks.abort_all();
        while self.tasks.join_next().await.is_some() {}
    }

    pub(crate) fn log(&self) -> &Log {
        &self.spine.log
    }

    pub(crate) fn reader(&self) -> Reader {
        self.spine.readers.find("leads").unwrap()
    }

    /// Everything that is in the log now is in the tables.
    pub(crate) async fn caught_up(&self) {
        ground::caught_up(&self.spine).await;
    }

    /// Everything that follows from what is in the log has been decided: the log no longer grows.
    pub(crate) async fn at_rest(&self) {
        let mut before = [0; PARTS as usize];
        loop {
            let ends = self.log().ends().await.unwrap();
            if ends == before {
                return;
            }
            before = ends;
            tokio::time::sleep(Duration::from_millis(1_500)).await;
        }
    }

    /// Fills the model again from the log's beginning and finds the same rows.
    pub(crate) async fn verified(&self) {
        self.caught_up().await;
        ground::verified(&self.reader()).await;
    }

    /// A customer who never wrote before.
    pub(crate) fn customer() -> Customer {
        Customer { thread: new_id(), account: Uuid::from_u128(0xACC), n: 0 }
    }

    /// What identity does to a lead: to those of an erased person, and to those that are joined with them.
    pub(crate) async fn erases_lead(&self, lead: &str, erasure: Uuid) {
        let (cause, now) = (Cause::new(erasure, "erase", "test"), self.spine.log.clock().now());
        let decide = |state: &Lead| laws::lead::erase(state, erasure, now);
        self.spine.log.transact::<Lead, _>(&lead_address(lead), &cause, decide).await.unwrap();
    }

    /// The events of a lead.
    pub(crate) async fn lead(&self, lead: &str) -> Vec<LeadEvent> {
        let records = self.log().history(&lead_address(lead), None).await.unwrap();
        records.iter().flat_map(|record| record.events::<Lead>().unwrap().to_vec()).collect()
    }

    /// The values that a lead captured, opened.
    pub(crate) async fn values(&self, lead: &str) -> Vec<String> {
        let subject = lead_address(lead).subject();
        let mut values = Vec::new();
        for event in self.lead(lead).await {
            if let LeadEvent::Captured { value, .. } = event {
                let opened = self.spine.keys.open_text(value.as_str(), &subject, "lead.value").await.unwrap();
                values.push(opened.text().unwrap_or_else(|| "gone".into()));
            }
        }
        values
    }

    /// Whether the lead goes on as another.
    pub(crate) async fn is_joined(&self, lead: &str) -> bool {
        self.lead(lead).await.iter().any(|event| matches!(event, LeadEvent::Joined { .. }))
    }

    /// Waits until `found` is true, asking again and again.
    pub(crate) async fn until(&self, what: &str, found: impl AsyncFn(&Self) -> bool) {
        ground::eventually(what, async || found(self).await.then_some(())).await;
    }
}

pub(crate) fn lead_address(lead: &str) -> Address {
    let (thread, _) = lead.rsplit_once('-').unwrap();
    Address::new(TENANT, "lead", lead, thread).unwrap()
}

/// A customer's thread, and what they do in it.
pub(crate) struct Customer {
    pub(crate) thread: Uuid,
    account: Uuid,
    n: u32,
}

impl Customer {
    pub(crate) fn lead(&self, n: u32) -> String {
        format!("{}-{n}", self.thread)
    }

    pub(crate) fn address(&self) -> Address {
        Address::of(TENANT, "thread", self.thread).unwrap()
    }

    /// Writes a message.
    pub(crate) async fn says(&mut self, world: &World, text: &str) -> Uuid {
        self.n += 1;
        let message = Uuid::new_v5(&self.thread, &self.n.to_be_bytes());
        self.delivers(world, message, text).await;
        message
    }

    /// The platform delivers a message, for the first time or again.
    pub(crate) async fn delivers(&self, world: &World, message: Uuid, text: &str) {
        let now = world.spine.log.clock().now();
        let content = Content {
            kind: ContentKind::Text,
            text: Some(Sealed(self.seal(world, "content.text", text).await)),
            media: None,
            length: u32::try_from(text.chars().count()).unwrap(),
            language: "zh".into(),
        };
        let inbound = Inbound {
            message,
            provider: message.to_string(),
            content,
            sent_at: now,
            order: None,
            window: None,
            raw: None,
            touch: None,
            began: Some(Beginning {
                account: self.account,
                channel: "http".into(),
                contact: Sealed(self.seal(world, "began.contact", "somebody").await),
                name: None,
            }),
        };
        let cause = Cause::new(new_id(), "receive", "test");
        let decide = |thread: &Thread| conversation::receive(thread, &inbound, now);
        world.spine.log.transact::<Thread, _>(&self.address(), &cause, decide).await.unwrap();
    }

    /// The conversation ends; what is written next begins another.
    pub(crate) async fn leaves(&self, world: &World) {
        let now = world.spine.log.clock().now();
        let cause = Cause::new(new_id(), "close", "test");
        let gone = conversation::Gone { provider: new_id().to_string(), sent_at: now };
        let decide = |thread: &Thread| conversation::unreachable(thread, &gone, now);
        world.spine.log.transact::<Thread, _>(&self.address(), &cause, decide).await.unwrap();
    }

    /// Everything that identity does to the customer's thread and leads when they are erased.
    pub(crate) async fn is_erased(&self, world: &World, leads: &[String]) {
        let (erasure, now) = (new_id(), world.spine.log.clock().now());
        let cause = Cause::new(erasure, "erase", "test");
        let decide = |thread: &Thread| conversation::erase(thread, erasure, now);
        world.spine.log.transact::<Thread, _>(&self.address(), &cause, decide).await.unwrap();
        for lead in leads {
            world.erases_lead(lead, erasure).await;
        }
        world
            .spine
            .keys
            .erase(TENANT, &[Owner::thread(self.thread)], erasure, &JournalEnds::NONE)
            .await
            .unwrap();
    }

    async fn seal(&self, world: &World, field: &str, text: &str) -> String {
        let key = SealKey {
            tenant: TENANT.into(),
            owner: Owner::thread(self.thread),
            class: "message".into(),
            period: Period::quarter(world.spine.log.clock().now()),
        };
        world.spine.keys.seal(&key, &self.address().subject(), field, text).await.unwrap()
    }
}
