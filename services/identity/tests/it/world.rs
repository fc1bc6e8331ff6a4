//! A suite of its own for each test: nats-server on a free port, a database, the identity service.

use crate::notebook::Notebook;
use ground::{Place, Server};
use identity::{Admin, Identity};
use proto::v1::identity_service_client::IdentityServiceClient;
use proto::v1::{Customer, GetCustomerRequest, get_customer_request::Key};
use runtime::{Health, Host, Metrics, Secret};
use spine::journal::Journal;
use spine::keys::KeySettings;
use spine::{Projector, Reader, Spine};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) const TENANT: &str = "shop";
const CREDENTIAL: &str = "0123456789abcdef0123456789abcdef";

/// What a world runs.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Runs {
    /// The whole service.
    Service,
    /// The readers alone, so that a test takes each step itself.
    Readers,
}

/// A running suite.
pub(crate) struct World {
    pub(crate) spine: Spine,
    pub(crate) admin: Admin,
    pub(crate) journal: Journal,
    pub(crate) place: Place,
    pub(crate) server: Server,
    grpc: String,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

/// Runs the test on each database, with the whole service.
pub(crate) async fn on_each(test: impl AsyncFn(World)) {
    ground::on_each(async |place| {
        test(World::open(place, Server::start().await, Runs::Service).await).await;
    })
    .await;
}

impl World {
    pub(crate) async fn open(place: Place, server: Server, runs: Runs) -> Self {
        let spine = place.spine(server.log().await, KeySettings::default()).await;
        let journal = Journal::new(spine.log.nats().clone(), spine.keys.clone(), spine.log.clock().clone());
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let (log, tail, shutdown) = (spine.log.clone(), spine.tail.clone(), stop.clone());
        tasks.spawn(async move { tail.run(&log, &shutdown).await.unwrap() });
        read(&spine, Arc::new(Notebook::new(spine.keys.clone())), &mut tasks, &stop).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let grpc = format!("http://{}", listener.local_addr().unwrap());
        let admin = match runs {
            Runs::Service => {
                let service = identity::start(spine.clone(), host(&stop), listener).await.unwrap();
                let admin = service.admin();
                tasks.spawn(async move { service.run().await.unwrap() });
                admin
            }
            Runs::Readers => {
                let projector = Arc::new(Identity::new(spine.keys.clone()));
                let reader = read(&spine, projector, &mut tasks, &stop).await;
                let erasures = identity::Erasures::open(&spine, &reader).await.unwrap();
                Admin { merger: identity::Merger::new(spine.clone()), erasures }
            }
        };
        Self { spine, admin, journal, place, server, grpc, stop, tasks }
    }

    /// Stops everything at once, as a crash would, and starts it again on the same folder and log.
    pub(crate) async fn kill_and_restart(self, runs: Runs) -> Self {
        let Self { spine, admin, journal, place, server, mut tasks, .. } = self;
        tasks.abort_all();
        while tasks.join_next().await.is_some() {}
        drop((admin, journal));
        let database = spine.database.clone();
        drop(spine);
        database.close().await;
        drop(database);
        Self::open(place, server, runs).await
    }

    /// Stops the suite properly.
    pub(crate) async fn stop(mut self) -> (Place, Server) {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
        self.spine.database.close().await;
        (self.place, self.server)
    }

    pub(crate) fn reader(&self) -> Reader {
        self.spine.readers.find("identity").unwrap()
    }

    /// Everything that is in the log now is in all tables.
    pub(crate) async fn caught_up(&self) {
        ground::caught_up(&self.spine).await;
    }

    /// Nothing is due any more and everything is read.
    pub(crate) async fn settled(&self) {
        for _ in 0..400 {
            self.caught_up().await;
            if self.count("SELECT COUNT(*) FROM due").await == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("still due: {:?}", self.rows("SELECT kind, entity, key FROM due", 3).await);
    }

    /// Fills the model again from the log's beginning and finds the same rows, and nothing due.
    pub(crate) async fn rebuilds_to_the_same(&self) {
        self.settled().await;
        self.reader().rebuild(|_, _| {}).await.unwrap();
        self.settled().await;
        assert!(ground::verified(&self.reader()).await > 0);
    }

    pub(crate) async fn count(&self, text: &'static str) -> i64 {
        sqlx::query_scalar(text).fetch_one(self.reader().model().store.reads()).await.unwrap()
    }

    /// Rows of texts.
    pub(crate) async fn rows(&self, text: &'static str, columns: usize) -> Vec<Vec<String>> {
        use sqlx::Row;
        let rows = sqlx::query(text).fetch_all(self.reader().model().store.reads()).await.unwrap();
        rows.iter()
            .map(|row| {
                (0..columns).map(|place| row.get::<Option<String>, _>(place).unwrap_or_default()).collect()
            })
            .collect()
    }

    pub(crate) async fn client(&self) -> IdentityServiceClient<runtime::grpc::Client> {
        IdentityServiceClient::new(runtime::grpc::client(&self.grpc, &Secret::new(CREDENTIAL)).unwrap())
    }

    /// The customer whom a thread belongs to, by gRPC.
    pub(crate) async fn customer_of(&self, thread: Uuid) -> Customer {
        let key = Some(Key::Thread(thread.to_string()));
        let asked = GetCustomerRequest { tenant: TENANT.into(), key, at_least: String::new() };
        self.client().await.get_customer(asked).await.unwrap().into_inner().customer.unwrap()
    }
}

fn host(stop: &CancellationToken) -> Host {
    Host {
        role: runtime::Role::Identity,
        health: Health::new(),
        metrics: Metrics::new("test", None).unwrap(),
        credential: Secret::new(CREDENTIAL),
        peers: Default::default(),
        shutdown: stop.clone(),
    }
}

async fn read(
    spine: &Spine,
    projector: Arc<dyn Projector>,
    tasks: &mut JoinSet<()>,
    stop: &CancellationToken,
) -> Reader {
    let reader = spine.reader(projector).await.unwrap();
    let (running, stop) = (reader.clone(), stop.clone());
    tasks.spawn(async move { running.run(&stop).await.unwrap() });
    reader
}
