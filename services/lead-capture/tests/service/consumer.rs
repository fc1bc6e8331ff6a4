//! The example consumer, run as somebody else's system would be: killed twice, and it misses and doubles nothing.

use crate::stream::{all, wanted};
use crate::world::{World, on_each};
use events::feed::LeadFeedType;
use ground::Server;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// What the copy says of a lead.
#[derive(Debug, PartialEq, serde::Deserialize)]
struct Lead {
    lead: String,
    #[serde(default)]
    joined_into: Option<String>,
    #[serde(default)]
    score: Option<u32>,
    details: Vec<serde_json::Value>,
    events: Vec<String>,
}

fn start(python: &str, server: &Server, folder: &Path, once: bool) -> Child {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/lead-consumer/consumer.py");
    let mut command = Command::new(python);
    command.arg(script).arg(folder).args(["--url", &server.url()]);
    if once {
        command.arg("--once");
    }
    command.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().unwrap()
}

fn copy(folder: &Path) -> BTreeMap<String, Lead> {
    let text = std::fs::read_to_string(folder.join("leads.jsonl")).unwrap_or_default();
    let lead = |line: &str| serde_json::from_str::<Lead>(line).unwrap();
    text.lines().map(lead).map(|lead| (lead.lead.clone(), lead)).collect()
}

/// Lets the consumer live until it has taken something in, and a moment longer, then kills it.
async fn kill_in_the_middle(mut consumer: Child, folder: &Path, moment: Duration) {
    for _ in 0..500 {
        if folder.join("cursor").exists() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(moment).await;
    consumer.kill().unwrap();
    consumer.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_killed_twice_holds_what_the_stream_tells() {
    let Some((_, python)) = std::env::vars().find(|(name, _)| name == "TEST_PYTHON") else {
        let word = "skipped: TEST_PYTHON names no Python with nats-py and cloudevents; scripts/python-env.sh makes one\n";
        std::io::stderr().write_all(word.as_bytes()).unwrap();
        return;
    };
    on_each(async |place, server| {
        let world = World::start(&place, &server).await;
        let folder = place.folder.join("copy");
        let mut consumer = Some(start(&python, &server, &folder, false));
        let mut customers = Vec::new();
        for number in 0..60 {
            let mut customer = World::customer();
            customer.says(&world, &format!("我要买，电话 136{:08}", number % 50)).await;
            customers.push(customer);
            if let Some(consumer) = consumer.take_if(|_| number == 20) {
                kill_in_the_middle(consumer, &folder, Duration::from_millis(35)).await;
            }
        }
        let again = start(&python, &server, &folder, false);
        kill_in_the_middle(again, &folder, Duration::from_millis(450)).await;
        let erased = customers[3].lead(1);
        world.until("sixty leads", async |world| wanted(world).await.len() >= 130).await;
        customers[3].is_erased(&world, std::slice::from_ref(&erased)).await;
        customers[5].says(&world, "别打电话").await;
        world
            .until("everything is fed", async |world| {
                let ids: BTreeSet<String> =
                    all(&server).await.iter().map(|message| message.event.id.clone()).collect();
                ids.is_superset(&wanted(world).await)
            })
            .await;
        assert!(start(&python, &server, &folder, true).wait().unwrap().success());

        let messages = all(&server).await;
        let found = copy(&folder);
        assert!(!found.contains_key(&erased));
        for customer in customers.iter().filter(|customer| customer.lead(1) != erased) {
            let lead = &found[&customer.lead(1)];
            let of = messages.iter().filter(|message| message.event.subject == lead.lead);
            let ids: Vec<String> = of.clone().map(|message| message.event.id.clone()).collect();
            assert_eq!(lead.events, ids, "each event once, in the stream's order");
            let joined = of.clone().find(|message| message.event.kind == LeadFeedType::Joined);
            assert_eq!(lead.joined_into, joined.and_then(|message| message.event.data.joined_into.clone()));
            assert_eq!(
                (lead.score, lead.details.len()),
                (of.filter_map(|m| m.event.data.score).next_back(), 1)
            );
        }
        assert_eq!(found[&customers[5].lead(1)].details[0]["consent"], "refused");
        world.kill().await;
    })
    .await;
}
