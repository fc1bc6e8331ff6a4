//! Two processes of each role on Postgres: one dies, each is started anew, a visitor's socket is at the other one.

use crate::load::Load;
use ground::Postgres;
use integration::{Place, Split, Which, effort, eventually};
use runtime::Role;
use simulators::widget::{Site, Visitor};
use simulators::{Clock, Ledger};
use std::time::{Duration, Instant};

const CUSTOMERS: (usize, usize) = (8, 20);
/// Up to 39 of each of fourteen processes.
const CONNECTIONS: u16 = 600;
const ROUNDS: (usize, usize) = (1, 5);
const WIDGET: &str = "kind: Account\ntenant: shop\nslug: site\nchannel: widget\ntitle: 站\nsettings: {}\n\
                      secrets: {widget_secret: a-secret-of-the-widget-0123456789abcdef}\n";

async fn doubled(place: &Place) -> Split {
    let mut split = Split::start(place).await;
    for role in Role::ALL {
        split.double(role).await;
    }
    split
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_of_each_role_all_first_ones_die_and_the_others_take_over_what_they_had() {
    let Some(database) = Postgres::start(CONNECTIONS).await else { return };
    let mut split = doubled(&database.place()).await;
    let load = Load::start(&split.site, effort(CUSTOMERS)).await;
    load.until_more_is_answered().await;
    load.point_at(&split.http(Which::Second));
    Role::ALL.into_iter().for_each(|role| split.kill(role));
    let died = Instant::now();
    load.until_more_is_answered().await;
    println!("answered again {:.1} s after the first of each role died", died.elapsed().as_secs_f64());
    for role in Role::ALL {
        split.launch(role);
        split.until_ready(role).await;
    }
    load.end(&split.site).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_of_each_role_started_anew_one_after_the_other_refuse_nobody() {
    let Some(database) = Postgres::start(CONNECTIONS).await else { return };
    let mut split = doubled(&database.place()).await;
    let load = Load::start(&split.site, effort(CUSTOMERS)).await;
    let before = refused_until_one_knows(&load).await;
    for _ in 0..effort(ROUNDS) {
        renew_each(&mut split, &load).await;
    }
    assert_eq!(load.refused(), before, "calls were refused or not answered");
    load.end(&split.site).await;
}

/// Calls that were refused because no process had read the account yet; once one has, all take whatever comes.
pub(crate) async fn refused_until_one_knows(load: &Load) -> u32 {
    load.until_more_is_answered().await;
    load.refused()
}

/// Starts the first process of each role anew, then the second ones, as a rolling upgrade does.
pub(crate) async fn renew_each(split: &mut Split, load: &Load) {
    for (renewed, other) in [(Which::First, Which::Second), (Which::Second, Which::First)] {
        // As a Service does that takes a pod out before it is told to end.
        load.point_at(&split.http(other));
        tokio::time::sleep(Duration::from_millis(500)).await;
        for role in Role::ALL {
            split.renew(role, renewed).await;
        }
        load.until_more_is_answered().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_at_a_replica_that_reads_no_part_gets_each_answer_from_its_own_tail() {
    let Some(database) = Postgres::start(CONNECTIONS).await else { return };
    let mut split = Split::start(&database.place()).await;
    // The first one holds the leases of all parts by now.
    split.double(Role::ChannelIngest).await;
    let load = Load::start(&split.site, 3).await;
    split.site.apply(WIDGET).await;
    let site = Site {
        socket: format!("{}/channels/widget/site/socket", split.http(Which::Second).replace("http", "ws")),
        account: "site".into(),
        page: "https://shop.example/".into(),
        patience_ms: 15_000,
        clock: Clock::world(),
        ledger: Ledger::default(),
    };
    let mut visitor = Visitor::new(&site, "visitor-1");
    eventually("the account at the second one", async || visitor.open().await.ok()).await;
    for _ in 0..5 {
        visitor.write("退货运费谁承担？").await.unwrap();
        let seen = visitor.reply(15_000).await.unwrap().expect("an answer");
        assert_eq!(seen.by, "ai");
    }
    assert_eq!(visitor.repeated(), 0);
    drop(load);
}
