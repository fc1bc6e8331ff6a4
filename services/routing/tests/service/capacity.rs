//! Nobody gets more than their capacity, whoever assigns; and nobody is lost.

use crate::world::{World, on_each};
use conversation::{Close, Owner, close};
use events::ThreadEvent;
use futures::future::join_all;
use ground::eventually;
use std::collections::HashMap;
use uuid::Uuid;

const CAPACITY: u32 = 3;
const AGENTS: u32 = 4;
const CUSTOMERS: usize = 40;

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_never_exceed_an_agents_capacity() {
    on_each(async |place| {
        // A second replica is possible on Postgres only; on SQLite one process assigns concurrently.
        let replicas = if place.is_postgres() { vec!["one", "two"] } else { vec!["one"] };
        let mut worlds = Vec::new();
        for replica in replicas {
            worlds.push(place.replica(replica).await);
        }
        let world = &worlds[0];
        for number in 1..=AGENTS {
            world.agent(number.into(), CAPACITY).await;
        }
        let threads: Vec<Uuid> = join_all((0..CUSTOMERS).map(|_| world.waiting())).await;
        let full = (CAPACITY * AGENTS) as usize;
        eventually("all agents are full", async || {
            (owners(world, &threads).await.values().sum::<u32>() as usize == full).then_some(())
        })
        .await;
        // Each conversation that ends makes room for exactly one.
        let mut closed = 0;
        while closed < CUSTOMERS {
            for thread in &threads {
                let state = world.state(*thread).await;
                if let Some(Owner::Agent(agent)) = state.owner() {
                    let wish = Close::ByAgent { n: 1, agent, seen: state.last_message() };
                    world.decide(*thread, |state| close(state, &wish, world.now())).await;
                    closed += 1;
                }
            }
        }
        let mut stories = Vec::new();
        for thread in &threads {
            stories.extend(world.story(*thread).await);
        }
        assert_eq!(most_at_once(stories), CAPACITY);
        for world in worlds {
            world.stop().await;
        }
    })
    .await;
}

async fn owners(world: &World, threads: &[Uuid]) -> HashMap<Uuid, u32> {
    let mut loads = HashMap::new();
    for thread in threads {
        if let Some(Owner::Agent(agent)) = world.state(*thread).await.owner() {
            *loads.entry(agent).or_default() += 1;
        }
    }
    loads
}

/// The most that one agent had at the same time, by the times of the decisions.
fn most_at_once(stories: Vec<(i64, ThreadEvent)>) -> u32 {
    let mut steps: Vec<(i64, i32, Uuid)> = stories
        .into_iter()
        .filter_map(|(_, event)| match event {
            ThreadEvent::Assigned { agent, at, .. } => Some((at, 1, agent)),
            ThreadEvent::Closed { by: events::thread::ClosedBy::Agent(agent), at, .. } => {
                Some((at, -1, agent))
            }
            _ => None,
        })
        .collect();
    steps.sort_unstable();
    let (mut loads, mut most) = (HashMap::<Uuid, i32>::new(), 0);
    for (_, change, agent) in steps {
        let load = loads.entry(agent).or_default();
        *load += change;
        most = most.max(*load);
    }
    u32::try_from(most).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_who_wait_while_nobody_is_there_cost_nearly_nothing_and_are_all_served() {
    on_each(async |place| {
        let world = place.start().await;
        let nobody = cpu_for_a_while().await;
        let threads: Vec<Uuid> = join_all((0..1_000).map(|_| world.waiting())).await;
        world.read_all().await;
        eprintln!(
            "CPU while nobody waits: {nobody} ms a second, while 1 000 wait and nobody is there: {} ms",
            cpu_for_a_while().await
        );
        let since = std::time::Instant::now();
        for number in 1..=20 {
            world.agent(number, 50).await;
        }
        eventually("all are assigned", async || {
            let rows: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM threads WHERE owner = 'agent'")
                .fetch_one(world.reader.model().store.reads())
                .await
                .unwrap();
            (rows == 1_000).then_some(())
        })
        .await;
        eprintln!("1 000 who waited are assigned after {} ms", since.elapsed().as_millis());
        let loads = owners(&world, &threads).await;
        assert!(loads.values().all(|load| *load == 50), "{loads:?}");
        world.stop().await;
    })
    .await;
}

/// Milliseconds of CPU in a second, taken over three.
async fn cpu_for_a_while() -> u64 {
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let before = cpu();
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    (cpu() - before) * 10 / 3
}

/// What this process has used of the CPU, in ticks of 10 ms.
fn cpu() -> u64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = text.rsplit(") ").next().unwrap().split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}
