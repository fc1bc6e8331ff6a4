//! A log that lost its end, was put back to an older copy, or was made anew: who has read it stops and says so.

use crate::counter::{Counter, add};
use crate::load::{address, cause};
use futures::future::BoxFuture;
use ground::{Place, Server, on_each};
use spine::db::ModelSpec;
use spine::keys::KeySettings;
use spine::log::Consumption;
use spine::read::Status;
use spine::{Address, Entity, Error, Log, Projector, Reader, Recorded, Spine};
use sqlx::AnyConnection;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// A role that only counts its positions.
struct Counting;

impl Projector for Counting {
    fn spec(&self) -> ModelSpec {
        ModelSpec { name: "counting", version: 1, schema: &[] }
    }

    fn kinds(&self) -> &'static [&'static str] {
        &[Counter::KIND]
    }

    fn apply<'a>(
        &'a self,
        _: &'a mut AnyConnection,
        _: &'a [Arc<Recorded>],
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }
}

/// A process: its tail and its one reader, and what they ended with.
struct Process {
    spine: Spine,
    reader: Reader,
    stop: CancellationToken,
    tail: JoinSet<Result<(), Error>>,
    reading: JoinSet<Result<(), Error>>,
}

impl Process {
    async fn start(place: &Place, server: &Server) -> Self {
        let spine = place.below("data").spine(server.log().await, KeySettings::default()).await;
        let reader = spine.reader(Arc::new(Counting)).await.unwrap();
        let stop = CancellationToken::new();
        let (mut tail, mut reading) = (JoinSet::new(), JoinSet::new());
        {
            let (spine, stop) = (spine.clone(), stop.clone());
            tail.spawn(async move { spine.tail.run(&spine.log, &stop).await });
        }
        {
            let (reader, stop) = (reader.clone(), stop.clone());
            reading.spawn(async move { reader.run(&stop).await });
        }
        Self { spine, reader, stop, tail, reading }
    }

    async fn stop(mut self) {
        self.stop.cancel();
        self.tail.join_next().await.unwrap().unwrap().unwrap();
        self.reading.join_next().await.unwrap().unwrap().unwrap();
        self.close().await;
    }

    async fn close(self) {
        self.stop.cancel();
        drop((self.tail, self.reading));
        self.reader.let_go().await.unwrap();
        self.spine.database.close().await;
    }

    /// The reader ends, names the loss and the part, and shows it to whoever asks how it is.
    async fn stops_for_a_lost_log(mut self, part: u8) {
        let ended = tokio::time::timeout(ground::PATIENCE, self.reading.join_next()).await;
        let error = ended.expect("the reader stops").unwrap().unwrap().unwrap_err();
        assert!(matches!(error, Error::LogLost { .. }), "{error:?}");
        assert!(error.to_string().contains(&format!("part {part} ")), "{error}");
        let statuses = self.reader.statuses().borrow().clone();
        assert!(statuses.values().all(|status| matches!(status, Status::Stopped { .. })), "{statuses:?}");
        self.close().await;
    }
}

async fn append(log: &Log, address: &Address, count: u64) {
    for number in 0..count {
        log.transact(address, &cause(), |state: &Counter| add(state, number)).await.unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    assert!(Command::new("cp").arg("-r").arg(from).arg(to).status().unwrap().success());
}

/// A log that was read up to its tenth message, with a copy of its store from when it had six.
struct Read {
    place: Place,
    server: Server,
    address: Address,
}

impl Read {
    async fn prepare(place: &Place) -> Self {
        let mut server = Server::start_in(&place.folder.join("nats")).await;
        let address = address();
        append(&server.log().await, &address, 6).await;
        server.kill();
        copy(&server.folder().join("store"), &place.folder.join("older"));
        server.restart().await;
        append(&server.log().await, &address, 4).await;
        Self { place: place.clone(), server, address }
    }

    async fn read(place: &Place) -> Self {
        let read = Self::prepare(place).await;
        let process = Process::start(place, &read.server).await;
        ground::caught_up(&process.spine).await;
        process.stop().await;
        read
    }

    /// Puts the older copy back, or nothing at all.
    async fn put_back(&mut self, older: bool) {
        self.server.kill();
        self.put_back_stopped(older);
        self.server.restart().await;
    }

    /// As [`Read::put_back`], of a server that is killed.
    fn put_back_stopped(&self, older: bool) {
        let store = self.server.folder().join("store");
        std::fs::remove_dir_all(&store).unwrap();
        if older {
            copy(&self.place.folder.join("older"), &store);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_a_log_that_lost_its_end_stops_and_says_so() {
    on_each(async |place: Place| {
        let mut read = Read::read(&place).await;
        read.put_back(true).await;
        let process = Process::start(&place, &read.server).await;
        process.stops_for_a_lost_log(read.address.part).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_a_log_that_was_put_back_and_grew_beyond_its_place_stops_and_says_so() {
    on_each(async |place: Place| {
        let mut read = Read::read(&place).await;
        read.put_back(true).await;
        append(&read.server.log().await, &read.address, 9).await;
        let process = Process::start(&place, &read.server).await;
        process.stops_for_a_lost_log(read.address.part).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_a_log_that_was_made_anew_stops_and_says_so() {
    on_each(async |place: Place| {
        let mut read = Read::read(&place).await;
        read.put_back(false).await;
        append(&read.server.log().await, &read.address, 12).await;
        let process = Process::start(&place, &read.server).await;
        process.stops_for_a_lost_log(read.address.part).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_whose_log_loses_its_end_while_it_reads_stops_and_says_so() {
    on_each(async |place: Place| {
        let mut read = Read::prepare(&place).await;
        let mut process = Process::start(&place, &read.server).await;
        ground::caught_up(&process.spine).await;
        append(&process.spine.log, &read.address, 1).await;
        ground::caught_up(&process.spine).await;
        read.put_back(true).await;
        let ended = tokio::time::timeout(ground::PATIENCE, process.tail.join_next()).await;
        let error = ended.expect("the tail stops").unwrap().unwrap().unwrap_err();
        assert!(matches!(error, Error::LogLost { .. }), "{error:?}");
        process.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_that_finds_another_message_in_its_place_delivers_nothing_after_it() {
    on_each(async |place: Place| {
        if !place.is_sqlite() {
            return;
        }
        let mut read = Read::prepare(&place).await;
        let nats = read.server.nats().await;
        let mut reading = Consumption::of_log(&nats, read.address.stream(), 1);
        for sequence in 1..=10 {
            assert_eq!(reading.next().await.unwrap().sequence, sequence);
        }
        // Its connection is lost with the server, and finds a log that has grown beyond its place.
        read.server.kill();
        read.put_back_stopped(true);
        // Another server on the same store, while nobody reaches the first.
        let aside = Server::start_in(read.server.folder()).await;
        append(&aside.log().await, &read.address, 9).await;
        drop(aside);
        read.server.restart().await;
        let found = reading.next().await;
        assert!(matches!(found, Err(Error::LogLost { .. })), "{found:?}");
    })
    .await;
}
