//! A world of its own for each test: a log, a database, the service, customers and agents.

use crate::people::People;
use crate::server::Server;
use proto::v1::routing_service_client::RoutingServiceClient;
use runtime::grpc::Client;
use runtime::{Health, Host, Metrics, Role, Secret};
use spine::db::{Database, DatabaseSettings};
use spine::keys::{KeySettings, Keys};
use spine::read::Status;
use spine::{Clock, Log, LogSettings, Reader, Spine, Tail};
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub(crate) const TENANT: &str = "demo";
pub(crate) const QUEUE: &str = "sales";
const CREDENTIAL: &str = "a credential of tests";
const MASTER: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// Where one run of a test has its log and its database.
pub(crate) struct Place {
    server: Server,
    folder: PathBuf,
    url: Option<String>,
    clock: Clock,
}

/// The service, running, and the people.
pub(crate) struct World {
    people: People,
    pub(crate) reader: Reader,
    pub(crate) client: RoutingServiceClient<Client>,
    shutdown: CancellationToken,
    tasks: JoinSet<()>,
}

/// Runs the test on SQLite, and on Postgres if there is one.
pub(crate) async fn on_each(test: impl AsyncFn(Place)) {
    let name = format!("routing_{}", spine::new_id().simple());
    let folder = tempfile::tempdir().unwrap();
    let place = async |part: &str, url| Place {
        server: Server::start().await,
        folder: folder.path().join(part),
        url,
        clock: Clock::system(),
    };
    test(place("sqlite", None).await).await;
    if let Some((_, server)) = std::env::vars().find(|(key, _)| key == "TEST_DATABASE_URL") {
        sqlx::any::install_default_drivers();
        let mut admin = AnyConnection::connect(&server).await.unwrap();
        admin.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
        let (base, _) = server.rsplit_once('/').unwrap();
        test(place("postgres", Some(format!("{base}/{name}"))).await).await;
        admin.execute(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).await.unwrap();
    }
}

impl Place {
    pub(crate) fn is_postgres(&self) -> bool {
        self.url.is_some()
    }

    /// The people, while no service runs.
    pub(crate) async fn people(&self) -> People {
        People { spine: self.spine("outside").await, tenant: TENANT }
    }

    async fn spine(&self, replica: &str) -> Spine {
        let nats = self.server.nats().await;
        spine::streams::provision(&nats, &Default::default()).await.unwrap();
        let log = Log::new(nats, self.clock.clone(), LogSettings::default());
        let settings = DatabaseSettings::new(self.url.clone(), self.folder.join(replica));
        let database = Database::open(settings).await.unwrap();
        let master = Some(MASTER.to_owned().into());
        let settings = KeySettings { master, ..KeySettings::default() };
        let keys = Keys::open(&database, settings, self.clock.clone()).await.unwrap();
        let tail = Tail::at_end(&log).await.unwrap();
        Spine { log, tail, database, keys, readers: Default::default() }
    }

    pub(crate) async fn start(&self) -> World {
        self.replica("one").await
    }

    /// Starts the service and waits until it reads.
    pub(crate) async fn replica(&self, replica: &str) -> World {
        let spine = self.spine(replica).await;
        let listener = runtime::listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let shutdown = CancellationToken::new();
        let host = Host {
            role: Role::Routing,
            health: Health::new(),
            metrics: Metrics::new("routing", None).unwrap(),
            credential: Secret::new(CREDENTIAL),
            peers: Default::default(),
            shutdown: shutdown.clone(),
        };
        let mut tasks = JoinSet::new();
        {
            let (spine, shutdown) = (spine.clone(), shutdown.clone());
            tasks.spawn(async move { spine.tail.run(&spine.log, &shutdown).await.unwrap() });
        }
        tasks.spawn({
            let spine = spine.clone();
            async move { routing::run(spine, host, listener).await.unwrap() }
        });
        let client = runtime::grpc::client(&address, &Secret::new(CREDENTIAL)).unwrap();
        let client = RoutingServiceClient::new(client);
        let reader = eventually("the reader is open", async || spine.readers.find("routing")).await;
        eventually("the reader reads", async || {
            let statuses = reader.statuses().borrow().clone();
            let reads = |status: &Status| matches!(status, Status::Live | Status::Elsewhere);
            statuses.values().all(reads).then_some(())
        })
        .await;
        World { people: People { spine, tenant: TENANT }, reader, client, shutdown, tasks }
    }

    /// Moves everybody's clock.
    pub(crate) fn pass(&self, time: Duration) {
        self.clock.shift(i64::try_from(time.as_micros()).unwrap());
    }
}

impl World {
    /// Stops the service as SIGTERM does, and gives the database back.
    pub(crate) async fn stop(mut self) {
        self.shutdown.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
        self.spine.database.close().await;
    }

    /// Dies at once, wherever it is.
    pub(crate) async fn kill(mut self) {
        self.tasks.shutdown().await;
        self.spine.database.close().await;
    }

    /// The people of another tenant of the same service.
    pub(crate) fn tenant(&self, tenant: &'static str) -> People {
        People { spine: self.spine.clone(), tenant }
    }

    /// Waits until the tables hold what is in the log now.
    pub(crate) async fn read_all(&self) {
        let ends = self.spine.log.ends().await.unwrap();
        let at = |(part, sequence)| spine::Position { generation: 1, part, sequence };
        let ends: Vec<_> = (0..spine::PARTS).zip(ends).map(at).collect();
        self.reader.wait_for(&ends, Duration::from_secs(30)).await.unwrap();
    }
}

impl std::ops::Deref for World {
    type Target = People;

    fn deref(&self) -> &People {
        &self.people
    }
}

/// Asks again and again until there is an answer.
pub(crate) async fn eventually<T>(what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
    let since = Instant::now();
    while since.elapsed() < Duration::from_secs(30) {
        if let Some(answer) = ask().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}
