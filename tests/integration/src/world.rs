//! The suite of a journey: its services in this process, which can be stopped and started again.

use crate::setup::{self, TENANT};
use ground::{PATIENCE, Place, Server};
use runtime::{Health, Host, Metrics, Role, Secret, State, Tasks};
use spine::keys::KeySettings;
use spine::{Clock, Spine};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// What the services know each other by.
pub const CREDENTIAL: &str = "a-credential-of-the-journeys-0000";

/// The suite, running.
pub struct World {
    pub place: Place,
    pub server: Server,
    pub spine: Spine,
    pub health: Health,
    /// Webhooks and sockets.
    pub http: String,
    /// Where the roles answer gRPC.
    pub peers: BTreeMap<Role, String>,
    pub ingest: Option<channel_ingest::Operations>,
    pub identity: Option<identity::Admin>,
    pub console: Option<console::App>,
    model: Option<llm::Settings>,
    roles: Vec<Role>,
    stop: CancellationToken,
    running: JoinSet<Result<(), runtime::shutdown::Crash>>,
}

impl World {
    /// A world with a fresh log and database and these roles.
    ///
    /// # Panics
    /// When anything does not start; so do all functions here.
    pub async fn start(place: &Place, roles: &[Role]) -> Self {
        let server = Server::start_in(&place.folder.join("nats")).await;
        Self::on(place.clone(), server, roles, Clock::system()).await
    }

    /// A world on a server that is there, which may hold a log.
    pub async fn on(place: Place, server: Server, roles: &[Role], clock: Clock) -> Self {
        Self::on_within(PATIENCE, place, server, roles, clock).await
    }

    /// As [`World::on`], where the readers may take longer to catch up with the log.
    pub async fn on_within(
        patience: Duration,
        place: Place,
        server: Server,
        roles: &[Role],
        clock: Clock,
    ) -> Self {
        let mut world = Self::new(place, server, roles, clock).await;
        world.run(patience).await;
        world
    }

    /// A world with all roles, whose AI has a language model beside it.
    pub async fn with_model(place: &Place, model: llm::Settings) -> Self {
        let server = Server::start_in(&place.folder.join("nats")).await;
        let mut world = Self::new(place.clone(), server, &Role::ALL, Clock::system()).await;
        world.model = Some(model);
        world.run(PATIENCE).await;
        world
    }

    /// A world of which nothing runs yet.
    async fn new(place: Place, server: Server, roles: &[Role], clock: Clock) -> Self {
        // A second installation only says that it is there.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let spine = place.below("data").spine(server.log_by(clock).await, KeySettings::default()).await;
        Self {
            place,
            server,
            spine,
            health: Health::new(),
            http: String::new(),
            peers: BTreeMap::new(),
            ingest: None,
            identity: None,
            console: None,
            model: None,
            roles: roles.to_vec(),
            stop: CancellationToken::new(),
            running: JoinSet::new(),
        }
    }

    async fn run(&mut self, patience: Duration) {
        let mut tasks = Tasks::new(self.stop.clone());
        let (tail, log, stop) = (self.spine.tail.clone(), self.spine.log.clone(), self.stop.clone());
        tasks.spawn("tail", async move { Ok(tail.run(&log, &stop).await?) });
        let mut listeners = BTreeMap::new();
        for role in Role::ALL {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
            let address = listener.local_addr().expect("a bound socket has an address");
            self.peers.insert(role, format!("http://{address}"));
            listeners.insert(role, listener);
        }
        let metrics = Metrics::new("journey", None).expect("metrics can be made");
        for role in self.roles.clone() {
            let host = Host {
                role,
                health: self.health.clone(),
                metrics: metrics.clone(),
                credential: Secret::new(CREDENTIAL),
                peers: Arc::new(self.peers.clone()),
                shutdown: self.stop.clone(),
            };
            let listener = listeners.remove(&role).expect("each role runs once");
            self.run_role(&mut tasks, role, host, listener).await;
        }
        self.http = self.peers[&Role::ChannelIngest].clone();
        self.running.spawn(tasks.supervise(Duration::from_secs(20)));
        self.health.started();
        tokio::time::timeout(patience, self.health.until_ready()).await.expect("the suite becomes ready");
    }

