//! The widget's socket: resuming by sequence both ways, visitors who never write, receipts.

use crate::erasing::erased;
use crate::shop;
use events::ThreadEvent;
use events::thread::{OpenedBy, ReceiptState};
use futures::StreamExt;
use integration::{CREDENTIAL, Place, World, account, count, on_each};
use proto::v1::analytics_service_client::AnalyticsServiceClient;
use proto::v1::{AnalyticsFilter, Metrics, SummaryRequest};
use runtime::{Role, Secret};
use serde_json::json;
use simulators::widget::{Site, Visitor};
use simulators::{Clock, Error, Ledger};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;

pub(crate) async fn site(world: &World) -> (Site, Uuid) {
    let secret = [("widget_secret", "a-secret-of-the-widget-0123456789abcdef")];
    let id = account(&world.spine, "widget", "site", &[], &secret).await;
    world.settle().await;
    let site = Site {
        socket: format!("{}/channels/widget/site/socket", world.http.replace("http://", "ws://")),
        account: "site".into(),
        page: "https://shop.example/?utm_source=spring".into(),
        patience_ms: 15_000,
        clock: Clock::world(),
        ledger: Ledger::default(),
    };
    (site, id)
}

fn thread(visitor: &Visitor) -> Uuid {
    visitor.thread().expect("the welcome names it").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_socket_resumes_both_ways_without_a_gap_or_a_repetition() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        world.furnish(&shop()).await;
        let (site, _) = site(&world).await;
        let mut visitor = Visitor::new(&site, "visitor-1");
        visitor.open().await.unwrap();
        let asked = ["退货运费谁承担？", "多久能发货？", "可以开发票吗？", "退货运费谁承担呢？"];
        for (n, text) in asked.into_iter().enumerate() {
            visitor.write(text).await.unwrap();
            if n % 2 == 0 {
                // The answer comes while nobody listens, and the browser writes again what it wrote.
                visitor.drop_socket();
                world.quiet(thread(&visitor)).await;
                visitor.open().await.unwrap();
                visitor.rewrite(text).await.unwrap();
            }
            let seen = visitor.reply(15_000).await.unwrap().expect("an answer");
            assert_eq!(seen.by, "ai");
        }
        world.quiet(thread(&visitor)).await;
        assert_eq!(visitor.repeated(), 0);
        assert_eq!(world.texts(thread(&visitor)).await, asked);
        let events = world.history(thread(&visitor)).await;
        let sent = count(&events, |event| matches!(event, ThreadEvent::Sent { .. }));
        assert_eq!(site.ledger.counts().1, sent, "each answer was shown once");
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_who_never_writes_is_a_conversation_without_a_word() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        world.furnish(&shop()).await;
        let (site, _) = site(&world).await;
        let mut silent = Visitor::new(&site, "silent");
        silent.open().await.unwrap();
        // Reloading the page is no second conversation.
        for _ in 0..3 {
            silent.drop_socket();
            silent.open().await.unwrap();
        }
        let mut talker = Visitor::new(&site, "talker");
        talker.open().await.unwrap();
        talker.write("退货运费谁承担？").await.unwrap();
        talker.reply(15_000).await.unwrap().expect("an answer");
        let events = world.history(thread(&silent)).await;
        let opened = |event: &ThreadEvent| matches!(event, ThreadEvent::Opened { by: OpenedBy::Widget, .. });
        assert_eq!(count(&events, opened), 1);
        assert_eq!(count(&events, |event| matches!(event, ThreadEvent::Received { .. })), 0);
        let metrics = figures(&world, "widget").await;
        assert_eq!((metrics.conversations, metrics.opened), (2, 1));
        world.stop().await;
    })
    .await;
}

