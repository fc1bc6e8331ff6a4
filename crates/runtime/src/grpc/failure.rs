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
    #[error("{service} knows no such thing: {detail}")]
    NotFound { service: &'static str, detail: String },
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
            Code::NotFound => Self::NotFound { service, detail: status.message().to_owned() },
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
            Failure::NotFound { detail, .. } => {
                Self::new(StatusCode::NOT_FOUND, "not-found", "Not found").detail(sentence(&detail))
            }
            Failure::Invalid { detail, .. } => invalid(&detail),
            Failure::Refused { .. } => Self::internal().detail(text),
            Failure::Failed { .. } => {
                Self::new(StatusCode::BAD_GATEWAY, "failed", "A service failed").detail(text)
            }
        }
    }
}

/// What every service calls what every listing takes, and what callers call it.
const FIELDS: [(&str, &str); 6] = [
    ("page_token", "cursor"),
    ("page_size", "page_size"),
    ("at_least", "at_least"),
    ("text", "text"),
    ("after", "after"),
    ("limit", "limit"),
];

/// The words begin with the field that is wrong.
fn invalid(detail: &str) -> Problem {
    let field =
        FIELDS.iter().find(|(name, _)| detail.split(' ').next() == Some(name)).map(|(_, field)| *field);
    match field {
        Some("cursor") => {
            Problem::invalid("cursor", "This is no cursor of this listing.").remedy("Leave it out.")
        }
        Some(field) => Problem::invalid(field, sentence(detail)),
        None => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "The input is not valid")
            .detail(sentence(detail)),
    }
}

/// Words as people read them, unless they begin with a name.
fn sentence(words: &str) -> String {
    let end = if words.ends_with(['.', '`']) { "" } else { "." };
    let mut letters = words.chars();
    match letters.next() {
        Some(first) if !words.split(' ').next().unwrap_or_default().contains('_') => {
            format!("{}{}{end}", first.to_uppercase(), letters.as_str())
        }
        _ => format!("{words}{end}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(status: &Status) -> Problem {
        Problem::from(Failure::of("routing", status))
    }

    #[test]
    fn a_wrong_question_names_the_field_as_the_caller_knows_it() {
        let cursor = problem(&Status::invalid_argument("page_token is not ours"));
        assert_eq!((cursor.status, cursor.field.as_deref()), (422, Some("cursor")));
        let at_least = problem(&Status::invalid_argument("at_least holds no positions"));
        assert_eq!(at_least.field.as_deref(), Some("at_least"));
        assert_eq!(at_least.detail.as_deref(), Some("at_least holds no positions."));
        assert_eq!(problem(&Status::invalid_argument("only handovers have a reason")).field, None);
    }

    #[test]
    fn what_is_not_there_is_said() {
        let missing = problem(&Status::not_found("there is no such lead"));
        assert_eq!((missing.status, missing.detail.as_deref()), (404, Some("There is no such lead.")));
    }
}
