//! What a caller gets instead of an answer: a problem, and for a refused decision the state that holds.

use crate::project::words;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use conversation::{Owner, Rejection};
use runtime::Problem;
use serde::Serialize;
use spine::Error;
use std::collections::BTreeMap;
use utoipa::openapi::{Content, Ref, RefOr, ResponseBuilder};

/// What is answered instead. Boxed, since every fallible function carries it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refusal(pub(crate) Box<RefusalBody>);

/// A problem (RFC 9457) with members of its own for conflicts.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = Refusal)]
pub(crate) struct RefusalBody {
    #[serde(flatten)]
    pub(crate) problem: Problem,
    /// Who has the conversation: `ai`, `queue`, `agent`, `desk` (the platform's own) or `outside`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) owner: Option<&'static str>,
    /// The id of the agent who has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) agent_name: Option<String>,
    /// The tenure that holds now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tenure: Option<u32>,
    /// The customer's last message that the caller had not seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) newer: Option<String>,
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        let (owner, agent, agent_name, tenure, newer) = (None, None, None, None, None);
        Self(Box::new(RefusalBody { problem, owner, agent, agent_name, tenure, newer }))
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        of_machine(&error).into()
    }
}

impl Refusal {
    /// What the law's refusal means for the caller.
    pub(crate) fn of_law(rejection: &Rejection) -> Self {
        let text = rejection.to_string();
        let conflict = |kind: &str, title: &str| {
            Self::from(Problem::new(StatusCode::CONFLICT, kind, title).detail(format!("{text}.")))
        };
        match rejection {
            Rejection::Unknown => Problem::not_found("thread").into(),
            Rejection::Erased => erased().into(),
            Rejection::StaleTenure { owner, tenure } => {
                let mut stale = conflict("stale-tenure", "The conversation changed hands").owned_by(*owner);
                stale.0.tenure = Some(*tenure);
                stale
            }
            Rejection::OwnedBy { owner } => {
                conflict("owned-by", "The conversation belongs to somebody else").owned_by(*owner)
            }
            Rejection::Newer { last } => {
                let mut newer = conflict("newer", "The customer wrote meanwhile");
                newer.0.newer = Some(last.to_string());
                newer
            }
            Rejection::NotOpen => conflict("not-open", "No conversation is open"),
            Rejection::WindowClosed => conflict("window-closed", "The channel's reply window is closed"),
            Rejection::Unreachable => conflict("unreachable", "The customer cannot be reached"),
            Rejection::OutboxFull => conflict("outbox-full", "Too many answers wait to be sent"),
            Rejection::NoSuchMessage { .. } => Problem::invalid("seen", format!("{text}.")).into(),
            Rejection::TooOld { .. }
            | Rejection::Flooded
            | Rejection::BadId { .. }
            | Rejection::NotNext { .. }
            | Rejection::InFlight { .. }
            | Rejection::Unresolved { .. }
            | Rejection::StillPending { .. }
            | Rejection::WrongAttempt { .. }
            | Rejection::Settled { .. }
            | Rejection::TooEarly { .. }
            | Rejection::Reachable
            | Rejection::Active { .. }
            | Rejection::Awaiting { .. } => conflict("conflict", "The state does not allow this"),
        }
    }

    fn owned_by(mut self, owner: Owner) -> Self {
        let (word, agent) = words::owner(owner);
        (self.0.owner, self.0.agent) = (Some(word), agent.map(|agent| agent.to_string()));
        self
    }
}

/// 410: the person asked to be forgotten.
fn erased() -> Problem {
    Problem::new(StatusCode::GONE, "erased", "The person was erased")
        .detail("The person asked to be forgotten; nothing can be added.")
}

fn of_machine(error: &Error) -> Problem {
    match error {
        Error::Name { field: field @ "at_least", value } => {
            Problem::invalid(field, format!("`{value}` holds no positions of the log."))
                .remedy("Give the `position` that a write answered, several with commas between them.")
        }
        Error::Name { field, value } => {
            Problem::invalid(field, format!("`{value}` cannot be read as a {field}."))
        }
        Error::Gone { .. } => erased(),
        Error::Limit { limit, max, remedy } => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "limit", "A limit is exceeded")
                .detail(format!("{limit} is {max}."))
                .remedy(*remedy)
        }
        Error::TooLarge { bytes, bytes_max, .. } => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "limit", "A limit is exceeded")
                .detail(format!("{bytes} bytes; at most {bytes_max} are taken."))
        }
        Error::Timeout { request } => Problem::new(StatusCode::GATEWAY_TIMEOUT, "late", "No answer in time")
            .detail(format!("{request} took too long."))
            .remedy("Try again."),
        Error::UnknownEvent { .. } => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "A newer release wrote here")
                .detail("This process is of an older release than one that wrote here.")
                .remedy("Try again: another process takes it, or this one once it is upgraded.")
        }
        error => {
            tracing::error!(error = error as &dyn std::error::Error, "a request failed");
            match error.is_passing() {
                true => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "The log or database is away")
                    .remedy("Try again in a moment."),
                false => Problem::internal(),
            }
        }
    }
}

/// The same in every operation, whatever the status.
impl utoipa::IntoResponses for RefusalBody {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let content = Content::new(Some(Ref::from_schema_name("Refusal")));
        let response = ResponseBuilder::new()
            .description("A problem (RFC 9457); programs branch on its type")
            .content("application/problem+json", content)
            .build();
        BTreeMap::from([("default".to_owned(), RefOr::T(response))])
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self.0)).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
