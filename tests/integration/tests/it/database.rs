//! What goes wrong with the database under a running suite.

use crate::shop;
use ground::Postgres;
use integration::{Order, Outside, World, effort, eventually};
use runtime::Role;
use simulators::http::Item;
use sqlx::{AnyConnection, Connection, Executor};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Ends every connection but one's own.
const CUT: &str = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()";

/// Ends every connection to the database, so many times.
pub(crate) async fn cut_connections(url: &str, times: usize) {
    for _ in 0..times {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let mut admin = AnyConnection::connect(url).await.unwrap();
        admin.execute(CUT).await.unwrap();
        admin.close().await.unwrap();
    }
}

/// Another process holds the write lock of every read model for a while.
pub(crate) async fn lock_files(world: &World, locked: Duration) {
    let mut locks = Vec::new();
    for reader in world.spine.readers.all() {
        let file = reader.model().store.file().unwrap().to_owned();
        let mut lock = AnyConnection::connect(&format!("sqlite://{}", file.display())).await.unwrap();
        lock.execute("PRAGMA busy_timeout = 5000").await.unwrap();
        lock.execute("BEGIN IMMEDIATE").await.unwrap();
        locks.push(lock);
    }
    tokio::time::sleep(locked).await;
    for mut lock in locks {
        lock.execute("ROLLBACK").await.unwrap();
        lock.close().await.unwrap();
    }
}

const KILLS: (usize, usize) = (3, 20);
const CUSTOMERS: u32 = 6;
/// Connections of a database whose last ones somebody else takes.
const FEW: u16 = 150;
/// When so many are taken, all others are cut, the taken ones among them, and whoever is faster has them.
const CUT_AT: usize = 20;
/// Longer than a pool waits for a connection.
const TAKEN: Duration = Duration::from_secs(12);

/// The suite on a Postgres of its own, while customers write.
struct Scene {
    world: World,
    outside: Arc<Outside>,
    writing: CancellationToken,
    customers: JoinSet<()>,
}

impl Scene {
    async fn begin(database: &Postgres) -> Self {
        sqlx::any::install_default_drivers();
        let world = World::start(&database.place(), &Role::ALL).await;
        let outside = Arc::new(world.furnish(&shop()).await);
        let (writing, mut customers) = (CancellationToken::new(), JoinSet::new());
        for customer in 0..CUSTOMERS {
            customers.spawn(write(outside.clone(), customer, writing.clone()));
        }
        Self { world, outside, writing, customers }
    }

    /// Waits until some more of what they write is taken.
    async fn until_more_is_taken(&self) {
        let taken =
            || self.outside.ledger.all_sent().iter().filter(|sent| sent.acknowledged.is_some()).count();
        let wanted = taken() + 2 * CUSTOMERS as usize;
        eventually("more messages to be taken", async || (taken() >= wanted).then_some(())).await;
    }

    async fn end(self) {
        self.writing.cancel();
        self.customers.join_all().await;
        self.world.everything_is_there_once(&self.outside, Order::Kept).await;
        self.world.every_model_equals_the_log().await;
        assert!(self.world.parked().await.is_empty());
        self.world.stop().await;
    }
}

async fn write(outside: Arc<Outside>, customer: u32, writing: CancellationToken) {
    let mut number = 0;
    while !writing.is_cancelled() {
        let text = format!("退货运费谁承担？（{number}）");
        let id = format!("d-{customer}-{number}");
        outside.partner.post(&[Item { id, user: format!("u-{customer}"), text }]).await;
        number += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_is_killed_again_and_again_under_load_loses_and_doubles_nothing() {
    let Some(database) = Postgres::start(200).await else { return };
    let scene = Scene::begin(&database).await;
    for kill in 0..effort(KILLS) {
        scene.until_more_is_taken().await;
        // Each at another distance from what was taken before.
        tokio::time::sleep(Duration::from_millis((kill * 370 % 1_000) as u64)).await;
        database.kill();
        database.restart().await;
    }
    scene.until_more_is_taken().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_that_postgres_ends_for_another_s_sake_lose_and_double_nothing() {
    let Some(database) = Postgres::start(200).await else { return };
    let mut admin = connection(&database).await;
    let scene = Scene::begin(&database).await;
    // Whatever runs beside another is ended with a serialization failure rather than wait.
    admin
        .execute("ALTER DATABASE postgres SET default_transaction_isolation = 'serializable'")
        .await
        .unwrap();
    admin.execute(CUT).await.unwrap();
    for _ in 0..4 {
        scene.until_more_is_taken().await;
    }
    scene.end().await;
    let ended: i64 =
        sqlx::query_scalar("SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()")
            .fetch_one(&mut admin)
            .await
            .unwrap();
    println!("{ended} transactions were rolled back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_without_a_free_connection_and_one_that_holds_every_table_lose_and_double_nothing() {
    let Some(database) = Postgres::start(FEW).await else { return };
    let scene = Scene::begin(&database).await;
    scene.until_more_is_taken().await;
    // Somebody else takes every connection that is left, and those that the suite loses.
    let mut taken = vec![connection(&database).await];
    let began = Instant::now();
    while began.elapsed() < TAKEN {
        match AnyConnection::connect(&database.url()).await {
            Ok(connection) => taken.push(connection),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
        if taken.len() == CUT_AT {
            taken[0].execute(CUT).await.unwrap();
        }
    }
    assert!(taken.len() > CUT_AT, "only {} were taken", taken.len());
    drop(taken);
    scene.until_more_is_taken().await;
    // Then somebody locks every table, so that each connection of every pool waits.
    let mut admin =
        eventually("a connection", async || AnyConnection::connect(&database.url()).await.ok()).await;
    admin.execute("BEGIN").await.unwrap();
    // One of two who wait for each other is ended, and that may be this one.
    while admin.execute(LOCK_ALL).await.is_err() {
        admin.execute("ROLLBACK").await.unwrap();
        admin.execute("BEGIN").await.unwrap();
    }
    tokio::time::sleep(TAKEN).await;
    admin.execute("ROLLBACK").await.unwrap();
    scene.until_more_is_taken().await;
    scene.end().await;
}

const LOCK_ALL: &str = "DO $$ DECLARE one record; BEGIN
    SET LOCAL lock_timeout = '20s';
    FOR one IN SELECT schemaname, tablename FROM pg_tables
        WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2 LOOP
        EXECUTE format('LOCK TABLE %I.%I IN ACCESS EXCLUSIVE MODE', one.schemaname, one.tablename);
    END LOOP; END $$";

async fn connection(database: &Postgres) -> AnyConnection {
    sqlx::any::install_default_drivers();
    AnyConnection::connect(&database.url()).await.unwrap()
}
