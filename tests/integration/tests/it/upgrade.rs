//! Two processes of each role, upgraded one after the other to a release with one more event and one more column, taken
//! back and upgraded again, while customers write. `make upgrade-test` builds both releases.

use crate::load::Load;
use crate::replicas::{refused_until_one_knows, renew_each};
use ground::Postgres;
use integration::{Split, binary, effort};
use runtime::Role;
use sqlx::{AnyConnection, Connection, Row};
use std::path::PathBuf;
use std::time::Instant;

const CUSTOMERS: (usize, usize) = (6, 20);
/// Up to 39 of each of fourteen processes.
const CONNECTIONS: u16 = 600;
/// Names the program of the release before.
const PREVIOUS: &str = "PREVIOUS_BINARY";
/// Tells the next release of the test to write its new event: `tests/upgrade/next.patch`.
const COUNTS: (&str, &str) = ("TRIBUTARY_COUNTS", "1");

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_its_way_back_and_the_next_one_refuse_nobody_and_lose_nothing() {
    let Some(previous) = std::env::var_os(PREVIOUS).map(PathBuf::from) else {
        println!(
            "skipped: {PREVIOUS} names no program of the release before; `make upgrade-test` builds one"
        );
        return;
    };
    let Some(database) = Postgres::start(CONNECTIONS).await else { return };
    let place = database.place();
    let url = place.url.clone().expect("it is on Postgres");
    let mut split = Split::start_of(previous.clone(), &place, Vec::new()).await;
    for role in Role::ALL {
        split.double(role).await;
    }
    let load = Load::start(&split.site, effort(CUSTOMERS)).await;
    let before = refused_until_one_knows(&load).await;
    assert_eq!(live_version(&url).await, 1);

    upgrade(&mut split, &load, (binary(), "to the next release")).await;
    assert_eq!(live_version(&url).await, 2);
    every_model_equals_the_log(&split);

    upgrade(&mut split, &load, (previous, "back to the one before")).await;
    assert_eq!(live_version(&url).await, 1, "its release goes back to it by being started");
    every_model_equals_the_log(&split);

    // From the first process of the next release on it writes what the one before does not know.
    split.site.environment.push((COUNTS.0, COUNTS.1.into()));
    upgrade(&mut split, &load, (binary(), "to the next release, which writes its new event")).await;
    load.until_more_is_answered().await;
    assert_eq!((live_version(&url).await, load.refused()), (2, before), "calls were refused or not answered");
    load.end(&split.site).await;
    every_model_equals_the_log(&split);
    assert!(counted(&url).await > 0, "the new column is filled");
}

async fn upgrade(split: &mut Split, load: &Load, (program, what): (PathBuf, &str)) {
    let began = Instant::now();
    split.site.program = program;
    renew_each(split, load).await;
    println!("{what}: {:.1} s for fourteen processes", began.elapsed().as_secs_f64());
}

async fn live_version(url: &str) -> i64 {
    number(url, "SELECT version FROM tributary.live WHERE name = 'console'").await
}

async fn counted(url: &str) -> i64 {
    number(url, "SELECT CAST(SUM(counted) AS BIGINT) FROM model_console_2_0.conversation_list").await
}

async fn number(url: &str, text: &'static str) -> i64 {
    sqlx::any::install_default_drivers();
    let mut database = AnyConnection::connect(url).await.expect("the database is there");
    let row = sqlx::query(text).fetch_one(&mut database).await.expect("there is a row");
    database.close().await.expect("the connection ends");
    row.get(0)
}

fn every_model_equals_the_log(split: &Split) {
    let verified = split.site.command(&["verify", "--all"]).status().expect("the program starts");
    assert!(verified.success(), "a model differs from the log: see the processes' log");
}
