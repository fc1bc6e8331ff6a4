//! The server's life, tried with a real one: ready, dead and back, adopted, replaced, stopped.

use super::home::Home;
use super::testing::Folder;
use super::{Access, Error, Role, Running, Server, Settings};
use async_nats::ConnectOptions;
use async_nats::jetstream::{self, stream};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

async fn start(settings: &Settings) -> (Running, CancellationToken) {
    let shutdown = CancellationToken::new();
    (Server::start(settings, shutdown.clone()).await.unwrap(), shutdown)
}

/// Starts the supervision; ending it stops the server.
fn supervise(running: Running) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(running.supervise());
    tasks
}

async fn end(mut tasks: JoinSet<()>, shutdown: &CancellationToken) {
    shutdown.cancel();
    tasks.join_next().await.unwrap().unwrap();
}

fn pid(data: &Path) -> Pid {
    let home = Home::prepare(data).unwrap();
    Pid::from_raw(home.recorded_pid().expect("the server wrote its number")).unwrap()
}

async fn operator(access: &Access) -> Option<jetstream::Context> {
    let seed = std::fs::read_to_string(&access.credentials).unwrap();
    let options = ConnectOptions::with_nkey(seed.trim().into()).custom_inbox_prefix(&access.inbox_prefix);
    Some(jetstream::new(options.connect(&access.url).await.ok()?))
}

/// Asks until the answer is yes.
async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let asked = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), asked).await.unwrap_or_else(|_| panic!("never: {what}"));
}

#[tokio::test]
async fn a_server_killed_is_back_on_its_port_with_its_messages() {
    let folder = Folder::new();
    let (running, shutdown) = start(&Settings::of(folder.path())).await;
    let access = running.place.access(Role::Operator);
    let before = operator(&access).await.unwrap();
    let config =
        stream::Config { name: "LOG_1_0".into(), subjects: vec!["log.1.0.>".into()], ..Default::default() };
    before.create_stream(config).await.unwrap();
    before.publish("log.1.0.shop.tenant.a", "kept".into()).await.unwrap().await.unwrap();
    let tasks = supervise(running);

    let first = pid(folder.path());
    kill_process(first, Signal::KILL).unwrap();

    eventually("the server is back", async || match operator(&access).await {
        Some(after) => match after.get_stream("LOG_1_0").await {
            Ok(stream) => stream.get_raw_message(1).await.is_ok_and(|m| m.payload == "kept"),
            Err(_) => false,
        },
        None => false,
    })
    .await;
    assert_ne!(pid(folder.path()), first);
    end(tasks, &shutdown).await;
}

#[tokio::test]
async fn the_shutdown_stops_the_server_and_frees_the_store() {
    let folder = Folder::new();
    let (running, shutdown) = start(&Settings::of(folder.path())).await;
    let process = pid(folder.path());
    end(supervise(running), &shutdown).await;
    assert!(test_kill_process(process).is_err(), "the process is gone");
    assert!(Home::prepare(folder.path()).unwrap().lock().unwrap().is_some());
}

#[tokio::test]
async fn a_server_that_outlived_its_parent_is_adopted_and_then_cared_for() {
    let folder = Folder::new();
    let (orphaned, _) = start(&Settings::of(folder.path())).await;
    let (url, process) = (orphaned.place.url.clone(), pid(folder.path()));
    drop(orphaned);

    let (running, shutdown) = start(&Settings::of(folder.path())).await;
    assert_eq!((running.place.url.clone(), pid(folder.path())), (url, process));
    let access = running.place.access(Role::Operator);
    assert_eq!(Access::recorded(folder.path(), Role::Operator).unwrap(), access);

    let tasks = supervise(running);
    kill_process(process, Signal::KILL).unwrap();
    eventually("the adopted server is back", async || {
        operator(&access).await.is_some() && pid(folder.path()) != process
    })
    .await;
    end(tasks, &shutdown).await;
}

#[tokio::test]
async fn an_adopted_server_is_stopped_by_the_shutdown() {
    let folder = Folder::new();
    drop(start(&Settings::of(folder.path())).await);
    let (running, shutdown) = start(&Settings::of(folder.path())).await;
    end(supervise(running), &shutdown).await;
    assert!(Home::prepare(folder.path()).unwrap().lock().unwrap().is_some());
}

#[tokio::test]
async fn an_orphan_with_an_older_configuration_is_replaced() {
    let folder = Folder::new();
    drop(start(&Settings::of(folder.path())).await);
    let process = pid(folder.path());
    let settings = Settings { memory_max_bytes: 512 << 20, ..Settings::of(folder.path()) };
    let (running, shutdown) = start(&settings).await;
    assert_ne!(pid(folder.path()), process);
    end(supervise(running), &shutdown).await;
}

