//! What a request holds, with problems for what cannot be read.

use super::BODY_BYTES_MAX;
use crate::refusal::Refusal;
use axum::body::Bytes;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Json, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use runtime::Problem;
use serde::de::DeserializeOwned;
use std::str::FromStr;
use uuid::Uuid;

/// The JSON body.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let read: Result<Json<T>, JsonRejection> = Json::from_request(request, state).await;
        let wrong = |rejection: JsonRejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => too_large(BODY_BYTES_MAX),
            _ => Problem::from(rejection),
        };
        Ok(Self(read.map_err(wrong)?.0))
    }
}

/// 413: the body is larger than what is taken.
pub(crate) fn too_large(bytes_max: usize) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "limit", "A limit is exceeded")
        .field("body")
        .detail(format!("The body is larger than {bytes_max} bytes, the most that is taken here."))
        .remedy("Send less at a time.")
}

/// The JSON body, or the default when there is none.
pub(crate) struct BodyOrDefault<T>(pub(crate) T);

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for BodyOrDefault<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        let whole = Request::from_parts(parts.clone(), body);
        let bytes =
            Bytes::from_request(whole, state).await.map_err(|rejection| match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => too_large(BODY_BYTES_MAX),
                status => Problem::new(status, "unreadable", "The request cannot be read").field("body"),
            })?;
        // Some clients send a type without a body, others write the nothing that the document allows.
        if bytes.is_empty() || bytes.trim_ascii() == b"null" {
            return Ok(Self(T::default()));
        }
        Ok(Self(Body::from_request(Request::from_parts(parts, bytes.into()), state).await?.0))
    }
}

/// The query.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let read: Result<Query<T>, QueryRejection> = Query::from_request_parts(parts, state).await;
        Ok(Self(read.map_err(Problem::from)?.0))
    }
}

/// The path's variables.
pub(crate) struct Place<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Place<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let read: Result<Path<T>, PathRejection> = Path::from_request_parts(parts, state).await;
        Ok(Self(read.map_err(Problem::from)?.0))
    }
}

/// The channel of a filter, or a problem: a misspelt one would find nothing and say nothing.
pub(crate) fn channel(name: Option<String>) -> Result<Option<String>, Refusal> {
    match name {
        Some(name) if channels::find(&name).is_none() => {
            let problem = Problem::invalid("channel", format!("`{name}` is no channel."));
            Err(problem.remedy(format!("Write one of {}.", channels::names())).into())
        }
        name => Ok(name),
    }
}

/// An id of the path: one that is none names nothing.
pub(crate) fn id_in_path(what: &str, text: &str) -> Result<Uuid, Refusal> {
    Uuid::try_parse(text).map_err(|_| Problem::not_found(what).into())
}

/// A value of a field, or a problem that names the field.
pub(crate) fn parse<T: FromStr>(field: &str, text: &str, expected: &str) -> Result<T, Refusal> {
    text.parse().map_err(|_| Problem::invalid(field, format!("`{text}` is no {expected}.")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(body: &'static str) -> Result<Vec<u32>, Refusal> {
        let request =
            Request::builder().header("content-type", "application/json").body(body.into()).unwrap();
        Ok(BodyOrDefault::<Vec<u32>>::from_request(request, &()).await?.0)
    }

    #[tokio::test]
    async fn a_body_that_may_be_left_out_may_be_null() {
        for nothing in ["", "null", " null\n"] {
            assert_eq!(read(nothing).await.ok(), Some(vec![]), "{nothing:?}");
        }
        assert_eq!(read("[1]").await.ok(), Some(vec![1]));
        assert!(read("nul").await.is_err());
    }
}
