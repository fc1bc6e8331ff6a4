//! The real binary as a process of its own, which can be killed.

use crate::site::Site;
use ground::Place;
use std::process::{Child, Command};

/// `tributary run` on fixed ports, started and killed as often as a journey wants. Its nats-server outlives a
/// kill and is adopted by the next start.
pub struct Process {
    /// What is asked of it.
    pub site: Site,
    child: Option<Child>,
    /// Webhooks, REST, probes, then gRPC with one for each role.
    ports: u16,
}

/// Three of its own and seven for gRPC.
const PORTS: u16 = 10;

impl Process {
    /// A process for this place, not yet started.
    ///
    /// # Panics
    /// When no ports are free; so do all functions here when the process does not do what it must.
    pub fn new(place: &Place) -> Self {
        let ports = ground::free_ports(PORTS);
        Self { site: Site::new(place, (ports, ports + 2)), child: None, ports }
    }

    /// Starts it and waits until it is ready.
    pub async fn start(&mut self) {
        let [http, api, admin, grpc] = [0, 1, 2, 3].map(|place| self.ports + place);
        let mut command = self.site.command(&["run"]);
        command
            .args([format!("--listen-http=127.0.0.1:{http}"), format!("--listen-api=127.0.0.1:{api}")])
            .args([format!("--listen-admin=127.0.0.1:{admin}"), format!("--listen-grpc=127.0.0.1:{grpc}")]);
        self.child = Some(command.spawn().expect("the binary is built: `cargo build -p tributary`"));
        self.site.until_ready(admin).await;
    }

    /// The process and, second, its nats-server, for whoever weighs them.
    pub fn pids(&self) -> [u32; 2] {
        let child = self.child.as_ref().expect("it runs").id();
        [child, self.site.nats_pid().expect("the process wrote its server's number down")]
    }

    /// Where it answers REST.
    pub fn api(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports + 1)
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("the process is ours");
        child.wait().expect("the process is ours");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.site.tell();
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        // The nats-server that outlived it, if the number is still its own.
        if let Some(pid) = self.site.nats_pid() {
            let _ = Command::new("kill").arg(pid.to_string()).status();
        }
    }
}
