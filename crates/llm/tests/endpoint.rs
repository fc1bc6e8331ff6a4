//! Calls to a simulated endpoint: what comes back of each of its manners and faults, and how often it is asked.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use llm::{Endpoint, Passage, Problem, Question, Reply, Settings, Unusable};
use simulators::Fault;
use simulators::llm::{Manner, Model};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

const KEY: &str = "sk-simulated-key-0001";
const WAIT: Duration = Duration::from_millis(800);
/// As many failures in a row as are one too few for a rest.
const FAILURES: usize = 4;
const PASSAGES: [Passage<'_>; 1] = [Passage { question: "多久发货", answer: "48小时内发货" }];

struct World {
    model: Model,
    endpoint: Endpoint,
    _stop: tokio_util::sync::DropGuard,
}

async fn world(key: &str) -> World {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let stop = CancellationToken::new();
    let model = Model::start("qwen-sim", KEY, &stop).await.unwrap();
    let settings = Settings::new(&model.url(), "qwen-sim", Some(key), WAIT).unwrap();
    World { model, endpoint: Endpoint::new(settings).unwrap(), _stop: stop.drop_guard() }
}

impl World {
    async fn ask(&self) -> Result<Reply, Problem> {
        let asked = ["几天能发出来？我的电话13812345678".to_owned()];
        self.endpoint.ask(&Question { asked: &asked, before: &[], passages: &PASSAGES }).await
    }
}

#[tokio::test]
async fn an_honest_model_answers_from_the_passages_and_sees_no_phone_number() {
    let world = world(KEY).await;
    let answer = Ok(Reply::Answer { text: "48小时内发货".into(), passages: vec![0] });
    assert_eq!(world.ask().await, answer);
    world.model.behave(Manner::Thinking);
    assert_eq!(world.ask().await, answer);
    world.model.behave(Manner::Declining);
    assert_eq!(world.ask().await, Ok(Reply::NotThere));
    let asked = world.model.asked();
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|request| !request.to_string().contains("13812345678")));
    assert!(world.model.refused().is_empty(), "{:?}", world.model.refused());
}

#[tokio::test]
async fn whatever_else_it_says_is_refused_and_asked_once() {
    let manners = [
        (Manner::Bytes(b"<html>busy</html>".to_vec()), Unusable::Form),
        (Manner::Bytes(vec![0xff; 100]), Unusable::Form),
        (Manner::Bytes(Vec::new()), Unusable::Form),
        (Manner::Saying("好的，24小时内发货".into()), Unusable::Words),
        (Manner::Saying(r#"{"answer": "明天"#.into()), Unusable::Words),
        (Manner::Saying(r#"{"answer": "24小时内发货", "passages": [1]}"#.into()), Unusable::Ungrounded),
        (Manner::Saying(r#"{"answer": "好", "passages": [9]}"#.into()), Unusable::Citation),
        (Manner::Cut, Unusable::Cut),
    ];
    for (manner, why) in manners {
        let world = world(KEY).await;
        world.model.behave(manner.clone());
        assert_eq!(world.ask().await, Err(Problem::Unusable(why)), "{manner:?}");
        assert_eq!(world.model.asked().len(), 1, "{manner:?}");
    }
}

#[tokio::test]
async fn an_endpoint_that_hangs_or_streams_for_ever_is_left_in_time() {
    let world = world(KEY).await;
    world.model.faults().next(Fault::Hang, 1);
    let began = Instant::now();
    assert_eq!(world.ask().await, Err(Problem::TimedOut));
    assert!(began.elapsed() >= WAIT);
    world.model.behave(Manner::Endless);
    assert_eq!(world.ask().await, Err(Problem::TimedOut));
    world.model.behave(Manner::Bytes(vec![b' '; 1_000_000]));
    assert_eq!(world.ask().await, Err(Problem::TooLong));
    assert_eq!(world.model.asked().len(), 3);
}

#[tokio::test]
async fn errors_of_the_endpoint_are_told_apart() {
    let world = world(KEY).await;
    world.model.faults().next(Fault::Status { status: 429, retry_after_s: Some(1) }, 1);
    assert_eq!(world.ask().await, Err(Problem::Status(429)));
    world.model.faults().next(Fault::Cut, 1);
    assert_eq!(world.ask().await, Err(Problem::Unreachable));
    world.model.door().shut().await;
    assert_eq!(world.ask().await, Err(Problem::Unreachable));
    world.model.door().reopen().await.unwrap();
    world.ask().await.unwrap();
    let stranger = self::world("sk-of-somebody-else").await;
    assert_eq!(stranger.ask().await, Err(Problem::Status(401)));
    assert_eq!(stranger.model.refused().len(), 1);
}

#[tokio::test]
async fn one_that_fails_again_and_again_is_asked_no_more_for_a_while() {
    let world = world(KEY).await;
    world.model.faults().next(Fault::status(500), FAILURES);
    for _ in 0..FAILURES {
        assert_eq!(world.ask().await, Err(Problem::Status(500)));
    }
    world.ask().await.unwrap();
    world.model.faults().next(Fault::status(500), FAILURES + 1);
    for _ in 0..=FAILURES {
        assert_eq!(world.ask().await, Err(Problem::Status(500)));
    }
    let asked = world.model.asked().len();
    assert_eq!(world.ask().await, Err(Problem::Resting));
    assert_eq!(world.model.asked().len(), asked, "nothing left");
}

#[tokio::test]
async fn no_customer_can_make_it_rest_by_what_the_model_is_led_to_say() {
    let world = world(KEY).await;
    for manner in [Manner::Saying("no JSON for you".into()), Manner::Cut] {
        world.model.behave(manner);
        for _ in 0..FAILURES * 2 {
            assert!(matches!(world.ask().await, Err(Problem::Unusable(_))));
        }
    }
    world.model.faults().next(Fault::status(400), FAILURES * 2);
    for _ in 0..FAILURES * 2 {
        assert_eq!(world.ask().await, Err(Problem::Refused(400)));
    }
    world.model.behave(Manner::Honest);
    world.ask().await.unwrap();
}

#[tokio::test]
async fn calls_at_a_time_are_bounded_and_nobody_waits_for_a_place() {
    const MANY: usize = 100;
    let world = world(KEY).await;
    world.model.faults().next(Fault::Hang, MANY);
    let asking: Vec<_> = (0..MANY).map(|_| world.ask()).collect();
    let ended = futures::future::join_all(asking).await;
    let count = |wanted| ended.iter().filter(|reply| **reply == Err(wanted)).count();
    assert_eq!((count(Problem::TimedOut), count(Problem::Busy)), (64, 36));
}
