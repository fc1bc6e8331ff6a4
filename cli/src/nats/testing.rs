//! What the tests with a real nats-server share: folders that leave no server behind, and a server with streams.

use super::home::Home;
use super::{Role, Running, Server, Settings};
use async_nats::jetstream::{self, stream};
use async_nats::{Client, ConnectOptions, Event};
use rustix::process::{Pid, Signal, kill_process};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_util::sync::CancellationToken;

/// A data folder. A test that fails leaves no server behind.
pub(super) struct Folder(TempDir);

impl Folder {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let Ok(home) = Home::prepare(self.path()) else { return };
        if matches!(home.lock(), Ok(None))
            && let Some(pid) = home.recorded_pid().and_then(Pid::from_raw)
        {
            let _gone = kill_process(pid, Signal::KILL);
        }
    }
}

/// A server with the suite's streams, gone with the test.
pub(super) struct World {
    pub(super) running: Option<Running>,
    shutdown: CancellationToken,
    folder: Folder,
}

impl World {
    pub(super) async fn new() -> Self {
        let folder = Folder::new();
        let shutdown = CancellationToken::new();
        let running = Server::start(&Settings::of(folder.path()), shutdown.clone()).await.unwrap();
        let world = Self { running: Some(running), shutdown, folder };
        let operator = jetstream::new(world.connect(Role::Operator).await.client);
        for part in 0..spine::PARTS {
            let log = (format!("LOG_1_{part}"), format!("log.1.{part}.>"), true);
            let inbound = (format!("INBOUND_{part}"), format!("inbound.{part}.>"), false);
            for (name, subject, grows_only) in [log, inbound] {
                make(&operator, &name, &subject, grows_only).await;
            }
        }
        make(&operator, "REFUSED", "refused.>", false).await;
        make(&operator, "LEADS", "leads.>", false).await;
        world
    }

    pub(super) async fn connect(&self, role: Role) -> Hand {
        let access = self.running.as_ref().unwrap().place.access(role);
        let seed = std::fs::read_to_string(&access.credentials).unwrap();
        self.connect_as(seed.trim(), &access.inbox_prefix).await
    }

    /// The data folder.
    pub(super) fn data(&self) -> &Path {
        self.folder.path()
    }

    /// Stops the server and starts it again on the same folder.
    pub(super) async fn again(mut self) -> Self {
        self.shutdown.cancel();
        self.running.take().unwrap().supervise().await;
        let shutdown = CancellationToken::new();
        let running = Server::start(&Settings::of(self.folder.path()), shutdown.clone()).await.unwrap();
        Self { running: Some(running), shutdown, folder: self.folder }
    }

    pub(super) async fn connect_as(&self, seed: &str, inbox_prefix: &str) -> Hand {
        let url = self.running.as_ref().unwrap().place.url.clone();
        let (send, complaints) = unbounded_channel();
        let client = ConnectOptions::with_nkey(seed.into())
            .custom_inbox_prefix(inbox_prefix)
            .event_callback(move |event| {
                let send = send.clone();
                async move {
                    if let Event::ServerError(error) = event {
                        let _nobody_listens = send.send(error.to_string());
                    }
                }
            })
            .connect(url)
            .await
            .unwrap();
        Hand { client, complaints }
    }

    pub(super) async fn end(mut self) {
        self.shutdown.cancel();
        self.running.take().unwrap().supervise().await;
    }
}

async fn make(operator: &jetstream::Context, name: &str, subject: &str, grows_only: bool) {
    let config = stream::Config {
        name: name.into(),
        subjects: vec![subject.into()],
        allow_direct: true,
        deny_delete: grows_only,
        deny_purge: grows_only,
        ..stream::Config::default()
    };
    operator.create_stream(config).await.unwrap();
}

/// One role's connection, and what the server says against it.
pub(super) struct Hand {
    pub(super) client: Client,
    pub(super) complaints: UnboundedReceiver<String>,
}

impl Hand {
    /// Whether the server let it subscribe; else it named the subject as refused.
    pub(super) async fn hears(&mut self, subject: &str) -> bool {
        let _subscription = self.client.subscribe(subject.to_owned()).await.unwrap();
        let named = format!("subscription to \"{}\"", subject.to_lowercase());
        let refused =
            async { while !self.complaints.recv().await.unwrap().to_lowercase().contains(&named) {} };
        // The server answers in order: whatever it says to the subscription comes before this.
        let answered = async {
            self.client.flush().await.unwrap();
            tokio::time::sleep(Duration::from_secs(2)).await;
        };
        tokio::select! {
            () = refused => false,
            () = answered => true,
        }
    }

    /// Whether a message to the subject was taken and answered; else the server named the subject as refused.
    pub(super) async fn may(&mut self, subject: &str, payload: &str) -> bool {
        let request = self.client.request(subject.to_owned(), payload.to_owned().into());
        let refused = async {
            loop {
                let complaint = self.complaints.recv().await.unwrap();
                if complaint.to_lowercase().contains(&format!("publish to \"{subject}\"").to_lowercase()) {
                    return;
                }
            }
        };
        let verdict = async {
            tokio::select! {
                () = refused => false,
                answer = request => { answer.unwrap_or_else(|e| panic!("{subject}: {e}")); true }
            }
        };
        tokio::time::timeout(Duration::from_secs(10), verdict).await.expect("an answer or a refusal")
    }
}
