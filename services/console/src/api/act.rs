//! Passing conversations around: take over, release, transfer, close.

use super::acting::Acting;
use super::extract::{Body, BodyOrDefault};
use super::queues;
use super::written::Written;
use crate::access::Act;
use crate::refusal::{Refusal, RefusalBody};
use conversation::{Close, Release, TakeOver, Thread, Transfer};
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
    responses(Written, RefusalBody)
)]
pub(crate) async fn take_over(acting: Acting<BodyOrDefault<TakeOverRequest>>) -> Result<Written, Refusal> {
    let BodyOrDefault(asked) = &acting.asked;
    if asked.from.is_some() {
        acting.caller.check(Act::TakeFromColleague)?;
    }
    let take = TakeOver { agent: acting.agent, from: asked.from };
    acting.decide("take_over", |thread| conversation::take_over(thread, &take, acting.at)).await
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
    responses(Written, RefusalBody)
)]
pub(crate) async fn release(acting: Acting<Body<ReleaseRequest>>) -> Result<Written, Refusal> {
    let Body(asked) = &acting.asked;
    let to = match asked.to {
        ReleaseTo::Ai => ReleasedTo::Ai,
        ReleaseTo::Queue => ReleasedTo::Queue,
    };
    let release = Release { by: Some(acting.agent), tenure: asked.tenure, to };
    acting.decide("release", |thread| conversation::release(thread, &release, acting.at)).await
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

/// Gives the conversation to a colleague or to one of the tenant's queues.
#[utoipa::path(
    post, path = "/threads/{thread}/transfer", operation_id = "transfer", tag = "threads",
    params(("thread" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = TransferRequest,
    responses(Written, RefusalBody)
)]
pub(crate) async fn transfer(acting: Acting<Body<TransferRequest>>) -> Result<Written, Refusal> {
    let Body(asked) = &acting.asked;
    let to = match &asked.to {
        TransferTo::Agent(agent) => TransferredTo::Agent(checked_agent(&acting, *agent).await?),
        TransferTo::Queue(queue) => {
            let known = queues::known(&acting.app, &acting.caller.tenant).await?;
            TransferredTo::Queue(queues::checked(queue, &known)?)
        }
    };
    let transfer = Transfer { by: acting.agent, tenure: asked.tenure, to };
    acting.decide("transfer", |thread| conversation::transfer(thread, &transfer, acting.at)).await
}

/// The agent, if they are one of the team.
async fn checked_agent<B>(acting: &Acting<B>, agent: Uuid) -> Result<Uuid, Refusal> {
    if acting.app.has_agent(&acting.caller.tenant, agent).await? {
        return Ok(agent);
    }
    let text = format!("There is no agent {agent} in the team.");
    Err(Problem::invalid("to.agent", text).remedy("Name one that `GET /agents` lists.").into())
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
    responses(Written, RefusalBody)
)]
pub(crate) async fn close(acting: Acting<BodyOrDefault<CloseRequest>>) -> Result<Written, Refusal> {
    let BodyOrDefault(asked) = &acting.asked;
    // Closing what is closed already is closing the last one again.
    let look = |thread: &Thread| (thread.open_number().unwrap_or(thread.last_number()), thread.last_number());
    let (current, last) = acting.app.log().read(&acting.address, look).await?;
    let n = asked.n.unwrap_or(current);
    if last > 0 && !(1..=last).contains(&n) {
        let text = format!("There is no conversation {n} in the thread; its last is {last}.");
        return Err(Problem::invalid("n", text).remedy("Leave it out for the one that is open.").into());
    }
    let close = Close::ByAgent { n, agent: acting.agent, seen: asked.seen };
    let written = acting.decide("close", |thread| conversation::close(thread, &close, acting.at)).await;
    written.map_err(|refusal| if asked.seen.is_none() { unseen(refusal) } else { refusal })
}

/// What is missing is said by its name: the screen that closes did not say what it showed.
fn unseen(mut refusal: Refusal) -> Refusal {
    if let Some(newer) = &refusal.0.newer {
        let remedy = format!("Send `seen` with the customer's last message that you saw, such as {newer}.");
        refusal.0.problem.field = Some("seen".into());
        refusal.0.problem.detail =
            Some("The customer wrote, and `seen` does not say that it was read.".into());
        refusal.0.problem.remedy = Some(remedy);
    }
    refusal
}
