//! Two replicas of ai-agent on Postgres: both answer from what either of them committed.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use ai_agent::service;
use events::knowledge::Entry;
use ground::{Place, Server, on_each};
use laws::knowledge::Knowledge;
use proto::v1::AskRequest;
use proto::v1::ask_response::Outcome;
use proto::v1::knowledge_service_client::KnowledgeServiceClient;
use runtime::{Health, Host, Metrics, Role, Secret, Tasks};
use spine::keys::KeySettings;
use spine::{Address, Cause, Entity, Log, Position, Spine, new_id};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const TENANT: &str = "shop";
const CREDENTIAL: &str = "a-credential-of-the-replicas-000";
/// What is promised, and no more.
const KNOWN_WITHIN: Duration = Duration::from_secs(2);

struct Replica {
    spine: Spine,
    url: String,
    stop: CancellationToken,
    running: JoinSet<Result<(), runtime::shutdown::Crash>>,
}

impl Replica {
    async fn start(place: &Place, log: Log) -> Self {
        let spine = place.spine(log, KeySettings::default()).await;
        let (stop, health) = (CancellationToken::new(), Health::new());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let host = Host {
            role: Role::AiAgent,
            health: health.clone(),
            metrics: Metrics::new("replica", None).unwrap(),
            credential: Secret::new(CREDENTIAL),
            peers: Arc::default(),
            shutdown: stop.clone(),
        };
        let mut tasks = Tasks::new(stop.clone());
        {
            let (spine, stop) = (spine.clone(), stop.clone());
            tasks.spawn("tail", async move { Ok(spine.tail.run(&spine.log, &stop).await?) });
        }
        let service = service::start(spine.clone(), host, listener, None).await.unwrap();
        tasks.spawn("ai-agent", service.run());
        let mut running = JoinSet::new();
        running.spawn(tasks.supervise(Duration::from_secs(20)));
        health.started();
        health.until_ready().await;
        Self { spine, url, stop, running }
    }

    /// What this replica answers, if it does.
    async fn answer(&self, text: &str, at_least: &str) -> Option<String> {
        let channel = tonic::transport::Endpoint::from_shared(self.url.clone()).unwrap().connect_lazy();
        let mut request = tonic::Request::new(AskRequest {
            tenant: TENANT.into(),
            text: text.into(),
            at_least: at_least.into(),
        });
        let bearer = format!("Bearer {CREDENTIAL}").parse().unwrap();
        request.metadata_mut().insert("authorization", bearer);
        match KnowledgeServiceClient::new(channel).ask(request).await.unwrap().into_inner().outcome {
            Some(Outcome::Answer(answer)) => Some(answer),
            _ => None,
        }
    }

    async fn stop(mut self) {
        self.stop.cancel();
        self.running.join_next().await.unwrap().unwrap().unwrap();
        self.spine.database.close().await;
    }
}

fn entry(slug: &str, question: &str, answer: &str) -> Entry {
    Entry {
        slug: slug.into(),
        question: question.into(),
        variants: Vec::new(),
        answer: answer.into(),
        valid_from: None,
        valid_until: None,
    }
}

/// Writes an entry, or removes it.
async fn put(spine: &Spine, slug: &str, entry: Option<&Entry>) -> Position {
    let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, slug.as_bytes());
    let address = Address::of(TENANT, Knowledge::KIND, id).unwrap();
    let at = spine.log.clock().now();
    let decide = |state: &Knowledge| match entry {
        Some(entry) => laws::knowledge::write(state, entry, at),
        None => laws::knowledge::remove(state, at),
    };
    let cause = Cause::new(new_id(), "apply", "test");
    spine.log.transact(&address, &cause, decide).await.unwrap().position()
}

async fn until_both(replicas: [&Replica; 2], question: &str, wanted: Option<&str>) {
    // From the commit on, whichever of them made it.
    for replica in replicas {
        ground::caught_up(&replica.spine).await;
    }
    let since = Instant::now();
    for replica in replicas {
        ground::eventually(question, async || {
            let answer = replica.answer(question, "").await;
            (answer.as_deref() == wanted).then_some(())
        })
        .await;
    }
    assert!(since.elapsed() < KNOWN_WITHIN, "{question}: {:?}", since.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn both_replicas_answer_from_an_entry_whose_part_only_one_of_them_reads() {
    on_each(async |place: Place| {
        if place.is_sqlite() {
            return;
        }
        let server = Server::start().await;
        let one = Replica::start(&place, server.log().await).await;
        let two = Replica::start(&place, server.log().await).await;
        let question = "退货运费谁承担？";
        let first = entry("freight", "退货运费谁承担", "运费由我们承担。");
        put(&one.spine, "freight", Some(&first)).await;
        until_both([&one, &two], question, Some("运费由我们承担。")).await;
        let changed = entry("freight", "退货运费谁承担", "质量问题由我们承担，其他由买家承担。");
        put(&two.spine, "freight", Some(&changed)).await;
        until_both([&one, &two], question, Some("质量问题由我们承担，其他由买家承担。")).await;
        put(&one.spine, "freight", None).await;
        until_both([&one, &two], question, None).await;
        // Whoever names the position of the own write reads it at once, wherever it was committed.
        for n in 0..4 {
            let answer = format!("运费由我们承担，第 {n} 版。");
            let position =
                put(&one.spine, "freight", Some(&entry("freight", "退货运费谁承担", &answer))).await;
            let told = two.answer(question, &position.to_string()).await;
            assert_eq!(told.as_deref(), Some(answer.as_str()));
        }
        two.stop().await;
        one.stop().await;
    })
    .await;
}
