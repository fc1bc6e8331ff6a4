//! The nats-server of a backup or a restore: the running suite's, one that is named, or one started for it.

use crate::nats::{self, Role, Running, Server};
use crate::private;
use crate::run::{self, Setup};
use runtime::Common;
use spine::Nats;
use spine::db::DatabaseSettings;
use tokio_util::sync::CancellationToken;

/// A connection as the operator, and the server behind it when it is this command's.
pub(crate) struct Reached {
    pub(crate) nats: Nats,
    server: Option<Running>,
}

impl Reached {
    /// # Errors
    /// When no server answers, the operator's key is not there, or `stop` comes while a server is started.
    pub(crate) async fn of(common: &Common, setup: &Setup, stop: &CancellationToken) -> anyhow::Result<Self> {
        let outside = common.nats.is_some() || nats::supervisor(&common.data).is_some();
        if outside {
            let access = run::access(common, setup.nats_credentials.as_deref(), Role::Operator)?;
            return Ok(Self { nats: Nats::connect(&access).await?, server: None });
        }
        private::close(&common.data)?;
        let settings = nats::Settings::of(&common.data);
        let running = Server::start(&settings, stop.clone()).await?;
        match Nats::connect(&running.place.access(Role::Operator).open()?).await {
            Ok(nats) => Ok(Self { nats, server: Some(running) }),
            Err(error) => {
                running.abandon().await;
                Err(error.into())
            }
        }
    }

    /// Stops what was started.
    pub(crate) async fn end(self) {
        drop(self.nats);
        if let Some(server) = self.server {
            server.abandon().await;
        }
    }
}

/// Where the database is.
pub(crate) fn database(common: &Common) -> DatabaseSettings {
    let url = common.database_url.as_ref().map(|url| url.expose().to_owned());
    DatabaseSettings::new(url, &common.data)
}
