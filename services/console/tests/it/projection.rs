//! What the tables hold, after everything that can happen to a thread.

use crate::shop::ANNA;
use crate::world::on_each;
use console::access::Role;
use conversation::Thread;
use events::ThreadEvent;
use events::thread::FailureClass;
use serde_json::json;
use spine::db::DifferenceKind;
use spine::journal::JournalEnds;
use spine::keys::Owner;
use sqlx::Row;

#[tokio::test]
async fn a_transcript_is_in_the_platforms_order_and_tells_what_became_of_sends() {
    on_each(async |world| {
        let auditor = world.token(Role::Supervisor, None).await;
        let customer = world.customer();
        let second = 1_000_000;
        let noon = world.spine.log.clock().now() / second * second - 60 * second;
        let b = world.writes_at(&customer, "乙", (noon, Some(2))).await;
        let a = world.writes_at(&customer, "甲", (noon, Some(1))).await;
        let answer = world.ai_answers(&customer, a, "答").await;
        let early = world.writes_at(&customer, "先", (noon - second, None)).await;
        world.caught_up().await;
        let page = world.get(&auditor, &format!("/threads/{}/transcript", customer.id)).await.ok();
        let lines = page["items"].as_array().unwrap();
        let order: Vec<_> = lines.iter().filter_map(|line| line["message"].as_str()).collect();
        assert_eq!(order, [early, a, b, answer].map(|id| id.to_string()));
        let sent = lines.last().unwrap();
        assert_eq!((&sent["send"]["state"], &sent["send"]["receipt"]), (&json!("sent"), &json!("read")));
        assert_eq!((&sent["confidence"], &sent["citations"][0]["version"]), (&json!(870), &json!(3)));
        assert_eq!((&sent["send"]["provider"], &sent["author"]), (&json!("wamid.1"), &json!("ai")));
        let conversation = &page["conversation"];
        assert_eq!((&conversation["messages"], &conversation["awaiting"]), (&json!(4), &json!(1)));

        let mut pages = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/threads/{}/transcript?newest_first=true&page_size=2{cursor}", customer.id);
            let page = world.get(&auditor, &path).await.ok();
            pages.extend(page["items"].as_array().unwrap().clone());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        pages.reverse();
        assert_eq!(&pages, lines);
        world.verified().await;
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn an_edit_shows_the_new_words_beside_the_old_and_a_recall_hides_the_preview() {
    on_each(async |world| {
        let token = world.token(Role::Supervisor, None).await;
        let customer = world.customer();
        let message = world.writes(&customer, "三点").await;
        let at = world.spine.log.clock().now();
        let content = world.content(&customer, "四点").await;
        let edit = conversation::Edit { message, provider: "e1".into(), content, sent_at: at };
        world.decide(&customer, |thread| conversation::edit(thread, &edit, at)).await;
        world.caught_up().await;
        let path = format!("/threads/{}/transcript", customer.id);
        let page = world.get(&token, &path).await.ok();
        let line = &page["items"][1];
        assert_eq!((&line["text"], &line["text_before"]), (&json!("四点"), &json!("三点")));
        assert_eq!(page["conversation"]["last"]["preview"], "四点");

        let recall = conversation::Recall { message, provider: "r1".into(), sent_at: at };
        world.decide(&customer, |thread| conversation::recall(thread, &recall, at)).await;
        world.caught_up().await;
        let page = world.get(&token, &path).await.ok();
        assert!(page["items"][1]["recalled_at"].is_string());
        let conversation = &page["conversation"];
        assert_eq!(
            (&conversation["awaiting"], &conversation["last"]["kind"]),
            (&json!(0), &json!("recalled"))
        );
        assert!(conversation["last"]["preview"].is_null());
        world.verified().await;
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn what_awaits_is_what_the_law_says_through_handover_release_and_a_second_conversation() {
    on_each(async |world| {
        let token = world.token(Role::Supervisor, None).await;
        let customer = world.customer();
        let law = async || {
            let awaiting = |thread: &Thread| (thread.awaiting().len(), thread.tenure());
            world.spine.log.read::<Thread, _>(&customer.address, awaiting).await.unwrap()
        };
        let list = async || {
            world.caught_up().await;
            let page = world.get(&token, &format!("/threads/{}/transcript", customer.id)).await.ok();
            let row = &page["conversation"];
            (row["awaiting"].as_u64().unwrap() as usize, row["tenure"].as_u64().unwrap() as u32)
        };
        let at = world.spine.log.clock().now();
        let first = world.writes(&customer, "一").await;
        world.writes(&customer, "二").await;
        assert_eq!(list().await, law().await);
        world.ai_answers(&customer, first, "答").await;
        assert_eq!((list().await, law().await.0), (law().await, 1));
        world.hands_over(&customer).await;
        world.writes(&customer, "三").await;
        assert_eq!((list().await, law().await.0), (law().await, 2));
        let take = conversation::TakeOver { agent: ANNA, from: None };
        world.decide(&customer, |thread| conversation::take_over(thread, &take, at)).await;
        let tenure = world.tenure(&customer).await;
        let release = conversation::Release { by: Some(ANNA), tenure, to: events::thread::ReleasedTo::Ai };
        world.decide(&customer, |thread| conversation::release(thread, &release, at)).await;
        assert_eq!((list().await, law().await.0), (law().await, 1));
        let message = spine::new_id();
        let content = world.content(&customer, "外面").await;
        let outside = ThreadEvent::AnsweredOutside {
            n: 1,
            tenure: tenure + 2,
            message,
            provider: "o1".into(),
            content,
            sent_at: at,
            raw: None,
            at,
        };
        world.decide(&customer, |_| Ok(vec![outside.clone()])).await;
        assert_eq!((list().await, law().await.0), (law().await, 0));
        let closed = ThreadEvent::Closed { n: 1, tenure: tenure + 3, by: events::thread::ClosedBy::Idle, at };
        world.decide(&customer, |_| Ok(vec![closed.clone()])).await;
        world.writes(&customer, "又来了").await;
        assert_eq!((list().await, law().await.0), (law().await, 1));
        let page = world.get(&token, &format!("/threads/{}/transcript?n=2", customer.id)).await.ok();
        assert_eq!((&page["conversation"]["n"], page["items"].as_array().unwrap().len()), (&json!(2), 2));
        world.verified().await;
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_failed_send_names_its_class() {
    on_each(async |world| {
        let token = world.token(Role::Supervisor, None).await;
        let customer = world.customer();
        let seen = world.writes(&customer, "一").await;
        let reply = conversation::AiReply {
            message: spine::new_id(),
            tenure: 0,
            seen: Some(seen),
            content: world.content(&customer, "答").await,
            citations: vec![],
            confidence: None,
            worded_by: None,
        };
        let (message, at) = (reply.message, world.spine.log.clock().now());
        world.decide(&customer, |thread| conversation::reply_by_ai(thread, &reply, at)).await;
        let started = ThreadEvent::SendStarted { message, attempt: 1, parts: None, at };
        let class = FailureClass::WindowClosed;
        let failed = ThreadEvent::Failed { message, attempt: 1, class, retry_at: None, arrived: None, at };
        world.decide(&customer, |_| Ok(vec![started.clone(), failed.clone()])).await;
        world.caught_up().await;
        let page = world.get(&token, &format!("/threads/{}/transcript", customer.id)).await.ok();
        let send = &page["items"].as_array().unwrap().last().unwrap()["send"];
        assert_eq!((&send["state"], &send["class"]), (&json!("failed"), &json!("window_closed")));
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn an_erased_person_leaves_counts_and_no_words_live_and_rebuilt() {
    on_each(async |world| {
        let token = world.token(Role::Admin, None).await;
        let customer = world.customer();
        let seen = world.writes(&customer, "我叫张三丰").await;
        world.ai_answers(&customer, seen, "张三丰您好").await;
        world.caught_up().await;
        let erasure = spine::new_id();
        world
            .spine
            .keys
            .erase(crate::world::TENANT, &[Owner::thread(customer.id)], erasure, &JournalEnds::NONE)
            .await
            .unwrap();
        let at = world.spine.log.clock().now();
        world.decide(&customer, |thread| conversation::erase(thread, erasure, at)).await;
        world.caught_up().await;
        let page = world.get(&token, &format!("/threads/{}/transcript", customer.id)).await.ok();
        assert!(!page.to_string().contains("张三丰"));
        let conversation = &page["conversation"];
        assert_eq!((&conversation["erased"], &conversation["messages"]), (&json!(true), &json!(2)));
        assert_eq!((&conversation["open"], &conversation["closed_by"]), (&json!(false), &json!("erasure")));
        let reply = json!({"tenure": 0, "text": "在"});
        let agent = world.token(Role::Agent, Some(ANNA)).await;
        let gone = world.post(&agent, &format!("/threads/{}/replies", customer.id), reply).await;
        assert_eq!(gone.status.as_u16(), 410, "{:?}", gone.body);

        let model = world.reader().model();
        for (table, columns) in [
            ("transcript", "text, media"),
            ("conversation_list", "preview"),
            ("threads", "name"),
            ("amendments", "text"),
        ] {
            let text = format!("SELECT {columns} FROM {table}");
            let rows = sqlx::query(sqlx::AssertSqlSafe(text)).fetch_all(model.store.reads()).await.unwrap();
            for row in rows {
                assert!((0..row.len()).all(|i| row.get::<Option<String>, _>(i).is_none()), "{table}");
            }
        }
        world.verified().await;
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_console_that_was_killed_goes_on_where_its_rows_stand() {
    on_each(async |world| {
        world.team().await;
        let token = world.token(Role::Supervisor, None).await;
        let customer = world.customer();
        let mut seen = world.writes(&customer, "0").await;
        for i in 1..40 {
            seen = world.writes(&customer, &i.to_string()).await;
        }
        // No wait: the kill falls somewhere into the projection.
        let world = world.kill_and_restart().await;
        world.ai_answers(&customer, seen, "答").await;
        world.caught_up().await;
        let page =
            world.get(&token, &format!("/threads/{}/transcript?page_size=200", customer.id)).await.ok();
        assert_eq!(page["items"].as_array().unwrap().len(), 1 + 40 + 1);
        assert_eq!(page["conversation"]["messages"], 41);
        world.verified().await;
        world.reader().rebuild(|_, _| {}).await.unwrap();
        world.caught_up().await;
        let rebuilt =
            world.get(&token, &format!("/threads/{}/transcript?page_size=200", customer.id)).await.ok();
        assert_eq!(rebuilt, page);
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn no_unsealed_column_depends_on_a_key() {
    on_each(async |world| {
        let customer = world.customer();
        let message = world.writes(&customer, "三点").await;
        let at = world.spine.log.clock().now();
        let content = world.content(&customer, "四点").await;
        let edit = conversation::Edit { message, provider: "e1".into(), content, sent_at: at };
        world.decide(&customer, |thread| conversation::edit(thread, &edit, at)).await;
        world.ai_answers(&customer, message, "好的").await;
        world.caught_up().await;
        let owners = [Owner::thread(customer.id)];
        world
            .spine
            .keys
            .erase(crate::world::TENANT, &owners, spine::new_id(), &JournalEnds::NONE)
            .await
            .unwrap();
        let comparison = world.reader().verify(|_, _| {}).await.unwrap().comparison;
        assert!(!comparison.differences.is_empty());
        for difference in comparison.differences {
            let DifferenceKind::Value { column, .. } = &difference.kind else {
                panic!("{difference:?}");
            };
            assert!(["text", "preview", "name", "media"].contains(&column.as_str()), "{difference:?}");
        }
        world.stop().await;
    })
    .await;
}
