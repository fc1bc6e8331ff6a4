//! Simulated visitors on a socket server that runs the widget's session.

use crate::account::account;
use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::get;
use channels::widget::frames::By;
use channels::widget::{Action, Event, ServerFrame, Session, Shown};
use serde_json::json;
use simulators::door::Door;
use simulators::widget::{Shop, Site, Visitor};
use simulators::{Clock, Error, Ledger};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

/// A desk that answers each message with its echo, and keeps one list of events per visitor.
struct Desk {
    account: Arc<channels::contract::Account>,
    clock: Clock,
    threads: Mutex<HashMap<Uuid, Vec<Event>>>,
    visitors: Mutex<u128>,
}

impl Desk {
    /// Keeps a message and its answer once; the message's sequence.
    fn keep(&self, visitor: Uuid, client_id: &str, text: &str) -> u64 {
        let mut threads = self.threads.lock().unwrap();
        let events = threads.entry(visitor).or_default();
        let known = events.iter().find(
            |event| matches!(&event.shown, Shown::Message { client_id: Some(id), .. } if id == client_id),
        );
        if let Some(known) = known {
            return known.sequence;
        }
        for (by, text, client_id) in [
            (By::Visitor, text.to_owned(), Some(client_id.to_owned())),
            (By::Ai, format!("re: {text}"), None),
        ] {
            let sequence = events.len() as u64 + 1;
            let id = Uuid::from_u128(visitor.as_u128() << 32 | u128::from(sequence));
            let shown = Shown::Message { id, by, name: None, text, client_id };
            events.push(Event { sequence, at_ms: self.clock.now() / 1000, shown });
        }
        events.len() as u64 - 1
    }

    fn after(&self, visitor: Uuid, after: u64) -> Vec<Event> {
        let threads = self.threads.lock().unwrap();
        threads.get(&visitor).into_iter().flatten().filter(|event| event.sequence > after).cloned().collect()
    }
}

async fn upgrade(State(desk): State<Arc<Desk>>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(move |socket| serve(desk, socket))
}

async fn serve(desk: Arc<Desk>, mut socket: WebSocket) {
    let newcomer = {
        let mut visitors = desk.visitors.lock().unwrap();
        *visitors += 1;
        Uuid::from_u128(*visitors)
    };
    let mut session = Session::new(Arc::clone(&desk.account), newcomer);
    let (mut visitor, mut shown) = (newcomer, 0);
    while let Some(Ok(message)) = socket.recv().await {
        let Message::Text(text) = message else { continue };
        let (mut frames, mut closing) = (Vec::new(), false);
        for action in session.on_frame(&text, desk.clock.now()) {
            match action {
                Action::Send(frame) => frames.push(frame),
                Action::Open(opening) => {
                    (visitor, shown) = (opening.visitor, opening.after.unwrap_or(0));
                    frames.extend(session.welcome(visitor, shown, desk.clock.now()));
                }
                Action::Receive { client_id, text } => {
                    let sequence = desk.keep(visitor, &client_id, &text);
                    frames.push(ServerFrame::Ack { client_id, sequence });
                }
                Action::Identify(proven) => frames.extend(session.identified(&proven, desk.clock.now())),
                Action::Close => closing = true,
                Action::Typing { .. } | Action::Read { .. } | Action::Delivered { .. } => {}
            }
        }
        for event in desk.after(visitor, shown) {
            shown = event.sequence;
            frames.push(ServerFrame::Event(event));
        }
        for frame in frames {
            if socket.send(Message::text(frame.encode())).await.is_err() {
                return;
            }
        }
        // The frame that says why goes out first.
        if closing {
            return;
        }
    }
}

struct World {
    site: Site,
    ledger: Ledger,
    _door: Door,
    _shutdown: DropGuard,
}

async fn world() -> World {
    let shutdown = CancellationToken::new();
    let (clock, ledger) = (Clock::world(), Ledger::default());
    let desk = Arc::new(Desk {
        account: Arc::new(account(
            &[],
            &[("widget_secret", "0123456789abcdef"), ("identity_secret", "fedcba9876543210")],
        )),
        clock: clock.clone(),
        threads: Mutex::default(),
        visitors: Mutex::default(),
    });
    let door = Door::open(
        std::net::Ipv4Addr::LOCALHOST.into(),
        Router::new().route("/widget", get(upgrade)).with_state(desk),
        &shutdown,
    )
    .await
    .unwrap();
    let site = Site {
        socket: format!("{}/widget", door.url().replace("http", "ws")),
        account: "desk".into(),
        page: "https://shop.example/a?utm_source=douyin".into(),
        patience_ms: 5000,
        clock,
        ledger: ledger.clone(),
    };
    World { site, ledger, _door: door, _shutdown: shutdown.drop_guard() }
}

