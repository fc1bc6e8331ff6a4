//! A store: who may open it, what a transaction leaves, which types come back as they were written, what a file keeps.

use crate::notes::{NOTES, add, count, open, settings};
use ground::{holders, on_each};
use spine::Error;
use spine::db::{AnyQuery, Backend, Bulk, Checkpoint, Database, Double, Migration};
use sqlx::{Executor, Row};

const CREATE: Migration = Migration {
    version: 1,
    sqlite: "CREATE TABLE cursors (id TEXT PRIMARY KEY); CREATE TABLE others (id TEXT)",
    postgres: "CREATE TABLE cursors (id TEXT PRIMARY KEY); CREATE TABLE others (id TEXT)",
};
const EXTEND: Migration = Migration {
    version: 2,
    sqlite: "ALTER TABLE cursors ADD COLUMN at BIGINT",
    postgres: "ALTER TABLE cursors ADD COLUMN at BIGINT",
};

#[tokio::test]
async fn a_second_opener_of_a_sqlite_folder_is_refused_until_the_first_is_gone() {
    on_each(async |place| {
        let first = open(&place).await;
        if first.backend() == Backend::Sqlite {
            let second = Database::open(settings(&place)).await;
            assert!(matches!(second.err(), Some(Error::Locked { .. })));
        }
        drop(first);
        open(&place).await;
    })
    .await;
}

