//! The connection to nats-server, and the gate that refuses versions known to lose messages.

use crate::denied::{Denial, Denials};
use crate::error::Error;
use async_nats::{ClientError, ConnectOptions, Event, ServerError, jetstream};
use std::sync::Arc;
use std::time::Duration;

/// Detects a half-open connection within `PING_INTERVAL` × 3.
const PING_INTERVAL: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Bound of each JetStream API call and of the wait for an acknowledgement.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
const RECONNECT_DELAY_MAX: Duration = Duration::from_secs(1);
/// Messages that wait in one subscription before the client calls it slow.
const SUBSCRIPTION_CAPACITY: usize = 16_384;
const VERSION_MIN: (u64, u64) = (2, 12);
const VERSION_GOOD: (u64, u64) = (2, 15);

/// How to reach nats-server, and as whom.
#[derive(Clone)]
pub struct NatsAccess {
    /// One server or several of a cluster, with commas between them: whichever answers is taken. May hold a login, so
    /// it is never shown as it is.
    pub url: String,
    /// The seed of the role's nkey; never logged.
    pub nkey_seed: Option<Seed>,
    /// The prefix of reply inboxes that only this role may read.
    pub inbox_prefix: Option<String>,
    /// The role, shown in the server's connection list.
    pub name: String,
}

impl std::fmt::Debug for NatsAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NatsAccess")
            .field("url", &without_login(&self.url))
            .field("name", &self.name)
            .finish()
    }
}

/// Addresses as they may be shown: each without what stands before its `@`.
pub fn without_login(urls: &str) -> String {
    let shown = urls.split(',').map(|url| match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, place))) => format!("{scheme}://{place}"),
        (None, Some((_, place))) => place.to_owned(),
        _ => url.to_owned(),
    });
    shown.collect::<Vec<_>>().join(",")
}

/// A secret seed; its `Debug` shows nothing.
#[derive(Clone)]
pub struct Seed(pub String);

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed(…)")
    }
}

/// A connection with its JetStream context. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Nats {
    pub(crate) client: async_nats::Client,
    pub(crate) jetstream: jetstream::Context,
    pub(crate) denials: Denials,
    access: Arc<NatsAccess>,
}

impl Nats {
    /// Connects and checks the server's version.
    ///
    /// # Errors
    /// [`Error::Nats`] when no server answers, [`Error::ServerTooOld`] below 2.12.
    pub async fn connect(access: &NatsAccess) -> Result<Self, Error> {
        Self::connect_telling(access, Denials::of(&access.name)).await
    }

    async fn connect_telling(access: &NatsAccess, denials: Denials) -> Result<Self, Error> {
        let failed = |source: async_nats::ConnectError| Error::Nats {
            request: format!("connect to {}", without_login(&access.url)),
            source: Box::new(source),
        };
        let servers: Vec<&str> = access.url.split(',').map(str::trim).filter(|url| !url.is_empty()).collect();
        let client = options(access, &denials).connect(servers).await.map_err(failed)?;
        let jetstream = jetstream::context::ContextBuilder::new()
            .timeout(REQUEST_TIMEOUT)
            .ack_timeout(REQUEST_TIMEOUT)
            .build(client.clone());
        let nats = Self { client, jetstream, denials, access: Arc::new(access.clone()) };
        nats.check_version()?;
        Ok(nats)
    }

    /// Another connection of the same user to the same server; what is forbidden to it is told of this one.
    ///
    /// # Errors
    /// As [`Nats::connect`].
    pub async fn another(&self) -> Result<Self, Error> {
        Self::connect_telling(&self.access, self.denials.clone()).await
    }

    /// The server's version, such as `2.15.2`.
    pub fn server_version(&self) -> String {
        self.client.server_info().version
    }

    /// The largest message that the server takes, in bytes.
    pub fn payload_max(&self) -> usize {
        self.client.server_info().max_payload
    }

