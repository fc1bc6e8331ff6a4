//! Accounts and agents that documents take out, and back.

use crate::apply::{admin, apply, counts};
use crate::world::on_each;
use console::access::Role;
use serde_json::{Value, json};

const TEAM: &str = "
kind: Agent
tenant: shop
name: anna
LEFT
---
kind: Account
tenant: shop
slug: shop-widget
channel: widget
secrets: {widget_secret: s3cret-value-of-16}
DISABLED
";

#[tokio::test]
async fn an_account_and_an_agent_are_taken_out_and_back_by_their_documents() {
    on_each(async |world| {
        apply(&world, "{kind: Tenant, name: shop}").await;
        let there = TEAM.replace("LEFT", "presence: online").replace("DISABLED", "");
        let gone = TEAM.replace("LEFT", "left: true").replace("DISABLED", "disabled: true");
        assert_eq!(counts(&apply(&world, &there).await), [2, 0, 0, 0]);
        let end = world.spine.log.ends().await.unwrap();
        let (_, dry) = admin(&world, "POST", "/admin/apply?dry_run=true", gone.clone()).await;
        let field = |field: &str, from: &str, to: &str| json!([{"field": field, "from": from, "to": to}]);
        let told = |report: &Value| [0, 1].map(|place| report["changes"][place]["fields"].clone());
        assert_eq!(told(&dry), [field("left", "false", "true"), field("disabled", "false", "true")]);
        assert_eq!(world.spine.log.ends().await.unwrap(), end, "a dry run appends nothing");

        assert_eq!(counts(&apply(&world, &gone).await), [0, 2, 0, 0]);
        let end = world.spine.log.ends().await.unwrap();
        assert_eq!(counts(&apply(&world, &gone).await), [0, 0, 2, 0], "again changes nothing");
        assert_eq!(world.spine.log.ends().await.unwrap(), end);
        let admins = world.token(Role::Admin, None).await;
        let accounts = world.get(&admins, "/accounts").await.ok();
        assert_eq!(accounts["items"][0]["disabled"], true, "{accounts}");
        // A change of who is out leaves them out.
        let renamed = gone.replace("name: anna\n", "name: anna\ntitle: Anna\n");
        let renamed = renamed.replace("channel: widget\n", "channel: widget\ntitle: Widget\n");
        assert_eq!(counts(&apply(&world, &renamed).await), [0, 2, 0, 0]);
        assert_eq!(counts(&apply(&world, &renamed).await), [0, 0, 2, 0]);

        let back = told(&apply(&world, &there).await);
        assert!(back[0].to_string().contains("left") && back[1].to_string().contains("disabled"), "{back:?}");
        assert_eq!(counts(&apply(&world, &there).await), [0, 0, 2, 0]);
        let accounts = world.get(&admins, "/accounts").await.ok();
        assert_eq!(accounts["items"][0]["disabled"], false, "{accounts}");
        let here = TEAM.replace("LEFT", "left: true\npresence: online").replace("DISABLED", "");
        let (status, refused) = admin(&world, "POST", "/admin/apply", here).await;
        assert_eq!((status, &refused["wrong"][0]["path"]), (422, &json!("presence")), "{refused}");
        world.verified().await;
        world.stop().await;
    })
    .await;
}
