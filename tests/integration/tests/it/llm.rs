//! A language model beside the knowledge: what it words, and all that it cannot do to a conversation.

use crate::shop;
use events::ThreadEvent;
use events::tenant::Settings;
use events::thread::{Author, HandoverReason};
use futures::future::join_all;
use integration::{Order, Outside, Place, World, count, on_each};
use llm::endpoint::CALLS_MAX;
use simulators::Fault;
use simulators::http::Item;
use simulators::llm::{Manner, Model};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const NAME: &str = "qwen-sim";
const KEY: &str = "sk-simulated-key-0001";
/// Shorter than the tenant's deadline for an answer, which is three seconds.
const WAIT: Duration = Duration::from_millis(1_000);
/// Near the entry about invoices, and not answered by it.
const OPEN: &str = "发票抬头写错了能改吗？";
const KNOWN: &str = "退货运费谁承担？";

async fn world(place: &Place, wait: Duration, stop: &CancellationToken) -> (World, Model) {
    let model = Model::start(NAME, KEY, stop).await.unwrap();
    let settings = llm::Settings::new(&model.url(), NAME, Some(KEY), wait).unwrap();
    (World::with_model(place, settings).await, model)
}

async fn ask(outside: &Outside, user: &str, text: &str) {
    let item = Item { id: format!("{user}-1"), user: user.into(), text: text.into() };
    assert!(outside.partner.post(&[item]).await.accepted);
}

