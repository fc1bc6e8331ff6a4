//! Two states of a read model, compared row for row.

use spine::Reader;
use spine::db::{Store, TableSpec, diff, tables};

/// What a slot says of itself and where it has read to: no two slots agree in that.
const OF_THE_SLOT: [&str; 2] = ["about", "positions"];

/// The same rows in both stores, as far as these tables and their columns go. Answers how many were compared.
///
/// # Panics
/// When a row differs, naming it, or when the stores cannot be read.
pub async fn tables_equal(left: &Store, right: &Store, tables: &[TableSpec]) -> u64 {
    let mut left = left.connection().await.expect("the left store opens");
    let mut right = right.connection().await.expect("the right store opens");
    let comparison = diff(&mut left, &mut right, tables).await.expect("both stores can be read");
    assert!(comparison.differences.is_empty(), "{:#?}", comparison.differences);
    comparison.rows
}

/// Fills the reader's model again from the log's beginning, beside the live one, and finds the same rows. Answers
/// how many were compared.
///
/// # Panics
/// When a row differs, naming it, or when the model cannot be filled.
pub async fn verified(reader: &Reader) -> u64 {
    let verification = reader.verify(|_, _| {}).await.expect("the model can be verified");
    let comparison = verification.comparison;
    assert!(comparison.differences.is_empty(), "{}: {:#?}", verification.model, comparison.differences);
    comparison.rows
}

/// Rebuilds the reader's model, which thereby becomes another slot, and finds the same rows in all of its tables as
/// before. Answers how many were compared. The reader must be caught up.
///
/// # Panics
/// When a row differs, naming it, or when the model cannot be rebuilt.
pub async fn rebuilds_alike(reader: &Reader) -> u64 {
    let before = reader.model();
    reader.rebuild(|_, _| {}).await.expect("the model can be rebuilt");
    let after = reader.model();
    assert_ne!(before.slot, after.slot, "the rebuilt model is another");
    let mut connection = before.store.connection().await.expect("the store opens");
    let mut compared = tables(&mut connection).await.expect("the tables are known");
    drop(connection);
    compared.retain(|table| !OF_THE_SLOT.contains(&table.name.as_str()));
    tables_equal(&before.store, &after.store, &compared).await
}
