//! The calling side.

use super::{Bearer, DEADLINE_MAX};
use crate::{Error, Secret};
use std::time::Duration;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};

/// A channel that shows the service credential: what generated clients are made of.
pub type Client = InterceptedService<Channel, Bearer>;

/// A peer that takes longer to accept is as good as stopped.
const CONNECT_MAX: Duration = Duration::from_secs(2);

/// A channel to `address`, such as `http://127.0.0.1:20053`. Connects with the first call and again after a
/// loss; a call to a stopped service fails with `Unavailable` at once, which [`super::Failure`] puts in words.
///
/// # Errors
/// When `address` or the credential cannot be used.
pub fn client(address: &str, credential: &Secret) -> Result<Client, Error> {
    let refuse =
        |source: Box<dyn std::error::Error + Send + Sync>| Error::Address { address: address.into(), source };
    let mut header: tonic::metadata::AsciiMetadataValue =
        format!("Bearer {}", credential.expose())
            .parse()
            .map_err(|error: tonic::metadata::errors::InvalidMetadataValue| refuse(error.into()))?;
    header.set_sensitive(true);
    let endpoint = Endpoint::from_shared(address.to_owned())
        .map_err(|error| refuse(error.into()))?
        .connect_timeout(CONNECT_MAX)
        .timeout(DEADLINE_MAX)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(5));
    Ok(InterceptedService::new(endpoint.connect_lazy(), Bearer(header)))
}