/// How a conversation's only question ended: the replies of the AI, with the model that worded each, and handovers.
async fn ended(world: &World, thread: Uuid) -> (Vec<Option<String>>, Vec<HandoverReason>) {
    world
        .until("an answer or a handover", thread, |events| {
            count(events, |event| {
                matches!(event, ThreadEvent::Replied { by: Author::Ai, .. } | ThreadEvent::HandedOver { .. })
            })
            .checked_sub(1)
        })
        .await;
    world.quiet(thread).await;
    let events = world.history(thread).await;
    let replies = events.iter().filter_map(|event| match event {
        ThreadEvent::Replied { by: Author::Ai, worded_by, citations, .. } => {
            assert!(!citations.is_empty(), "an answer names its entries");
            Some(worded_by.clone())
        }
        _ => None,
    });
    let handovers = events.iter().filter_map(|event| match event {
        ThreadEvent::HandedOver { reason, .. } => Some(*reason),
        _ => None,
    });
    (replies.collect(), handovers.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_knowledge_is_not_sure_of_is_worded_by_the_model_and_the_rest_is_not_asked() {
    on_each(async |place: Place| {
        let stop = CancellationToken::new();
        let (world, model) = world(&place, WAIT, &stop).await;
        let outside = world.furnish(&shop()).await;
        ask(&outside, "u-open", &format!("我的电话是13812345678，{OPEN}")).await;
        ask(&outside, "u-known", KNOWN).await;
        ask(&outside, "u-person", "转人工").await;
        let of = async |user: &str| ended(&world, world.thread_of(outside.shop, user).await).await;
        assert_eq!(of("u-open").await, (vec![Some(NAME.to_owned())], vec![]));
        assert_eq!(of("u-known").await, (vec![None], vec![]));
        assert_eq!(of("u-person").await, (vec![], vec![HandoverReason::WantsPerson]));
        model.behave(Manner::Declining);
        ask(&outside, "u-declined", OPEN).await;
        assert_eq!(of("u-declined").await, (vec![], vec![HandoverReason::Unknown]));
        world.everything_is_there_once(&outside, Order::Kept).await;
        let asked = model.asked();
        assert_eq!(asked.len(), 2, "only what was open");
        assert!(!asked[0].to_string().contains("13812345678"));
        assert!(model.refused().is_empty(), "{:?}", model.refused());
        world.every_model_equals_the_log().await;
        world.stop().await;
        stop.cancel();
    })
    .await;
}

/// What an endpoint does to one question.
enum Wrong {
    Says(Manner),
    Fails(Fault),
}

fn wrongs() -> Vec<(&'static str, Wrong)> {
    let saying = |text: &str| Wrong::Says(Manner::Saying(text.into()));
    vec![
        ("hangs", Wrong::Fails(Fault::Hang)),
        ("endless", Wrong::Says(Manner::Endless)),
        ("garbage", Wrong::Says(Manner::Bytes(vec![0xfe; 3_000]))),
        ("too-long", Wrong::Says(Manner::Bytes(vec![b' '; 2_000_000]))),
        ("half", saying(r#"{"answer": "可以"#)),
        ("prose", saying("可以改，改一次收5元。")),
        ("invents", saying(r#"{"answer": "改一次收5元", "passages": [1]}"#)),
        ("cites-nothing", saying(r#"{"answer": "可以改"}"#)),
        ("cut", Wrong::Says(Manner::Cut)),
        ("busy", Wrong::Fails(Fault::Status { status: 429, retry_after_s: Some(1) })),
        ("broken", Wrong::Fails(Fault::status(500))),
        ("line-cut", Wrong::Fails(Fault::Cut)),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_endpoint_that_hangs_answers_garbage_or_streams_for_ever_costs_its_question_alone() {
    on_each(async |place: Place| {
        let stop = CancellationToken::new();
        let (world, model) = world(&place, WAIT, &stop).await;
        let outside = world.furnish(&shop()).await;
        let of = async |user: &str| ended(&world, world.thread_of(outside.shop, user).await).await;
        let wrongs = wrongs();
        for (name, wrong) in &wrongs {
            match wrong {
                Wrong::Says(manner) => model.behave(manner.clone()),
                Wrong::Fails(fault) => model.faults().next(*fault, 1),
            }
            ask(&outside, name, OPEN).await;
            assert_eq!(of(name).await, (vec![], vec![HandoverReason::Unknown]), "{name}");
            // A good word in between: it is not left alone for a while.
            model.behave(Manner::Honest);
            let good = format!("after-{name}");
            ask(&outside, &good, OPEN).await;
            assert_eq!(of(&good).await, (vec![Some(NAME.to_owned())], vec![]), "{good}");
        }
        assert_eq!(model.asked().len(), 2 * wrongs.len(), "each question is asked once");
        world.everything_is_there_once(&outside, Order::Kept).await;
        world.stop().await;
        stop.cancel();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_model_endpoint_that_hangs_for_all_who_ask_what_is_known_is_answered() {
    const EACH: usize = 100;
    // Whoever waited for the model would be handed over before it is given up.
    const HANGS: Duration = Duration::from_secs(10);
    const DEADLINE_MS: u64 = 8_000;
    on_each(async |place: Place| {
        let stop = CancellationToken::new();
        let (world, model) = world(&place, HANGS, &stop).await;
        let settings = Settings { answer_deadline_ms: DEADLINE_MS, ..integration::settings() };
        let outside = world.furnish_with(&settings, &shop()).await;
        model.faults().next(Fault::Hang, EACH);
        let users: Vec<String> =
            (0..EACH).flat_map(|n| [format!("open-{n}"), format!("known-{n}")]).collect();
        join_all(
            users.iter().map(|user| ask(&outside, user, if user.starts_with("open") { OPEN } else { KNOWN })),
        )
        .await;
        for user in &users {
            let ended = ended(&world, world.thread_of(outside.shop, user).await).await;
            match user.starts_with("open") {
                true => assert!(
                    ended.0.is_empty()
                        && matches!(ended.1[..], [HandoverReason::Unknown | HandoverReason::Deadline]),
                    "{user}: {ended:?}"
                ),
                false => assert_eq!(ended, (vec![None], vec![]), "{user}"),
            }
        }
        assert!(model.asked().len() <= CALLS_MAX, "no question is asked twice, and none in place of another");
        world.everything_is_there_once(&outside, Order::Kept).await;
        world.stop().await;
        stop.cancel();
    })
    .await;
}
