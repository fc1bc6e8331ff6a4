//! What an operator or the console does: merge, split, erase. Served on the admin port, whose owner checks who asks.

use crate::erase::{Erasure, Erasures, Refusal, Signed, Step, Subject};
use crate::merge::{Merger, Pair, Problem as Refused};
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use events::customer::EvidenceKind;
use laws::customer::Rejection;
use runtime::Problem;
use serde::{Deserialize, Serialize};
use spine::{Cause, Error, Position};
use std::collections::BTreeSet;
use uuid::Uuid;

/// What the routes act on. Cheap to clone.
#[derive(Clone)]
pub struct Admin {
    pub merger: Merger,
    pub erasures: Erasures,
}

/// `POST /admin/identity/merge`: `from` goes on as `into`.
#[derive(Debug, Deserialize)]
struct Merge {
    tenant: String,
    into: Uuid,
    from: Uuid,
}

/// `POST /admin/identity/split`: `customer` gives `from` back what came along with it.
#[derive(Debug, Deserialize)]
struct Split {
    tenant: String,
    customer: Uuid,
    from: Uuid,
}

/// What a merge or split came to: positions for `at_least`.
#[derive(Debug, Serialize)]
struct Decided {
    positions: Vec<Position>,
}

/// `POST /admin/erase`: the person, by any customer or thread of theirs. A field that this release does not know may
/// limit what is meant, so it is refused: nothing of an erasure can be taken back.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Erase {
    tenant: String,
    customer: Option<Uuid>,
    thread: Option<Uuid>,
    #[serde(default)]
    reason: String,
}

/// `POST /admin/identity/reach`: what an erasure of the person would reach. A route of its own, so that a release
/// without it answers 404 and erases nobody.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reach {
    tenant: String,
    customer: Option<Uuid>,
    thread: Option<Uuid>,
}

/// How far an erasure is.
#[derive(Debug, Serialize)]
struct Progress {
    id: Uuid,
    tenant: String,
    step: Step,
    /// What it waits for, in words.
    #[serde(skip_serializing_if = "String::is_empty")]
    waits: String,
    customers: usize,
    threads: usize,
    leads: usize,
    /// Threads that stay though a lead of theirs goes: the same contact detail was written there.
    others: BTreeSet<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signed: Option<Signed>,
}

/// The routes. Whoever mounts them checks the credential.
pub fn admin_routes(state: Admin) -> Router {
    Router::new()
        .route("/admin/identity/merge", post(merge))
        .route("/admin/identity/split", post(split))
        .route("/admin/identity/reach", post(reach))
        .route("/admin/erase", post(erase))
        .route("/admin/erase/{id}", get(progress))
        .with_state(state)
}

async fn merge(
    State(admin): State<Admin>,
    asked: Result<Json<Merge>, JsonRejection>,
) -> Result<Json<Decided>, Problem> {
    let Json(asked) = asked?;
    let pair = Pair { tenant: &asked.tenant, into: asked.into, from: asked.from };
    let positions = admin.merger.merge(pair, EvidenceKind::Person, &cause()).await.map_err(refused)?;
    Ok(Json(Decided { positions }))
}

async fn split(
    State(admin): State<Admin>,
    asked: Result<Json<Split>, JsonRejection>,
) -> Result<Json<Decided>, Problem> {
    let Json(asked) = asked?;
    let pair = Pair { tenant: &asked.tenant, into: asked.customer, from: asked.from };
    let positions = admin.merger.split(pair, &cause()).await.map_err(refused)?;
    Ok(Json(Decided { positions }))
}

async fn reach(
    State(admin): State<Admin>,
    asked: Result<Json<Reach>, JsonRejection>,
) -> Result<Json<Progress>, Problem> {
    let Json(asked) = asked?;
    let subject = subject(asked.customer, asked.thread)?;
    answer(admin.erasures.look(&asked.tenant, subject).await.map_err(not_begun)?)
}

