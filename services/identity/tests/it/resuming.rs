//! An erasure goes on wherever it was when the process died.

use crate::erasing::{certified, done, populate};
use crate::world::{Runs, TENANT, World, on_each};
use ground::PATIENCE;
use identity::erase::{Erasure, Step, Subject};
use identity::ids::customer_of;
use spine::keys::Owner;
use sqlx::Connection;
use std::time::Duration;

/// The row as it was before a step, put back as if the process had died before it was remembered.
async fn forget_step(world: &World, before: &Erasure) {
    sqlx::any::install_default_drivers();
    let (url, table) = match &world.place.url {
        Some(url) => (url.clone(), "state_identity.erasures"),
        None => (format!("sqlite://{}", world.place.folder.join("state/identity.db").display()), "erasures"),
    };
    let mut connection = sqlx::AnyConnection::connect(&url).await.unwrap();
    let text = format!(
        "UPDATE {table} SET step = $1, plan = $2, certificate = NULL, done_at = NULL WHERE erasure = $3"
    );
    sqlx::query(sqlx::AssertSqlSafe(text))
        .bind(before.step.as_ref())
        .bind(serde_json::to_string(&before.plan).unwrap())
        .bind(before.id.to_string())
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_death_between_any_two_steps_and_within_each_loses_only_time() {
    on_each(async |mut world| {
        let (anna, mail, _) = populate(&world).await;
        world = world.kill_and_restart(Runs::Readers).await;
        world.caught_up().await;
        let asked = world.admin.erasures.ask(TENANT, Subject::Thread(anna), "ticket-3").await.unwrap();
        let mut steps = vec![asked.step];
        let mut erasure = asked;
        while erasure.step != Step::Done {
            // The step is done and the process dies before it is remembered.
            let before = erasure.clone();
            let ended = world.admin.erasures.advance(before.id).await.unwrap().unwrap();
            assert_eq!(ended.waits, "", "{ended:?}");
            forget_step(&world, &before).await;
            world = world.kill_and_restart(Runs::Readers).await;
            world.caught_up().await;
            // It is done again, and the process dies after it was remembered.
            erasure = world.admin.erasures.advance(before.id).await.unwrap().unwrap();
            assert_eq!(erasure.step, ended.step, "{erasure:?}");
            steps.push(erasure.step);
            world = world.kill_and_restart(Runs::Readers).await;
            world.caught_up().await;
        }
        let all = [
            Step::Append,
            Step::Keys,
            Step::Read,
            Step::Inbound,
            Step::Feed,
            Step::Models,
            Step::Files,
            Step::Sign,
            Step::Done,
        ];
        assert_eq!(steps, all);
        let certificate = certified(&world, &erasure);
        assert_eq!(certificate.threads.iter().copied().collect::<Vec<_>>(), sorted([anna, mail]));
        assert_eq!((certificate.inbound.len(), certificate.feed.len()), (2, 2));
        assert!(certificate.keys.len() >= 4);
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_that_was_open_at_a_crash_goes_on_at_the_next_start() {
    on_each(async |mut world| {
        let (anna, ..) = populate(&world).await;
        world = world.kill_and_restart(Runs::Readers).await;
        let asked = world.admin.erasures.ask(TENANT, Subject::Thread(anna), "").await.unwrap();
        assert_eq!(asked.step, Step::Append);
        world = world.kill_and_restart(Runs::Service).await;
        certified(&world, &done(&world, asked.id).await);
        world.rebuilds_to_the_same().await;
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_that_is_captured_during_the_erasure_is_erased_too() {
    on_each(async |mut world| {
        let (anna, ..) = populate(&world).await;
        world = world.kill_and_restart(Runs::Readers).await;
        let asked = world.admin.erasures.ask(TENANT, Subject::Thread(anna), "").await.unwrap();
        let late = world.types_phone(anna, 2, "13955556666").await;
        world = world.kill_and_restart(Runs::Service).await;
        let certificate = certified(&world, &done(&world, asked.id).await);
        assert!(certificate.leads.contains(&late));
        assert_eq!(certificate.feed.len(), 3);
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_does_not_bring_an_erased_person_back() {
    on_each(async |world| {
        if world.place.url.is_some() {
            // A restore on Postgres is the server's; what follows it is the same.
            world.stop().await;
            return;
        }
        let (anna, mail, _) = populate(&world).await;
        let (place, server) = world.stop().await;
        let (register, backup) = (place.folder.join("keys/keys.db"), place.folder.join("keys.backup"));
        std::fs::copy(&register, &backup).unwrap();
        let world = World::open(place, server, Runs::Service).await;
        let asked = world.admin.erasures.ask(TENANT, Subject::Thread(anna), "").await.unwrap();
        done(&world, asked.id).await;
        let (place, server) = world.stop().await;
        std::fs::rename(&backup, &register).unwrap();
        let world = World::open(place, server, Runs::Service).await;
        let forgotten = async {
            loop {
                let owners = [Owner::thread(anna), Owner::thread(mail), Owner::customer(customer_of(anna))];
                let mut erased = 0;
                for owner in &owners {
                    let found = world.spine.keys.is_erased(TENANT, owner).await.unwrap();
                    erased += usize::from(found.is_some());
                }
                if erased == owners.len() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, forgotten).await.expect("the erasure is applied again");
        world.stop().await;
    })
    .await;
}

fn sorted<T: Ord>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.into_iter().collect();
    items.sort_unstable();
    items
}
