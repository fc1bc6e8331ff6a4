//! Routing: who answers. Agents, queues, assignment, and the timers of a conversation.
//!
//! Queues are a fold of thread events and no entity: the tables say who waits, the assigner chooses, and the
//! thread's own law decides.

mod api;
mod assign;
mod model;
mod notice;
mod outcome;
mod queries;
mod telling;
mod timers;
mod traces;
mod wait;

pub use assign::choose::{CANDIDATES_MAX, GAVE_BACK_US};
pub use directory::{QUEUE_DEFAULT, QUEUE_SETTING};
pub use model::STORES;
pub use timers::{AWAY_GRACE_US, OFFLINE_GRACE_US};
pub use wait::HELD_US_DEFAULT;

use assign::{Assigner, Turns, Wanted};
use model::project::Routing;
use proto::v1::routing_service_server::RoutingServiceServer;
use role::Frame;
use runtime::Host;
use runtime::grpc::Services;
use spine::{Reader, Spine};
use std::sync::Arc;
use std::time::Duration;
use telling::Telling;
use timers::{Kind, Timer};
use tokio::net::TcpListener;
use traces::Traces;

/// How often the figures of the queues are taken.
const FIGURES_EVERY: Duration = Duration::from_secs(5);

/// Runs the role until the host's shutdown, and answers queries on `listener`.
///
/// # Errors
/// When the database cannot be opened, or a task of the role crashed.
pub async fn run(spine: Spine, host: Host, listener: TcpListener) -> anyhow::Result<()> {
    let traces = Traces::default();
    let projector = Arc::new(Routing { keys: spine.keys.clone(), traces: traces.clone() });
    let mut frame = Frame::open(spine.clone(), host.clone(), projector).await?;
    let (reader, shutdown) = (frame.reader.clone(), host.shutdown.clone());
    let telling = Telling::new(&host.metrics);

    let wanted = Wanted::default();
    {
        let (spine, reader, wanted, shutdown) =
            (spine.clone(), reader.clone(), wanted.clone(), shutdown.clone());
        frame.spawn("news", async move {
            tokio::select! {
                () = shutdown.cancelled() => Ok(()),
                () = assign::listen(spine, reader, wanted) => Ok(()),
            }
        });
    }
    let leases = Turns::leases(&spine).await?;
    if let Some(leases) = &leases {
        frame.hold(leases);
    }
    let assigner = Assigner {
        spine: spine.clone(),
        reader: reader.clone(),
        wanted,
        telling: telling.clone(),
        traces,
        leases,
    };
    frame.spawn("assigner", assigner.run(shutdown.clone()));
    for kind in [Kind::AnswerDeadline, Kind::IdleClose, Kind::AgentGone] {
        let timer = Timer { kind, spine: spine.clone(), reader: reader.clone(), telling: telling.clone() };
        frame.spawn(kind.into(), timer.run(shutdown.clone()));
    }
    {
        let (spine, reader, shutdown) = (spine.clone(), reader.clone(), shutdown.clone());
        frame.spawn("figures", async move {
            tokio::select! {
                () = shutdown.cancelled() => Ok(()),
                () = tell(&spine, &reader, &telling) => Ok(()),
            }
        });
    }

    let api = api::Api { reader, clock: spine.log.clock().clone() };
    let services = Services::new(host.credential.clone(), proto::FILE_DESCRIPTOR_SET);
    frame.serve(listener, services.with(RoutingServiceServer::new(api)));
    frame.run().await
}

async fn tell(spine: &Spine, reader: &Reader, telling: &Telling) {
    loop {
        let now = spine.log.clock().now();
        match queries::lateness(&reader.model().store, now).await {
            Ok((waiting, late, first)) => telling.queues(waiting, late, first.map_or(0, |first| now - first)),
            Err(error) => {
                tracing::warn!(error = %spine::error::chain(&error), "how queues stand cannot be read");
            }
        }
        tokio::time::sleep(FIGURES_EVERY).await;
    }
}
