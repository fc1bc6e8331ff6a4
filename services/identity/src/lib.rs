//! Identity: who is this. Customers and their threads, evidence, merges and splits, touches; erasure.

mod api;
pub mod evidence;
pub mod ids;
pub mod merge;
mod project;
mod query;
pub mod schema;
mod work;

pub use merge::{Merger, Pair, Problem};
pub use project::Identity;

use api::Api;
use proto::v1::identity_service_server::IdentityServiceServer;
use role::Frame;
use runtime::Host;
use runtime::grpc::Services;
use spine::Spine;
use std::sync::Arc;
use tokio::net::TcpListener;

/// The service, opened and not yet running.
pub struct Service {
    frame: Frame,
    merger: Merger,
}

impl Service {
    /// Opens the read model and begins to read.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open(spine: Spine, host: Host) -> anyhow::Result<Self> {
        let projector = Arc::new(Identity::new(spine.keys.clone()));
        let frame = Frame::open(spine.clone(), host, projector).await?;
        Ok(Self { frame, merger: Merger::new(spine) })
    }

    /// Works and answers on `listener` until shutdown.
    ///
    /// # Errors
    /// The first task that crashed.
    pub async fn run(self, listener: TcpListener) -> anyhow::Result<()> {
        let Self { mut frame, merger } = self;
        work::start(&mut frame, &merger);
        let services = Services::new(frame.host.credential.clone(), proto::FILE_DESCRIPTOR_SET);
        let api = IdentityServiceServer::new(Api::new(frame.reader.clone()));
        frame.serve(listener, services.with(api));
        frame.run().await
    }
}

/// Opens the service and runs it until shutdown.
///
/// # Errors
/// When the database fails, or the first task that crashed.
pub async fn run(spine: Spine, host: Host, listener: TcpListener) -> anyhow::Result<()> {
    Service::open(spine, host).await?.run(listener).await
}
