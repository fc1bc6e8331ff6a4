//! Cursors: what a holder commits its successor takes over, and a holder that was succeeded moves nothing.

use crate::notes::open;
use ground::on_each;
use spine::Error;
use spine::cursor::Cursors;
use spine::db::Migration;

const PLACES: Cursors = Cursors { table: "places", lease: "place" };
const CREATE: Migration = Migration::portable(
    1,
    "CREATE TABLE places (part INTEGER PRIMARY KEY, sequence BIGINT NOT NULL, fence BIGINT NOT NULL)",
);

#[tokio::test]
async fn a_successor_goes_on_where_the_last_holder_committed_and_that_one_is_fenced() {
    on_each(async |place| {
        let store = open(&place).await.state("places", &[CREATE]).await.unwrap();
        let mut first = PLACES.take_over(&store, 3, 1).await.unwrap();
        assert_eq!(first.sequence(), 0);
        first.move_to(&store, 7).await.unwrap();
        {
            // Rolled back, so it never moved.
            let mut tx = store.begin().await.unwrap();
            first.guard(&mut tx, 9).await.unwrap();
        }
        let mut second = PLACES.take_over(&store, 3, 2).await.unwrap();
        assert_eq!((first.sequence(), second.sequence()), (7, 7));
        let late = first.move_to(&store, 8).await;
        assert!(matches!(&late, Err(Error::Fenced { lease }) if lease == "place.3"), "{late:?}");
        assert_eq!(first.sequence(), 7);
        second.move_to(&store, 8).await.unwrap();
        let back = PLACES.take_over(&store, 3, 1).await;
        assert!(matches!(back.err(), Some(Error::Fenced { .. })), "an older fence takes nothing over");
        // Two of one fence, as on SQLite where there are no leases: whoever is behind learns it.
        let mut twin = PLACES.take_over(&store, 3, 2).await.unwrap();
        second.move_to(&store, 9).await.unwrap();
        assert!(matches!(twin.move_to(&store, 10).await, Err(Error::Fenced { .. })));
        assert_eq!(PLACES.take_over(&store, 4, 1).await.unwrap().sequence(), 0, "each part has its own");
    })
    .await;
}