async fn figures(world: &World, channel: &str) -> Metrics {
    world.settle().await;
    let secret = Secret::new(CREDENTIAL);
    let channel_to = runtime::grpc::client(&world.peers[&Role::Analytics], &secret).unwrap();
    let filter = AnalyticsFilter {
        tenant: world.tenant().into(),
        from_us: 0,
        to_us: i64::MAX,
        channel: Some(channel.into()),
        account: None,
    };
    let request = SummaryRequest { filter: Some(filter), group_by: 0, at_least: String::new() };
    let answer = AnalyticsServiceClient::new(channel_to).summary(request).await.unwrap().into_inner();
    answer.rows.into_iter().next().and_then(|row| row.metrics).expect("there is always one row")
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_of_a_visitor_only_rise() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        world.furnish(&shop()).await;
        let (site, _) = site(&world).await;
        let mut visitor = Visitor::new(&site, "reader");
        visitor.open().await.unwrap();
        visitor.write("退货运费谁承担？").await.unwrap();
        let seen = visitor.reply(15_000).await.unwrap().expect("an answer");
        for kind in ["read", "delivered", "read"] {
            visitor.say(&json!({ "type": kind, "sequence": seen.sequence })).await.unwrap();
        }
        // The frame after them is handled after them.
        visitor.write("多久能发货？").await.unwrap();
        let states: Vec<ReceiptState> = world
            .history(thread(&visitor))
            .await
            .iter()
            .filter_map(|event| match event {
                ThreadEvent::Receipt { state, .. } => Some(*state),
                _ => None,
            })
            .collect();
        assert_eq!(states, [ReceiptState::Read]);
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn typing_passes_both_ways_beside_the_log() {
    on_each(async |place: Place| {
        let world = World::start(&place, &[Role::ChannelIngest]).await;
        world.furnish(&[]).await;
        let (site, _) = site(&world).await;
        let mut visitor = Visitor::new(&site, "typist");
        visitor.open().await.unwrap();
        let id = thread(&visitor);
        let client = async_nats::connect(world.server.url()).await.unwrap();
        let subject = format!("typing.visitor.{}.{id}", world.tenant());
        let mut marks = client.subscribe(subject.clone()).await.unwrap();
        // Its own message comes back once the server knows of the subscription.
        client.publish(subject, "heard".into()).await.unwrap();
        assert_eq!(&*marks.next().await.unwrap().payload, b"heard");
        // The middle one says nothing new.
        for on in [true, true, false] {
            visitor.say(&json!({ "type": "typing", "on": on })).await.unwrap();
        }
        for wanted in ["1", "0"] {
            assert_eq!(&*marks.next().await.unwrap().payload, wanted.as_bytes());
        }
        let subject = format!("typing.agent.{}.{id}", world.tenant());
        client.publish(subject.clone(), "1".into()).await.unwrap();
        assert_eq!(visitor.typing(15_000).await.unwrap(), Some(true));
        client.publish(subject, "0".into()).await.unwrap();
        assert_eq!(visitor.typing(15_000).await.unwrap(), Some(false));
        let events = world.history(id).await;
        assert!(
            events
                .iter()
                .all(|event| matches!(event, ThreadEvent::Began { .. } | ThreadEvent::Opened { .. }))
        );
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_erased_while_their_socket_is_open_comes_back_as_somebody_new() {
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        world.furnish(&shop()).await;
        let (site, _) = site(&world).await;
        let mut visitor = Visitor::new(&site, "forgotten");
        visitor.open().await.unwrap();
        visitor.write("退货运费谁承担？").await.unwrap();
        visitor.reply(15_000).await.unwrap().expect("an answer");
        let before = thread(&visitor);
        world.quiet(before).await;
        erased(&world, before).await;

        // The socket ends instead of asking for the same message again and again.
        let refused = visitor.write("多久能发货？").await;
        assert!(matches!(&refused, Err(Error::Refused(code)) if code == "unavailable"), "{refused:?}");
        assert!(matches!(visitor.reply(15_000).await, Err(Error::Silent)), "the socket is cut");
        visitor.open().await.unwrap();
        assert_ne!(thread(&visitor), before);
        visitor.rewrite("多久能发货？").await.unwrap();
        // Whatever the sequences of the thread before were, those of this one are shown.
        visitor.reply(15_000).await.unwrap().expect("an answer");
        assert_eq!(world.texts(thread(&visitor)).await, ["多久能发货？"]);
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_above_the_bound_ends_the_socket_before_it_is_read() {
    on_each(async |place: Place| {
        let world = World::start(&place, &[Role::ChannelIngest]).await;
        world.furnish(&[]).await;
        site(&world).await;
        let host = world.http.strip_prefix("http://").unwrap().to_owned();
        let mut socket = TcpStream::connect(&host).await.unwrap();
        let upgrade = format!(
            "GET /channels/widget/site/socket HTTP/1.1\r\nhost: {host}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        socket.write_all(upgrade.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        socket.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 101");
        // A text of eight megabytes, masked, of which nothing follows.
        let mut header = vec![0x81, 0x80 | 127];
        header.extend((8_u64 << 20).to_be_bytes());
        header.extend([1, 2, 3, 4]);
        socket.write_all(&header).await.unwrap();
        let mut rest = Vec::new();
        // Long before the first frame would have had to come.
        let ended = tokio::time::timeout(Duration::from_secs(5), socket.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "it waits for the rest of the frame");
        world.stop().await;
    })
    .await;
}