    /// Whether the connection stands at this moment.
    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == async_nats::connection::State::Connected
    }

    /// What the server last forbade this connection, if that is not older than `age_max`.
    pub fn denied(&self, age_max: Duration) -> Option<Denial> {
        self.denials.last(age_max)
    }

    /// The plain client, for what speaks NATS itself, such as `doctor`.
    pub fn client(&self) -> &async_nats::Client {
        &self.client
    }

    fn check_version(&self) -> Result<(), Error> {
        let version = self.server_version();
        match parse_version(&version) {
            Some(found) if found >= VERSION_MIN => {
                if found < VERSION_GOOD {
                    tracing::warn!(
                        nats.version = version,
                        "nats-server is older than 2.15: replicated streams are slow with sync_interval: always"
                    );
                }
                Ok(())
            }
            _ => Err(Error::ServerTooOld { version, address: without_login(&self.access.url) }),
        }
    }
}

fn options(access: &NatsAccess, denials: &Denials) -> ConnectOptions {
    let denials = denials.clone();
    let mut options = ConnectOptions::new()
        .name(format!("tributary-{}", access.name))
        .ping_interval(PING_INTERVAL)
        .connection_timeout(CONNECT_TIMEOUT)
        .request_timeout(Some(REQUEST_TIMEOUT))
        .subscription_capacity(SUBSCRIPTION_CAPACITY)
        .skip_subject_validation(true)
        .reconnect_delay_callback(delay_before)
        .event_callback(move |event| {
            let denials = denials.clone();
            async move { report(&event, &denials) }
        });
    if let Some(seed) = &access.nkey_seed {
        options = options.nkey(seed.0.clone());
    }
    if let Some(prefix) = &access.inbox_prefix {
        options = options.custom_inbox_prefix(prefix);
    }
    options
}

/// How long to wait before an attempt to connect. The client also asks before the very first one, which is not to wait:
/// every start would.
fn delay_before(attempt: usize) -> Duration {
    match u32::try_from(attempt) {
        Ok(0 | 1) => Duration::ZERO,
        Ok(attempt @ 2..=7) => Duration::from_millis(10 * 2_u64.pow(attempt)).min(RECONNECT_DELAY_MAX),
        _ => RECONNECT_DELAY_MAX,
    }
}

fn report(event: &Event, denials: &Denials) {
    match event {
        // It logs by itself.
        Event::ServerError(ServerError::Other(word)) if denials.hear(word) => {}
        Event::Connected => tracing::info!(nats.user = denials.user(), "connected to nats-server"),
        Event::Disconnected => tracing::warn!(nats.user = denials.user(), "disconnected from nats-server"),
        // The connection breaks, which is told as that; what matters is tried again.
        Event::ClientError(ClientError::Other(word)) => {
            tracing::debug!(
                nats.user = denials.user(),
                nats.event = word,
                "the connection to nats-server broke"
            )
        }
        // We let it go ourselves.
        Event::Closed => {
            tracing::debug!(nats.user = denials.user(), "the connection to nats-server is closed")
        }
        Event::SlowConsumer(_) => tracing::error!(nats.event = %event, "nats subscription overflowed"),
        other => tracing::warn!(nats.event = %other, "nats-server event"),
    }
}

fn parse_version(version: &str) -> Option<(u64, u64)> {
    let mut numbers = version.trim_start_matches('v').split(['.', '-']).map(str::parse::<u64>);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        assert!(parse_version("2.9.10").unwrap() < VERSION_MIN);
        assert!(parse_version("2.10.27").unwrap() < VERSION_MIN);
        assert!(parse_version("2.12.0-beta").unwrap() >= VERSION_MIN);
        assert!(parse_version("2.15.2").unwrap() >= VERSION_GOOD);
        assert_eq!(parse_version("unknown"), None);
    }

    #[test]
    fn the_first_attempt_waits_for_nothing_and_none_longer_than_a_second() {
        let delays: Vec<Duration> = (0..40).map(delay_before).collect();
        assert_eq!(delays[..2], [Duration::ZERO; 2]);
        assert!(delays.is_sorted() && delays[2] > Duration::ZERO);
        assert_eq!(delays[39], RECONNECT_DELAY_MAX);
    }

    #[test]
    fn a_login_is_not_shown() {
        let urls = "nats://me:se@cret@a:4222,b:4222,me@c";
        assert_eq!(without_login(urls), "nats://a:4222,b:4222,c");
        let access =
            NatsAccess { url: urls.into(), nkey_seed: None, inbox_prefix: None, name: "console".into() };
        assert!(!format!("{access:?}").contains("cret"));
    }

    #[test]
    fn a_seed_is_not_shown() {
        assert_eq!(format!("{:?}", Seed("SUSECRET".into())), "Seed(…)");
    }
}
