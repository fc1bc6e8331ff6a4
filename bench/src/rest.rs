//! The REST API beside a load of messages: a transcript, a search of it, the list of conversations, a customer's page.

use crate::figure::{Figure, percentile, progress};
use crate::filled::{Filled, filled};
use crate::places::Places;
use crate::schedule::Schedule;
use crate::suite::QUESTION;
use crate::webhook::customer;
use anyhow::Context;
use console::access::Role as Holder;
use console::tokens::{self, NewToken};
use runtime::Role;
use simulators::http::Item;
use std::sync::Arc;
use std::time::Duration;

const PER_SECOND: f64 = 50.0;
const MESSAGES_PER_SECOND: f64 = 200.0;
const P99_MS_MAX: f64 = 20.0;
/// What is asked for, in turns.
const ASKED: [&str; 4] =
    ["a transcript's newest page", "50 conversations", "a customer's page", "a search of a transcript"];
/// What is looked for: no message holds it, so that all of a transcript is read.
const SOUGHT: &str = "找不到的话";

pub(crate) async fn measure(messages: u64, held: Duration) -> anyhow::Result<Vec<Figure>> {
    let places = Places::new()?;
    let Filled { world, outside, threads } = filled(&places.place(None).await, messages).await?;
    let token = token(&world).await?;
    let asking = Arc::new(Asking {
        client: reqwest::Client::builder().no_proxy().build()?,
        api: format!("{}/api/v1", world.peers[&Role::Console]),
        token,
        threads: threads.iter().map(ToString::to_string).collect(),
    });
    progress(&format!("{PER_SECOND} requests a second beside {MESSAGES_PER_SECOND} messages a second"));
    let outside = Arc::new(outside);
    let load = Schedule::new(MESSAGES_PER_SECOND, held).run(|turn| {
        let outside = outside.clone();
        async move {
            let (user, id) = (format!("u-{}", customer(turn.number)), format!("m-{}", turn.number));
            outside.partner.post(&[Item { id, user, text: QUESTION.into() }]).await
        }
    });
    let asked = Schedule::new(PER_SECOND, held).run(|turn| {
        let asking = asking.clone();
        async move {
            let kind = turn.number % ASKED.len();
            let answered = asking.ask(kind, turn.number).await;
            (kind, answered, turn.waited_ms())
        }
    });
    let (_, answers) = tokio::join!(load, asked);
    let mut figures = Vec::new();
    for (kind, name) in ASKED.iter().enumerate() {
        let of = answers.iter().filter(|(asked, answered, _)| *asked == kind && answered.is_ok());
        let mut waits: Vec<f64> = of.map(|(.., waited)| *waited).collect();
        waits.sort_by(f64::total_cmp);
        let name = format!("REST, {messages} messages stored, {name}");
        figures.push(Figure::at_most(&format!("{name}, p99"), percentile(&waits, 0.99), "ms", P99_MS_MAX));
    }
    let refused: Vec<_> = answers.iter().filter_map(|(_, answered, _)| answered.as_ref().err()).collect();
    refused.iter().take(1).for_each(|error| progress(&format!("not answered: {error:#}")));
    let refused = refused.len() as f64;
    figures.push(Figure::at_most("REST requests that were not answered with 200", refused, "requests", 0.0));
    crate::lag::caught_up(&world).await?;
    outside.stop.cancel();
    world.stop().await;
    Ok(figures)
}

struct Asking {
    client: reqwest::Client,
    api: String,
    token: String,
    threads: Vec<String>,
}

impl Asking {
    async fn ask(&self, kind: usize, number: usize) -> anyhow::Result<()> {
        let thread = &self.threads[number % self.threads.len()];
        let client = &self.client;
        let get = |path: &str| client.get(format!("{}/{path}", self.api));
        let request = match kind {
            0 => get(&format!("threads/{thread}/transcript?newest_first=true&page_size=50")),
            1 => get("conversations?page_size=50"),
            2 => get(&format!("customers?thread={thread}")),
            _ => {
                let search = client.post(format!("{}/threads/{thread}/transcript/search", self.api));
                search.json(&serde_json::json!({ "text": SOUGHT }))
            }
        };
        let request = request.bearer_auth(&self.token);
        let answer = request.timeout(Duration::from_secs(30)).send().await?.error_for_status()?;
        answer.bytes().await?;
        Ok(())
    }
}

/// A supervisor's, who sees everything in clear.
async fn token(world: &integration::World) -> anyhow::Result<String> {
    let store = world.console.as_ref().context("the console runs")?.tokens().clone();
    let (role, tenant) = (Holder::Supervisor, world.tenant().into());
    let new = NewToken { role, tenant, agent: None, name: "bench".into(), expires_at: None };
    Ok(tokens::create(&store, &new, world.spine.log.clock().now()).await?.1)
}
