//! What an HTTP caller gets instead of an answer: problem+json (RFC 9457).

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The problem types' common beginning; what follows is the `kind` given to [`Problem::new`].
pub const TYPE_PREFIX: &str = "urn:tributary:problem:";

/// A failed request, in words for the person who sees it. `field` names what of the input is wrong and
/// `remedy` says what to do about it. Never holds personal data or an internal error's text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Problem {
    /// Identifies the kind of problem; programs branch on this.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words, the same each time.
    pub title: String,
    /// The HTTP status code.
    pub status: u16,
    /// What happened this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The wrong part of the input, as a path such as `filter.from_us`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What the caller can do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Problem {
    /// `kind` is a short stable word such as `not-found`.
    pub fn new(status: StatusCode, kind: &str, title: &str) -> Self {
        Self {
            kind: format!("{TYPE_PREFIX}{kind}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: None,
            field: None,
            remedy: None,
        }
    }

    /// What happened this time, as a sentence for people.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The field of the request that is wrong, as the caller named it.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// What the caller can do about it, as a sentence.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// 404: there is no such `what`, or not for this caller.
    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found").detail(format!("There is no such {what}."))
    }

    /// 422: the input can be read, but `field` says something that cannot be.
    pub fn invalid(field: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "The input is not valid")
            .field(field)
            .detail(detail)
    }

    /// 409: the state forbids it.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", "The state does not allow this").detail(detail)
    }

    /// 401: nobody is signed in.
    pub fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "Not signed in")
    }

    /// 403: this caller may not.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Not allowed").detail(detail)
    }

    /// 500: our fault. The cause belongs into the log, not here.
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something failed here")
            .remedy("Try again; if it happens again, the server's log says why.")
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.title)?;
        match &self.detail {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}

/// `part` is what is at fault when the text names no field of it.
fn unreadable(status: StatusCode, part: &str, text: &str) -> Problem {
    let (field, words) = located(text);
    Problem::new(status, "unreadable", "The request cannot be read")
        .field(field.as_deref().unwrap_or(part))
        .detail(words)
}

/// The field and what is wrong with it, from the words of a rejection, such as `Failed to deserialize query string:
/// page_size: invalid digit found in string` or `…: missing field `metric``.
fn located(text: &str) -> (Option<String>, String) {
    let Some(words) = BEGINNINGS.iter().find_map(|beginning| text.strip_prefix(beginning)) else {
        return (None, text.to_owned());
    };
    let is_path = |path: &str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '[' | ']');
        !path.is_empty() && path.chars().all(allowed)
    };
    let (path, words) = match words.split_once(": ") {
        Some((path, rest)) if is_path(path) => (path.trim_matches('.'), rest),
        _ => ("", words),
    };
    let named = [UNKNOWN, MISSING].iter().find_map(|word| words.strip_prefix(word)?.split('`').next());
    let field = match named {
        Some(name) if path.is_empty() || path == name => name.to_owned(),
        Some(name) if path.ends_with(&format!(".{name}")) => path.to_owned(),
        Some(name) => format!("{path}.{name}"),
        None => path.to_owned(),
    };
    (Some(field).filter(|field| !field.is_empty()), words.to_owned())
}

const UNKNOWN: &str = "unknown field `";
const MISSING: &str = "missing field `";
/// How axum begins the words of a rejection that names a field.
const BEGINNINGS: [&str; 2] =
    ["Failed to deserialize query string: ", "Failed to deserialize the JSON body into the target type: "];

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        unreadable(rejection.status(), "body", &rejection.body_text())
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        unreadable(rejection.status(), "query", &rejection.body_text())
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        unreadable(rejection.status(), "path", &rejection.body_text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_written_as_rfc_9457_says() {
        let problem = Problem::invalid("phone", "It has too few digits.").remedy("Write all eleven.");
        let expected = serde_json::json!({
            "type": "urn:tributary:problem:invalid",
            "title": "The input is not valid",
            "status": 422,
            "detail": "It has too few digits.",
            "field": "phone",
            "remedy": "Write all eleven.",
        });
        assert_eq!(serde_json::to_value(&problem).unwrap(), expected);
        let response = problem.into_response();
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        #[expect(dead_code, reason = "only its form is asked for")]
        page_size: Option<u32>,
        #[expect(dead_code, reason = "only its form is asked for")]
        metric: String,
        #[expect(dead_code, reason = "only its form is asked for")]
        to: Option<Inner>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[expect(dead_code, reason = "only its form is asked for")]
        agent: u8,
    }

    #[test]
    fn an_unreadable_query_names_its_field() {
        for (query, field) in [
            ("metric=a&page_size=many", "page_size"),
            ("metric=a&pagesize=1", "pagesize"),
            ("page_size=1", "metric"),
        ] {
            let uri = format!("http://x/?{query}").parse().unwrap();
            let problem = Problem::from(axum::extract::Query::<Asked>::try_from_uri(&uri).unwrap_err());
            assert_eq!((problem.status, problem.field.as_deref()), (400, Some(field)), "{problem:?}");
            assert!(!problem.detail.unwrap().contains("Failed to"), "{query}");
        }
    }

    #[test]
    fn an_unreadable_body_names_its_field() {
        for (body, field) in [
            (r#"{"metric": 7}"#, "metric"),
            (r#"{"metric": "a", "x": 1}"#, "x"),
            (r#"{}"#, "metric"),
            (r#"{"metric": "a", "to": {"agent": "x"}}"#, "to.agent"),
            (r#"{"metric": "a", "to": {"agnt": 1}}"#, "to.agnt"),
            (r#"{"metric": "a", "to": {}}"#, "to.agent"),
            (r#"{"metric": "#, "body"),
        ] {
            let problem = Problem::from(Json::<Asked>::from_bytes(body.as_bytes()).unwrap_err());
            assert_eq!(problem.field.as_deref(), Some(field), "{problem:?}");
        }
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let text = serde_json::to_string(&Problem::unauthenticated()).unwrap();
        assert_eq!(
            text,
            r#"{"type":"urn:tributary:problem:unauthenticated","title":"Not signed in","status":401}"#
        );
    }
}
