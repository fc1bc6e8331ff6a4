//! Keys: replacing a tenant's, and when that was done.

use super::stream::{Progress, answer};
use anyhow::{Context, bail};
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use runtime::Problem;
use serde::Deserialize;
use serde_json::{Value, json};
use spine::db::Checkpoint;
use spine::keys::{Keys, Rotation};

#[derive(Deserialize)]
struct Asked {
    tenant: String,
}

pub(super) fn routes(keys: Keys) -> Router {
    Router::new()
        .route("/admin/keys/rotate", post(rotate))
        .route("/admin/keys/rotations", get(rotations))
        .with_state(keys)
}

async fn rotate(State(keys): State<Keys>, Json(Asked { tenant }): Json<Asked>) -> Response {
    answer(Progress::default(), async move {
        let rotated = keys.rotate(&tenant).await.context("replace the tenant's key")?;
        let Some((rotation, checkpoint)) = rotated else {
            bail!("{tenant} has no key yet: its first customer makes it")
        };
        tracing::info!(tenant.name = tenant, key.number = rotation.number, "a tenant's key was replaced");
        let mut told = told(&rotation);
        told["tenant"] = json!(tenant);
        told["old_wrappings"] = json!(match checkpoint {
            Checkpoint::Truncated => "overwritten",
            Checkpoint::ReaderInTheWay => "in_the_wal",
            Checkpoint::NotOurs => "with_postgres",
        });
        Ok(told)
    })
}

async fn rotations(State(keys): State<Keys>, Query(asked): Query<Asked>) -> Result<Json<Value>, Problem> {
    let found = keys.rotations(&asked.tenant).await.map_err(|_| Problem::internal())?;
    let rotations: Vec<Value> = found.iter().map(told).collect();
    Ok(Json(json!({ "tenant": asked.tenant, "rotations": rotations })))
}

fn told(rotation: &Rotation) -> Value {
    json!({ "number": rotation.number, "at_us": rotation.at, "rewrapped": rotation.rewrapped })
}
