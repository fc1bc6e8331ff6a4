//! Measures the projector and the figures: `cargo run --release -p analytics --example measure -- 20000 1000000`.
//!
//! The first number is how many answered and closed conversations are appended to a log of their own and then
//! projected from its beginning; the second how many rows the figures are summed over. Needs nats-server;
//! with `TEST_DATABASE_URL` it measures Postgres after SQLite.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement talks and may fail")]

#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/figures/suite.rs"]
mod suite;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/figures/talk.rs"]
mod talk;

use futures::{StreamExt, stream};
use proto::v1::{AnalyticsFilter, GroupBy, Metric, SummaryRequest, ThreadsRequest};
use std::time::Instant;
use suite::{Suite, TENANT};
use talk::Talk;
use uuid::Uuid;

const START: i64 = 1_760_000_000_000_000;
const HOUR: i64 = 3_600_000_000;
const AT_A_TIME: usize = 256;

#[tokio::main]
async fn main() {
    let numbers: Vec<u64> = std::env::args().skip(1).map(|text| text.parse().unwrap()).collect();
    let (conversations, rows) = (numbers[0], numbers[1]);
    ground::on_each(async |place| {
        let server = ground::Server::start().await;
        let suite = Suite::start(&server, &place).await;
        println!("{:?}", suite.spine.database.backend());
        project(&suite, conversations).await;
        fill(&suite, rows).await;
        ask(&suite).await;
        suite.stop().await;
    })
    .await;
}

async fn project(suite: &Suite, conversations: u64) {
    let begun = Instant::now();
    stream::iter(0..conversations)
        .for_each_concurrent(AT_A_TIME, |i| async move {
            let talk = Talk::new(suite, Uuid::from_u128(u128::from(i % 10)), "widget");
            let at = START + i64::try_from(i).unwrap() * 1_000;
            talk.writes(at).await;
            talk.ai_answers(at + 300_000).await;
            talk.ai_closes(at + 900_000).await;
        })
        .await;
    let messages = conversations * 5;
    println!("appended {messages} messages in {:.1?}, projecting beside", begun.elapsed());
    suite.caught_up().await;
    let begun = Instant::now();
    suite.reader().await.rebuild(|_, _| {}).await.unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    println!("projected {messages} messages from the beginning: {:.0} a second", messages as f64 / seconds);
}

/// Rows of a tenant's month, as the projector would have written them.
async fn fill(suite: &Suite, rows: u64) {
    let text = "INSERT INTO conversations (tenant, thread, n, account, channel, opened_at, opened_by,
         first_received_at, messages_in, replies_ai, replies_person, first_reply_at, first_reply_by,
         first_response_ms, waiting_ms, handovers, handover_reasons, person, closed_at, closed_by, lead)
         WITH RECURSIVE numbers (i) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT i + 1 FROM numbers WHERE i < $2)
         SELECT 'demo', 'thread-' || CAST(i AS TEXT), 1, CAST(i % 10 AS TEXT), 'widget', $3 + i * 2592000, 'message',
         1, 2, 1, 0, 2, 'ai', (i * 7919) % 30000, CASE WHEN i % 5 = 0 THEN (i * 104729) % 90000 END,
         CASE WHEN i % 5 = 0 THEN 1 ELSE 0 END, CASE WHEN i % 5 = 0 THEN 8 ELSE 0 END,
         CASE WHEN i % 5 = 0 THEN 1 ELSE 0 END, 3, 'idle', CASE WHEN i % 4 = 0 THEN 1 ELSE 0 END FROM numbers";
    let model = suite.reader().await.model();
    let (first, last) = (1_i64, i64::try_from(rows).unwrap());
    let query = sqlx::query(text).bind(first).bind(last).bind(START + 100 * 24 * HOUR);
    query.execute(model.store.write()).await.unwrap();
}

async fn ask(suite: &Suite) {
    let from_us = START + 100 * 24 * HOUR;
    let to_us = from_us + 1_000 * 24 * HOUR;
    let filter = AnalyticsFilter { tenant: TENANT.into(), from_us, to_us, channel: None, account: None };
    let mut client = suite.client();
    for (name, group, to_us) in [
        ("all", GroupBy::Unspecified, to_us),
        ("by account", GroupBy::Account, to_us),
        ("by hour, 100 days", GroupBy::Hour, from_us + 100 * 24 * HOUR),
        ("one hour", GroupBy::Unspecified, from_us + HOUR),
    ] {
        let filter = AnalyticsFilter { to_us, ..filter.clone() };
        let at_least = String::new();
        let begun = Instant::now();
        let request = SummaryRequest { filter: Some(filter), group_by: group.into(), at_least };
        let answer = client.summary(request).await.map(|answer| answer.into_inner().rows);
        let counted =
            answer.map(|rows| rows.iter().map(|r| r.metrics.as_ref().unwrap().conversations).sum::<i64>());
        println!("{name}: {counted:?} conversations in {:.0?}", begun.elapsed());
    }
    for (metric, at) in [(Metric::Conversations, 0), (Metric::Handovers, 0), (Metric::Handovers, 500_000)] {
        let begun = Instant::now();
        let request = ThreadsRequest {
            metric: metric.into(),
            filter: Some(filter.clone()),
            page_token: format!("{}.x.1.0", from_us + at * 2_592_000),
            ..ThreadsRequest::default()
        };
        let page = client.threads(request).await.unwrap().into_inner();
        println!("{metric:?} page of {} in {:.1?}", page.conversations.len(), begun.elapsed());
    }
}
