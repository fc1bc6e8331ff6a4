//! Other services that are stopped, and one that answers.

use crate::world::on_each;
use console::access::Role;
use reqwest::StatusCode;

#[tokio::test]
async fn a_stopped_service_is_named_and_the_rest_goes_on() {
    on_each(async |world| {
        let admin = world.token(Role::Admin, None).await;
        let span = "from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z";
        for (path, service) in [
            ("/queue".to_owned(), "routing"),
            ("/leads".to_owned(), "lead-capture"),
            ("/customers/x".to_owned(), "identity"),
            (format!("/analytics/summary?{span}"), "analytics"),
            ("/knowledge".to_owned(), "ai-agent"),
        ] {
            let answer = world.get(&admin, &path).await;
            assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path} {}", answer.body);
            assert_eq!(answer.body["type"], "urn:tributary:problem:stopped");
            assert_eq!(answer.body["detail"], format!("{service} is stopped"));
        }
        assert_eq!(world.get(&admin, "/conversations").await.status, StatusCode::OK);
        world.stop().await;
    })
    .await;
}