#[tokio::test]
async fn a_visitor_writes_and_is_answered() {
    let world = world().await;
    let mut visitor = Visitor::new(&world.site, "ann");
    visitor.open().await.unwrap();
    assert_eq!(visitor.write("您好 😀").await.unwrap(), 1);
    let reply = visitor.reply(5000).await.unwrap().unwrap();
    assert_eq!((reply.text.as_str(), reply.by.as_str(), reply.sequence), ("re: 您好 😀", "ai", 2));
    let replies = world.ledger.first_replies();
    assert!(replies[&("widget", "desk".into(), "ann".into())].is_some());
    assert!(world.ledger.all_sent()[0].acknowledged.is_some());
}

#[tokio::test]
async fn a_visitor_who_only_opens_leaves_nothing() {
    let world = world().await;
    let mut visitor = Visitor::new(&world.site, "bob");
    visitor.open().await.unwrap();
    assert!(visitor.token().is_some());
    assert_eq!((visitor.reply(20).await.unwrap(), world.ledger.counts()), (None, (0, 0)));
}

#[tokio::test]
async fn a_broken_socket_resumes_without_a_gap_and_without_a_repetition() {
    let world = world().await;
    let mut visitor = Visitor::new(&world.site, "cat");
    visitor.open().await.unwrap();
    visitor.write("one").await.unwrap();
    assert_eq!(visitor.reply(5000).await.unwrap().unwrap().sequence, 2);
    // The second message leaves, and the socket breaks before anything comes back.
    visitor.say(&json!({"type": "message", "client_id": "cat-message-2", "text": "two"})).await.unwrap();
    visitor.say(&json!({"type": "ping"})).await.unwrap();
    visitor.drop_socket();
    visitor.open().await.unwrap();
    let sequence = visitor.write("two").await.unwrap();
    assert_eq!(sequence, 3);
    let reply = visitor.reply(5000).await.unwrap().unwrap();
    assert_eq!((reply.sequence, reply.text.as_str(), visitor.repeated()), (4, "re: two", 0));
    assert_eq!(visitor.after(), Some(4));
}

#[tokio::test]
async fn many_visitors_are_kept_apart() {
    let world = world().await;
    let visits = (0..50).map(|n| {
        let mut visitor = Visitor::new(&world.site, &format!("visitor-{n}"));
        async move {
            visitor.open().await.unwrap();
            visitor.write(&format!("I am {n}")).await.unwrap();
            visitor.reply(5000).await.unwrap().unwrap().text == format!("re: I am {n}")
        }
    });
    assert_eq!(futures::future::join_all(visits).await, vec![true; 50]);
}

#[tokio::test]
async fn a_refusal_reaches_the_visitor() {
    let world = world().await;
    let mut visitor = Visitor::new(&Site { account: "other".into(), ..world.site.clone() }, "dan");
    let Err(Error::Refused(code)) = visitor.open().await else { panic!("let in") };
    assert_eq!(code, "unknown_account");
    let mut visitor = Visitor::new(&world.site, "eve");
    visitor.open().await.unwrap();
    let Err(Error::Refused(code)) = visitor.write(" \u{0} ").await else { panic!("taken") };
    assert_eq!(code, "text_empty");
}

#[tokio::test]
async fn a_thread_of_one_login_is_nobody_elses_at_the_same_browser() {
    let world = world().await;
    let shop = Shop { account: world.site.account.clone(), secret: "fedcba9876543210".into() };
    let ends = world.site.clock.now_s() + 600;
    let mut visitor = Visitor::new(&world.site, "visitor-1");
    visitor.open().await.unwrap();
    let thread = visitor.thread().unwrap().to_owned();
    visitor.sign_in(shop.proof("user-7", ends, &json!({}))).await.unwrap();
    visitor.drop_socket();
    visitor.open().await.unwrap();
    assert_eq!(visitor.thread(), Some(thread.as_str()), "the same user comes back to their thread");
    let refused = visitor.sign_in(shop.proof("user-8", ends, &json!({}))).await;
    assert!(matches!(refused, Err(Error::Refused(code)) if code == "identity_changed"));
    visitor.drop_socket();
    visitor.open().await.unwrap();
    let other = visitor.thread().unwrap().to_owned();
    assert_ne!(other, thread, "another user has another thread");
    visitor.drop_socket();
    visitor.signed_in(None);
    visitor.open().await.unwrap();
    assert!(![thread.as_str(), other.as_str()].contains(&visitor.thread().unwrap()), "so has nobody");
}
