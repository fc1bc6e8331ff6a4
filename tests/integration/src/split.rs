//! Seven processes of one role each on Postgres, any of which can be killed.

use crate::site::Site;
use ground::Place;
use runtime::Role;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command};

/// `tributary nats` and one `tributary run ROLE` per role, on fixed ports.
pub struct Split {
    /// What is asked of them.
    pub site: Site,
    nats: Child,
    roles: BTreeMap<(Role, Which), Child>,
    ports: u16,
}

/// One of two processes of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Which {
    First,
    Second,
}

/// Webhooks, REST, then probes and gRPC of each role; as many again for its second process.
const PORTS: u16 = 16;

impl Split {
    /// Starts all and waits until they are ready.
    ///
    /// # Panics
    /// When one does not start; so do all functions here when a process does not do what it must.
    pub async fn start(place: &Place) -> Self {
        Self::start_in(place, Vec::new()).await
    }

    /// As [`Split::start`], with more in the environment.
    pub async fn start_in(place: &Place, environment: Vec<(&'static str, String)>) -> Self {
        Self::start_of(crate::binary(), place, environment).await
    }

    /// As [`Split::start_in`], of another release.
    pub async fn start_of(program: PathBuf, place: &Place, environment: Vec<(&'static str, String)>) -> Self {
        let ports = ground::free_ports(2 * PORTS);
        let console = place_of(Role::Console);
        let mut site = Site::new(place, (ports, ports + 2 + number(console)));
        (site.environment, site.program) = (environment, program);
        let nats = site.command(&["nats"]).spawn().expect("the binary is built: `cargo build -p tributary`");
        let mut split = Self { site, nats, roles: BTreeMap::new(), ports };
        let data = split.site.data();
        ground::eventually("the nats-server to be ready", async || {
            // The address last: it is there once the server is.
            let told = data.join("nats/credentials/console").exists() && data.join("nats/url").exists();
            told.then_some(())
        })
        .await;
        for role in Role::ALL {
            split.launch(role);
        }
        for role in Role::ALL {
            split.until_ready(role).await;
        }
        split
    }

    /// Starts the process of a role, and does not wait for it.
    pub fn launch(&mut self, role: Role) {
        self.spawn(role, Which::First);
    }

    /// SIGTERM to a process, waits until it has ended, starts it again and waits until it is ready.
    pub async fn renew(&mut self, role: Role, which: Which) {
        self.signal(role, which, "-TERM");
        let mut child = self.roles.remove(&(role, which)).expect("it runs");
        let ended = tokio::task::spawn_blocking(move || child.wait()).await.expect("it is waited for");
        assert!(ended.expect("the process is ours").success(), "{role} ended with an error");
        self.spawn(role, which);
        self.site.until_ready(self.base(which) + 2 + number(place_of(role))).await;
    }

    /// Starts a second process of a role beside the first, and waits until it is ready.
    pub async fn double(&mut self, role: Role) {
        self.spawn(role, Which::Second);
        self.site.until_ready(self.base(Which::Second) + 2 + number(place_of(role))).await;
    }

    fn spawn(&mut self, role: Role, which: Which) {
        let (base, place) = (self.base(which), number(place_of(role)));
        let data = self.site.data().join("nats");
        let url = std::fs::read_to_string(data.join("url")).expect("the nats-server said where it is");
        let peers =
            Role::ALL.iter().enumerate().map(|(at, peer)| format!("{peer}={}", self.grpc(number(at))));
        let peers = peers.collect::<Vec<_>>().join(",");
        let mut command = self.site.command(&["run", &role.to_string()]);
        command
            .env("NATS_URL", url.trim())
            .env("TRIBUTARY_NATS_CREDENTIALS", data.join("credentials"))
            .env("TRIBUTARY_PEERS", peers)
            .args([format!("--listen-http=127.0.0.1:{base}")])
            .args([format!("--listen-api=127.0.0.1:{}", base + 1)])
            .args([format!("--listen-admin=127.0.0.1:{}", base + 2 + place)])
            .args([format!("--listen-grpc=127.0.0.1:{}", base + 9 + place)]);
        let child = command.spawn().expect("the binary is built: `cargo build -p tributary`");
        self.roles.insert((role, which), child);
    }

    /// Waits until the first process of a role is ready.
    pub async fn until_ready(&self, role: Role) {
        self.site.until_ready(self.ports + 2 + number(place_of(role))).await;
    }

    /// SIGKILL to the first process of a role.
    pub fn kill(&mut self, role: Role) {
        let mut child = self.roles.remove(&(role, Which::First)).expect("it runs");
        child.kill().expect("the process is ours");
        child.wait().expect("the process is ours");
    }

    /// The first process of each role, for whoever weighs them.
    pub fn pids(&self) -> Vec<(Role, u32)> {
        let first = self.roles.iter().filter(|((_, which), _)| *which == Which::First);
        first.map(|((role, _), child)| (*role, child.id())).collect()
    }

    /// What each role's first process tells Prometheus.
    pub async fn metrics_of(&self, role: Role) -> String {
        self.site.metrics_at(self.ports + 2 + number(place_of(role))).await
    }

    /// Reads the same from the admin port of each role's first process.
    ///
    /// # Errors
    /// When one does not answer.
    pub async fn look_at_all(&self, path: &str) -> anyhow::Result<Vec<serde_json::Value>> {
        let ports = (0..Role::ALL.len()).map(|place| self.ports + 2 + number(place));
        let looks = ports.map(|admin| self.site.look_at(admin, path));
        let mut told = Vec::new();
        for look in looks {
            told.push(look.await?);
        }
        Ok(told)
    }

    /// SIGSTOP: the process stands where it is and knows nothing of it.
    pub fn freeze(&self, role: Role, which: Which) {
        self.signal(role, which, "-STOP");
    }

    /// SIGCONT to a process that stands.
    pub fn thaw(&self, role: Role, which: Which) {
        self.signal(role, which, "-CONT");
    }

    /// Where one of the processes of channel-ingest takes webhooks.
    pub fn http(&self, which: Which) -> String {
        format!("http://127.0.0.1:{}", self.base(which))
    }

    fn signal(&self, role: Role, which: Which, signal: &str) {
        let pid = self.roles[&(role, which)].id().to_string();
        let ended = Command::new("kill").args([signal, &pid]).status().expect("kill is installed");
        assert!(ended.success(), "the process is ours");
    }

    fn base(&self, which: Which) -> u16 {
        match which {
            Which::First => self.ports,
            Which::Second => self.ports + PORTS,
        }
    }

    fn grpc(&self, place: u16) -> String {
        format!("http://127.0.0.1:{}", self.ports + 9 + place)
    }
}

fn place_of(role: Role) -> usize {
    Role::ALL.iter().position(|known| *known == role).unwrap_or_default()
}

fn number(place: usize) -> u16 {
    u16::try_from(place).unwrap_or_default()
}

impl Drop for Split {
    fn drop(&mut self) {
        self.site.tell();
        for child in self.roles.values_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
        // It ends its server when it is asked to.
        let _ = Command::new("kill").arg(self.nats.id().to_string()).status();
        let _ = self.nats.wait();
    }
}