async fn erase(
    State(admin): State<Admin>,
    asked: Result<Json<Erase>, JsonRejection>,
) -> Result<(StatusCode, Json<Progress>), Problem> {
    let Json(asked) = asked?;
    let subject = subject(asked.customer, asked.thread)?;
    match admin.erasures.ask(&asked.tenant, subject, &asked.reason).await {
        // Kept, so that it goes on by itself when the hold ends.
        Ok(erasure) if !erasure.waits.is_empty() => Ok((StatusCode::CONFLICT, answer(erasure)?)),
        // An earlier one had done it.
        Ok(erasure) if erasure.step == Step::Done => Ok((StatusCode::OK, answer(erasure)?)),
        Ok(erasure) => Ok((StatusCode::ACCEPTED, answer(erasure)?)),
        Err(refusal) => Err(not_begun(refusal)),
    }
}

#[expect(clippy::result_large_err, reason = "a problem is what the route answers, once per request")]
fn subject(customer: Option<Uuid>, thread: Option<Uuid>) -> Result<Subject, Problem> {
    match (customer, thread) {
        (Some(customer), None) => Ok(Subject::Customer(customer)),
        (None, Some(thread)) => Ok(Subject::Thread(thread)),
        _ => Err(Problem::invalid("customer", "Name a customer or a thread, not both.")),
    }
}

fn not_begun(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Unknown => Problem::not_found("person"),
        Refusal::Reason => Problem::invalid("reason", refusal.to_string()),
        Refusal::Failed(error) => failed(&error),
    }
}

async fn progress(
    State(admin): State<Admin>,
    id: Result<Path<Uuid>, PathRejection>,
) -> Result<Json<Progress>, Problem> {
    let Path(id) = id?;
    let erasure = admin.erasures.get(id).await.map_err(|error| failed(&error))?;
    answer(erasure.ok_or_else(|| Problem::not_found("erasure"))?)
}

#[expect(clippy::result_large_err, reason = "a problem is what the route answers, once per request")]
fn answer(erasure: Erasure) -> Result<Json<Progress>, Problem> {
    let broken = |error| failed(&Error::Other(format!("a stored certificate is broken: {error}")));
    shown(erasure).map(Json).map_err(broken)
}

fn shown(erasure: Erasure) -> Result<Progress, serde_json::Error> {
    let signed = erasure.certificate.as_deref().map(serde_json::from_str).transpose()?;
    Ok(Progress {
        id: erasure.id,
        tenant: erasure.tenant,
        step: erasure.step,
        waits: erasure.waits,
        customers: erasure.plan.customers.len(),
        threads: erasure.plan.threads.len(),
        leads: erasure.plan.leads.len(),
        others: erasure.plan.others,
        signed,
    })
}

/// Each request is an act of its own.
fn cause() -> Cause {
    Cause::new(spine::new_id(), "merge", "admin")
}

fn refused(problem: Refused) -> Problem {
    match problem {
        Refused::Failed(error) => failed(&error),
        Refused::Rejected(Rejection::Unknown) => Problem::not_found("customer"),
        Refused::Rejected(rejection) => {
            let remedy = match &rejection {
                Rejection::Absorbed { .. } => {
                    "Act on the customer that it goes on as, or split that one first."
                }
                Rejection::Claims { .. } => "Merge the other way round, or split the two first.",
                Rejection::NotMerged { .. } => "Nothing is to be undone.",
                Rejection::Same => "Name two customers.",
                Rejection::GivenBack { .. } => "A person has to merge them.",
                Rejection::Erased | Rejection::Unknown => "Nothing can follow.",
            };
            Problem::conflict(rejection.to_string()).remedy(remedy)
        }
    }
}

fn failed(error: &Error) -> Problem {
    match error {
        Error::Name { field, .. } => Problem::invalid(field, error.to_string()),
        _ => {
            tracing::error!(error = error as &dyn std::error::Error, "an act of the admin port failed");
            Problem::internal()
        }
    }
}
