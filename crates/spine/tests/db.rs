//! Stores and read models on SQLite, and on Postgres when `TEST_DATABASE_URL` names one.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod databases;

use databases::{files_hold, on_each};
use spine::Error;
use spine::db::{
    AnyQuery, Backend, Bulk, Checkpoint, DIFFERENCES_MAX, Database, DifferenceKind, Double, Liveness,
    Migration, ModelSpec, Slot, SlotState, Store, TableSpec, diff, tables,
};
use sqlx::{Executor, Row};

const NOTES: ModelSpec = ModelSpec {
    name: "notes",
    version: 1,
    schema: &[
        "CREATE TABLE notes (id TEXT PRIMARY KEY, count BIGINT, part INTEGER, share DOUBLE PRECISION, raw BLOB)",
        "CREATE INDEX notes_count ON notes (count)",
    ],
};
const NOTES_2: ModelSpec = ModelSpec { version: 2, ..NOTES };
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

async fn add(store: &Store, id: &str) {
    let mut tx = store.begin().await.unwrap();
    sqlx::query("INSERT INTO notes (id, count) VALUES ($1, 1)").bind(id).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
}

async fn count(store: &Store) -> i64 {
    sqlx::query_scalar("SELECT COUNT(*) FROM notes").fetch_one(store.reads()).await.unwrap()
}

#[tokio::test]
async fn a_second_opener_of_a_sqlite_folder_is_refused_until_the_first_is_gone() {
    on_each(async |place| {
        let first = place.open().await;
        if first.backend() == Backend::Sqlite {
            let second = Database::open(place.settings()).await;
            assert!(matches!(second.err(), Some(Error::Locked { .. })));
        }
        drop(first);
        place.open().await;
    })
    .await;
}

