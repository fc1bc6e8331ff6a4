//! Searching a transcript: what is found, by whom, and over how many pages.

use crate::shop::{ANNA, BOB, Customer};
use crate::world::{World, on_each};
use console::access::Role;
use futures::StreamExt;
use serde_json::{Value, json};

async fn search(world: &World, token: &str, customer: &Customer, body: Value) -> Value {
    world.post(token, &format!("/threads/{}/transcript/search", customer.id), body).await.ok()
}

fn texts(found: &Value) -> Vec<&str> {
    found["items"].as_array().unwrap().iter().map(|line| line["text"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn messages_of_either_side_are_found_however_they_are_spelt() {
    on_each(async |world| {
        let token = world.token(Role::Supervisor, None).await;
        let (customer, other) = (world.customer(), world.customer());
        world.writes(&customer, "請問怎麼退貨？").await;
        let asked = world.writes(&customer, "型号是ＡＢ－１２").await;
        world.ai_answers(&customer, asked, "七天内可以退货。").await;
        world.writes(&other, "我也要退货").await;
        world.caught_up().await;
        for (text, expected) in [
            ("退货", vec!["七天内可以退货。", "請問怎麼退貨？"]),
            ("ab-12", vec!["型号是ＡＢ－１２"]),
            ("7 天", vec!["七天内可以退货。"]),
            ("换货", vec![]),
            ("%", vec![]),
        ] {
            let found = search(&world, &token, &customer, json!({"text": text})).await;
            assert_eq!(texts(&found), expected, "{text}");
            assert_eq!((&found["clear"], &found["next"]), (&json!(true), &Value::Null));
        }
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn an_edited_message_is_found_by_its_words_now_and_before() {
    on_each(async |world| {
        let token = world.token(Role::Supervisor, None).await;
        let customer = world.customer();
        let message = world.writes(&customer, "三点到").await;
        let at = world.spine.log.clock().now();
        let content = world.content(&customer, "四点到").await;
        let edit = conversation::Edit { message, provider: "e1".into(), content, sent_at: at };
        world.decide(&customer, |thread| conversation::edit(thread, &edit, at)).await;
        world.caught_up().await;
        for text in ["三点", "四点"] {
            let found = search(&world, &token, &customer, json!({"text": text})).await;
            assert_eq!(texts(&found), ["四点到"], "{text}");
            assert_eq!(found["items"][0]["text_before"], "三点到");
        }
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn whoever_sees_a_text_masked_does_not_find_it() {
    on_each(async |world| {
        world.team().await;
        let customer = world.customer();
        world.writes(&customer, "我住在长安街，证件11010519491231002X").await;
        world.caught_up().await;
        let count = async || world.spine.log.ends().await.unwrap().iter().sum::<u64>();
        let before = count().await;
        for (role, agent) in [(Role::Agent, Some(ANNA)), (Role::Auditor, None)] {
            let token = world.token(role, agent).await;
            let found = search(&world, &token, &customer, json!({"text": "长安街"})).await;
            assert_eq!((texts(&found).len(), &found["clear"]), (0, &json!(false)), "{role}");
        }
        assert_eq!(count().await, before, "nothing was opened");
        let supervisor = world.token(Role::Supervisor, None).await;
        let found = search(&world, &supervisor, &customer, json!({"text": "长安街"})).await;
        assert_eq!(texts(&found), ["我住在长安街，证件**************002X"]);
        assert_eq!(count().await, before + 1, "it is recorded");
        // What is hidden from everybody is found by nobody.
        let hidden = search(&world, &supervisor, &customer, json!({"text": "110105194912"})).await;
        assert_eq!(texts(&hidden).len(), 0);

        let (anna, bob) =
            (world.token(Role::Agent, Some(ANNA)).await, world.token(Role::Agent, Some(BOB)).await);
        world.post(&anna, &format!("/threads/{}/takeover", customer.id), json!({})).await.ok();
        world.caught_up().await;
        for (token, expected) in [(&anna, 1), (&bob, 0)] {
            let found = search(&world, token, &customer, json!({"text": "长安街"})).await;
            assert_eq!(texts(&found).len(), expected);
        }
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn whoever_had_one_conversation_finds_nothing_of_the_next() {
    on_each(async |world| {
        world.team().await;
        let (anna, bob) =
            (world.token(Role::Agent, Some(ANNA)).await, world.token(Role::Agent, Some(BOB)).await);
        let customer = world.customer();
        let act = |name: &str| format!("/threads/{}/{name}", customer.id);
        let seen = world.writes(&customer, "第一次退货").await;
        world.caught_up().await;
        world.post(&anna, &act("takeover"), json!({})).await.ok();
        world.post(&anna, &act("close"), json!({ "seen": seen })).await.ok();
        world.writes(&customer, "第二次退货").await;
        world.caught_up().await;
        world.post(&bob, &act("takeover"), json!({})).await.ok();
        world.caught_up().await;
        for (token, n, expected, is_whole) in [
            (&anna, None, vec!["第一次退货"], false),
            (&anna, Some(1), vec!["第一次退货"], true),
            (&anna, Some(2), vec![], false),
            // Who has the thread now needs its history.
            (&bob, None, vec!["第二次退货", "第一次退货"], true),
            (&bob, Some(1), vec!["第一次退货"], true),
        ] {
            let found = search(&world, token, &customer, json!({"text": "退货", "n": n})).await;
            assert_eq!((texts(&found), &found["clear"]), (expected, &json!(is_whole)), "{n:?}");
        }
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_too_much_for_one_request_is_searched_by_the_next() {
    on_each(async |world| {
        let token = world.token(Role::Supervisor, None).await;
        let customer = world.customer();
        world.writes(&customer, "我要退货").await;
        // More than a megabyte.
        for _ in 0..90 {
            world.writes(&customer, &"长".repeat(4_000)).await;
        }
        world.caught_up().await;
        let first = search(&world, &token, &customer, json!({"text": "退货"})).await;
        assert_eq!(texts(&first).len(), 0);
        let next = json!({"text": "退货", "cursor": first["next"].as_str().unwrap()});
        let second = search(&world, &token, &customer, next).await;
        assert_eq!((texts(&second), &second["next"]), (vec!["我要退货"], &Value::Null));
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn short_messages_are_bounded_by_their_number() {
    on_each(async |world| {
        let token = world.token(Role::Supervisor, None).await;
        let customer = world.customer();
        world.writes(&customer, "我要退货").await;
        let writes = (0..4_100).map(|_| world.writes(&customer, "嗯"));
        futures::stream::iter(writes).buffer_unordered(64).collect::<Vec<_>>().await;
        world.caught_up().await;
        let first = search(&world, &token, &customer, json!({"text": "退货"})).await;
        assert_eq!(texts(&first).len(), 0);
        assert!(first["next"].is_string(), "there is more to be read");
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_long_transcript_is_searched_page_by_page_each_message_once() {
    on_each(async |world| {
        let token = world.token(Role::Supervisor, None).await;
        let customer = world.customer();
        let mut written = Vec::new();
        // More than are read at a time.
        for n in 0..300 {
            let text = if n % 3 == 0 { format!("第 {n} 个包裹") } else { format!("第 {n} 句话") };
            world.writes(&customer, &text).await;
            written.extend((n % 3 == 0).then_some(text));
        }
        world.caught_up().await;
        written.reverse();
        let (mut found, mut cursor, mut pages) = (Vec::new(), Value::Null, 0);
        loop {
            let body = json!({"text": "包裹", "page_size": 30, "cursor": cursor});
            let page = search(&world, &token, &customer, body).await;
            found.extend(texts(&page).into_iter().map(str::to_owned));
            pages += 1;
            cursor = page["next"].clone();
            if cursor.is_null() {
                break;
            }
        }
        assert_eq!((found, pages), (written, 4));
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_page_that_is_full_with_the_last_line_read_at_a_time_goes_on_behind_it() {
    on_each(async |world| {
        let token = world.token(Role::Supervisor, None).await;
        let customer = world.customer();
        for text in ["第一次退货", "第二次退货"] {
            world.writes(&customer, text).await;
        }
        // The second is the 256th line from the end, and 256 are read at a time.
        for _ in 0..255 {
            world.writes(&customer, "嗯").await;
        }
        world.caught_up().await;
        let (mut found, mut cursor) = (Vec::new(), Value::Null);
        for _ in 0..2 {
            let body = json!({"text": "退货", "page_size": 1, "cursor": cursor});
            let page = search(&world, &token, &customer, body).await;
            found.extend(texts(&page).into_iter().map(str::to_owned));
            cursor = page["next"].clone();
        }
        assert_eq!((found, cursor), (vec!["第二次退货".to_owned(), "第一次退货".to_owned()], Value::Null));
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_looked_for_is_refused_with_the_field() {
    on_each(async |world| {
        let token = world.token(Role::Supervisor, None).await;
        let customer = world.customer();
        world.writes(&customer, "你好").await;
        world.caught_up().await;
        let path = format!("/threads/{}/transcript/search", customer.id);
        for (body, field) in [
            (json!({"text": " "}), "text"),
            (json!({"text": "长".repeat(201)}), "text"),
            (json!({"text": "你好", "page_size": 0}), "page_size"),
            (json!({"text": "你好", "cursor": "x"}), "cursor"),
        ] {
            let refused = world.post(&token, &path, body).await;
            assert_eq!((refused.status.as_u16(), &refused.body["field"]), (422, &json!(field)));
        }
        let nowhere = format!("/threads/{}/transcript/search", spine::new_id());
        assert_eq!(world.post(&token, &nowhere, json!({"text": "你好"})).await.status.as_u16(), 404);
        world.stop().await;
    })
    .await;
}
