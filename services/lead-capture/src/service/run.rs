//! lead-capture put together.

use super::api::Api;
use super::capture::Capture;
use super::feed::Feeder;
use super::join::Joining;
use super::project::{JOIN, Leads};
use super::state::State;
use proto::v1::leads_service_server::LeadsServiceServer;
use role::Frame;
use runtime::Host;
use runtime::grpc::Services;
use runtime::metrics::Label;
use spine::db::Backend;
use spine::lease::Leases;
use spine::read::WorkLimits;
use spine::{PARTS, Spine};
use std::sync::Arc;
use tokio::net::TcpListener;

/// Joins at once, and of one tenant. Whether a person parted the two meanwhile only the table says.
const JOINS: WorkLimits = WorkLimits { in_flight_max: 32, per_lane_max: 16, confirms: true };
const KINDS: &[&str] = &["phone", "wechat", "qq", "email", "telegram", "name", "address", "company"];

/// A service that is ready to run.
pub struct Service {
    frame: Frame,
}

impl Service {
    /// Runs until shutdown.
    ///
    /// # Errors
    /// The first task that crashed.
    pub async fn run(self) -> anyhow::Result<()> {
        self.frame.run().await
    }

    /// The reader of the read model `leads`.
    pub fn reader(&self) -> &spine::Reader {
        &self.frame.reader
    }
}

/// What fills the read model `leads`, for who compares or rebuilds it without the service.
pub fn projector(keys: spine::keys::Keys) -> Arc<dyn spine::Projector> {
    Arc::new(Leads { keys })
}

/// Puts the service together; queries are answered on `listener`.
///
/// # Errors
/// When the database cannot be opened.
pub async fn start(spine: Spine, host: Host, listener: TcpListener) -> anyhow::Result<Service> {
    let projector = projector(spine.keys.clone());
    let mut frame = Frame::open(spine.clone(), host.clone(), projector).await?;
    let state = State::open(&spine.database).await?;
    let leases = match spine.database.backend() {
        Backend::Sqlite => None,
        Backend::Postgres => Some(Leases::open(&spine.database, spine.log.clock()).await?),
    };
    if let Some(leases) = &leases {
        frame.hold(leases);
    }
    let metrics = host.metrics.scope("leads");
    let capture = Capture {
        log: spine.log.clone(),
        tail: spine.tail.clone(),
        keys: spine.keys.clone(),
        reader: frame.reader.clone(),
        state: state.clone(),
        leases: leases.clone(),
        captured: metrics.counter(
            "details_captured",
            "Contact details that were captured.",
            vec![Label::of("kind", KINDS)],
        ),
    };
    for part in 0..PARTS {
        let (capture, shutdown) = (capture.clone(), host.shutdown.clone());
        frame.spawn(&format!("capture {part}"), async move { Ok(capture.run(part, &shutdown).await?) });
    }
    let feeder = Feeder {
        log: spine.log.clone(),
        tail: spine.tail.clone(),
        keys: spine.keys.clone(),
        state,
        leases,
        published: metrics.counter("published", "Events that were published on LEADS.", vec![]),
    };
    let shutdown = host.shutdown.clone();
    frame.spawn("feeder", async move { Ok(feeder.run(&shutdown).await?) });
    let joining = Joining { log: spine.log.clone(), reader: frame.reader.clone() };
    frame.work(JOIN, JOINS, move |work| joining.clone().handle(work));
    let api = Api { log: spine.log.clone(), reader: frame.reader.clone() };
    let services =
        Services::new(host.credential.clone(), proto::FILE_DESCRIPTOR_SET).with(LeadsServiceServer::new(api));
    frame.serve(listener, services);
    Ok(Service { frame })
}
