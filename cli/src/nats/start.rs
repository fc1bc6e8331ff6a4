//! A start of the suite's nats-server that hears a signal, although the server outlives what the signal ends.

use super::{Error, Running, Server, Settings};
use tokio_util::sync::CancellationToken;

impl Server {
    /// As [`Server::start`], for a server that goes on after `stop`, until `shutdown`. While it is not ready, `stop`
    /// cancels `shutdown`, which ends the start.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub(crate) async fn start_unless(
        stop: &CancellationToken,
        settings: &Settings,
        shutdown: &CancellationToken,
    ) -> Result<Running, Error> {
        let mut starting = std::pin::pin!(Self::start(settings, shutdown.clone()));
        tokio::select! {
            started = &mut starting => return started,
            () = stop.cancelled() => shutdown.cancel(),
        }
        // Not dropped: it stops the process that it has started.
        starting.await
    }
}