#[tokio::test]
async fn a_later_start_keeps_the_port_while_it_is_free() {
    let folder = Folder::new();
    let mut urls = Vec::new();
    for _ in 0..2 {
        let (running, shutdown) = start(&Settings::of(folder.path())).await;
        urls.push(running.place.url.clone());
        end(supervise(running), &shutdown).await;
    }
    assert_eq!(urls[0], urls[1]);
}

#[tokio::test]
async fn a_wanted_port_that_is_taken_is_told() {
    let folder = Folder::new();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port();
    let settings = Settings { port, ..Settings::of(folder.path()) };
    let refusal = Server::start(&settings, CancellationToken::new()).await.err().unwrap();
    assert!(matches!(refusal, Error::PortTaken { port: p } if p == port), "{refusal}");
}

#[tokio::test]
async fn a_server_that_ends_while_it_starts_leaves_its_last_words() {
    let folder = Folder::new();
    let store = Home::prepare(folder.path()).unwrap().store();
    std::fs::write(store.join("jetstream"), "a file where a folder belongs").unwrap();
    let settings = Settings::of(folder.path());
    let refusal = Server::start(&settings, CancellationToken::new()).await.err().unwrap();
    assert!(
        matches!(&refusal, Error::Ended { last_words } if last_words.contains("storage directory")),
        "{refusal}"
    );
}

/// A program that says it is a nats-server and then never answers.
fn mute(folder: &Path) -> PathBuf {
    let path = folder.join("nats-server");
    let text = "#!/bin/sh\n[ \"$1\" = --version ] && exec echo 'nats-server: v2.15.2'\nexec sleep 600\n";
    let script = r#"printf %s "$0" >"$1" && chmod 755 "$1""#;
    // A shell writes it, so that no parallel test's child inherits the open file.
    let status = std::process::Command::new("sh").arg("-c").arg(script).arg(text).arg(&path).status();
    assert!(status.unwrap().success());
    path
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up_and_stopped() {
    let folder = Folder::new();
    let binary = Some(mute(folder.path()));
    let ready_within = Duration::from_millis(500);
    let settings = Settings { binary, ready_within, ..Settings::of(folder.path()) };
    let refusal = Server::start(&settings, CancellationToken::new()).await.err().unwrap();
    assert!(matches!(refusal, Error::NotReady { .. }), "{refusal}");
    assert!(Home::prepare(folder.path()).unwrap().lock().unwrap().is_some(), "it is stopped");
}

#[tokio::test]
async fn a_shutdown_while_the_server_starts_ends_the_start() {
    let folder = Folder::new();
    let settings = Settings { binary: Some(mute(folder.path())), ..Settings::of(folder.path()) };
    let shutdown = CancellationToken::new();
    let home = Home::prepare(folder.path()).unwrap();
    let cancel = async {
        eventually("the process holds the store", async || home.lock().unwrap().is_none()).await;
        shutdown.cancel();
    };
    let (started, ()) = tokio::join!(Server::start(&settings, shutdown.clone()), cancel);
    assert!(matches!(started, Err(Error::Stopped)));
    assert!(home.lock().unwrap().is_some(), "it is stopped");
}

#[tokio::test]
async fn a_stop_while_the_server_starts_is_heard_although_the_server_would_outlive_it() {
    let folder = Folder::new();
    let settings = Settings { binary: Some(mute(folder.path())), ..Settings::of(folder.path()) };
    let (stop, shutdown) = (CancellationToken::new(), CancellationToken::new());
    let home = Home::prepare(folder.path()).unwrap();
    let cancel = async {
        eventually("the process holds the store", async || home.lock().unwrap().is_none()).await;
        stop.cancel();
    };
    let (started, ()) = tokio::join!(Server::start_unless(&stop, &settings, &shutdown), cancel);
    assert!(matches!(started, Err(Error::Stopped)));
    assert!(home.lock().unwrap().is_some(), "it is stopped");
}

#[tokio::test]
async fn a_store_held_by_something_that_does_not_answer_is_not_touched() {
    let folder = Folder::new();
    let _held = Home::prepare(folder.path()).unwrap().lock().unwrap().unwrap();
    let settings = Settings { ready_within: Duration::from_millis(500), ..Settings::of(folder.path()) };
    let refusal = Server::start(&settings, CancellationToken::new()).await.err().unwrap();
    assert!(matches!(refusal, Error::Held { .. }), "{refusal}");
}
