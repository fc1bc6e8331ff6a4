//! The description of the API.

use crate::world::on_each;
use reqwest::StatusCode;
use serde_json::Value;

/// All values of the key `$ref`, wherever they stand.
fn references<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_document_is_openapi_3_1_and_describes_every_route_and_problem() {
    on_each(async |world| {
        let response =
            world.client().get(format!("{}{}", world.base, console::DOCUMENT)).send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "application/json");
        let document: Value = response.json().await.unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        assert_eq!(document["components"]["securitySchemes"]["token"]["scheme"], "bearer");
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(!found.is_empty());
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
        }
        let replied = &document["paths"]["/api/v1/threads/{thread}/replies"]["post"]["responses"];
        assert!(replied["200"]["headers"]["Tributary-Position"].is_object());
        let problem = "/default/content/application~1problem+json/schema/$ref";
        assert_eq!(replied.pointer(problem).unwrap(), "#/components/schemas/Refusal");
        let mut operations = std::collections::HashSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                assert!(operation["responses"]["200"].is_object(), "{method} {path}");
                assert!(
                    path.ends_with("/version") || operation["responses"]["default"].is_object(),
                    "{path}"
                );
                assert!(
                    operations.insert(operation["operationId"].to_string()),
                    "{method} {path}: its id is not unique"
                );
                for part in path.split('/').filter(|part| part.starts_with('{')) {
                    let name = part.trim_matches(['{', '}']);
                    let parameters = operation["parameters"].as_array().unwrap();
                    assert!(
                        parameters.iter().any(|p| p["name"] == name && p["in"] == "path"),
                        "{path} {name}"
                    );
                }
            }
        }
        assert_eq!(operations.len(), 24);
        world.stop().await;
    })
    .await;
}

#[tokio::test]
async fn an_address_or_method_that_is_not_there_is_a_problem() {
    on_each(async |world| {
        let answer = world.get("x", "/nothing").await;
        assert_eq!((answer.status, &answer.body["status"]), (StatusCode::NOT_FOUND, &404.into()));
        let answer = world.post("x", "/accounts", Value::Null).await;
        assert_eq!((answer.status, &answer.body["status"]), (StatusCode::METHOD_NOT_ALLOWED, &405.into()));
        world.stop().await;
    })
    .await;
}
