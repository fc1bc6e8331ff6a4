//! Every route with every role.

use crate::shop::ANNA;
use crate::world::on_each;
use console::access::Role;
use console::tokens::{self, NewToken};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const ALL: &[Role] = &Role::ALL;
const STAFF: &[Role] = &[Role::Admin, Role::Supervisor, Role::Agent, Role::Auditor];
const ANSWERING: &[Role] = &[Role::Admin, Role::Supervisor, Role::Agent];

/// What is asked, and who may.
fn matrix(thread: &str) -> Vec<(Method, String, Option<Value>, &'static [Role])> {
    let span = "from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z";
    let get = |path: &str, roles| (Method::GET, path.to_owned(), None, roles);
    let post = |path: String, body, roles| (Method::POST, path, Some(body), roles);
    vec![
        get("/conversations", STAFF),
        get(&format!("/conversations/{thread}/1"), STAFF),
        get(&format!("/threads/{thread}/transcript"), STAFF),
        post(format!("/threads/{thread}/transcript/search"), json!({"text": "你好"}), STAFF),
        post(format!("/threads/{thread}/takeover"), json!({}), ANSWERING),
        post(format!("/threads/{thread}/release"), json!({"tenure": 0, "to": "queue"}), ANSWERING),
        post(format!("/threads/{thread}/transfer"), json!({"tenure": 0, "to": {"queue": "q"}}), ANSWERING),
        post(format!("/threads/{thread}/replies"), json!({"tenure": 0, "text": "hi"}), ANSWERING),
        post(format!("/threads/{thread}/close"), json!({}), ANSWERING),
        get("/queue", STAFF),
        get("/agents", STAFF),
        (Method::PUT, format!("/agents/{ANNA}/presence"), Some(json!({"presence": "away"})), ANSWERING),
        get("/leads", ALL),
        get("/leads/feed", &[Role::Admin, Role::Integration]),
        get("/leads/x-1", ALL),
        get("/leads?clear=true", &[Role::Admin, Role::Supervisor, Role::Integration]),
        get("/leads/x-1?clear=true", &[Role::Admin, Role::Supervisor, Role::Integration]),
        get(&format!("/customers?thread={thread}"), STAFF),
        get("/customers/x", STAFF),
        get(&format!("/analytics/summary?{span}"), &[Role::Admin, Role::Supervisor, Role::Auditor]),
        get(
            &format!("/analytics/threads?metric=leads&{span}"),
            &[Role::Admin, Role::Supervisor, Role::Auditor],
        ),
        get("/knowledge", STAFF),
        post("/knowledge/ask".into(), json!({"text": "包邮吗"}), ANSWERING),
        get("/accounts", STAFF),
        get("/me", ALL),
        get("/version", ALL),
    ]
}

