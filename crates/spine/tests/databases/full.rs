//! A SQLite file that takes no more, and then does.

use crate::notes::open;
use ground::on_each;
use spine::db::{Migration, Store};

const PAPERS: [Migration; 1] =
    [Migration::portable(1, "CREATE TABLE papers (id BIGINT PRIMARY KEY, words TEXT NOT NULL)")];

async fn write(store: &Store, id: i64) -> Result<(), spine::Error> {
    let mut tx = store.begin().await?;
    let words = "纸".repeat(20_000);
    let failed = spine::Error::database("write a paper");
    sqlx::query("INSERT INTO papers VALUES ($1, $2)")
        .bind(id)
        .bind(words)
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
    tx.commit().await.map_err(spine::Error::database("commit a paper"))
}

#[tokio::test]
async fn a_full_file_refuses_what_has_no_room_and_goes_on_when_there_is_room() {
    on_each(async |place| {
        if !place.is_sqlite() {
            return;
        }
        let store = open(&place).await.state("papers", &PAPERS).await.unwrap();
        write(&store, 0).await.unwrap();
        // As a disk without room would: the one connection that writes may not make the file longer.
        let full = "PRAGMA max_page_count = 60";
        sqlx::query(full).execute(store.write()).await.unwrap();
        let mut refused = 0;
        for id in 1..10 {
            refused += usize::from(write(&store, id).await.is_err());
        }
        assert!(refused > 0, "60 pages hold all of it");
        let room = "PRAGMA max_page_count = 4294967294";
        sqlx::query(room).execute(store.write()).await.unwrap();
        for id in 10..20 {
            write(&store, id).await.unwrap();
        }
        let count: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM papers").fetch_one(store.reads()).await.unwrap();
        assert_eq!(usize::try_from(count).unwrap(), 20 - refused, "what was refused left nothing");
    })
    .await;
}
