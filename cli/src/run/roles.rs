//! Starting the roles: each with its own connection, so that NATS refuses what is not its business.

use super::args::RunArgs;
use super::assemble::Foundation;
use super::reach;
use crate::nats;
use runtime::{Host, Role, State, Tasks};
use spine::{Nats, Spine};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::net::TcpListener;
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
    let mut started = Started::default();
    for (role, listener) in listeners {
        let nats = base.nats.connect(nats_role(role)).await?;
        started.connections.push((role, nats.clone()));
        let spine = Spine { log: base.spine.log.acting_over(nats), ..base.spine.clone() };
        let host = Host {
            role,
            health: base.health.clone(),
            metrics: base.metrics.clone(),
            credential: base.credential.clone(),
            peers: peers.clone(),
            shutdown: stop.clone(),
        };
        start_one(tasks, &mut started, spine, host, listener).await?;
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

async fn start_one(
    tasks: &mut Tasks,
    started: &mut Started,
    spine: Spine,
    host: Host,
    listener: TcpListener,
) -> anyhow::Result<()> {
    let role = host.role;
    let url = format!("http://{}", listener.local_addr()?);
    match role {
        Role::ChannelIngest => {
            let service = channel_ingest::start(spine, host, listener).await?;
            started.http = Some(url);
            started.ingest = Some(service.operations());
            tasks.spawn(role.as_str(), service.run());
        }
        Role::AiAgent => {
            let service = ai_agent::service::start(spine, host, listener).await?;
            tasks.spawn(role.as_str(), service.run());
        }
        Role::Identity => {
            let service = identity::start(spine, host, listener).await?;
            started.identity = Some(service.admin());
            tasks.spawn(role.as_str(), service.run());
        }
        Role::LeadCapture => {
            let service = lead_capture::service::start(spine, host, listener).await?;
            tasks.spawn(role.as_str(), service.run());
        }
        Role::Console => {
            let console = console::Console::open(spine, host).await?;
            started.api = Some(url);
            started.console = Some(console.app());
            tasks.spawn(role.as_str(), console.run(listener));
        }
        Role::Routing => {
            starting(&host, "routing");
            tasks.spawn(role.as_str(), routing::run(spine, host, listener));
        }
        Role::Analytics => {
            starting(&host, analytics::READER);
            tasks.spawn(role.as_str(), analytics::run(spine, host, listener));
        }
    }
    Ok(())
}

/// Until such a role has opened its reader, the process is not ready.
fn starting(host: &Host, reader: &str) {
    host.health.set(&format!("reader.{reader}"), State::not_ready("it starts"));
}