    async fn run_role(&mut self, tasks: &mut Tasks, role: Role, host: Host, listener: TcpListener) {
        let spine = self.spine.clone();
        match role {
            Role::ChannelIngest => {
                let service =
                    channel_ingest::start(spine, host, listener).await.expect("channel-ingest starts");
                self.ingest = Some(service.operations());
                tasks.spawn(role.as_str(), service.run());
            }
            Role::AiAgent => {
                let model = self.model.clone();
                let service = ai_agent::service::start(spine, host, listener, model).await;
                let service = service.expect("ai-agent starts");
                tasks.spawn(role.as_str(), service.run());
            }
            Role::Identity => {
                let service = identity::start(spine, host, listener).await.expect("identity starts");
                self.identity = Some(service.admin());
                tasks.spawn(role.as_str(), service.run());
            }
            Role::LeadCapture => {
                let service = lead_capture::service::start(spine, host, listener).await;
                tasks.spawn(role.as_str(), service.expect("lead-capture starts").run());
            }
            Role::Console => {
                let console = console::Console::open(spine, host).await.expect("the console opens");
                self.console = Some(console.app());
                tasks.spawn(role.as_str(), console.run(listener));
            }
            Role::Routing => {
                self.health.set("reader.routing", State::not_ready("it starts"));
                tasks.spawn(role.as_str(), routing::run(spine, host, listener));
            }
            Role::Analytics => {
                self.health.set("reader.analytics", State::not_ready("it starts"));
                tasks.spawn(role.as_str(), analytics::run(spine, host, listener));
            }
        }
    }

    /// Stops the suite as SIGTERM would; the server and the data stay.
    pub async fn stop(mut self) -> (Place, Server, Clock) {
        self.stop.cancel();
        let ended = self.running.join_next().await.expect("it runs").expect("the suite does not panic");
        ended.expect("the suite stops cleanly");
        let clock = self.spine.log.clock().clone();
        let Self { place, server, spine, ingest, identity, console, .. } = self;
        drop((ingest, identity, console));
        spine.database.close().await;
        drop(spine);
        (place, server, clock)
    }

    /// Stops the suite and starts it again with these roles on the same data.
    pub async fn again(self, roles: &[Role]) -> Self {
        let model = self.model.clone();
        let (place, server, clock) = self.stop().await;
        let mut world = Self::new(place, server, roles, clock).await;
        world.model = model;
        world.run(PATIENCE).await;
        world
    }

    /// Registers an agent who is online.
    pub async fn agent(&self, name: &str, capacity: u32) -> Uuid {
        setup::agent(&self.spine, name, capacity).await
    }

    /// Waits until every reader of the process holds everything that the log holds now.
    pub async fn settle(&self) {
        ground::caught_up(&self.spine).await;
    }

    /// All thread events of the log in the order of their parts, with the thread's id.
    pub async fn thread_events(&self) -> Vec<(Uuid, events::ThreadEvent)> {
        let mut found = Vec::new();
        for (part, end) in (0..spine::PARTS).zip(self.spine.log.ends().await.expect("the log answers")) {
            let stream = spine::address::stream_name(1, part);
            let mut reading = spine::log::consume::Consumption::of_log(self.spine.log.nats(), stream, 1);
            let mut at = 0;
            while at < end {
                let stored = reading.next().await.expect("the log is whole");
                at = stored.sequence;
                if !stored.subject.contains(".thread.") {
                    continue;
                }
                let thread =
                    stored.subject.rsplit('.').next().and_then(|id| id.parse().ok()).unwrap_or_default();
                let payload: serde_json::Value =
                    serde_json::from_slice(&stored.payload).expect("events are JSON");
                let events: Vec<events::ThreadEvent> =
                    serde_json::from_value(payload["events"].clone()).expect("events are known");
                found.extend(events.into_iter().map(|event| (thread, event)));
            }
        }
        found
    }

    /// The tenant of all journeys.
    pub fn tenant(&self) -> &'static str {
        TENANT
    }
}
