//! The lead feed over HTTP, of a lead-capture that has as many events as a test wants.

use crate::world::{Peers, TENANT, World, credential, on_each_among};
use console::access::Role;
use console::tokens;
use proto::v1::leads_service_server::{LeadsService, LeadsServiceServer};
use proto::v1::*;
use reqwest::StatusCode;
use reqwest::header::ACCEPT;
use runtime::grpc::{Services, serve};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

/// A feed whose events are numbers and whose cursors are them too.
#[derive(Clone)]
struct Numbers {
    end: u64,
    filler: Arc<str>,
    /// The last number that was asked for.
    reached: Arc<AtomicU64>,
}

#[tonic::async_trait]
impl LeadsService for Numbers {
    async fn get_lead(&self, _: Request<GetLeadRequest>) -> Result<Response<GetLeadResponse>, Status> {
        Err(Status::unimplemented("not asked"))
    }

    async fn list_leads(&self, _: Request<ListLeadsRequest>) -> Result<Response<ListLeadsResponse>, Status> {
        Err(Status::unimplemented("not asked"))
    }

    async fn read_feed(
        &self,
        request: Request<ReadFeedRequest>,
    ) -> Result<Response<ReadFeedResponse>, Status> {
        let asked = request.into_inner();
        assert!(asked.tenant == TENANT && asked.actor.starts_with("token:"));
        let after: u64 = match asked.after.as_str() {
            "" => 0,
            "old" => {
                let broken = FeedBreak::Expired.into();
                return Ok(Response::new(ReadFeedResponse { broken, ..Default::default() }));
            }
            after => {
                after.parse().map_err(|_| Status::invalid_argument("after is no cursor of this feed"))?
            }
        };
        let last = self.end.min(after + u64::from(asked.limit));
        if last == after {
            tokio::time::sleep(Duration::from_millis(asked.wait_ms.into())).await;
        }
        self.reached.fetch_max(last, Ordering::SeqCst);
        let event = |number: u64| FeedEvent {
            cursor: number.to_string(),
            event: format!(r#"{{"id":"{number}","filler":"{}"}}"#, self.filler).into_bytes(),
        };
        let events = (after + 1..=last).map(event).collect();
        let (next, more) = (last.to_string(), last < self.end);
        Ok(Response::new(ReadFeedResponse { events, next, more, ..Default::default() }))
    }
}

/// Runs the test on each database with a feed of so many events.
async fn with_feed(end: u64, filler: usize, test: impl AsyncFn(World, Numbers)) {
    let numbers = Numbers { end, filler: "x".repeat(filler).into(), reached: Arc::default() };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (shutdown, mut servers) = (CancellationToken::new(), JoinSet::new());
    let services = Services::new(credential(), proto::FILE_DESCRIPTOR_SET)
        .with(LeadsServiceServer::new(numbers.clone()).max_encoding_message_size(usize::MAX));
    servers.spawn(serve(listener, services, runtime::Health::new(), shutdown.clone()));
    on_each_among(Peers::from([(runtime::Role::LeadCapture, address)]), async |world| {
        numbers.reached.store(0, Ordering::SeqCst);
        test(world, numbers.clone()).await;
    })
    .await;
    shutdown.cancel();
}

/// A stream of server-sent events, read as slowly as a test wants.
struct Events {
    response: reqwest::Response,
    text: String,
}

impl Events {
    async fn open(world: &World, token: &str, last: Option<&str>) -> Self {
        let request = world.client().get(format!("{}/api/v1/leads/feed", world.base));
        let mut request = request.bearer_auth(token).header(ACCEPT, "text/event-stream");
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// The next block of lines; none at the end.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(block);
            }
            let chunk = tokio::time::timeout(Duration::from_secs(20), self.response.chunk());
            let chunk = chunk.await.expect("the line is not silent").unwrap()?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next event: its id and what it holds.
    async fn event(&mut self) -> (String, Value) {
        loop {
            let block = self.block().await.unwrap();
            let field =
                |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
            if let (Some(id), Some(data)) = (field("id: "), field("data: ")) {
                return (id, serde_json::from_str(&data).unwrap());
            }
        }
    }
}

#[tokio::test]
async fn a_page_holds_the_events_as_they_are_and_what_cannot_be_answered_is_a_problem() {
    with_feed(5, 3, async |world, _| {
        let token = world.token(Role::Integration, None).await;
        let page = world.get(&token, "/leads/feed?limit=3").await.ok();
        assert_eq!(page["events"].as_array().unwrap().len(), 3);
        assert_eq!(page["events"][0]["filler"], "xxx");
        assert_eq!((&page["next"], &page["more"]), (&"3".into(), &true.into()));
        let page = world.get(&token, "/leads/feed?after=3").await.ok();
        assert_eq!((page["events"][1]["id"].as_str(), &page["more"]), (Some("5"), &false.into()));
        let page = world.get(&token, "/leads/feed?after=5").await.ok();
        assert_eq!((page["events"].as_array().unwrap().len(), page["next"].as_str()), (0, Some("5")));
        for (query, status, field) in [
            ("after=nonsense", 422, "after"),
            ("after=old", 410, "after"),
            ("limit=0", 422, "limit"),
            ("limit=501", 422, "limit"),
            ("wait_s=26", 422, "wait_s"),
        ] {
            let answer = world.get(&token, &format!("/leads/feed?{query}")).await;
            assert_eq!(
                (answer.status.as_u16(), answer.body["field"].as_str()),
                (status, Some(field)),
                "{query}"
            );
            assert!(answer.body["remedy"].is_string() || status == 422, "{query}");
        }
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_long_poll_ends_when_it_was_asked_to() {
    with_feed(0, 0, async |world, _| {
        let token = world.token(Role::Admin, None).await;
        let began = Instant::now();
        let page = world.get(&token, "/leads/feed?wait_s=5").await.ok();
        assert!(page["events"].as_array().unwrap().is_empty());
        assert!((5_000..9_000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn server_sent_events_go_on_behind_the_last_id_also_after_a_restart() {
    with_feed(300, 10, async |world, _| {
        let token = world.token(Role::Integration, None).await;
        let mut events = Events::open(&world, &token, None).await;
        assert!(events.block().await.unwrap().contains("retry: "));
        let mut last = String::new();
        for number in 1..=120 {
            let (id, event) = events.event().await;
            assert_eq!(event["id"], number.to_string());
            last = id;
        }
        drop(events);
        let world = world.kill_and_restart().await;
        let mut events = Events::open(&world, &token, Some(&last)).await;
        for number in 121..=300 {
            assert_eq!(events.event().await.1["id"], number.to_string());
        }
        // Then nothing happens, and the line says that it is alive and where it is.
        let beat = events.block().await.unwrap();
        assert!(beat.starts_with(": heartbeat") && beat.contains("id: 300"), "{beat}");
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_slow_reader_gets_everything_in_order_and_nothing_is_gathered_for_it() {
    const END: u64 = 30_000;
    with_feed(END, 1_000, async |world, numbers| {
        let token = world.token(Role::Integration, None).await;
        let mut events = Events::open(&world, &token, None).await;
        events.event().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        // What two sockets hold is a few megabytes.
        let ahead = numbers.reached.load(Ordering::SeqCst);
        assert!(ahead < END / 2, "{ahead} of {END} events were read for a reader that took none");
        for number in 2..=END {
            assert_eq!(events.event().await.1["id"], number.to_string());
        }
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_token_that_is_revoked_ends_its_stream_with_a_word() {
    with_feed(1, 0, async |world, _| {
        let token = world.token(Role::Integration, None).await;
        let mut events = Events::open(&world, &token, None).await;
        events.event().await;
        let store = world.app.tokens();
        for token in tokens::list(store, TENANT).await.unwrap() {
            tokens::revoke(store, token.id, world.spine.log.clock().now()).await.unwrap();
        }
        let last = events.block().await.unwrap();
        assert!(last.starts_with("event: problem\n") && last.contains("unauthenticated"), "{last}");
        assert_eq!(events.block().await, None);
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn one_tenant_has_so_many_streams_and_a_place_is_free_again_when_one_ends() {
    with_feed(1, 0, async |world, _| {
        let token = world.token(Role::Integration, None).await;
        let mut open = Vec::new();
        for _ in 0..16 {
            open.push(Events::open(&world, &token, None).await);
        }
        let refused = world.get(&token, "/leads/feed").await;
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS, "{}", refused.body);
        assert_eq!(refused.body["type"], "urn:tributary:problem:busy");
        drop(open.pop());
        ground::eventually("a free place", async || {
            world.get(&token, "/leads/feed").await.status.is_success().then_some(())
        })
        .await;
        // Open streams do not hold up a stop.
        let began = Instant::now();
        world.stop().await;
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    })
    .await;
}
