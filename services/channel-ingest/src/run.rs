//! channel-ingest put together: webhooks and sockets in, normaliser, delivery out.

use crate::accounts::Accounts;
use crate::deliver::Delivery;
use crate::hub::Hub;
use crate::intake::{self, Intake};
use crate::normalise::{Counters, Normaliser};
use crate::operations::Operations;
use crate::pace::Pace;
use crate::profiles::Profiles;
use crate::project::{Ingest, SEND};
use crate::purge::{self, Purge};
use crate::socket::{self, SOCKETS_MAX, Sockets};
use crate::stages::Stages;
use crate::state::StateStore;
use axum::Router;
use axum::routing::any;
use channels::contract::Tools;
use channels::http;
use directory::Directory;
use role::Frame;
use runtime::Host;
use runtime::metrics::Label;
use spine::db::Backend;
use spine::journal::Journal;
use spine::lease::Leases;
use spine::read::WorkLimits;
use spine::{PARTS, Spine};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::JoinSet;
use uuid::Uuid;

/// Sends in flight: overall, and for one account, so that a hanging platform delays no other.
const SENDS: WorkLimits = WorkLimits { in_flight_max: 512, per_lane_max: 64, confirms: false };

/// A service that is ready to run.
pub struct Service {
    frame: Frame,
    operations: Operations,
}

impl Service {
    /// The handle for the operator's commands.
    pub fn operations(&self) -> Operations {
        self.operations.clone()
    }

    /// Runs until shutdown.
    ///
    /// # Errors
    /// The first task that crashed.
    pub async fn run(self) -> anyhow::Result<()> {
        self.frame.run().await
    }
}

/// Puts the service together; webhooks and sockets are answered on `listener`.
///
/// # Errors
/// When the database or the HTTP client cannot be opened.
pub async fn start(spine: Spine, host: Host, listener: TcpListener) -> anyhow::Result<Service> {
    let directory = Directory::default();
    let (erased, erasures) = mpsc::channel(purge::WAITING_MAX);
    let stages = Stages::new(&host.metrics, spine.log.clock().clone());
    let projector =
        Ingest { directory: directory.clone(), keys: spine.keys.clone(), erased, stages: stages.clone() };
    let mut frame = Frame::open(spine.clone(), host.clone(), Arc::new(projector)).await?;
    directory.load(&frame.reader.model().store).await?;
    {
        let (directory, reader, shutdown) = (directory.clone(), frame.reader.clone(), host.shutdown.clone());
        frame.spawn("directory", async move {
            directory.keep_fresh(&reader, &shutdown).await;
            Ok(())
        });
    }
    let clock = spine.log.clock().clone();
    let state =
        StateStore::open(&spine.database, spine.keys.clone(), clock.clone(), directory.clone()).await?;
    let accounts = Accounts::new(directory.clone(), frame.reader.clone(), spine.keys.clone());
    let journal = Journal::new(spine.log.nats().clone(), spine.keys.clone(), clock.clone());
    let normaliser = normaliser(&spine, &host, (&accounts, &journal, &state), &stages);
    normalise(&mut frame, &normaliser).await?;
    purge(&mut frame, state.clone(), erasures);
    let hub = Hub::default();
    {
        let (hub, tail, shutdown) = (hub.clone(), spine.tail.clone(), host.shutdown.clone());
        frame.spawn("hub", async move {
            hub.run(&tail, &shutdown).await;
            Ok(())
        });
    }
    let clock = spine.log.clock().clone();
    let tools =
        Tools { http: http::client()?, tokens: Arc::new(state.clone()), now: Arc::new(move || clock.now()) };
    let tools = Arc::new(tools);
    profiles(&mut frame, &accounts, (state, tools.clone()), normaliser.noted.clone());
    {
        let (hub, log, shutdown) = (hub.clone(), spine.log.clone(), host.shutdown.clone());
        frame.spawn("typing", async move {
            hub.hear_typing(&log, &shutdown).await;
            Ok(())
        });
    }
    deliver(&mut frame, &accounts, &directory, tools);
    let journal = journal_in_front(&spine).await?;
    let routes = routes(&spine, &host, (accounts, journal, hub), stages);
    let shutdown = host.shutdown.clone();
    // Its readiness is told by the threads in front only once it is registered there.
    let listener = listener.into_std()?;
    frame.spawn("webhooks", async move {
        let serving = async move {
            runtime::http::serve(TcpListener::from_std(listener)?, routes, shutdown).await;
            Ok(())
        };
        let mut front = JoinSet::new();
        front.spawn_on(serving, &runtime::front::handle());
        front.join_next().await.unwrap_or(Ok(Ok(())))?
    });
    Ok(Service { frame, operations: Operations { state: normaliser.state.clone() } })
}

/// The journal as webhooks write it: over a connection of their own, whose task waits for nothing behind them.
async fn journal_in_front(spine: &Spine) -> anyhow::Result<Journal> {
    let nats = spine.log.nats().clone();
    let nats = runtime::front::spawn(async move { nats.another().await }).await??;
    Ok(Journal::new(nats, spine.keys.clone(), spine.log.clock().clone()))
}

