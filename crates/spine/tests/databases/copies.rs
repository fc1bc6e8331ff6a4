//! Which stores a copy takes for missing.

use crate::notes::{open, settings};
use ground::on_each;
use spine::backup::{StoreName, rows};
use spine::db::Migration;
use sqlx::Executor;

const LOOKED: StoreName<'_> = StoreName::State("looked");
const CREATE: &[Migration] = &[Migration {
    version: 1,
    sqlite: "CREATE TABLE seen (id TEXT PRIMARY KEY)",
    postgres: "CREATE TABLE seen (id TEXT PRIMARY KEY)",
}];

#[tokio::test]
async fn a_store_that_cannot_be_read_is_not_taken_for_one_that_was_never_made() {
    on_each(async |place| {
        let (database, settings) = (open(&place).await, settings(&place));
        let save = async || rows::save(&settings, LOOKED, &mut |_| Ok(())).await;
        let look = async || rows::look(&settings, LOOKED, "SELECT id FROM seen").await;
        assert_eq!((save().await.unwrap(), look().await.unwrap().len()), (None, 0));

        let store = database.state("looked", CREATE).await.unwrap();
        store.write().execute("INSERT INTO seen (id) VALUES ('a')").await.unwrap();
        assert_eq!((save().await.unwrap().unwrap().rows, look().await.unwrap().len()), (1, 1));

        let spoil = "ALTER TABLE migrations RENAME COLUMN version TO step";
        store.write().execute(spoil).await.unwrap();
        save().await.unwrap_err();
        look().await.unwrap_err();
    })
    .await;
}
