//! One running channel-ingest, and accounts of it.

use channel_ingest::{Operations, start};
use conversation::{Notice, Thread, content, notify};
use events::account::Setup;
use events::{Content, ContentKind, Sealed, ThreadEvent};
use ground::{Place, eventually};
use laws::account::Account;
use runtime::{Health, Host, Metrics, Role, Secret, Tasks};
use spine::keys::{KeySettings, Owner, Period, SealKey};
use spine::{Address, Cause, Entity, Log, Spine, new_id};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) const TENANT: &str = "shop";

pub(crate) struct Replica {
    pub(crate) spine: Spine,
    pub(crate) url: String,
    pub(crate) operations: Operations,
    pub(crate) metrics: Metrics,
    stop: CancellationToken,
    running: JoinSet<Result<(), runtime::shutdown::Crash>>,
}

impl Replica {
    pub(crate) async fn start(place: &Place, log: Log) -> Self {
        // As the program does it; the second time it is there.
        let _present = rustls::crypto::ring::default_provider().install_default();
        let spine = place.spine(log, KeySettings::default()).await;
        let (stop, health) = (CancellationToken::new(), Health::new());
        let metrics = Metrics::new("replica", None).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let host = Host {
            role: Role::ChannelIngest,
            health: health.clone(),
            metrics: metrics.clone(),
            credential: Secret::new("a-credential-of-the-replicas-000"),
            peers: Arc::default(),
            shutdown: stop.clone(),
        };
        let mut tasks = Tasks::new(stop.clone());
        {
            let (spine, stop) = (spine.clone(), stop.clone());
            tasks.spawn("tail", async move { Ok(spine.tail.run(&spine.log, &stop).await?) });
        }
        let service = start(spine.clone(), host, listener).await.unwrap();
        let operations = service.operations();
        tasks.spawn("channel-ingest", service.run());
        let mut running = JoinSet::new();
        running.spawn(tasks.supervise(Duration::from_secs(20)));
        health.started();
        health.until_ready().await;
        Self { spine, url, operations, metrics, stop, running }
    }

    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        self.running.join_next().await.unwrap().unwrap().unwrap();
        self.spine.database.close().await;
    }

    /// What `tributary apply` writes for an account.
    pub(crate) async fn setup(
        &self,
        (channel, slug): (&str, &str),
        address: &Address,
        settings: &[(&str, &str)],
        secrets: &[(&str, &str)],
    ) -> Setup {
        let key = SealKey {
            tenant: TENANT.into(),
            owner: Owner::tenant(TENANT),
            class: "secret".into(),
            period: Period::quarter(self.spine.log.clock().now()),
        };
        let mut setup = Setup {
            channel: channel.into(),
            slug: slug.into(),
            name: slug.into(),
            settings: settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            secrets: [].into(),
        };
        for (name, secret) in secrets {
            let field = format!("secret.{name}");
            let sealed = self.spine.keys.seal(&key, &address.subject(), &field, secret).await.unwrap();
            setup.secrets.insert((*name).into(), Sealed(sealed));
        }
        setup
    }

    pub(crate) async fn configure(&self, address: &Address, setup: &Setup) {
        let (at, cause) = (self.spine.log.clock().now(), Cause::new(new_id(), "configure", "test"));
        let decide = |state: &Account| laws::account::configure(state, setup, false, at);
        self.spine.log.transact(address, &cause, decide).await.unwrap();
        ground::caught_up(&self.spine).await;
    }

    /// What `tributary apply` writes for an account that is taken out of use.
    pub(crate) async fn disable(&self, address: &Address) {
        let (at, cause) = (self.spine.log.clock().now(), Cause::new(new_id(), "disable", "test"));
        let decide = |state: &Account| laws::account::disable(state, at);
        self.spine.log.transact(address, &cause, decide).await.unwrap();
        ground::caught_up(&self.spine).await;
    }

    /// The thread of a customer, as soon as there is one.
    pub(crate) async fn thread_of(&self, account: Uuid, user: &str) -> Address {
        let what = format!("a thread of {user}");
        let id = eventually(&what, async || thread(&self.spine, account, user).await).await;
        Address::of(TENANT, Thread::KIND, id).unwrap()
    }

    /// What the law says of a thread now.
    pub(crate) async fn says<T>(&self, address: &Address, look: impl FnOnce(&Thread) -> T) -> T {
        self.spine.log.read::<Thread, _>(address, look).await.unwrap()
    }

    /// The suite says it to the customer; the id of the message.
    pub(crate) async fn notify(&self, thread: &Address, text: &str) -> Uuid {
        let (at, message) = (self.spine.log.clock().now(), new_id());
        let key = SealKey::of_thread(thread, content::CLASS, at);
        let sealed = self.spine.keys.seal(&key, &thread.subject(), content::TEXT, text).await.unwrap();
        let content = Content {
            kind: ContentKind::Text,
            text: Some(Sealed(sealed)),
            media: None,
            length: content::length(text),
            language: "zh".into(),
        };
        let (notice, cause) = (Notice { message, content }, Cause::new(new_id(), "notify", "test"));
        self.spine.log.transact(thread, &cause, |state| notify(state, &notice, at)).await.unwrap();
        message
    }

    pub(crate) async fn history(&self, address: &Address) -> Vec<ThreadEvent> {
        let records = self.spine.log.history(address, None).await.unwrap();
        records.iter().flat_map(|record| record.events::<Thread>().unwrap().to_vec()).collect()
    }
}

pub(crate) async fn thread(spine: &Spine, account: Uuid, user: &str) -> Option<Uuid> {
    let found = spine.keys.find_thread(TENANT, &account.to_string(), user, None).await.ok().flatten()?;
    Some(found.thread)
}
