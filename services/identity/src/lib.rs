//! Identity: who is this. Customers and their threads, evidence, merges and splits, touches; erasure.

pub mod admin;
mod api;
pub mod erase;
pub mod evidence;
pub mod ids;
pub mod merge;
mod project;
mod query;
pub mod schema;
mod work;

pub use admin::{Admin, admin_routes};
pub use erase::{Erasures, Subject};
pub use merge::{Merger, Pair, Problem};
pub use project::{EFFECTS, Identity};
pub use schema::STORES;

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
    admin: Admin,
}

/// Opens the service: its reader begins to read, and its queries will be answered on `listener`.
///
/// # Errors
/// When the database fails.
pub async fn start(spine: Spine, host: Host, listener: TcpListener) -> anyhow::Result<Service> {
    let projector = Arc::new(Identity::new(spine.keys.clone()));
    let mut frame = Frame::open(spine.clone(), host, projector).await?;
    let erasures = Erasures::open(&spine, &frame.reader).await?;
    let admin = Admin { merger: Merger::new(spine), erasures };
    work::start(&mut frame, &admin.merger);
    let (erasures, shutdown) = (admin.erasures.clone(), frame.host.shutdown.clone());
    frame.spawn("erasures", async move {
        erasures.run(&shutdown).await;
        Ok(())
    });
    let services = Services::new(frame.host.credential.clone(), proto::FILE_DESCRIPTOR_SET);
    let api = IdentityServiceServer::new(Api::new(frame.reader.clone()));
    frame.serve(listener, services.with(api));
    Ok(Service { frame, admin })
}

impl Service {
    /// What [`admin_routes`] and the commands act on.
    pub fn admin(&self) -> Admin {
        self.admin.clone()
    }

    /// Works and answers until shutdown.
    ///
    /// # Errors
    /// The first task that crashed.
    pub async fn run(self) -> anyhow::Result<()> {
        self.frame.run().await
    }
}

/// Opens the service and runs it until shutdown.
///
/// # Errors
/// When the database fails, or the first task that crashed.
pub async fn run(spine: Spine, host: Host, listener: TcpListener) -> anyhow::Result<()> {
    start(spine, host, listener).await?.run().await
}
