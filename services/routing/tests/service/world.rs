//! A world of its own for each test: a log, a database, the service, customers and agents.

use crate::people::People;
use ground::{Server, eventually};
use proto::v1::routing_service_client::RoutingServiceClient;
use runtime::grpc::Client;
use runtime::{Health, Host, Metrics, Role, Secret};
use spine::keys::KeySettings;
use spine::read::Status;
use spine::{Clock, Reader, Spine};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub(crate) const TENANT: &str = "demo";
pub(crate) const QUEUE: &str = "sales";
const CREDENTIAL: &str = "a credential of tests";
const MASTER: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// Where one run of a test has its log and its database.
pub(crate) struct Place {
    server: Server,
    ground: ground::Place,
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

/// Runs the test on each database, on a log of its own.
pub(crate) async fn on_each(test: impl AsyncFn(Place)) {
    ground::on_each(async |ground| {
        test(Place { server: Server::start().await, ground, clock: Clock::system() }).await;
    })
    .await;
}

impl Place {
    pub(crate) fn is_postgres(&self) -> bool {
        !self.ground.is_sqlite()
    }

    /// The people, while no service runs.
    pub(crate) async fn people(&self) -> People {
        People { spine: self.spine("outside").await, tenant: TENANT }
    }

    async fn spine(&self, replica: &str) -> Spine {
        // Given, not made: replicas on one Postgres share it.
        let keys = KeySettings { master: Some(MASTER.to_owned().into()), ..KeySettings::default() };
        self.ground.below(replica).spine(self.server.log_by(self.clock.clone()).await, keys).await
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
        ground::caught_up(&self.spine).await;
    }
}

impl std::ops::Deref for World {
    type Target = People;

    fn deref(&self) -> &People {
        &self.people
    }
}