#[tokio::test]
async fn a_state_store_keeps_its_rows_over_a_migration() {
    on_each(async |place| {
        let database = place.open().await;
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
async fn a_state_store_of_a_newer_release_is_refused() {
    on_each(async |place| {
        let database = place.open().await;
        database.state("cursors", &[CREATE, EXTEND]).await.unwrap();
        let older = database.state("cursors", &[CREATE]).await;
        assert!(matches!(older.err(), Some(Error::SchemaNewer { version: 2, known: 1, .. })));
    })
    .await;
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing_behind() {
    on_each(async |place| {
        let database = place.open().await;
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
        let model = place.open().await.live(&NOTES).await.unwrap();
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
        let model = place.open().await.live(&NOTES).await.unwrap();
        assert!(model.store.reads().execute("INSERT INTO notes (id) VALUES ('x')").await.is_err());
        add(&model.store, "x").await;
    })
    .await;
}

#[tokio::test]
async fn every_portable_type_reads_back_as_written() {
    on_each(async |place| {
        let model = place.open().await.live(&NOTES).await.unwrap();
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
        let model = place.open().await.live(&NOTES).await.unwrap();
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
async fn a_model_is_live_from_its_first_start_and_keeps_its_rows() {
    on_each(async |place| {
        let database = place.open().await;
        let model = database.live(&NOTES).await.unwrap();
        assert_eq!((model.liveness, model.slot), (Liveness::Live, Slot { version: 1, number: 0 }));
        add(&model.store, "a").await;
        model.store.close().await;
        drop((model, database));
        let model = place.open().await.live(&NOTES).await.unwrap();
        assert_eq!((model.liveness, count(&model.store).await), (Liveness::Live, 1));
    })
    .await;
}

#[tokio::test]
async fn a_new_version_fills_beside_the_live_one_until_the_switch_and_goes_back_by_it() {
    on_each(async |place| {
        let database = place.open().await;
        let old = database.live(&NOTES).await.unwrap();
        add(&old.store, "a").await;
        let new = database.live(&NOTES_2).await.unwrap();
        assert_eq!(new.liveness, Liveness::Behind { live: old.slot });
        assert_eq!(count(&new.store).await, 0);
        assert_eq!(database.pointer("notes").await.unwrap().unwrap().live, old.slot);

        let again = database.live(&NOTES_2).await.unwrap();
        assert_eq!((again.slot, again.liveness), (new.slot, new.liveness), "a restart goes on filling");

        let pointer = database.switch(&new).await.unwrap();
        assert_eq!((pointer.live, pointer.previous), (new.slot, Some(old.slot)));
        assert_eq!(database.switch(&new).await.unwrap(), pointer);
        assert_eq!(database.live(&NOTES_2).await.unwrap().liveness, Liveness::Live);

        let pointer = database.switch_back("notes").await.unwrap();
        assert_eq!((pointer.live, pointer.previous), (old.slot, Some(new.slot)));
        let old = database.live(&NOTES).await.unwrap();
        assert_eq!((old.liveness, count(&old.store).await), (Liveness::Live, 1));
    })
    .await;
}

#[tokio::test]
async fn a_slot_beside_is_empty_and_only_what_is_not_live_is_dropped() {
    on_each(async |place| {
        let database = place.open().await;
        assert!(database.beside(&NOTES).await.is_err());
        let live = database.live(&NOTES).await.unwrap();
        add(&live.store, "a").await;
        let beside = database.beside(&NOTES).await.unwrap();
        assert_eq!((beside.slot, count(&beside.store).await), (Slot { version: 1, number: 1 }, 0));
        let states = async || -> Vec<_> {
            database
                .models()
                .await
                .unwrap()
                .into_iter()
                .map(|place| (place.slot.number, place.state))
                .collect()
        };
        assert_eq!(states().await, [(0, SlotState::Live), (1, SlotState::Beside)]);

        assert!(database.drop_model("notes", live.slot).await.is_err());
        database.switch(&beside).await.unwrap();
        assert_eq!(states().await, [(0, SlotState::Previous), (1, SlotState::Live)]);
        database.drop_model("notes", live.slot).await.unwrap();
        assert_eq!(states().await, [(1, SlotState::Live)]);
        assert!(database.switch_back("notes").await.is_err());
    })
    .await;
}

#[tokio::test]
async fn replicas_that_start_at_once_meet_at_one_slot() {
    on_each(async |place| {
        let database = place.open().await;
        let other = if place.url.is_some() { place.open().await } else { database.clone() };
        let (a, b) = tokio::join!(database.live(&NOTES), other.live(&NOTES));
        let (a, b) = (a.unwrap(), b.unwrap());
        assert_eq!((a.slot, a.liveness), (b.slot, b.liveness));
        let (a, b) = tokio::join!(database.live(&NOTES_2), other.live(&NOTES_2));
        assert_eq!(a.unwrap().slot, b.unwrap().slot);
    })
    .await;
}

#[tokio::test]
async fn changed_tables_under_an_old_version_are_refused() {
    on_each(async |place| {
        let database = place.open().await;
        database.live(&NOTES).await.unwrap();
        let changed = ModelSpec { schema: &["CREATE TABLE notes (id TEXT)"], ..NOTES };
        assert!(matches!(database.live(&changed).await.err(), Some(Error::SchemaChanged { version: 1, .. })));
    })
    .await;
}

#[tokio::test]
async fn every_model_has_the_tables_of_the_spine() {
    on_each(async |place| {
        let model = place.open().await.live(&NOTES).await.unwrap();
        for table in ["positions", "parked", "due"] {
            let text = sqlx::AssertSqlSafe(format!("SELECT * FROM {table}"));
            assert!(sqlx::query(text).fetch_optional(model.store.reads()).await.unwrap().is_none());
        }
    })
    .await;
}

#[tokio::test]
async fn a_snapshot_sees_one_state_while_writing_goes_on() {
    on_each(async |place| {
        let model = place.open().await.live(&NOTES).await.unwrap();
        add(&model.store, "a").await;
        let mut snapshot = model.store.snapshot().await.unwrap();
        add(&model.store, "b").await;
        let text = "SELECT COUNT(*) FROM notes";
        let seen: i64 = sqlx::query_scalar(text).fetch_one(snapshot.connection()).await.unwrap();
        assert_eq!((seen, count(&model.store).await), (1, 2));
        drop(snapshot);
        if place.url.is_none() {
            let left = std::fs::read_dir(place.folder.join("snapshots")).unwrap().count();
            assert_eq!(left, 0, "the copy is deleted");
        }
    })
    .await;
}

#[tokio::test]
async fn a_checkpoint_says_when_a_reader_is_in_the_way() {
    on_each(async |place| {
        let model = place.open().await.live(&NOTES).await.unwrap();
        add(&model.store, "a").await;
        if model.store.backend() == Backend::Postgres {
            assert_eq!(model.store.checkpoint().await.unwrap(), Checkpoint::NotOurs);
            return;
        }
        let mut reader = model.store.reads().begin().await.unwrap();
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
        if place.url.is_some() {
            return;
        }
        let store = place.open().await.live(&NOTES).await.unwrap().store;
        let secret = "+49 170 1234567";
        add(&store, secret).await;
        // A reader that took one row of many must not keep the old state either.
        sqlx::query("SELECT * FROM notes").fetch_optional(store.reads()).await.unwrap();
        assert!(files_hold(&place.folder, secret.as_bytes()));
        store.write().execute("DELETE FROM notes").await.unwrap();
        assert_eq!(store.checkpoint().await.unwrap(), Checkpoint::Truncated);
        assert!(!files_hold(&place.folder, secret.as_bytes()));
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
        let store = place.open().await.live(&NOTES).await.unwrap().store;
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
async fn two_models_are_compared_row_for_row() {
    on_each(async |place| {
        let database = place.open().await;
        let left = database.live(&NOTES).await.unwrap().store;
        let right = database.beside(&NOTES).await.unwrap().store;
        for (store, text) in [
            (
                &left,
                "INSERT INTO notes (id, count, share, raw) VALUES ('a', 1, 0.5, NULL), ('B', 2, 1, NULL)",
            ),
            (
                &right,
                "INSERT INTO notes (id, count, share, raw) VALUES ('a', 3, 0.5, NULL), ('c', 2, 1, NULL)",
            ),
        ] {
            store.write().execute(text).await.unwrap();
        }
        let tables = [TableSpec::new("notes", &["id"], &[])];
        let (mut a, mut b) = (left.connection().await.unwrap(), right.connection().await.unwrap());
        let found = diff(&mut a, &mut b, &tables).await.unwrap();
        let kinds: Vec<(&str, &DifferenceKind)> =
            found.differences.iter().map(|found| (found.key[0].as_str(), &found.kind)).collect();
        let value =
            DifferenceKind::Value { column: "count".into(), left: Some("1".into()), right: Some("3".into()) };
        let expected = [("B", &DifferenceKind::OnlyLeft), ("a", &value), ("c", &DifferenceKind::OnlyRight)];
        assert_eq!((found.rows, kinds.as_slice()), (3, expected.as_slice()));

        let ignoring = [TableSpec::new("notes", &["id"], &["count"])];
        assert_eq!(diff(&mut a, &mut b, &ignoring).await.unwrap().differences.len(), 2);
        let mut again = left.connection().await.unwrap();
        assert!(diff(&mut a, &mut again, &tables).await.unwrap().differences.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_comparison_stops_at_its_limit() {
    on_each(async |place| {
        let database = place.open().await;
        let left = database.live(&NOTES).await.unwrap().store;
        let right = database.beside(&NOTES).await.unwrap().store;
        static ADD: Bulk = Bulk::new("INSERT INTO notes (id)", 1, "");
        let rows: Vec<String> = (0..DIFFERENCES_MAX + 100).map(|number| number.to_string()).collect();
        let mut tx = left.begin().await.unwrap();
        ADD.write(&mut tx, &rows, |query, id| query.bind(id.clone())).await.unwrap();
        tx.commit().await.unwrap();
        let (mut a, mut b) = (left.connection().await.unwrap(), right.connection().await.unwrap());
        let found = diff(&mut a, &mut b, &[TableSpec::new("notes", &["id"], &[])]).await.unwrap();
        assert!(found.stopped && found.differences.len() == DIFFERENCES_MAX);
        // The connection is of use afterwards.
        assert!(!tables(&mut a).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn the_tables_of_a_model_are_known_with_their_keys() {
    on_each(async |place| {
        let store = place.open().await.live(&NOTES).await.unwrap().store;
        let mut snapshot = store.snapshot().await.unwrap();
        let found = tables(snapshot.connection()).await.unwrap();
        let names: Vec<&str> = found.iter().map(|table| table.name.as_str()).collect();
        assert_eq!(names, ["about", "due", "notes", "parked", "positions"]);
        assert_eq!(found[1].key, ["kind", "entity", "key"]);
    })
    .await;
}

#[tokio::test]
async fn a_missing_number_and_a_number_are_bound_to_one_statement() {
    on_each(async |place| {
        let store = place.open().await.live(&NOTES).await.unwrap().store;
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
async fn a_dropped_slot_comes_back_empty_though_somebody_held_it_open() {
    on_each(async |place| {
        let database = place.open().await;
        database.live(&NOTES).await.unwrap();
        let held = database.beside(&NOTES).await.unwrap();
        add(&held.store, "old").await;
        database.drop_model("notes", held.slot).await.unwrap();
        let fresh = database.beside(&NOTES).await.unwrap();
        assert_eq!((fresh.slot, count(&fresh.store).await), (held.slot, 0));
        assert!(held.store.begin().await.is_err());
        database.close().await;
        assert!(fresh.store.begin().await.is_err());
    })
    .await;
}
