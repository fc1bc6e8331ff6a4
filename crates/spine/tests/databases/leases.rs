//! Leases of one holder, renewed together.

use ground::on_each;
use spine::Clock;
use spine::lease::{Leases, until_lost};
use std::time::Duration;
use tokio::time::timeout;

#[tokio::test]
async fn who_waits_for_the_end_of_a_lease_keeps_it_and_all_are_renewed_together() {
    on_each(async |place| {
        if place.is_sqlite() {
            // One process has the folder to itself, and needs no lease.
            return;
        }
        let database = place.open().await;
        let ours = Leases::open(&database, &Clock::system()).await.unwrap();
        let others = Leases::open(&database, &Clock::system()).await.unwrap();
        let kept = ours.acquire("kept").await.unwrap().unwrap();
        let taken = ours.acquire("taken").await.unwrap().unwrap();
        let dropped = ours.acquire("dropped").await.unwrap().unwrap();
        let (kept_ends, taken_ends) = (until_lost(Some(&kept)), until_lost(Some(&taken)));
        tokio::pin!(kept_ends, taken_ends);
        let expired = ground::eventually("the lease that nobody waits for to expire", async || {
            others.acquire("dropped").await.unwrap()
        });
        tokio::select! {
            () = &mut kept_ends => panic!("a renewed lease was lost"),
            () = &mut taken_ends => panic!("a renewed lease was lost"),
            expired = expired => assert!(expired.fence() > dropped.fence()),
        }
        assert!(others.acquire("kept").await.unwrap().is_none());
        assert!(others.acquire("taken").await.unwrap().is_none());
        ours.release(&taken).await.unwrap();
        assert!(others.acquire("taken").await.unwrap().is_some());
        tokio::select! {
            () = &mut kept_ends => panic!("another's loss is not ours"),
            lost = timeout(Duration::from_secs(4), &mut taken_ends) => lost.expect("who lost a lease learns it"),
        }
        assert!(timeout(Duration::from_millis(10), &mut kept_ends).await.is_err());
    })
    .await;
}
