//! Processes killed again and again under load: nothing lost, nothing doubled, order kept.

use crate::load::Load;
use integration::{Place, Process, Split, effort, on_each};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use runtime::Role;
use std::time::Duration;

const KILLS: usize = 20;
/// Customers who write at the same time; together about 100 messages a second.
const CUSTOMERS: usize = 20;
/// Kills of one of seven processes: in the long form, at about 200 messages a second.
const KILLS_APART: (usize, usize) = (14, 105);
const CUSTOMERS_APART: (usize, usize) = (10, 40);

#[tokio::test(flavor = "multi_thread")]
async fn the_one_process_killed_twenty_times_loses_and_doubles_nothing() {
    on_each(async |place: Place| {
        let seed = seed();
        println!("SEED={seed}");
        let mut dice = StdRng::seed_from_u64(seed);
        let mut process = Process::new(&place);
        process.start().await;
        let load = Load::start(&process.site, CUSTOMERS).await;
        for _ in 0..KILLS {
            tokio::time::sleep(Duration::from_millis(dice.random_range(50..700))).await;
            process.kill();
            process.start().await;
        }
        load.end(&process.site).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_of_seven_processes_killed_again_and_again_loses_and_doubles_nothing() {
    on_each(async |place: Place| {
        if place.is_sqlite() {
            return;
        }
        let seed = seed();
        println!("SEED={seed}");
        let mut dice = StdRng::seed_from_u64(seed);
        let mut split = Split::start(&place).await;
        let load = Load::start(&split.site, effort(CUSTOMERS_APART)).await;
        for _ in 0..effort(KILLS_APART) {
            tokio::time::sleep(Duration::from_millis(dice.random_range(50..700))).await;
            let role = Role::ALL[dice.random_range(0..Role::ALL.len())];
            split.kill(role);
            split.launch(role);
            // Half of the time the next one dies while this one starts.
            if dice.random_bool(0.5) {
                split.until_ready(role).await;
            }
        }
        load.end(&split.site).await;
    })
    .await;
}

fn seed() -> u64 {
    let given = std::env::vars().find(|(name, _)| name == "SEED").and_then(|(_, seed)| seed.parse().ok());
    given.unwrap_or_else(|| rand::rng().random())
}
