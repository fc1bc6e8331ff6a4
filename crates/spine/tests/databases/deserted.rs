//! Transactions that somebody stops waiting for, and some that stand still.

use crate::notes::{open, settings};
use ground::{eventually, on_each};
use spine::db::{Backend, Database, Migration, Store};
use std::pin::pin;
use std::time::Duration;

const CREATE: Migration =
    Migration::portable(1, "CREATE TABLE rows (id BIGINT PRIMARY KEY, count BIGINT NOT NULL)");
/// The beginning of a transaction is over after fewer looks at it.
const LOOKS_MAX: usize = 40;

/// Looks at the future so many times and then drops it.
async fn desert<T>(future: impl Future<Output = T>, looks: usize) {
    let mut future = pin!(future);
    for _ in 0..looks {
        if futures::poll!(future.as_mut()).is_ready() {
            return;
        }
        tokio::task::yield_now().await;
    }
}

async fn add(store: &Store, id: usize) {
    let insert = sqlx::query("INSERT INTO rows (id, count) VALUES ($1, 0)").bind(id as i64);
    insert.execute(store.write()).await.unwrap();
}

async fn count(store: &Store) -> i64 {
    sqlx::query_scalar("SELECT COUNT(*) FROM rows").fetch_one(store.reads()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_beginning_that_nobody_waits_for_leaves_no_connection_in_a_transaction() {
    on_each(async |place| {
        let database = open(&place).await;
        let store = database.state("rows", &[CREATE]).await.unwrap();
        for looks in 1..=LOOKS_MAX {
            desert(store.begin(), looks).await;
            desert(store.begin_reading(), looks).await;
            add(&store, looks).await;
            assert_eq!(count(&store).await, looks as i64, "after {looks} looks");
        }
    })
    .await;
}

async fn raise(store: &Store, id: i64) -> sqlx::Transaction<'static, sqlx::Any> {
    let mut tx = store.begin().await.unwrap();
    let raise = sqlx::query("UPDATE rows SET count = count + 1 WHERE id = $1").bind(id);
    raise.execute(&mut *tx).await.unwrap();
    tx
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_rests_too_long_leaves_its_rows_to_others_and_cannot_be_committed() {
    on_each(async |place| {
        let mut settings = settings(&place);
        settings.limits.rest_ms_max = 300;
        let database = Database::open(settings).await.unwrap();
        if database.backend() == Backend::Sqlite {
            return;
        }
        let store = database.state("rows", &[CREATE]).await.unwrap();
        add(&store, 1).await;
        let standing = raise(&store, 1).await;
        let next = tokio::time::timeout(Duration::from_secs(20), raise(&store, 1)).await;
        next.expect("the row is free").commit().await.unwrap();
        assert!(standing.commit().await.is_err());
        let found = eventually("a connection", async || {
            sqlx::query_scalar::<_, i64>("SELECT count FROM rows").fetch_one(store.reads()).await.ok()
        });
        assert_eq!(found.await, 1);
    })
    .await;
}
