//! A decision on somebody's behalf, and what a write answers.

use crate::caller::Caller;
use crate::state::App;
use axum::Json;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use spine::{Address, Cause, Entity, Error, Position, Refused};
use std::collections::BTreeMap;
use utoipa::openapi::{Content, Header, Ref, RefOr, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

/// The header that says where in the log a write stands.
pub(crate) const POSITION: HeaderName = HeaderName::from_static("tributary-position");

/// What a write came to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Written {
    /// Where it stands in the log; a query with it as `at_least` sees it.
    pub(crate) position: String,
    /// The thread's tenure after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tenure: Option<u32>,
    /// The message that was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    /// A warning: the customer wrote these messages after what the writer had seen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) newer: Vec<String>,
}

impl Written {
    pub(crate) fn at(position: Position) -> Self {
        Self { position: position.to_string(), tenure: None, message: None, newer: vec![] }
    }
}

impl IntoResponse for Written {
    fn into_response(self) -> Response {
        let position = HeaderValue::from_str(&self.position).expect("a position is digits, dots and colons");
        ([(POSITION, position)], Json(self)).into_response()
    }
}

/// The same for every route that writes.
impl IntoResponses for Written {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let content = Content::new(Some(Ref::from_schema_name("Written")));
        let response = ResponseBuilder::new()
            .description("What the write came to")
            .content("application/json", content)
            .header("Tributary-Position", Header::default())
            .build();
        BTreeMap::from([("200".to_owned(), RefOr::T(response))])
    }
}

/// Decides on behalf of the caller: the outer error is the machine's, the inner one the law's.
pub(super) async fn decide<E: Entity, R>(
    app: &App,
    caller: &Caller,
    address: &Address,
    purpose: &'static str,
    decision: impl Fn(&E) -> Result<Vec<E::Event>, R>,
) -> Result<Result<Position, R>, Error> {
    let cause = Cause::new(caller.request, purpose, &caller.actor());
    match app.log().transact(address, &cause, decision).await {
        Ok(decided) => Ok(Ok(decided.position())),
        Err(Refused::Rejected(rejection)) => Ok(Err(rejection)),
        Err(Refused::Failed(error)) => Err(error),
    }
}
