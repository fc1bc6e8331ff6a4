//! The routes of the admin port.

use crate::world::{TENANT, World, on_each};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use identity::ids::customer_of;
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;

async fn post(world: &World, path: &str, body: Value) -> (StatusCode, Value) {
    let request = Request::post(path).header("content-type", "application/json");
    let request = request.body(Body::from(body.to_string())).unwrap();
    let answer = identity::admin_routes(world.admin.clone()).oneshot(request).await.unwrap();
    let status = answer.status();
    let bytes = axum::body::to_bytes(answer.into_body(), 65_536).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn people_merge_and_split_over_http() {
    on_each(async |world| {
        let (anna, bob) =
            (world.writes("anna", "hello", None).await, world.writes("bob", "hello", None).await);
        world.settled().await;
        let (into, from) = (customer_of(anna), customer_of(bob));
        let both = json!({"tenant": TENANT, "into": into, "from": from});
        let (status, told) = post(&world, "/admin/identity/merge", both).await;
        assert_eq!((status, told["positions"].as_array().unwrap().len()), (StatusCode::OK, 2));
        let unknown = json!({"tenant": TENANT, "into": into, "from": Uuid::from_u128(9)});
        let (status, _) = post(&world, "/admin/identity/merge", unknown).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        let split = json!({"tenant": TENANT, "customer": into, "from": from});
        assert_eq!(post(&world, "/admin/identity/split", split.clone()).await.0, StatusCode::OK);
        let (status, told) = post(&world, "/admin/identity/split", split).await;
        assert_eq!(
            (status, told["type"].as_str()),
            (StatusCode::CONFLICT, Some("urn:tributary:problem:conflict"))
        );
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_erased_is_told() {
    on_each(async |world| {
        let nobody = json!({"tenant": TENANT, "thread": Uuid::from_u128(9)});
        assert_eq!(post(&world, "/admin/erase", nobody.clone()).await.0, StatusCode::NOT_FOUND);
        let neither = json!({"tenant": TENANT});
        assert_eq!(post(&world, "/admin/erase", neither.clone()).await.0, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(post(&world, "/admin/identity/reach", nobody).await.0, StatusCode::NOT_FOUND);
        assert_eq!(post(&world, "/admin/identity/reach", neither).await.0, StatusCode::UNPROCESSABLE_ENTITY);
        let no_tenant =
            json!({"tenant": "Not A Tenant", "into": Uuid::from_u128(1), "from": Uuid::from_u128(2)});
        let (status, told) = post(&world, "/admin/identity/merge", no_tenant).await;
        assert_eq!((status, told["field"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some("tenant")));
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_is_a_route_of_its_own_and_the_route_that_erases_takes_no_field_that_it_does_not_know() {
    on_each(async |world| {
        let anna = world.writes("anna", "hello", None).await;
        world.settled().await;
        let ends = world.spine.log.ends().await.unwrap();
        let (status, told) =
            post(&world, "/admin/identity/reach", json!({"tenant": TENANT, "thread": anna})).await;
        assert_eq!((status, &told["threads"], &told["customers"]), (StatusCode::OK, &json!(1), &json!(1)));
        let limited = json!({"tenant": TENANT, "thread": anna, "dry_run": true});
        for route in ["/admin/erase", "/admin/identity/reach"] {
            let (status, told) = post(&world, route, limited.clone()).await;
            assert!(status.is_client_error() && told.to_string().contains("dry_run"), "{status} {told}");
        }
        assert_eq!(world.spine.log.ends().await.unwrap(), ends, "nothing was appended");
        assert!(!world.customer_of(anna).await.erased);
        world.stop().await;
    })
    .await;
}
