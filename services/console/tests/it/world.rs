//! A console of its own for each test: nats-server on a free port, SQLite, and Postgres when there is one.

use console::access::Role;
use console::tokens::{self, NewToken};
use console::{App, Console};
use ground::{Place, Server};
use reqwest::{Method, StatusCode};
use runtime::{Health, Host, Metrics, Secret};
use serde_json::Value;
use spine::keys::KeySettings;
use spine::{Reader, Spine};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) const TENANT: &str = "shop";

/// A running console.
pub(crate) struct World {
    pub(crate) spine: Spine,
    pub(crate) app: App,
    pub(crate) base: String,
    pub(crate) admin: axum::Router,
    client: reqwest::Client,
    host: Host,
    tasks: JoinSet<()>,
    place: Place,
    server: Server,
}

pub(crate) type Peers = BTreeMap<runtime::Role, String>;

/// What services show each other in these tests.
pub(crate) fn credential() -> Secret {
    Secret::new("0123456789abcdef0123456789abcdef")
}

/// Runs the test on SQLite, and on Postgres if `TEST_DATABASE_URL` names one.
pub(crate) async fn on_each(test: impl AsyncFn(World)) {
    // Nobody listens on port 1, as when a service is stopped; lead-capture has no address at all.
    let stopped =
        [runtime::Role::Identity, runtime::Role::Routing, runtime::Role::AiAgent, runtime::Role::Analytics];
    let peers = stopped.map(|role| (role, "http://127.0.0.1:1".to_owned()));
    on_each_among(BTreeMap::from(peers), test).await;
}

/// As [`on_each`], with other services at these addresses.
pub(crate) async fn on_each_among(peers: Peers, test: impl AsyncFn(World)) {
    // A second installation only says that it is there.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let peers = Arc::new(peers);
    ground::on_each(async |place| test(World::open(place, Server::start().await, peers.clone()).await).await)
        .await;
}

/// What a request came to.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) position: Option<String>,
    pub(crate) body: Value,
}

impl World {
    async fn open(place: Place, server: Server, peers: Arc<Peers>) -> Self {
        let spine = place.spine(server.log().await, KeySettings::default()).await;
        let host = Host {
            role: runtime::Role::Console,
            health: Health::new(),
            metrics: Metrics::new("test", None).unwrap(),
            credential: credential(),
            peers,
            shutdown: CancellationToken::new(),
        };
        let mut tasks = JoinSet::new();
        let (log, tail, shutdown) = (spine.log.clone(), spine.tail.clone(), host.shutdown.clone());
        tasks.spawn(async move { tail.run(&log, &shutdown).await.unwrap() });
        let console = Console::open(spine.clone(), host.clone()).await.unwrap();
        let app = console.app();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tasks.spawn(async move { console.run(listener).await.unwrap() });
        let admin = console::admin_routes(app.clone());
        let client = reqwest::Client::new();
        Self { spine, app, base, admin, client, host, tasks, place, server }
    }

    /// Stops the console at once, as a crash would, and starts it again on the same folder and log.
    pub(crate) async fn kill_and_restart(mut self) -> Self {
        self.tasks.abort_all();
        while self.tasks.join_next().await.is_some() {}
        let Self { place, server, host, spine, app, admin, .. } = self;
        drop((spine, app, admin));
        Self::open(place, server, host.peers).await
    }

    /// Stops the console properly.
    pub(crate) async fn stop(mut self) {
        self.host.shutdown.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
    }

    pub(crate) fn reader(&self) -> Reader {
        self.spine.readers.find("console").unwrap()
    }

    /// Everything that is in the log now is in the tables.
    pub(crate) async fn caught_up(&self) {
        ground::caught_up(&self.spine).await;
    }

    /// Fills the model again from the log's beginning and finds the same rows.
    pub(crate) async fn verified(&self) {
        self.caught_up().await;
        ground::verified(&self.reader()).await;
    }

    pub(crate) async fn token(&self, role: Role, agent: Option<Uuid>) -> String {
        let new = NewToken { role, tenant: TENANT.into(), agent, name: role.to_string(), expires_at: None };
        tokens::create(self.app.tokens(), &new, self.spine.log.clock().now()).await.unwrap().1
    }

    pub(crate) async fn get(&self, token: &str, path: &str) -> Answer {
        self.ask(Method::GET, token, path, None).await
    }

    pub(crate) async fn post(&self, token: &str, path: &str, body: Value) -> Answer {
        self.ask(Method::POST, token, path, Some(body)).await
    }

    pub(crate) async fn ask(&self, method: Method, token: &str, path: &str, body: Option<Value>) -> Answer {
        let mut request =
            self.client.request(method, format!("{}/api/v1{path}", self.base)).bearer_auth(token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        Answer::of(request.send().await.unwrap()).await
    }

    pub(crate) fn client(&self) -> &reqwest::Client {
        &self.client
    }
}

impl Answer {
    pub(crate) async fn of(response: reqwest::Response) -> Self {
        let status = response.status();
        let header = response.headers().get("tributary-position");
        let position = header.map(|value| value.to_str().unwrap().to_owned());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Self { status, position, body }
    }

    /// The body of a success.
    pub(crate) fn ok(self) -> Value {
        assert!(self.status.is_success(), "{} {:#}", self.status, self.body);
        self.body
    }
}
