//! What a failed query means for the one who asked.

use crate::Problem;
use axum::http::StatusCode;
use tonic::{Code, Status};

/// A query that got no answer, in the caller's terms. `service` is the name that people know, such as
/// `routing`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Nobody listens there, or the connection broke: other functions go on without this service.
    #[error("{service} is stopped")]
    Stopped { service: &'static str },
    /// No answer in time, also when `at_least` was not reached in time.
    #[error("{service} did not answer in time")]
    Late { service: &'static str },
    #[error("{service} knows no such thing")]
    NotFound { service: &'static str },
    /// The question itself is wrong.
    #[error("{service} cannot read the question: {detail}")]
    Invalid { service: &'static str, detail: String },
    /// The two do not share a credential: a fault of the installation.
    #[error("{service} does not accept our credential")]
    Refused { service: &'static str },
    #[error("{service} failed ({code:?})")]
    Failed { service: &'static str, code: Code },
}

impl Failure {
    /// What a call of `service` came to that ended with this status.
    pub fn of(service: &'static str, status: &Status) -> Self {
        match status.code() {
            Code::Unavailable => Self::Stopped { service },
            // tonic reports its own expired deadline as cancelled.
            Code::DeadlineExceeded | Code::Cancelled => Self::Late { service },
            Code::NotFound => Self::NotFound { service },
            Code::InvalidArgument | Code::OutOfRange => {
                Self::Invalid { service, detail: status.message().to_owned() }
            }
            Code::Unauthenticated | Code::PermissionDenied => Self::Refused { service },
            code => Self::Failed { service, code },
        }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let text = failure.to_string();
        match failure {
            Failure::Stopped { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "stopped", "A service is stopped")
                    .detail(text)
                    .remedy("Other functions go on. Try again once the operator has started it.")
            }
            Failure::Late { .. } => {
                Self::new(StatusCode::GATEWAY_TIMEOUT, "late", "A service did not answer in time")
                    .detail(text)
                    .remedy("Try again.")
            }
            Failure::NotFound { .. } => Self::new(StatusCode::NOT_FOUND, "not-found", "Not found"),
            Failure::Invalid { detail, .. } => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "The input is not valid")
                    .detail(detail)
            }
            Failure::Refused { .. } => Self::internal().detail(text),
            Failure::Failed { .. } => {
                Self::new(StatusCode::BAD_GATEWAY, "failed", "A service failed").detail(text)
            }
        }
    }
}