#[tokio::test]
async fn every_route_is_open_to_its_roles_and_to_nobody_else() {
    on_each(async |world| {
        world.team().await;
        let customer = world.customer();
        world.writes(&customer, "你好").await;
        world.caught_up().await;
        let matrix = matrix(&customer.id.to_string());
        for role in Role::ALL {
            let agent = ANSWERING.contains(&role).then_some(ANNA);
            let token = world.token(role, agent).await;
            for (method, path, body, roles) in &matrix {
                let answer = world.ask(method.clone(), &token, path, body.clone()).await;
                let forbidden = answer.status == StatusCode::FORBIDDEN;
                assert_eq!(!forbidden, roles.contains(&role), "{role} {method} {path}: {}", answer.status);
                assert_ne!(answer.status, StatusCode::UNAUTHORIZED);
                assert_ne!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{path} {}", answer.body);
            }
        }
        for (method, path, body, _) in &matrix {
            let answer = world.ask(method.clone(), "trib_x_y", path, body.clone()).await;
            let expected = if path == "/version" { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
            assert_eq!(answer.status, expected, "{path}");
        }
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn the_matrix_has_every_route_of_the_document() {
    on_each(async |world| {
        let document =
            world.client().get(format!("{}{}", world.base, console::DOCUMENT)).send().await.unwrap();
        let document: Value = document.json().await.unwrap();
        let tested: Vec<String> = matrix("T")
            .into_iter()
            .map(|(method, path, ..)| format!("{method} {}", path.split('?').next().unwrap()))
            .collect();
        for (path, item) in document["paths"].as_object().unwrap() {
            let path = path.strip_prefix(console::BASE).unwrap();
            let path = path.replace("{thread}", "T").replace("{n}", "1");
            for method in item.as_object().unwrap().keys() {
                let route = format!("{} {path}", method.to_uppercase());
                let known = tested.iter().any(|tested| {
                    let like = |(a, b): (&str, &str)| a == b || a == "{id}";
                    let (wanted, tested): (Vec<_>, Vec<_>) =
                        (route.split('/').collect(), tested.split('/').collect());
                    wanted.len() == tested.len() && wanted.into_iter().zip(tested).all(like)
                });
                assert!(known, "{route} is not in the matrix");
            }
        }
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn nobody_sees_words_that_are_not_theirs_to_see() {
    on_each(async |world| {
        world.team().await;
        let customer = world.customer();
        world.writes(&customer, "我住在长安街，证件11010519491231002X").await;
        world.caught_up().await;
        let path = format!("/threads/{}/transcript", customer.id);
        for (role, agent, clear) in [
            (Role::Admin, None, true),
            (Role::Supervisor, None, true),
            (Role::Agent, Some(ANNA), false),
            (Role::Auditor, None, false),
        ] {
            let token = world.token(role, agent).await;
            for path in [path.as_str(), "/conversations"] {
                let text = world.get(&token, path).await.ok().to_string();
                assert_eq!(text.contains("长安街"), clear, "{role} {path}");
                assert_eq!(text.contains("张三丰"), clear, "{role} {path}");
                assert!(!text.contains("110105194912"), "{role} {path}");
                assert!(!text.contains("openid-1"), "{role} {path}");
            }
        }
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_shown_in_clear_is_recorded_once_an_hour() {
    on_each(async |world| {
        let customer = world.customer();
        world.writes(&customer, "你好").await;
        world.caught_up().await;
        let count = async || world.spine.log.ends().await.unwrap().iter().sum::<u64>();
        let path = format!("/threads/{}/transcript", customer.id);
        let before = count().await;
        let auditor = world.token(Role::Auditor, None).await;
        world.get(&auditor, &path).await.ok();
        assert_eq!(count().await, before);
        let supervisor = world.token(Role::Supervisor, None).await;
        for _ in 0..3 {
            world.get(&supervisor, &path).await.ok();
        }
        assert_eq!(count().await, before + 1);
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_revoked_expired_or_changed_token_is_none() {
    on_each(async |world| {
        let store = world.app.tokens();
        let new = NewToken {
            role: Role::Auditor,
            tenant: "shop".into(),
            agent: None,
            name: "audit".into(),
            expires_at: Some(100),
        };
        let (token, text) = tokens::create(store, &new, 1).await.unwrap();
        assert_eq!(tokens::verify(store, &text, 99).await.unwrap(), Some(token.clone()));
        assert!(tokens::holds(store, token.id, 99).await.unwrap());
        assert!(!tokens::holds(store, token.id, 100).await.unwrap());
        assert_eq!(tokens::verify(store, &text, 100).await.unwrap(), None);
        let changed = format!("{}x", &text[..text.len() - 1]);
        assert_eq!(tokens::verify(store, &changed, 99).await.unwrap(), None);
        assert_eq!(tokens::list(store, "shop").await.unwrap(), vec![token.clone()]);
        assert!(tokens::revoke(store, token.id, 50).await.unwrap());
        assert!(tokens::revoke(store, token.id, 51).await.unwrap(), "again it is as revoked as before");
        assert!(!tokens::revoke(store, spine::new_id(), 51).await.unwrap(), "an unknown one is none");
        assert_eq!(tokens::verify(store, &text, 99).await.unwrap(), None);
        assert!(!tokens::holds(store, token.id, 99).await.unwrap());
        world.stop().await;
    })
    .await;
}
