//! Documents and tokens over the admin routes.

use crate::world::{World, on_each};
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use tower::ServiceExt;

const DOCUMENTS: &str = "
kind: Tenant
name: shop
title: 溪流优选
settings: {confidence_min: 700}
---
kind: Agent
name: anna
title: Anna
capacity: 3
skills: [zh]
presence: online
---
kind: Account
slug: shop-widget
channel: widget
settings: {persona: 小溪, text_max: 300}
secrets: {widget_secret: s3cret-value-of-16}
---
kind: Knowledge
prune: true
entries:
  - slug: ship
    question: 多久发货？
    variants: [几天发]
    answer: 当天。
  - {id: fee, question: 包邮吗, answer: 满99包邮, valid_until: 2027-01-01T00:00:00+08:00}
";

pub(crate) async fn admin(world: &World, method: &str, path: &str, body: impl Into<Body>) -> (u16, Value) {
    let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    let response = world.admin.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

pub(crate) async fn apply(world: &World, text: &str) -> Value {
    let (status, report) = admin(world, "POST", "/admin/apply", text.to_owned()).await;
    assert_eq!(status, 200, "{report:#}");
    world.caught_up().await;
    report
}

pub(crate) fn counts(report: &Value) -> [u64; 4] {
    ["created", "changed", "unchanged", "removed"].map(|key| report["summary"][key].as_u64().unwrap())
}

#[tokio::test]
async fn documents_are_applied_once_and_again_change_nothing() {
    on_each(async |world| {
        let (status, dry) = admin(&world, "POST", "/admin/apply?dry_run=true", DOCUMENTS).await;
        assert_eq!((status, counts(&dry)), (200, [5, 0, 0, 0]));
        assert_eq!(world.spine.log.ends().await.unwrap().iter().sum::<u64>(), 0);
        assert!(!dry.to_string().contains("s3cret") && dry.to_string().contains("***"));

        assert_eq!(counts(&apply(&world, DOCUMENTS).await), [5, 0, 0, 0]);
        let end = world.spine.log.ends().await.unwrap();
        assert_eq!(counts(&apply(&world, DOCUMENTS).await), [0, 0, 5, 0]);
        assert_eq!(world.spine.log.ends().await.unwrap(), end);

        let changed =
            DOCUMENTS.replace("capacity: 3", "capacity: 4").replace("s3cret-value", "other-value").replace(
                "  - slug: ship\n    question: 多久发货？\n    variants: [几天发]\n    answer: 当天。\n",
                "",
            );
        let report = apply(&world, &changed).await;
        assert_eq!(counts(&report), [0, 2, 2, 1]);
        let fields: Vec<_> =
            report["changes"].as_array().unwrap().iter().map(|c| (&c["name"], &c["fields"])).collect();
        assert_eq!(fields[0], (&json!("anna"), &json!([{"field": "capacity", "from": "3", "to": "4"}])));
        assert_eq!(
            fields[1],
            (&json!("shop-widget"), &json!([{"field": "secrets.widget_secret", "from": "***", "to": "***"}]))
        );
        assert_eq!((fields[2].0, &report["changes"][2]["action"]), (&json!("ship"), &json!("removed")));
        assert!(!report.to_string().contains("other-value"));
        world.verified().await;
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_applied_is_seen_over_the_api() {
    on_each(async |world| {
        apply(&world, DOCUMENTS).await;
        let body = json!({"role": "agent", "tenant": "shop", "agent": "anna", "name": "Anna's laptop"});
        let (status, made) = admin(&world, "POST", "/admin/tokens", body.to_string()).await;
        assert_eq!(status, 201, "{made}");
        let token = made["token"].as_str().unwrap();
        let me = world.get(token, "/me").await.ok();
        assert_eq!((&me["role"], &me["agent"]), (&json!("agent"), &made["agent"]));
        let accounts = world.get(token, "/accounts").await.ok();
        let account = &accounts["items"][0];
        assert_eq!(
            (&account["slug"], &account["settings"]["text_max"]),
            (&json!("shop-widget"), &json!("300"))
        );
        assert_eq!(account["secrets"], json!(["widget_secret"]));
        let agents = world.get(token, "/agents").await.ok();
        assert_eq!(
            ["slug", "name", "presence"].map(|field| &agents["items"][0][field]),
            [&json!("anna"), &json!("Anna"), &json!("online")]
        );
        let path = format!("/agents/{}/presence", made["agent"].as_str().unwrap());
        let away =
            world.ask(reqwest::Method::PUT, token, &path, Some(json!({"presence": "away"}))).await.ok();
        let at = away["position"].as_str().unwrap();
        let agents = world.get(token, &format!("/agents?at_least={at}")).await.ok();
        assert_eq!(agents["items"][0]["presence"], "away");
        let other = format!("/agents/{}/presence", spine::new_id());
        let other = world.ask(reqwest::Method::PUT, token, &other, Some(json!({"presence": "away"}))).await;
        assert_eq!(other.status.as_u16(), 403);

        let (_, listed) = admin(&world, "GET", "/admin/tokens?tenant=shop", "").await;
        assert_eq!((listed[0]["name"].as_str(), listed[0].get("token")), (Some("Anna's laptop"), None));
        let path = format!("/admin/tokens/{}", made["id"].as_str().unwrap());
        assert_eq!(admin(&world, "DELETE", &path, "").await.0, 204);
        assert_eq!(world.get(token, "/me").await.status.as_u16(), 401);
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn everything_wrong_is_told_with_its_place_before_anything_is_appended() {
    on_each(async |world| {
        let text = "
kind: Tenant
name: shop
settings: {confidence_mini: 700}
---
kind: Agent
name: anna
capcity: 3
---
kind: Knowledge
tenant: shop
entries:
  - {slug: a, question: q, answer: 5}
---
kind: Robot
---
kind: Agent
name: bob
capacity: 5000
channels: [htp]
---
kind: Account
slug: shop-http
channel: http
settings: {callback: https://shop.example/in}
secrets: {webhook_secret: hunter2}
---
kind: Account
slug: shop-htp
channel: htp
";
        let (status, problem) = admin(&world, "POST", "/admin/apply", text).await;
        assert_eq!(status, 422);
        let wrong: Vec<_> = problem["wrong"]
            .as_array()
            .unwrap()
            .iter()
            .map(|wrong| (wrong["document"].as_u64().unwrap(), wrong["path"].as_str().unwrap()))
            .collect();
        assert_eq!(
            wrong,
            [
                (1, "settings.confidence_mini"),
                (2, "capcity"),
                (3, "entries[0].answer"),
                (4, "kind"),
                (5, "capacity"),
                (5, "channels[0]"),
                (6, "settings.callback"),
                (6, "settings.callback_url"),
                (6, "secrets.webhook_secret"),
                (7, "channel"),
            ],
            "{problem:#}"
        );
        assert!(problem["wrong"].as_array().unwrap().iter().all(|wrong| wrong["remedy"] != ""));
        assert!(!problem.to_string().contains("hunter2"), "{problem:#}");
        let (status, problem) = admin(&world, "POST", "/admin/apply", "kind: [").await;
        assert_eq!((status, problem["wrong"][0]["document"].as_u64()), (422, Some(1)));
        let twice = "kind: Agent\ntenant: shop\nname: a\n---\nkind: Agent\ntenant: shop\nname: a\n";
        assert_eq!(admin(&world, "POST", "/admin/apply", twice).await.0, 422);
        assert_eq!(world.spine.log.ends().await.unwrap().iter().sum::<u64>(), 0);
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_document_of_a_tenant_that_is_nowhere_is_refused() {
    on_each(async |world| {
        let agent = |tenant: &str| format!("kind: Agent\ntenant: {tenant}\nname: anna\n");
        let (status, problem) = admin(&world, "POST", "/admin/apply", agent("shop")).await;
        assert_eq!((status, problem["wrong"][0]["path"].as_str()), (422, Some("tenant")), "{problem:#}");
        let both = format!("{}---\nkind: Tenant\nname: shop\n", agent("shop"));
        assert_eq!(counts(&apply(&world, &both).await), [2, 0, 0, 0]);
        // Applied by now.
        assert_eq!(counts(&apply(&world, &agent("shop")).await), [0, 0, 1, 0]);
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_slug_of_another_tenants_account_is_refused() {
    on_each(async |world| {
        apply(&world, DOCUMENTS).await;
        let text = "kind: Tenant\nname: other\n---\nkind: Account\nslug: shop-widget\nchannel: widget\n\
                    secrets: {widget_secret: another-secret-of-16}\n";
        let (status, problem) = admin(&world, "POST", "/admin/apply", text).await;
        assert_eq!((status, problem["wrong"][0]["path"].as_str()), (422, Some("slug")));
        // Nor is it to be had out of use, where it would stay taken.
        let text = format!("{text}disabled: true\n");
        let (status, problem) = admin(&world, "POST", "/admin/apply", text.clone()).await;
        assert_eq!((status, problem["wrong"][0]["path"].as_str()), (422, Some("slug")));
        // Nor by one text with the one that gets it.
        let (one, two) = (text.replace("shop-widget", "fresh"), text.replace("other", "third"));
        let both =
            format!("{one}---\n{}", two.replace("shop-widget", "fresh").replace("disabled: true\n", ""));
        let (status, problem) = admin(&world, "POST", "/admin/apply", both).await;
        assert_eq!((status, problem["wrong"][0]["path"].as_str()), (422, Some("slug")), "{problem:#}");
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn five_thousand_entries_are_applied_in_seconds() {
    on_each(async |world| {
        let entry = |i| json!({"slug": format!("e{i}"), "question": format!("问题{i}？"), "answer": "答"});
        let entries: Vec<_> = (0..5_000).map(entry).collect();
        let entries = json!({"kind": "Knowledge", "tenant": "shop", "entries": entries});
        let text = format!("kind: Tenant\nname: shop\n---\n{entries}");
        let start = std::time::Instant::now();
        let report = apply(&world, &text).await;
        let first = start.elapsed();
        assert_eq!(counts(&report), [5_001, 0, 0, 0]);
        let again = apply(&world, &text).await;
        assert_eq!(counts(&again), [0, 0, 5_001, 0]);
        eprintln!("5000 entries applied in {first:?}, again in {:?}", start.elapsed() - first);
        assert!(first.as_secs() < 60, "{first:?}");
        world.stop().await;
    })
    .await;
}
