//! Starting the roles: each with its own connection, so that NATS refuses what is not its business.

use super::args::RunArgs;
use super::assemble::Foundation;
use super::reach;
use crate::nats;
use futures::FutureExt;
use futures::future::{BoxFuture, try_join_all};
use runtime::{Host, Role, State, Tasks};
use spine::{Nats, Spine};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// What the started roles offer to the outside and to the operator.
#[derive(Clone, Default)]
pub(crate) struct Started {
    pub(crate) http: Option<String>,
    pub(crate) api: Option<String>,
    pub(crate) ingest: Option<channel_ingest::Operations>,
    pub(crate) identity: Option<identity::Admin>,
    pub(crate) console: Option<console::App>,
    /// Each role's own connection.
    pub(crate) connections: Vec<(Role, Nats)>,
}

/// A role that has begun: what it offers, and what is to run until the process stops.
struct Begun {
    offer: Offer,
    running: BoxFuture<'static, anyhow::Result<()>>,
}

enum Offer {
    Ingest { url: String, operations: channel_ingest::Operations },
    Identity(Box<identity::Admin>),
    Console { url: String, app: console::App },
    Nothing,
}

impl Begun {
    fn quiet(running: impl Future<Output = anyhow::Result<()>> + Send + 'static) -> Self {
        Self { offer: Offer::Nothing, running: running.boxed() }
    }
}

impl Started {
    fn take(&mut self, offer: Offer) {
        match offer {
            Offer::Ingest { url, operations } => {
                self.http = Some(url);
                self.ingest = Some(operations);
            }
            Offer::Identity(admin) => self.identity = Some(*admin),
            Offer::Console { url, app } => {
                self.api = Some(url);
                self.console = Some(app);
            }
            Offer::Nothing => {}
        }
    }
}

/// The NATS user of a role.
pub(super) fn nats_role(role: Role) -> nats::Role {
    match role {
        Role::ChannelIngest => nats::Role::ChannelIngest,
        Role::Identity => nats::Role::Identity,
        Role::Routing => nats::Role::Routing,
        Role::AiAgent => nats::Role::AiAgent,
        Role::LeadCapture => nats::Role::LeadCapture,
        Role::Analytics => nats::Role::Analytics,
        Role::Console => nats::Role::Console,
    }
}

/// Starts the chosen roles as tasks of the process.
pub(super) async fn start(
    tasks: &mut Tasks,
    base: &Foundation,
    args: &RunArgs,
    stop: &CancellationToken,
) -> anyhow::Result<Started> {
    let listeners = listen(args).await?;
    let mut peers: BTreeMap<Role, String> =
        Role::ALL.into_iter().map(|role| (role, args.network.peer(role))).collect();
    for (role, listener) in &listeners {
        // The two that speak HTTP to the outside answer no queries.
        if !matches!(role, Role::ChannelIngest | Role::Console) {
            peers.insert(*role, args.network.peer_at(*role, listener.local_addr()?));
        }
    }
    let peers = Arc::new(peers);
    // Side by side, since each of them mostly waits: for NATS, for the database, for its tables.
    let connecting = listeners.into_iter().map(async |(role, listener)| {
        anyhow::Ok((role, listener, base.nats.connect(nats_role(role)).await?))
    });
    let (mut started, mut beginning) = (Started::default(), JoinSet::new());
    for (role, listener, nats) in try_join_all(connecting).await? {
        let host = Host {
            role,
            health: base.health.clone(),
            metrics: base.metrics.clone(),
            credential: base.credential.clone(),
            peers: peers.clone(),
            shutdown: stop.clone(),
        };
        started.connections.push((role, nats.clone()));
        let spine = Spine { log: base.spine.log.acting_over(nats), ..base.spine.clone() };
        let args = args.clone();
        beginning.spawn(async move { anyhow::Ok((role, begin(spine, host, listener, &args).await?)) });
    }
    while let Some(begun) = beginning.join_next().await {
        let (role, begun) = begun??;
        tasks.spawn(role.as_str(), begun.running);
        started.take(begun.offer);
    }
    Ok(started)
}

/// All addresses are taken before the first role starts, since each is told where the others answer: a port that is
/// asked for as 0 is known only then.
async fn listen(args: &RunArgs) -> anyhow::Result<Vec<(Role, TcpListener)>> {
    let mut listeners = Vec::new();
    for role in args.chosen() {
        listeners.push((role, reach::listen(reach::address(args, role)).await?));
    }
    Ok(listeners)
}

async fn begin(spine: Spine, host: Host, listener: TcpListener, args: &RunArgs) -> anyhow::Result<Begun> {
    let url = format!("http://{}", listener.local_addr()?);
    Ok(match host.role {
        Role::ChannelIngest => {
            let service = channel_ingest::start(spine, host, listener).await?;
            let offer = Offer::Ingest { url, operations: service.operations() };
            Begun { offer, running: service.run().boxed() }
        }
        Role::AiAgent => {
            let model = args.llm.settings().map_err(anyhow::Error::msg)?;
            let service = ai_agent::service::start(spine, host, listener, model).await?;
            Begun::quiet(service.run())
        }
        Role::Identity => {
            let service = identity::start(spine, host, listener).await?;
            Begun { offer: Offer::Identity(Box::new(service.admin())), running: service.run().boxed() }
        }
        Role::LeadCapture => {
            let service = lead_capture::service::start(spine, host, listener).await?;
            Begun::quiet(service.run())
        }
        Role::Console => {
            let console = console::Console::open(spine, host).await?;
            let offer = Offer::Console { url, app: console.app() };
            Begun { offer, running: console.run(listener).boxed() }
        }
        Role::Routing => {
            starting(&host, "routing");
            Begun::quiet(routing::run(spine, host, listener))
        }
        Role::Analytics => {
            starting(&host, analytics::READER);
            Begun::quiet(analytics::run(spine, host, listener))
        }
    })
}

/// Until such a role has opened its reader, the process is not ready.
fn starting(host: &Host, reader: &str) {
    host.health.set(&format!("reader.{reader}"), State::not_ready("it starts"));
}
