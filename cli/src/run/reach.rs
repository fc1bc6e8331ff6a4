//! What a start needs from outside, told with the option that names it and a remedy: ports, nats-server, database.

use super::args::RunArgs;
use crate::output::chain;
use anyhow::{anyhow, bail};
use runtime::{Common, Role};
use spine::db::{Database, DatabaseSettings};
use spine::{Nats, NatsAccess};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;
use tokio::time::Instant;

/// How long a start waits for a nats-server that is not there yet.
const CONNECT_WITHIN: Duration = Duration::from_secs(30);
const CONNECT_AGAIN: Duration = Duration::from_millis(500);

/// The option that names where a role listens, and the address.
pub(super) fn address(args: &RunArgs, role: Role) -> (&'static str, SocketAddr) {
    match role {
        Role::ChannelIngest => (HTTP, args.network.listen_http),
        Role::Console => (API, args.network.listen_api),
        _ => (GRPC, args.network.grpc_address(role, args.chosen().len() == 1)),
    }
}

const HTTP: &str = "--listen-http (TRIBUTARY_LISTEN_HTTP)";
const API: &str = "--listen-api (TRIBUTARY_LISTEN_API)";
const GRPC: &str = "--listen-grpc (TRIBUTARY_LISTEN_GRPC)";
pub(super) const ADMIN: &str = "--listen-admin (TRIBUTARY_LISTEN_ADMIN)";

/// Listens there.
///
/// # Errors
/// With what to do.
pub(super) async fn listen((option, address): (&str, SocketAddr)) -> anyhow::Result<tokio::net::TcpListener> {
    let told = |error: runtime::Error| anyhow!("{}; {}", spine::error::chain(&error), taken(option, address));
    runtime::listen(address).await.map_err(told)
}

/// What to do about an address that cannot be listened on.
fn taken(option: &str, address: SocketAddr) -> String {
    format!("end the program that has {address}, or choose another address with {option}")
}

/// Looks whether all addresses are free, before anything is started; they are let go of again, since nobody would
/// answer on them yet.
///
/// # Errors
/// The first that is not free, with its option.
pub(super) fn ports_are_free(args: &RunArgs) -> anyhow::Result<()> {
    let roles = args.chosen().into_iter().map(|role| address(args, role));
    for (option, address) in roles.chain([(ADMIN, args.network.listen_admin)]) {
        if let Err(error) = TcpListener::bind(address) {
            bail!("cannot listen on {address}: {error}; {}", taken(option, address));
        }
    }
    Ok(())
}

/// Connects, and again while the server is not there yet: processes of one installation start at once.
///
/// # Errors
/// When no server answers in time, or it is not to be used.
pub(super) async fn patiently(access: &NatsAccess) -> anyhow::Result<Nats> {
    let (started, mut told) = (Instant::now(), false);
    loop {
        let error = match Nats::connect(access).await {
            Ok(nats) => return Ok(nats),
            Err(error) if !error.is_passing() => return Err(error.into()),
            Err(error) => error,
        };
        if started.elapsed() >= CONNECT_WITHIN {
            // Its own words hold the address as it was given, with a password if there is one.
            let cause = std::error::Error::source(&error).map_or_else(String::new, spine::error::chain);
            bail!(
                "nats-server at {} does not answer ({cause}): start it, or name the right one with --nats (NATS_URL)",
                place(&access.url)
            );
        }
        if !told {
            let seconds = CONNECT_WITHIN.as_secs();
            tracing::warn!(nats.address = place(&access.url), "waiting up to {seconds} s for nats-server");
            told = true;
        }
        tokio::time::sleep(CONNECT_AGAIN).await;
    }
}

/// Host and port of an address, without user and password.
fn place(url: &str) -> String {
    match reqwest::Url::parse(url).ok().as_ref().and_then(|url| url.host_str().map(|host| (host, url.port())))
    {
        Some((host, given)) => format!("{host}:{}", given.unwrap_or(4222)),
        None => "the address that was given".into(),
    }
}

/// Opens the database.
///
/// # Errors
/// When it cannot be opened; of Postgres with a remedy.
pub(super) async fn database(common: &Common) -> anyhow::Result<Database> {
    let url = common.database_url.as_ref().map(|url| url.expose().to_owned());
    let is_postgres = url.is_some();
    Database::open(DatabaseSettings::new(url, &common.data)).await.map_err(|error| match error {
        error @ spine::Error::Database { .. } if is_postgres => {
            anyhow!("{}; start it, or name the right one", chain(&error.into()))
        }
        error => error.into(),
    })
}

/// What is told when the streams cannot be made.
pub(super) fn streams(error: spine::Error, common: &Common) -> anyhow::Error {
    let error = anyhow::Error::from(error);
    if !chain(&error).contains("insufficient storage") {
        return error;
    }
    let place = match &common.nats {
        Some(_) => "the disk or the account of nats-server".to_owned(),
        None => format!("the disk of {}", common.data.display()),
    };
    error.context(format!(
        "{place} has too little room for the streams (64 MB for refused requests alone are set aside): make room or move \
         the folder, a full disk refuses every message"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_told_without_user_and_password() {
        assert_eq!(place("nats://me:secret@nats.example:4333"), "nats.example:4333");
        assert_eq!(place("nats://tok@nats"), "nats:4222");
        assert_eq!(place("nats:"), "the address that was given");
    }

    #[test]
    fn a_disk_that_is_too_small_is_told_with_its_remedy() {
        #[derive(clap::Parser)]
        struct Every {
            #[command(flatten)]
            common: Common,
        }
        let common = <Every as clap::Parser>::try_parse_from(["x", "--data", "here"]).unwrap().common;
        let refused = |description: &str| spine::Error::Refused {
            request: "create stream LOG_1_0".into(),
            code: 10047,
            description: description.into(),
        };
        let told = chain(&streams(refused("insufficient storage resources available"), &common));
        assert!(told.starts_with("the disk of here has too little room"), "{told}");
        assert!(!chain(&streams(refused("no"), &common)).contains("room"));
    }
}
