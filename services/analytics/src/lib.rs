//! Analytics: what happened. One row of facts per conversation, and the figures that are summed from them.
//!
//! Decides nothing and opens nothing: no column holds, or depends on, a sealed value. What each figure means,
//! and which event dates it, stands in one table, `definition.rs`.

mod api;
mod cursor;
mod definition;
mod facts;
mod fold;
mod project;
mod question;
mod summary;
mod table;
mod threads;

pub use summary::{DURATIONS_MAX, GROUPS_MAX};
pub use table::STORES;

use proto::v1::analytics_service_server::AnalyticsServiceServer;
use role::Frame;
use runtime::Host;
use runtime::grpc::Services;
use spine::Spine;
use std::sync::Arc;
use tokio::net::TcpListener;

/// The name of the reader and of its read model.
pub const READER: &str = "analytics";

/// Reads the log into the facts and answers `AnalyticsService` on `listener`, until the host shuts down.
///
/// # Errors
/// The first task that crashed.
pub async fn run(spine: Spine, host: Host, listener: TcpListener) -> anyhow::Result<()> {
    let mut frame = Frame::open(spine, host, Arc::new(project::Analytics)).await?;
    let api = api::Api::new(frame.reader.clone());
    let credential = frame.host.credential.clone();
    let services = Services::new(credential, proto::FILE_DESCRIPTOR_SET);
    frame.serve(listener, services.with(AnalyticsServiceServer::new(api)));
    frame.run().await
}
