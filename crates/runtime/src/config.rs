//! Configuration: what every command of the binary takes, and how wrong values are told.

mod parse;

pub use parse::{Refusal, parse, try_parse_from};

use crate::{Secret, telemetry};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The seven roles, in the order of their gRPC ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, clap::ValueEnum)]
pub enum Role {
    ChannelIngest,
    Identity,
    Routing,
    AiAgent,
    LeadCapture,
    Analytics,
    Console,
}

impl Role {
    pub const ALL: [Self; 7] = [
        Self::ChannelIngest,
        Self::Identity,
        Self::Routing,
        Self::AiAgent,
        Self::LeadCapture,
        Self::Analytics,
        Self::Console,
    ];

    /// The name in commands, logs, checks and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ChannelIngest => "channel-ingest",
            Self::Identity => "identity",
            Self::Routing => "routing",
            Self::AiAgent => "ai-agent",
            Self::LeadCapture => "lead-capture",
            Self::Analytics => "analytics",
            Self::Console => "console",
        }
    }

    /// Its gRPC port is the base port plus this when several roles share a machine.
    const fn offset(self) -> u16 {
        self as u16
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What stands apart in the help of each command, behind its own options.
pub(crate) const EVERYWHERE: &str = "Global options";

/// What every command takes.
#[derive(Clone, Debug, clap::Args)]
pub struct Common {
    /// The folder of everything that this installation keeps on disk.
    #[arg(long, env = "TRIBUTARY_DATA", value_name = "FOLDER", default_value = ".tributary", global = true, help_heading = EVERYWHERE)]
    pub data: PathBuf,
    /// The NATS server; without it one is started in the data folder.
    #[arg(long = "nats", env = "NATS_URL", value_name = "URL", hide_env_values = true, global = true, help_heading = EVERYWHERE)]
    pub nats: Option<Secret>,
    /// Postgres for read models, keys and state; without it they are SQLite files in the data folder.
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true, global = true, help_heading = EVERYWHERE)]
    pub database_url: Option<Secret>,
    /// What services show each other, at least 32 characters; without it one is made in the data folder.
    #[arg(
        long,
        env = "TRIBUTARY_SERVICE_CREDENTIAL",
        value_name = "TOKEN",
        hide_env_values = true,
        global = true,
        help_heading = EVERYWHERE
    )]
    pub service_credential: Option<Secret>,
    #[command(flatten)]
    pub telemetry: telemetry::Settings,
}

/// Where a running process listens, and where it finds the others.
#[derive(Clone, Debug, clap::Args)]
pub struct Network {
    /// Webhooks of the platforms and the widget's socket: the one address that the outside world reaches.
    #[arg(long, env = "TRIBUTARY_LISTEN_HTTP", value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen_http: SocketAddr,
    /// The console and the REST API.
    #[arg(long, env = "TRIBUTARY_LISTEN_API", value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    pub listen_api: SocketAddr,
    /// Probes, metrics and administration.
    #[arg(long, env = "TRIBUTARY_LISTEN_ADMIN", value_name = "ADDRESS", default_value = "127.0.0.1:9090")]
    pub listen_admin: SocketAddr,
    /// Queries between services. With several roles in the process they take the seven ports from this one on.
    // Below those that Linux gives to outgoing connections (32768 and up): one of them, just closed, would keep a start away.
    #[arg(long, env = "TRIBUTARY_LISTEN_GRPC", value_name = "ADDRESS", default_value = "127.0.0.1:20051")]
    pub listen_grpc: SocketAddr,
    /// Where another role answers queries, as `identity=http://identity:50051`; repeated or separated by commas.
    #[arg(long = "peer", env = "TRIBUTARY_PEERS", value_name = "ROLE=URL", value_delimiter = ',', value_parser = peer)]
    pub peers: Vec<(Role, String)>,
}

impl Common {
    /// What is wrong beyond what the parser sees, each with what to do.
    pub fn problems(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.data.exists() && !self.data.is_dir() {
            wrong.push(format!("--data {} is a file; name a folder", self.data.display()));
        }
        let scheme = |url: &Option<Secret>, allowed: &[&str]| {
            url.as_ref().is_none_or(|url| allowed.iter().any(|scheme| url.expose().starts_with(scheme)))
        };
        if !scheme(&self.nats, &["nats://", "tls://", "ws://", "wss://"]) {
            wrong.push("--nats does not begin with nats:// or tls://".into());
        }
        if !scheme(&self.database_url, &["postgres://", "postgresql://"]) {
            wrong.push("--database-url does not begin with postgres://; leave it out to use SQLite".into());
        }
        if let Some(Err(why)) = self.service_credential.clone().map(crate::credential::checked) {
            wrong.push(format!(
                "--service-credential (TRIBUTARY_SERVICE_CREDENTIAL): {why}; make one with `openssl rand -hex 32`"
            ));
        }
        wrong
    }
}

impl Network {
    /// As [`Common::problems`].
    pub fn problems(&self) -> Vec<String> {
        let mut taken = BTreeMap::new();
        let named = [
            ("--listen-http", self.listen_http),
            ("--listen-api", self.listen_api),
            ("--listen-admin", self.listen_admin),
            ("--listen-grpc", self.listen_grpc),
        ];
        let mut wrong = Vec::new();
        for (name, address) in named {
            // Port 0 takes a free one each time.
            if address.port() == 0 {
                continue;
            }
            if let Some(other) = taken.insert(address, name) {
                wrong.push(format!("{other} and {name} are both {address}; give each its own"));
            }
        }
        if self.listen_grpc.port() > u16::MAX - 6 {
            wrong.push(format!("--listen-grpc {} leaves no room for seven ports", self.listen_grpc));
        }
        wrong
    }

    /// Where `role` answers queries: on the base port when it is `alone` in its process, else on its own of
    /// seven.
    pub fn grpc_address(&self, role: Role, alone: bool) -> SocketAddr {
        let mut address = self.listen_grpc;
        if !alone && address.port() != 0 {
            // `problems` has refused a base without room.
            address.set_port(address.port().saturating_add(role.offset()));
        }
        address
    }

    /// Where to ask `role`: what `--peer` says, else this machine.
    pub fn peer(&self, role: Role) -> String {
        self.peer_at(role, self.grpc_address(role, false))
    }

    /// As [`Network::peer`] for a role that answers in this process, at the address that it was given in the end.
    pub fn peer_at(&self, role: Role, mut address: SocketAddr) -> String {
        if let Some((_, url)) = self.peers.iter().rev().find(|(peer, _)| *peer == role) {
            return url.clone();
        }
        if address.ip().is_unspecified() {
            address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        format!("http://{address}")
    }
}

fn peer(text: &str) -> Result<(Role, String), String> {
    let (role, url) = text.split_once('=').ok_or("write it as ROLE=URL")?;
    let role = <Role as clap::ValueEnum>::from_str(role, false)?;
    match url.starts_with("http://") || url.starts_with("https://") {
        true => Ok((role, url.to_owned())),
        false => Err("the URL does not begin with http:// or https://".into()),
    }
}
