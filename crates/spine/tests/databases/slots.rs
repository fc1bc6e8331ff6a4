//! The slots of a read model: which is live, what fills beside it, the switch between them, and dropping.

use crate::notes::{NOTES, NOTES_2, add, another, count, open};
use ground::on_each;
use spine::Error;
use spine::db::{Liveness, ModelSpec, Slot, SlotState};

#[tokio::test]
async fn a_model_is_live_from_its_first_start_and_keeps_its_rows() {
    on_each(async |place| {
        let database = open(&place).await;
        let model = database.live(&NOTES).await.unwrap();
        assert_eq!((model.liveness, model.slot), (Liveness::Live, Slot { version: 1, number: 0 }));
        add(&model.store, "a").await;
        model.store.close().await;
        drop((model, database));
        let model = open(&place).await.live(&NOTES).await.unwrap();
        assert_eq!((model.liveness, count(&model.store).await), (Liveness::Live, 1));
    })
    .await;
}

#[tokio::test]
async fn a_new_version_fills_beside_the_live_one_until_the_switch_and_goes_back_by_it() {
    on_each(async |place| {
        let database = open(&place).await;
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
        let database = open(&place).await;
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
        let database = open(&place).await;
        let other = another(&place, &database).await;
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
        let database = open(&place).await;
        database.live(&NOTES).await.unwrap();
        let changed = ModelSpec { schema: &["CREATE TABLE notes (id TEXT)"], ..NOTES };
        assert!(matches!(database.live(&changed).await.err(), Some(Error::SchemaChanged { version: 1, .. })));
    })
    .await;
}

#[tokio::test]
async fn every_model_has_the_tables_of_the_spine() {
    on_each(async |place| {
        let model = open(&place).await.live(&NOTES).await.unwrap();
        for table in ["positions", "parked", "due"] {
            let text = sqlx::AssertSqlSafe(format!("SELECT * FROM {table}"));
            assert!(sqlx::query(text).fetch_optional(model.store.reads()).await.unwrap().is_none());
        }
    })
    .await;
}

#[tokio::test]
async fn a_dropped_slot_comes_back_empty_though_somebody_held_it_open() {
    on_each(async |place| {
        let database = open(&place).await;
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

#[tokio::test]
async fn a_slot_that_an_older_release_made_gets_what_was_added_and_keeps_its_rows() {
    on_each(async |place| {
        let database = open(&place).await;
        let model = database.live(&NOTES).await.unwrap();
        add(&model.store, "a").await;
        // As it was before due rows were read by lane.
        let mut tx = model.store.begin().await.unwrap();
        for text in [
            "DROP INDEX due_lane",
            "CREATE INDEX due_at ON due (kind, at, sequence)",
            "DELETE FROM about WHERE key = 'by_lane'",
        ] {
            sqlx::query(text).execute(&mut *tx).await.unwrap();
        }
        tx.commit().await.unwrap();
        model.store.close().await;
        drop((model, database));
        for _ in 0..2 {
            let model = open(&place).await.live(&NOTES).await.unwrap();
            assert_eq!(count(&model.store).await, 1);
            let mut tx = model.store.begin().await.unwrap();
            sqlx::query("DROP INDEX due_lane").execute(&mut *tx).await.unwrap();
            sqlx::query("DROP INDEX due_at").execute(&mut *tx).await.unwrap_err();
            tx.rollback().await.unwrap();
            model.store.close().await;
        }
    })
    .await;
}
