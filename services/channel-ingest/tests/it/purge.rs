//! Nothing of an erased person stays, whatever the database does meanwhile.

use crate::service::{Replica, TENANT};
use conversation::Thread;
use events::ThreadEvent;
use ground::{Place, Server, eventually, on_each};
use spine::backup::{StoreName, rows};
use spine::journal::JournalEnds;
use spine::keys::Owner;
use spine::{Address, Cause, Entity, new_id};
use sqlx::{AnyConnection, AssertSqlSafe, Connection};
use std::convert::Infallible;
use std::time::Duration;
use uuid::Uuid;

/// Longer than it takes until a purge that failed is tried again.
const AWAY: Duration = Duration::from_millis(2_500);

/// Runs a statement with `{}` for where the tables are.
async fn run(place: &Place, text: &str) {
    let (url, schema) = match &place.url {
        Some(url) => (url.clone(), "state_ingest."),
        None => (format!("sqlite://{}", place.folder.join("state/ingest.db").display()), ""),
    };
    let mut connection = AnyConnection::connect(&url).await.unwrap();
    sqlx::query(AssertSqlSafe(text.replace("{}", schema))).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// Notes that the platform is to be asked about the thread, of an account that there is none of.
async fn note(place: &Place, thread: Uuid) {
    let values = format!("('{thread}', '{TENANT}', '{}', 0, 0, 'none')", new_id());
    run(
        place,
        &format!("INSERT INTO {{}}profiles (thread, tenant, account, at, attempts, state) VALUES {values}"),
    )
    .await;
}

async fn until_noted_are(place: &Place, noted: &[Uuid]) {
    eventually("nothing of the erased", async || {
        let text = "SELECT thread FROM profiles ORDER BY thread";
        let left = rows::look(&place.settings(), StoreName::State("ingest"), text).await.ok()?;
        let left: Vec<Uuid> = left.iter().map(|row| row[0].as_str().unwrap().parse().unwrap()).collect();
        (left == noted).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_erased_person_nothing_stays_though_the_tables_were_away_or_nobody_heard_of_it() {
    on_each(async |place: Place| {
        let server = Server::start().await;
        let replica = Replica::start(&place, server.log().await).await;
        let (heard, unheard) = (new_id(), new_id());
        note(&place, heard).await;
        note(&place, unheard).await;

        run(&place, "ALTER TABLE {}early RENAME TO away").await;
        let address = Address::of(TENANT, Thread::KIND, heard).unwrap();
        let at = replica.spine.log.clock().now();
        let erased = vec![ThreadEvent::Erased { erasure: new_id(), at }];
        let decide = |_: &Thread| Ok::<_, Infallible>(erased.clone());
        let cause = Cause::new(new_id(), "erase", "test");
        replica.spine.log.transact(&address, &cause, decide).await.unwrap();
        ground::caught_up(&replica.spine).await;
        tokio::time::sleep(AWAY).await;
        until_noted_are(&place, &[heard, unheard]).await;
        run(&place, "ALTER TABLE {}away RENAME TO early").await;
        until_noted_are(&place, &[unheard]).await;

        replica
            .spine
            .keys
            .erase(TENANT, &[Owner::thread(unheard)], new_id(), &JournalEnds::NONE)
            .await
            .unwrap();
        replica.stop().await;
        let replica = Replica::start(&place, server.log().await).await;
        until_noted_are(&place, &[]).await;
        replica.stop().await;
    })
    .await;
}
