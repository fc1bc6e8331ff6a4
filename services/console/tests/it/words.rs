//! What is refused says which field is wrong and what to do.

use crate::shop::{ANNA, BOB};
use crate::world::{Answer, World, on_each};
use console::access::Role;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// The status and the field of a refusal, which says in words what is wrong.
fn told(answer: &Answer) -> (u16, &str) {
    assert!(answer.body["detail"].is_string(), "{:#}", answer.body);
    (answer.status.as_u16(), answer.body["field"].as_str().unwrap_or_default())
}

async fn replies(world: &World, token: &str, thread: uuid::Uuid, body: &Value) -> Answer {
    let url = format!("{}/api/v1/threads/{thread}/replies", world.base);
    let request = world.client().post(url).bearer_auth(token).header("Idempotency-Key", "k1");
    Answer::of(request.json(body).send().await.unwrap()).await
}

#[tokio::test]
async fn a_key_with_another_text_is_refused_and_the_first_answer_stays() {
    on_each(async |world| {
        world.team().await;
        let anna = world.token(Role::Agent, Some(ANNA)).await;
        let customer = world.customer();
        world.writes(&customer, "你好").await;
        let taken = world.post(&anna, &format!("/threads/{}/takeover", customer.id), json!({})).await.ok();
        let body = |text: &str| json!({"tenure": taken["tenure"], "text": text});
        let first = replies(&world, &anna, customer.id, &body("您好")).await.ok();
        let other = replies(&world, &anna, customer.id, &body("再见")).await;
        assert_eq!(told(&other), (422, "Idempotency-Key"));
        assert_eq!(other.body["type"], "urn:tributary:problem:key-reused");
        let again = replies(&world, &anna, customer.id, &body("您好")).await.ok();
        assert_eq!(first["message"], again["message"]);
        // The id in the body is a key as well.
        let path = format!("/threads/{}/replies", customer.id);
        let named = json!({"tenure": taken["tenure"], "text": "再见", "message": first["message"]});
        assert_eq!(told(&world.post(&anna, &path, named).await), (422, "message"));
        assert_eq!(world.authors(&customer).await.len(), 1);
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_transfer_to_a_queue_that_nobody_knows_names_those_that_there_are() {
    on_each(async |world| {
        world.team().await;
        let anna = world.token(Role::Agent, Some(ANNA)).await;
        let customer = world.customer();
        world.writes(&customer, "你好").await;
        let path = |act: &str| format!("/threads/{}/{act}", customer.id);
        let taken = world.post(&anna, &path("takeover"), json!({})).await.ok();
        let to = |queue: &str| json!({"tenure": taken["tenure"], "to": {"queue": queue}});
        let nowhere = world.post(&anna, &path("transfer"), to("slaes")).await;
        assert_eq!(told(&nowhere), (422, "to.queue"));
        assert_eq!(nowhere.body["remedy"], "Name one of default.");
        world.post(&anna, &path("transfer"), to("default")).await.ok();
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn closing_says_what_is_missing() {
    on_each(async |world| {
        world.team().await;
        let anna = world.token(Role::Agent, Some(ANNA)).await;
        let customer = world.customer();
        let seen = world.writes(&customer, "你好").await;
        let path = |act: &str| format!("/threads/{}/{act}", customer.id);
        let of_ai = world.post(&anna, &path("replies"), json!({"tenure": 0, "text": "在"})).await;
        assert_eq!((of_ai.status, &of_ai.body["owner"]), (StatusCode::CONFLICT, &json!("ai")));
        assert_eq!(of_ai.body["detail"], "The AI has the conversation.");
        assert!(of_ai.body["remedy"].is_string());
        // A type without a body is no body.
        let url = format!("{}/api/v1{}", world.base, path("takeover"));
        let empty = world.client().post(url).bearer_auth(&anna).header("content-type", "application/json");
        let taken = Answer::of(empty.send().await.unwrap()).await.ok();
        let stale = world.post(&anna, &path("release"), json!({"tenure": 0, "to": "ai"})).await;
        assert_eq!(stale.body["tenure"], taken["tenure"]);
        assert!(stale.body["detail"].as_str().unwrap().starts_with("You have the conversation"), "{stale:?}");
        assert_eq!(told(&world.post(&anna, &path("close"), json!({"n": 9})).await), (422, "n"));
        let unseen = world.post(&anna, &path("close"), json!({})).await;
        assert_eq!(told(&unseen), (409, "seen"));
        assert!(unseen.body["remedy"].as_str().unwrap().contains(&seen.to_string()));
        let bob = world.token(Role::Agent, Some(BOB)).await;
        let others = world.post(&bob, &path("close"), json!({"seen": seen})).await;
        assert_eq!(others.body["detail"], "Anna has the conversation.");
        world.post(&anna, &path("close"), json!({"seen": seen})).await.ok();
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_read_names_its_field() {
    on_each(async |world| {
        world.team().await;
        let admin = world.token(Role::Admin, Some(ANNA)).await;
        for (path, field) in [
            ("/conversations?page_size=many", "page_size"),
            ("/conversations?page_size=0", "page_size"),
            ("/conversations?at_least=zz", "at_least"),
            ("/conversations?cursor=x", "cursor"),
            ("/conversations?colour=red", "colour"),
            ("/conversations?channel=telegram", "channel"),
            ("/leads?channel=telegram", "channel"),
            ("/queue?cursor=x", "cursor"),
            ("/agents?cursor=x", "cursor"),
            ("/agents?at_least=zz", "at_least"),
            ("/analytics/threads?from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z", "metric"),
        ] {
            let answer = world.get(&admin, path).await;
            assert!(answer.status.is_client_error(), "{path} {}", answer.status);
            assert_eq!(told(&answer).1, field, "{path} {:#}", answer.body);
        }
        let path = format!("/agents/{ANNA}/presence");
        let wrong = world.ask(Method::PUT, &admin, &path, Some(json!({"presence": "asleep"}))).await;
        assert_eq!(told(&wrong), (422, "presence"));
        let empty = world.post(&admin, "/knowledge/ask", json!({"text": ""})).await;
        assert_eq!(told(&empty), (422, "text"));
        let large = world.post(&admin, "/knowledge/ask", json!({"text": "x".repeat(300_000)})).await;
        assert_eq!(told(&large), (413, "body"));
        assert!(large.body["detail"].as_str().unwrap().contains("262144"), "{:#}", large.body);
        world.stop().await;
    })
    .await;
}
