//! Two read models compared row for row.

use crate::notes::{NOTES, open};
use ground::on_each;
use spine::db::{Bulk, DIFFERENCES_MAX, DifferenceKind, TableSpec, diff, tables};
use sqlx::Executor;

#[tokio::test]
async fn two_models_are_compared_row_for_row() {
    on_each(async |place| {
        let database = open(&place).await;
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
        let database = open(&place).await;
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
        let store = open(&place).await.live(&NOTES).await.unwrap().store;
        let mut snapshot = store.snapshot().await.unwrap();
        let found = tables(snapshot.connection()).await.unwrap();
        let names: Vec<&str> = found.iter().map(|table| table.name.as_str()).collect();
        assert_eq!(names, ["about", "due", "notes", "parked", "positions"]);
        assert_eq!(found[1].key, ["kind", "entity", "key"]);
    })
    .await;
}
