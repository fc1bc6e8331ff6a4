//! Passing conversations around: take over, release, transfer, close.

use super::extract::{Body, BodyOrDefault, Place};
use super::written::{Written, address, check_agent, decide};
use crate::access::Act;
use crate::caller::Caller;
use crate::refusal::{Refusal, RefusalBody};
use crate::state::App;
use axum::extract::State;
use conversation::{Close, Release, TakeOver, Thread, Transfer, close as close_thread};
use events::thread::{ReleasedTo, TransferredTo};
use runtime::Problem;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Whom a conversation is taken from.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TakeOverRequest {
    /// The colleague from whom it is taken on purpose, as a supervisor may. Without it, it is taken from
    /// anyone but a colleague.
    #[schema(value_type = Option<String>, format = "uuid")]
    from: Option<Uuid>,
}

/// Takes the conversation over; of two who ask at once one gets it and the other is told who.
#[utoipa::path(
    post, path = "/threads/{thread}/takeover", operation_id = "takeOver", tag = "threads",
    params(("thread" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = Option<TakeOverRequest>,
    responses(
        (status = 200, body = Written, headers(("Tributary-Position" = String))),
        RefusalBody
    )
)]
pub(crate) async fn take_over(
    State(app): State<App>,
    caller: Caller,
    Place(thread): Place<String>,
    BodyOrDefault(request): BodyOrDefault<TakeOverRequest>,
) -> Result<Written, Refusal> {
    let agent = caller.answering()?;
    if request.from.is_some() {
        caller.check(Act::TakeFromColleague)?;
    }
    let take = TakeOver { agent, from: request.from };
    let (address, at) = (address(&caller, &thread)?, app.now());
    decide(&app, &caller, &address, "take_over", |thread| conversation::take_over(thread, &take, at)).await
}

/// Where a conversation goes back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReleaseTo {
    Ai,
    Queue,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReleaseRequest {
    /// The tenure that the screen showed.
    tenure: u32,
    to: ReleaseTo,
}

/// Gives the conversation back.
#[utoipa::path(
    post, path = "/threads/{thread}/release", operation_id = "release", tag = "threads",
    params(("thread" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = ReleaseRequest,
    responses(
        (status = 200, body = Written, headers(("Tributary-Position" = String))),
        RefusalBody
    )
)]
pub(crate) async fn release(
    State(app): State<App>,
    caller: Caller,
    Place(thread): Place<String>,
    Body(request): Body<ReleaseRequest>,
) -> Result<Written, Refusal> {
    let to = match request.to {
        ReleaseTo::Ai => ReleasedTo::Ai,
        ReleaseTo::Queue => ReleasedTo::Queue,
    };
    let release = Release { by: Some(caller.answering()?), tenure: request.tenure, to };
    let (address, at) = (address(&caller, &thread)?, app.now());
    decide(&app, &caller, &address, "release", |thread| conversation::release(thread, &release, at)).await
}

/// An agent or a queue.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TransferTo {
    #[schema(value_type = String, format = "uuid")]
    Agent(Uuid),
    Queue(String),
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TransferRequest {
    /// The tenure that the screen showed.
    tenure: u32,
    to: TransferTo,
}

/// Gives the conversation to a colleague or a queue.
#[utoipa::path(
    post, path = "/threads/{thread}/transfer", operation_id = "transfer", tag = "threads",
    params(("thread" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = TransferRequest,
    responses(
        (status = 200, body = Written, headers(("Tributary-Position" = String))),
        RefusalBody
    )
)]
pub(crate) async fn transfer(
    State(app): State<App>,
    caller: Caller,
    Place(thread): Place<String>,
    Body(request): Body<TransferRequest>,
) -> Result<Written, Refusal> {
    let by = caller.answering()?;
    let to = match request.to {
        TransferTo::Agent(agent) => {
            check_agent(&app, &caller, agent).await?;
            TransferredTo::Agent(agent)
        }
        TransferTo::Queue(queue) => TransferredTo::Queue(checked_queue(queue)?),
    };
    let transfer = Transfer { by, tenure: request.tenure, to };
    let (address, at) = (address(&caller, &thread)?, app.now());
    decide(&app, &caller, &address, "transfer", |thread| conversation::transfer(thread, &transfer, at)).await
}

fn checked_queue(queue: String) -> Result<String, Refusal> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if queue.is_empty() || queue.len() > 40 || !queue.chars().all(allowed) {
        let text = "A queue is 1 to 40 letters, digits, dashes and underscores.";
        return Err(Problem::invalid("to.queue", text).into());
    }
    Ok(queue)
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CloseRequest {
    /// The conversation; without it the open one.
    n: Option<u32>,
    /// The customer's last message that the screen showed.
    #[schema(value_type = Option<String>, format = "uuid")]
    seen: Option<Uuid>,
}

/// Ends the conversation, unless the customer wrote after what was seen.
#[utoipa::path(
    post, path = "/threads/{thread}/close", operation_id = "close", tag = "threads",
    params(("thread" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = Option<CloseRequest>,
    responses(
        (status = 200, body = Written, headers(("Tributary-Position" = String))),
        RefusalBody
    )
)]
pub(crate) async fn close(
    State(app): State<App>,
    caller: Caller,
    Place(thread): Place<String>,
    BodyOrDefault(request): BodyOrDefault<CloseRequest>,
) -> Result<Written, Refusal> {
    let agent = caller.answering()?;
    let (address, at) = (address(&caller, &thread)?, app.now());
    let n = match request.n {
        Some(n) => n,
        // Closing what is closed already is closing the last one again.
        None => {
            let last = |thread: &Thread| thread.open_number().unwrap_or(thread.last_number());
            app.log().read::<Thread, _>(&address, last).await?
        }
    };
    let close = Close::ByAgent { n, agent, seen: request.seen };
    decide(&app, &caller, &address, "close", |thread| close_thread(thread, &close, at)).await
}