fn normaliser(
    spine: &Spine,
    host: &Host,
    (accounts, journal, state): (&Accounts, &Journal, &StateStore),
    stages: &Stages,
) -> Normaliser {
    let metrics = host.metrics.scope("ingest");
    Normaliser {
        log: spine.log.clone(),
        keys: spine.keys.clone(),
        journal: journal.clone(),
        accounts: accounts.clone(),
        state: state.clone(),
        met: Arc::default(),
        noted: Arc::default(),
        stages: stages.clone(),
        gives_way: false,
        counters: Counters {
            taken: metrics.counter(
                "items_taken",
                "Items that were decided.",
                vec![Label::up_to("channel", 32)],
            ),
            quarantined: metrics.counter("items_quarantined", "Items that went to quarantine.", vec![]),
            early: metrics.counter(
                "receipts_early",
                "Receipts of messages still under way, by what became of them.",
                vec![Label::of("outcome", &["held", "too_many", "applied", "expired"])],
            ),
        },
    }
}

async fn normalise(frame: &mut Frame, normaliser: &Normaliser) -> anyhow::Result<()> {
    let leases = match frame.spine.database.backend() {
        Backend::Sqlite => None,
        Backend::Postgres => Some(Leases::open(&frame.spine.database, frame.spine.log.clock()).await?),
    };
    for part in 0..PARTS {
        let (normaliser, leases) = (normaliser.clone(), leases.clone());
        let (reader, shutdown) = (frame.reader.clone(), frame.host.shutdown.clone());
        frame.spawn(&format!("normaliser {part}"), async move {
            // Accounts are known once the reader has caught up; until then requests wait in the journal.
            role::until_live(&reader, &shutdown).await;
            Ok(normaliser.run(part, leases.as_ref(), &shutdown).await?)
        });
    }
    Ok(())
}

fn purge(frame: &mut Frame, state: StateStore, erasures: mpsc::Receiver<Uuid>) {
    let (spine, shutdown) = (&frame.spine, frame.host.shutdown.clone());
    let (keys, clock) = (spine.keys.clone(), spine.log.clock().clone());
    let purge = Purge { state, keys, clock, erasures };
    frame.spawn("purge", async move {
        purge.run(&shutdown).await;
        Ok(())
    });
}

/// Asks the platforms about people whom the normaliser noted.
fn profiles(
    frame: &mut Frame,
    accounts: &Accounts,
    (state, tools): (StateStore, Arc<Tools>),
    noted: Arc<Notify>,
) {
    let asked = frame.host.metrics.scope("ingest").counter(
        "profiles",
        "Platforms asked who somebody is, by what came of it.",
        vec![Label::of("outcome", &["found", "none", "open"])],
    );
    let log = frame.spine.log.clone();
    let (keys, accounts) = (frame.spine.keys.clone(), accounts.clone());
    let profiles = Profiles { log, keys, accounts, state, tools, noted, asked };
    let shutdown = frame.host.shutdown.clone();
    frame.spawn("profiles", async move {
        profiles.run(&shutdown).await;
        Ok(())
    });
}

fn deliver(frame: &mut Frame, accounts: &Accounts, directory: &Directory, tools: Arc<Tools>) {
    let outcomes = frame.host.metrics.scope("ingest").counter(
        "sends",
        "Platform calls by outcome.",
        vec![Label::up_to("channel", 32), Label::of("outcome", &["sent", "failed", "retried", "unknown"])],
    );
    let delivery = Delivery {
        log: frame.spine.log.clone(),
        keys: frame.spine.keys.clone(),
        accounts: accounts.clone(),
        directory: directory.clone(),
        tools,
        pace: Pace::default(),
        outcomes,
    };
    frame.work(SEND, SENDS, move |work| delivery.clone().handle(work));
}

fn routes(
    spine: &Spine,
    host: &Host,
    (accounts, journal, hub): (Accounts, Journal, Hub),
    stages: Stages,
) -> Router {
    let metrics = host.metrics.scope("ingest");
    let intake = Intake {
        accounts: accounts.clone(),
        journal,
        clock: spine.log.clock().clone(),
        received: metrics.counter(
            "requests_received",
            "Requests that were journalled.",
            vec![Label::up_to("channel", 32)],
        ),
        refused: metrics.counter(
            "requests_refused",
            "Requests that were refused.",
            vec![Label::up_to("reason", 16)],
        ),
        diagnosis: Arc::default(),
        unfound: Arc::default(),
        stages,
    };
    let sockets = Sockets {
        log: spine.log.clone(),
        keys: spine.keys.clone(),
        accounts,
        hub,
        room: Arc::new(Semaphore::new(SOCKETS_MAX)),
    };
    let webhooks = Router::new()
        .route("/channels/{channel}/{account}", any(intake::webhook))
        .route("/channels/{channel}/{account}/{*rest}", any(intake::webhook))
        .with_state(intake);
    let widget = Router::new()
        .route("/channels/widget/{account}/socket", axum::routing::get(socket::upgrade))
        .with_state(sockets);
    webhooks.merge(widget)
}
