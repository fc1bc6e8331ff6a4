//! Read models: how they stand, rebuild, verify, switch back, parked entities.

use super::stream::{Progress, answer};
use anyhow::{Context, anyhow};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use runtime::Problem;
use serde::Deserialize;
use serde_json::{Value, json};
use spine::db::{Difference, DifferenceKind};
use spine::read::{Status, Verification};
use spine::{Reader, Readers};
use sqlx::Row;

#[derive(Deserialize)]
struct Named {
    model: String,
}

#[derive(Deserialize)]
struct Entity {
    entity: String,
    /// Of one model only.
    model: Option<String>,
}

pub(super) fn routes(readers: Readers) -> Router {
    Router::new()
        .route("/admin/models", get(list))
        .route("/admin/models/rebuild", post(rebuild))
        .route("/admin/models/verify", post(verify))
        .route("/admin/models/switch-back", post(switch_back))
        .route("/admin/parked", get(parked))
        .route("/admin/unpark", post(unpark))
        .with_state(readers)
}

async fn list(State(readers): State<Readers>) -> Json<Value> {
    let models: Vec<Value> = readers.all().iter().map(describe).collect();
    Json(json!({ "models": models }))
}

fn describe(reader: &Reader) -> Value {
    let model = reader.model();
    let statuses: Vec<String> =
        reader.statuses().borrow().iter().map(|(part, status)| word(*part, status)).collect();
    json!({
        "model": reader.name(),
        "slot": model.slot.to_string(),
        "positions": reader.positions().iter().map(|(part, at)| format!("1.{part}:{at}")).collect::<Vec<_>>(),
        "parts": statuses,
    })
}

fn word(part: u8, status: &Status) -> String {
    match status {
        Status::Starting => format!("{part}: starting"),
        Status::CatchingUp => format!("{part}: catching up"),
        Status::Live => format!("{part}: live"),
        Status::Elsewhere => format!("{part}: with another replica"),
        Status::Standing { reason } => format!("{part}: stands: {reason}"),
        Status::Stopped { reason } => format!("{part}: stopped: {reason}"),
    }
}

async fn rebuild(State(readers): State<Readers>, Json(Named { model }): Json<Named>) -> Response {
    with_reader(&readers, &model, |reader, progress| async move {
        let told = progress.clone();
        reader.rebuild(move |done, all| told.set(done, all)).await.context("rebuild")?;
        Ok(json!({ "model": reader.name(), "slot": reader.model().slot.to_string() }))
    })
}

async fn verify(State(readers): State<Readers>, Json(Named { model }): Json<Named>) -> Response {
    with_reader(&readers, &model, |reader, progress| async move {
        let told = progress.clone();
        let found = reader.verify(move |done, all| told.set(done, all)).await.context("verify")?;
        Ok(verification(&found))
    })
}

async fn switch_back(State(readers): State<Readers>, Json(Named { model }): Json<Named>) -> Response {
    with_reader(&readers, &model, |reader, _| async move {
        reader.switch_back().await.context("switch back")?;
        Ok(json!({ "model": reader.name(), "slot": reader.model().slot.to_string() }))
    })
}

fn with_reader<F, Fut>(readers: &Readers, model: &str, work: F) -> Response
where
    F: FnOnce(Reader, Progress) -> Fut,
    Fut: Future<Output = anyhow::Result<Value>> + Send + 'static,
{
    let Some(reader) = readers.find(model) else {
        let known: Vec<&str> = readers.all().iter().map(Reader::name).collect();
        let detail = format!("no model {model} here; there are {}", known.join(", "));
        return Problem::invalid("model", detail).into_response();
    };
    let progress = Progress::default();
    answer(progress.clone(), work(reader, progress))
}

/// The values themselves may be personal data, so only the cell is named.
fn verification(found: &Verification) -> Value {
    let differences: Vec<Value> = found.comparison.differences.iter().map(cell).collect();
    json!({
        "model": found.model,
        "rows": found.comparison.rows,
        "positions": found.positions.iter().map(|(part, at)| format!("1.{part}:{at}")).collect::<Vec<_>>(),
        "differences": differences,
        "stopped": found.comparison.stopped,
    })
}

fn cell(difference: &Difference) -> Value {
    let (kind, column) = match &difference.kind {
        DifferenceKind::OnlyLeft => ("row that the log does not explain", None),
        DifferenceKind::OnlyRight => ("row is missing", None),
        DifferenceKind::Value { column, .. } => ("value differs", Some(column)),
    };
    json!({ "table": difference.table, "key": difference.key, "column": column, "kind": kind })
}

async fn parked(State(readers): State<Readers>) -> Result<Json<Value>, Problem> {
    let mut found = Vec::new();
    for reader in readers.all() {
        let rows = sqlx::query("SELECT entity, part, sequence, error FROM parked ORDER BY entity")
            .fetch_all(reader.model().store.reads())
            .await
            .map_err(|_| Problem::internal())?;
        found.extend(rows.iter().map(|row| {
            json!({
                "model": reader.name(),
                "entity": row.get::<String, _>(0),
                "position": format!("1.{}:{}", row.get::<i32, _>(1), row.get::<i64, _>(2)),
                "error": row.get::<String, _>(3),
            })
        }));
    }
    Ok(Json(json!({ "parked": found })))
}

async fn unpark(State(readers): State<Readers>, Json(asked): Json<Entity>) -> Response {
    answer(Progress::default(), async move {
        let mut done = Vec::new();
        for reader in readers.all() {
            if asked.model.as_deref().is_none_or(|model| model == reader.name()) {
                let failed = || anyhow!("{} still cannot apply {}", reader.name(), asked.entity);
                reader.unpark(&asked.entity).await.with_context(failed)?;
                done.push(reader.name());
            }
        }
        Ok(json!({ "entity": asked.entity, "models": done }))
    })
}
