//! People answer customers over the API.

use crate::shop::{ANNA, BOB};
use crate::world::{Answer, on_each};
use console::access::Role;
use reqwest::StatusCode;
use serde_json::{Value, json};

#[tokio::test]
async fn an_agent_takes_over_answers_and_closes() {
    on_each(async |world| {
        world.team().await;
        let anna = world.token(Role::Agent, Some(ANNA)).await;
        let customer = world.customer();
        let (thread, seen) = (customer.id, world.writes(&customer, "我的电话是13800138000").await);
        world.hands_over(&customer).await;
        world.caught_up().await;

        let waiting = world.get(&anna, "/conversations?state=waiting").await.ok();
        let first = &waiting["items"][0];
        assert_eq!(first["thread"], thread.to_string());
        assert_eq!((&first["owner"]["kind"], &first["owner"]["queue"]), (&json!("queue"), &json!("default")));
        assert_eq!(first["handover_reason"], "wants_person");
        assert_eq!((&first["name"], &first["awaiting"], &first["clear"]), (&json!("张**"), &json!(1), &json!(false)));
        assert!(!first["last"]["preview"].as_str().unwrap().contains("138"));

        let taken = world.post(&anna, &format!("/threads/{thread}/takeover"), json!({})).await;
        let at = taken.position.clone().unwrap();
        let taken = taken.ok();
        assert_eq!(taken["position"], at);
        let mine = world.get(&anna, &format!("/conversations?state=mine&at_least={at}")).await.ok();
        let mine = &mine["items"][0];
        assert_eq!((&mine["name"], &mine["owner"]["agent_name"]), (&json!("张三丰"), &json!("Anna")));
        assert_eq!(mine["last"]["preview"], "我的电话是13800138000");
        assert_eq!((&mine["seen"], &mine["tenure"]), (&json!(seen), &taken["tenure"]));

        let reply = json!({"tenure": taken["tenure"], "seen": seen, "text": "您好，马上联系您", "message": spine::new_id()});
        let path = format!("/threads/{thread}/replies");
        let replied = world.post(&anna, &path, reply.clone()).await.ok();
        assert_eq!(replied["newer"], Value::Null);
        // The same answer once more is the same answer.
        let again = world.post(&anna, &path, reply).await.ok();
        assert_eq!(again["position"], replied["position"]);

        let late = world.writes(&customer, "在吗").await;
        let next = json!({"tenure": taken["tenure"], "seen": seen, "text": "在的"});
        let warned = world.post(&anna, &path, next).await.ok();
        assert_eq!(warned["newer"], json!([late]));

        let close = format!("/threads/{thread}/close");
        let refused = world.post(&anna, &close, json!({"seen": seen})).await;
        assert_eq!(refused.status, StatusCode::CONFLICT);
        assert_eq!((&refused.body["type"], &refused.body["newer"]), (&json!("urn:tributary:problem:newer"), &json!(late)));
        let closed = world.post(&anna, &close, json!({"seen": late})).await.ok();
        let at = closed["position"].as_str().unwrap();
        let page = world.get(&anna, &format!("/threads/{thread}/transcript?at_least={at}")).await.ok();
        let kinds: Vec<&str> =
            page["items"].as_array().unwrap().iter().map(|l| l["what"].as_str().unwrap_or(l["kind"].as_str().unwrap())).collect();
        let expected = ["opened", "received", "handed_over", "notice", "taken_over", "replied", "received", "replied", "closed"];
        assert_eq!(kinds, expected);
        assert_eq!(page["items"][5]["agent_name"], "Anna");
        assert_eq!(page["items"][5]["send"]["state"], "pending");
        assert_eq!(page["conversation"]["closed_by"], "agent");
        world.verified().await;
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn of_two_who_take_over_at_once_one_gets_it_and_the_other_is_told_who() {
    on_each(async |world| {
        world.team().await;
        let (anna, bob) =
            (world.token(Role::Agent, Some(ANNA)).await, world.token(Role::Agent, Some(BOB)).await);
        let customer = world.customer();
        world.writes(&customer, "人工").await;
        let path = format!("/threads/{}/takeover", customer.id);
        let (first, second) =
            tokio::join!(world.post(&anna, &path, json!({})), world.post(&bob, &path, json!({})));
        let ((winner, won), lost) = match first.status {
            StatusCode::OK => (("Anna", first), second),
            _ => (("Bob", second), first),
        };
        assert_eq!((won.status, lost.status), (StatusCode::OK, StatusCode::CONFLICT));
        assert_eq!(lost.body["type"], "urn:tributary:problem:owned-by");
        assert_eq!((&lost.body["owner"], &lost.body["agent_name"]), (&json!("agent"), &json!(winner)));
        assert_eq!(lost.body["tenure"], won.body["tenure"]);
        assert!(lost.body["detail"].as_str().unwrap().contains(winner));
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_stale_screen_is_told_who_has_the_conversation_now() {
    on_each(async |world| {
        world.team().await;
        let (anna, bob) =
            (world.token(Role::Agent, Some(ANNA)).await, world.token(Role::Supervisor, Some(BOB)).await);
        let customer = world.customer();
        let seen = world.writes(&customer, "你好").await;
        let (takeover, transfer) =
            (format!("/threads/{}/takeover", customer.id), format!("/threads/{}/transfer", customer.id));
        let taken = world.post(&anna, &takeover, json!({})).await.ok();
        let stolen = world.post(&bob, &takeover, json!({"from": ANNA})).await.ok();
        let reply = json!({"tenure": taken["tenure"], "seen": seen, "text": "在"});
        let stale = world.post(&anna, &format!("/threads/{}/replies", customer.id), reply).await;
        assert_eq!((stale.status, &stale.body["agent_name"]), (StatusCode::CONFLICT, &json!("Bob")));
        assert_eq!(stale.body["tenure"], stolen["tenure"]);

        let nobody = json!({"tenure": stolen["tenure"], "to": {"agent": spine::new_id()}});
        assert_eq!(world.post(&bob, &transfer, nobody).await.status, StatusCode::UNPROCESSABLE_ENTITY);
        let back = json!({"tenure": stolen["tenure"], "to": {"agent": ANNA}});
        let passed = world.post(&bob, &transfer, back).await.ok();
        let release = json!({"tenure": passed["tenure"], "to": "ai"});
        let released = world.post(&anna, &format!("/threads/{}/release", customer.id), release).await.ok();
        let at = released["position"].as_str().unwrap();
        let path = format!("/conversations/{}/1?at_least={at}", customer.id);
        let conversation = world.get(&bob, &path).await.ok();
        assert_eq!(conversation["owner"]["kind"], "ai");
        assert_eq!(conversation["tenure"], released["tenure"]);
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn an_idempotency_key_decides_once() {
    on_each(async |world| {
        world.team().await;
        let anna = world.token(Role::Agent, Some(ANNA)).await;
        let customer = world.customer();
        world.writes(&customer, "你好").await;
        let taken = world.post(&anna, &format!("/threads/{}/takeover", customer.id), json!({})).await.ok();
        let body = json!({"tenure": taken["tenure"], "text": "您好"});
        let send = async || {
            let url = format!("{}/api/v1/threads/{}/replies", world.base, customer.id);
            let request = world.client().post(url).bearer_auth(&anna).header("Idempotency-Key", "k1");
            Answer::of(request.json(&body).send().await.unwrap()).await.ok()
        };
        let (first, second) = (send().await, send().await);
        assert_eq!((&first["message"], &first["position"]), (&second["message"], &second["position"]));
        assert_eq!(world.authors(&customer).await.len(), 1);
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn the_list_is_paged_without_a_gap() {
    on_each(async |world| {
        let admin = world.token(Role::Supervisor, None).await;
        let mut all = Vec::new();
        for _ in 0..7 {
            let customer = world.customer();
            world.writes(&customer, "你好").await;
            all.insert(0, customer.id.to_string());
        }
        world.caught_up().await;
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = world.get(&admin, &format!("/conversations?page_size=3{cursor}")).await.ok();
            found.extend(
                page["items"].as_array().unwrap().iter().map(|c| c["thread"].as_str().unwrap().to_owned()),
            );
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(found, all);
        for wrong in [
            "page_size=0",
            "page_size=201",
            "cursor=x",
            "state=nice",
            "account=x",
            "colour=red",
            "channel=line",
        ] {
            let answer = world.get(&admin, &format!("/conversations?{wrong}")).await;
            assert!(answer.status.is_client_error(), "{wrong}: {}", answer.status);
            assert!(answer.body["type"].is_string(), "{wrong}: {}", answer.body);
        }
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_thread_of_another_tenant_is_not_there() {
    on_each(async |world| {
        world.team().await;
        let customer = world.customer();
        world.writes(&customer, "你好").await;
        world.caught_up().await;
        let new = console::tokens::NewToken {
            role: Role::Admin,
            tenant: "other".into(),
            agent: Some(ANNA),
            name: String::new(),
            expires_at: None,
        };
        let (_, other) = console::tokens::create(world.app.tokens(), &new, 0).await.unwrap();
        let thread = customer.id;
        for path in [format!("/threads/{thread}/transcript"), format!("/conversations/{thread}/1")] {
            assert_eq!(world.get(&other, &path).await.status, StatusCode::NOT_FOUND);
        }
        let reply = json!({"tenure": 0, "text": "hi"});
        for (what, body) in [("takeover", json!({})), ("replies", reply), ("close", json!({}))] {
            let answer = world.post(&other, &format!("/threads/{thread}/{what}"), body).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{what}");
        }
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn the_list_is_filtered_by_state_channel_account_and_agent() {
    on_each(async |world| {
        world.team().await;
        let anna = world.token(Role::Agent, Some(ANNA)).await;
        let (open, mine, closed) = (world.customer(), world.customer(), world.customer());
        for customer in [&open, &mine, &closed] {
            let seen = world.writes(customer, "你好").await;
            if customer.id != open.id {
                // Without a body, as a button sends it.
                let url = format!("{}/api/v1/threads/{}/takeover", world.base, customer.id);
                Answer::of(world.client().post(url).bearer_auth(&anna).send().await.unwrap()).await.ok();
            }
            if customer.id == closed.id {
                let path = format!("/threads/{}/close", customer.id);
                world.post(&anna, &path, json!({"n": 1, "seen": seen})).await.ok();
                // Closing it again is no conflict.
                world.post(&anna, &path, json!({"seen": seen})).await.ok();
            }
        }
        world.caught_up().await;
        let account = crate::shop::ACCOUNT;
        for (filter, expected) in [
            (String::new(), vec![&mine, &open]),
            ("state=waiting".into(), vec![]),
            ("state=mine".into(), vec![&mine]),
            ("state=closed".into(), vec![&closed]),
            (format!("state=closed&agent={ANNA}&account={account}&channel=widget"), vec![&closed]),
            (format!("agent={BOB}"), vec![]),
            ("channel=http".into(), vec![]),
        ] {
            let page = world.get(&anna, &format!("/conversations?{filter}")).await.ok();
            let found: Vec<_> =
                page["items"].as_array().unwrap().iter().map(|c| c["thread"].clone()).collect();
            let expected: Vec<_> = expected.into_iter().map(|customer| json!(customer.id)).collect();
            assert_eq!(found, expected, "{filter}");
        }
        let from = json!({"from": ANNA});
        let bob = world.token(Role::Agent, Some(BOB)).await;
        let stolen = world.post(&bob, &format!("/threads/{}/takeover", mine.id), from).await;
        assert_eq!(stolen.status, StatusCode::FORBIDDEN);
        world.stop().await;
    })
    .await;
}
