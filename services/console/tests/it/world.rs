//! A console of its own for each test: nats-server on a free port, SQLite, and Postgres when there is one.

use console::access::Role;
use console::tokens::{self, NewToken};
use console::{App, Console};
use reqwest::{Method, StatusCode};
use runtime::{Health, Host, Metrics, Secret};
use serde_json::Value;
use spine::db::{Database, DatabaseSettings};
use spine::keys::{KeySettings, Keys};
use spine::{Clock, Log, LogSettings, Nats, NatsAccess, Reader, Spine, Tail};
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) const TENANT: &str = "shop";

/// A nats-server with its store.
pub(crate) struct Server {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Server {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = spawn(folder.path(), port);
        let server = Self { child, port, _folder: folder };
        for _ in 0..400 {
            if let Ok(client) = async_nats::connect(server.url()).await
                && async_nats::jetstream::new(client).query_account().await.is_ok()
            {
                return server;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("nats-server did not start");
    }

    fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    async fn log(&self) -> Log {
        let access = NatsAccess { url: self.url(), nkey_seed: None, inbox_prefix: None, name: "test".into() };
        let nats = Nats::connect(&access).await.unwrap();
        spine::streams::provision(&nats, &Default::default()).await.unwrap();
        Log::new(nats, Clock::system(), LogSettings::default())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(folder: &Path, port: u16) -> Child {
    let config = folder.join("nats.conf");
    let store = folder.join("store");
    let text = format!(
        "listen: 127.0.0.1:{port}\nmax_payload: 6MB\njetstream {{ store_dir: {store:?}, sync_interval: always }}\n"
    );
    std::fs::write(&config, text).unwrap();
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../.tributary/bin/nats-server");
    let binary = if own.exists() { own } else { "nats-server".into() };
    Command::new(binary)
        .arg("-c")
        .arg(config)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("nats-server 2.12 or later is needed: `make setup` installs it")
}

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
    server: Option<Server>,
}

pub(crate) type Peers = BTreeMap<runtime::Role, String>;

/// What services show each other in these tests.
pub(crate) fn credential() -> Secret {
    Secret::new("0123456789abcdef0123456789abcdef")
}

/// Where a test's database and the other services are.
#[derive(Clone)]
struct Place {
    folder: PathBuf,
    url: Option<String>,
    peers: Arc<Peers>,
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
    let peers = Arc::new(peers);
    let name = format!("console_{}", spine::new_id().simple());
    let folder = std::env::temp_dir().join(&name);
    let place = Place { folder: folder.clone(), url: None, peers: peers.clone() };
    test(World::start(place).await).await;
    if let Some((_, server)) = std::env::vars().find(|(key, _)| key == "TEST_DATABASE_URL") {
        sqlx::any::install_default_drivers();
        let mut admin = AnyConnection::connect(&server).await.unwrap();
        admin.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
        let (base, _) = server.rsplit_once('/').unwrap();
        let url = Some(format!("{base}/{name}"));
        let place = Place { folder: folder.join("postgres"), url, peers };
        test(World::start(place).await).await;
        admin.execute(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).await.unwrap();
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

/// What was killed gives the folder's lock back a moment later.
async fn open_database(place: &Place) -> Database {
    for _ in 0..200 {
        match Database::open(DatabaseSettings::new(place.url.clone(), &place.folder)).await {
            Err(spine::Error::Locked { .. }) => tokio::time::sleep(Duration::from_millis(25)).await,
            opened => return opened.unwrap(),
        }
    }
    panic!("the folder stays locked");
}

/// What a request came to.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) position: Option<String>,
    pub(crate) body: Value,
}

impl World {
    async fn start(place: Place) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self::open(place, Server::start().await).await
    }

    async fn open(place: Place, server: Server) -> Self {
        let log = server.log().await;
        let database = open_database(&place).await;
        let keys = Keys::open(&database, KeySettings::default(), log.clock().clone()).await.unwrap();
        let tail = Tail::at_end(&log).await.unwrap();
        let spine = Spine { log, tail, database, keys, readers: Default::default() };
        let host = Host {
            role: runtime::Role::Console,
            health: Health::new(),
            metrics: Metrics::new("test", None).unwrap(),
            credential: credential(),
            peers: place.peers.clone(),
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
        Self { spine, app, base, admin, client, host, tasks, place, server: Some(server) }
    }

    /// Stops the console at once, as a crash would, and starts it again on the same folder and log.
    pub(crate) async fn kill_and_restart(mut self) -> Self {
        self.tasks.abort_all();
        while self.tasks.join_next().await.is_some() {}
        let (place, server) = (self.place.clone(), self.server.take().unwrap());
        drop(self);
        Self::open(place, server).await
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
        let ends = self.spine.log.ends().await.unwrap();
        let all: Vec<spine::Position> = (0..spine::PARTS)
            .zip(ends)
            .map(|(part, sequence)| spine::Position { generation: 1, part, sequence })
            .collect();
        self.reader().wait_for(&all, Duration::from_secs(20)).await.unwrap();
    }

    /// Fills the model again from the log's begin and finds the same rows.
    pub(crate) async fn verified(&self) {
        self.caught_up().await;
        let verification = self.reader().verify(|_, _| {}).await.unwrap();
        let comparison = verification.comparison;
        assert!(comparison.differences.is_empty(), "{:#?}", comparison.differences);
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
