//! The service as it runs in a process: log, tail, database, keys, reader and gRPC.

use events::account::Setup;
use ground::{Place, Server};
use laws::account::{Account, configure};
use proto::v1::analytics_service_client::AnalyticsServiceClient;
use runtime::grpc::{Client, client};
use runtime::{Health, Host, Metrics, Role, Secret};
use spine::db::TableSpec;
use spine::keys::KeySettings;
use spine::{Address, Cause, Position, Reader, Spine};
use std::sync::Arc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) const TENANT: &str = "demo";

pub(crate) struct Suite {
    pub(crate) spine: Spine,
    address: String,
    credential: Secret,
    shutdown: CancellationToken,
    tasks: JoinSet<()>,
}

impl Suite {
    pub(crate) async fn start(server: &Server, place: &Place) -> Self {
        let spine = place.spine(server.log().await, KeySettings::default()).await;
        let shutdown = CancellationToken::new();
        let credential = Secret::new("0123456789abcdef0123456789abcdef");
        let host = Host {
            role: Role::Analytics,
            health: Health::new(),
            metrics: Metrics::new("analytics", None).unwrap(),
            credential: credential.clone(),
            peers: Arc::default(),
            shutdown: shutdown.clone(),
        };
        let listener = runtime::listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let mut tasks = JoinSet::new();
        {
            let (spine, shutdown) = (spine.clone(), shutdown.clone());
            tasks.spawn(async move { spine.tail.run(&spine.log, &shutdown).await.unwrap() });
        }
        {
            let spine = spine.clone();
            tasks.spawn(async move { analytics::run(spine, host, listener).await.unwrap() });
        }
        Self { spine, address, credential, shutdown, tasks }
    }

    /// Ends as at SIGTERM.
    pub(crate) async fn stop(mut self) {
        self.shutdown.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
        self.spine.database.close().await;
    }

    /// Ends as at SIGKILL, as far as one process can: whatever runs is dropped where it stands.
    pub(crate) async fn kill(mut self) {
        self.tasks.shutdown().await;
        self.spine.database.close().await;
    }

    pub(crate) fn client(&self) -> AnalyticsServiceClient<Client> {
        AnalyticsServiceClient::new(client(&self.address, &self.credential).unwrap())
    }

    pub(crate) async fn reader(&self) -> Reader {
        let find = async || self.spine.readers.find(analytics::READER);
        ground::eventually("the reader to open", find).await
    }

    /// The log's end, as `at_least` is written.
    pub(crate) async fn end(&self) -> String {
        let ends = ground::ends(&self.spine).await;
        ends.iter().map(Position::to_string).collect::<Vec<_>>().join(",")
    }

    /// Waits until the tables hold all of the log.
    pub(crate) async fn caught_up(&self) {
        self.reader().await;
        ground::caught_up(&self.spine).await;
    }

    pub(crate) async fn configure(&self, account: Uuid, channel: &str) {
        let setup = Setup {
            channel: channel.into(),
            slug: account.simple().to_string(),
            name: "shop".into(),
            settings: Default::default(),
            secrets: Default::default(),
        };
        let address = Address::of(TENANT, "account", account).unwrap();
        let cause = Cause::new(account, "configure", "test");
        let decide = |state: &Account| configure(state, &setup, true, 1);
        self.spine.log.transact(&address, &cause, decide).await.unwrap();
    }
}

/// The tables that an analytics model consists of.
pub(crate) fn tables() -> [TableSpec; 4] {
    [
        TableSpec::new("conversations", &["tenant", "thread", "n"], &[]),
        TableSpec::new("accounts", &["account"], &[]),
        TableSpec::new("tenants", &["tenant"], &[]),
        TableSpec::new("parked", &["entity"], &[]),
    ]
}

/// Compares two models row for row.
pub(crate) async fn assert_same(left: &spine::db::Model, right: &spine::db::Model, rows_min: u64) {
    let rows = ground::tables_equal(&left.store, &right.store, &tables()).await;
    assert!(rows >= rows_min, "only {rows} rows");
}
