//! The console's service: the door for people and systems. It projects conversations and transcripts, serves
//! the REST API, keeps the API tokens and applies declarative documents.

pub mod access;
mod admin;
mod api;
pub mod apply;
mod caller;
mod mask;
mod opening;
mod peers;
mod project;
mod refusal;
mod state;
pub mod tokens;

pub use admin::admin_routes;
pub use api::{BASE, DOCUMENT};
pub use project::STORES;
pub use state::App;

use ::role::Frame;
use project::Projection;
use runtime::Host;
use spine::Spine;
use std::sync::Arc;
use tokio::net::TcpListener;

/// The console, open and reading, not yet serving.
pub struct Console {
    frame: Frame,
    app: App,
}

impl Console {
    /// Opens the read model and the token store.
    ///
    /// # Errors
    /// When the database fails, or the address of another service cannot be used.
    pub async fn open(spine: Spine, host: Host) -> anyhow::Result<Self> {
        let tokens = spine.database.state("console", &tokens::MIGRATIONS).await?;
        let peers = peers::Peers::of(&host)?;
        let (log, keys) = (spine.log.clone(), spine.keys.clone());
        let projector = Arc::new(Projection { keys: keys.clone() });
        let (places, shutdown) = (api::places::Places::default(), host.shutdown.clone());
        let frame = Frame::open(spine, host, projector).await?;
        let reader = frame.reader.clone();
        let app =
            App { inner: Arc::new(state::Inner { log, keys, reader, tokens, peers, places, shutdown }) };
        Ok(Self { frame, app })
    }

    /// What the admin routes work with. Cheap to clone.
    pub fn app(&self) -> App {
        self.app.clone()
    }

    /// Serves the REST API on `listener` until shutdown.
    ///
    /// # Errors
    /// The first task that crashed.
    pub async fn run(mut self, listener: TcpListener) -> anyhow::Result<()> {
        let (router, shutdown) = (api::router(self.app), self.frame.host.shutdown.clone());
        self.frame.spawn("api", async move {
            runtime::http::serve(listener, router, shutdown).await;
            Ok(())
        });
        self.frame.run().await
    }
}

/// [`Console::open`] and [`Console::run`], for a process that mounts no admin routes.
///
/// # Errors
/// As those.
pub async fn run(spine: Spine, host: Host, listener: TcpListener) -> anyhow::Result<()> {
    Console::open(spine, host).await?.run(listener).await
}