#[tokio::test]
async fn a_state_store_keeps_its_rows_over_a_migration() {
    on_each(async |place| {
        let database = open(&place).await;
        let store = database.state("cursors", &[CREATE]).await.unwrap();
        store.write().execute("INSERT INTO cursors (id) VALUES ('a')").await.unwrap();
        store.close().await;
        let store = database.state("cursors", &[CREATE, EXTEND]).await.unwrap();
        let row = sqlx::query("SELECT id, at FROM cursors").fetch_one(store.reads()).await.unwrap();
        assert_eq!((row.get::<String, _>(0), row.get::<Option<i64>, _>(1)), ("a".into(), None));
        database.state("cursors", &[CREATE, EXTEND]).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_damaged_file_is_named_at_once_with_what_to_do() {
    on_each(async |place| {
        let database = open(&place).await;
        if database.backend() != Backend::Sqlite {
            return;
        }
        let store = database.state("cursors", &[CREATE]).await.unwrap();
        let file = store.file().unwrap().to_owned();
        store.close().await;
        std::fs::write(&file, "garbage over the header").unwrap();
        let refused = database.state("cursors", &[CREATE]).await.err().unwrap();
        let Error::BrokenFile { path, remedy } = &refused else { panic!("{refused}") };
        assert!(path.ends_with("cursors.db") && remedy.contains("backup"), "{refused}");
    })
    .await;
}

#[tokio::test]
async fn a_state_store_of_a_newer_release_is_refused() {
    on_each(async |place| {
        let database = open(&place).await;
        database.state("cursors", &[CREATE, EXTEND]).await.unwrap();
        let older = database.state("cursors", &[CREATE]).await;
        assert!(matches!(older.err(), Some(Error::SchemaNewer { version: 2, known: 1, .. })));
    })
    .await;
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing_behind() {
    on_each(async |place| {
        let database = open(&place).await;
        let broken = "CREATE TABLE half (id TEXT); CREATE TABLE half (id TEXT)";
        let migration = Migration { version: 1, sqlite: broken, postgres: broken };
        assert!(database.state("broken", &[migration]).await.is_err());
        let store = database.state("broken", &[]).await.unwrap();
        assert!(sqlx::query("SELECT * FROM half").fetch_optional(store.reads()).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn a_dropped_transaction_leaves_nothing_and_holds_nobody_up() {
    on_each(async |place| {
        let model = open(&place).await.live(&NOTES).await.unwrap();
        let mut tx = model.store.begin().await.unwrap();
        tx.execute("INSERT INTO notes (id) VALUES ('lost')").await.unwrap();
        drop(tx);
        add(&model.store, "kept").await;
        assert_eq!(count(&model.store).await, 1);
    })
    .await;
}

#[tokio::test]
async fn readers_cannot_write() {
    on_each(async |place| {
        let model = open(&place).await.live(&NOTES).await.unwrap();
        assert!(model.store.reads().execute("INSERT INTO notes (id) VALUES ('x')").await.is_err());
        add(&model.store, "x").await;
    })
    .await;
}

#[tokio::test]
async fn every_portable_type_reads_back_as_written() {
    on_each(async |place| {
        let model = open(&place).await.live(&NOTES).await.unwrap();
        let text = "INSERT INTO notes (id, count, part, share, raw) VALUES ($1, $2, $3, $4, $5)";
        let raw = vec![0_u8, 255, 7];
        let query = sqlx::query(text).bind("留资").bind(i64::MAX).bind(7_i32).bind(0.1_f64).bind(raw.clone());
        query.execute(model.store.write()).await.unwrap();
        let row = sqlx::query("SELECT * FROM notes").fetch_one(model.store.reads()).await.unwrap();
        assert_eq!(row.get::<String, _>("id"), "留资");
        assert_eq!((row.get::<i64, _>("count"), row.get::<i32, _>("part")), (i64::MAX, 7));
        assert_eq!((row.get::<f64, _>("share"), row.get::<Vec<u8>, _>("raw")), (0.1, raw));
    })
    .await;
}

#[tokio::test]
async fn text_sorts_by_its_bytes() {
    on_each(async |place| {
        let model = open(&place).await.live(&NOTES).await.unwrap();
        for id in ["a", "B", "_", "é", "张"] {
            add(&model.store, id).await;
        }
        let sorted: Vec<String> = sqlx::query_scalar("SELECT id FROM notes ORDER BY id")
            .fetch_all(model.store.reads())
            .await
            .unwrap();
        assert_eq!(sorted, ["B", "_", "a", "é", "张"]);
    })
    .await;
}

#[tokio::test]
async fn a_missing_number_and_a_number_are_bound_to_one_statement() {
    on_each(async |place| {
        let store = open(&place).await.live(&NOTES).await.unwrap().store;
        for (id, share) in [("a", None), ("b", Some(1.5)), ("c", None)] {
            let query =
                sqlx::query("INSERT INTO notes (id, share) VALUES ($1, $2)").bind(id).bind(Double(share));
            query.execute(store.write()).await.unwrap();
        }
        let shares: Vec<Option<f64>> =
            sqlx::query_scalar("SELECT share FROM notes ORDER BY id").fetch_all(store.reads()).await.unwrap();
        assert_eq!(shares, [None, Some(1.5), None]);
    })
    .await;
}

#[tokio::test]
async fn many_rows_are_written_and_found_in_few_statements() {
    static ADD: Bulk = Bulk::new(
        "INSERT INTO notes (id, count)",
        2,
        "ON CONFLICT (id) DO UPDATE SET count = notes.count + excluded.count",
    );
    static FIND: Bulk = Bulk::new("SELECT id FROM notes WHERE (id, count) IN (", 2, ")");
    on_each(async |place| {
        let store = open(&place).await.live(&NOTES).await.unwrap().store;
        let rows: Vec<(String, i64)> = (0..1_111).map(|number| (format!("n{number}"), number)).collect();
        for _ in 0..2 {
            let mut tx = store.begin().await.unwrap();
            let bind = |query: AnyQuery, row: &(String, i64)| query.bind(row.0.clone()).bind(row.1);
            assert_eq!(ADD.write(&mut tx, &rows, bind).await.unwrap(), 1_111);
            tx.commit().await.unwrap();
        }
        let mut reader = store.reads().acquire().await.unwrap();
        let bind = |query: AnyQuery, row: &(String, i64)| query.bind(row.0.clone()).bind(row.1 * 2);
        assert_eq!(FIND.fetch(&mut reader, &rows, bind).await.unwrap().len(), 1_111);
        assert!(FIND.fetch(&mut reader, &[], bind).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_snapshot_sees_one_state_while_writing_goes_on() {
    on_each(async |place| {
        let model = open(&place).await.live(&NOTES).await.unwrap();
        add(&model.store, "a").await;
        let mut snapshot = model.store.snapshot().await.unwrap();
        add(&model.store, "b").await;
        let text = "SELECT COUNT(*) FROM notes";
        let seen: i64 = sqlx::query_scalar(text).fetch_one(snapshot.connection()).await.unwrap();
        assert_eq!((seen, count(&model.store).await), (1, 2));
        drop(snapshot);
        if place.is_sqlite() {
            let left = std::fs::read_dir(place.folder.join("snapshots")).unwrap().count();
            assert_eq!(left, 0, "the copy is deleted");
        }
    })
    .await;
}

#[tokio::test]
async fn a_look_sees_one_state_whatever_is_written_meanwhile() {
    on_each(async |place| {
        let model = open(&place).await.live(&NOTES).await.unwrap();
        add(&model.store, "a").await;
        let mut look = model.store.begin_reading().await.unwrap();
        for _ in 0..2 {
            let seen: i64 =
                sqlx::query_scalar("SELECT COUNT(*) FROM notes").fetch_one(&mut *look).await.unwrap();
            assert_eq!(seen, 1);
            add(&model.store, &spine::new_id().to_string()).await;
        }
        drop(look);
        assert_eq!(count(&model.store).await, 3);
    })
    .await;
}

#[tokio::test]
async fn a_checkpoint_says_when_a_reader_is_in_the_way() {
    on_each(async |place| {
        let model = open(&place).await.live(&NOTES).await.unwrap();
        add(&model.store, "a").await;
        if model.store.backend() == Backend::Postgres {
            assert_eq!(model.store.checkpoint().await.unwrap(), Checkpoint::NotOurs);
            return;
        }
        let mut reader = model.store.begin_reading().await.unwrap();
        sqlx::query("SELECT * FROM notes").fetch_all(&mut *reader).await.unwrap();
        add(&model.store, "b").await;
        assert_eq!(model.store.checkpoint().await.unwrap(), Checkpoint::ReaderInTheWay);
        reader.commit().await.unwrap();
        assert_eq!(model.store.checkpoint().await.unwrap(), Checkpoint::Truncated);
    })
    .await;
}

#[tokio::test]
async fn a_deleted_row_is_in_no_file_after_the_checkpoint() {
    on_each(async |place| {
        if !place.is_sqlite() {
            return;
        }
        let store = open(&place).await.live(&NOTES).await.unwrap().store;
        let secret = "+49 170 1234567";
        add(&store, secret).await;
        // A reader that took one row of many must not keep the old state either.
        sqlx::query("SELECT * FROM notes").fetch_optional(store.reads()).await.unwrap();
        assert!(!holders(&place.folder, secret).is_empty());
        store.write().execute("DELETE FROM notes").await.unwrap();
        assert_eq!(store.checkpoint().await.unwrap(), Checkpoint::Truncated);
        assert!(holders(&place.folder, secret).is_empty());
    })
    .await;
}
