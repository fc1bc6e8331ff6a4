//! Transactions that somebody stops waiting for, and some that stand still.

use crate::notes::{open, settings};
use ground::{eventually, on_each};
use spine::db::{Backend, Database, Migration, Store, may_retry};
use std::pin::pin;
use std::time::Duration;

const CREATE: Migration =
    Migration::portable(1, "CREATE TABLE rows (id BIGINT PRIMARY KEY, count BIGINT NOT NULL)");
const LOOKS_MAX: usize = 40;

/// Looks at the future so many times, half of them with a pause, and then drops it. Whether it was done by then.
async fn desert<T>(future: impl Future<Output = T>, looks: usize) -> bool {
    let mut future = pin!(future);
    for look in 0..looks {
        if futures::poll!(future.as_mut()).is_ready() {
            return true;
        }
        if look % 2 == 0 {
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    false
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
        let mut done = 0;
        for looks in 1..=LOOKS_MAX {
            done += usize::from(desert(store.begin(), looks).await);
            done += usize::from(desert(store.begin_reading(), looks).await);
            add(&store, looks).await;
            assert_eq!(count(&store).await, looks as i64, "after {looks} looks");
        }
        assert!(done > 0, "none was deserted late");
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
        let mut standing = raise(&store, 1).await;
        let next = tokio::time::timeout(Duration::from_secs(20), raise(&store, 1)).await;
        next.expect("the row is free").commit().await.unwrap();
        let ended = sqlx::query("SELECT 1").execute(&mut *standing).await.unwrap_err();
        assert!(may_retry(&ended), "{ended}");
        assert!(standing.commit().await.is_err());
        let found = eventually("a connection", async || {
            sqlx::query_scalar::<_, i64>("SELECT count FROM rows").fetch_one(store.reads()).await.ok()
        });
        assert_eq!(found.await, 1);
    })
    .await;
}
