//! One endpoint: where it is, and calls to it that are bounded in time, size and number.

use crate::question::Question;
use crate::read::{Reply, Unusable, read};
use crate::rest::Rest;
use bytes::BytesMut;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Bounds of the time that a reply may take.
pub const WAIT_MIN: Duration = Duration::from_millis(100);
pub const WAIT_MAX: Duration = Duration::from_secs(15);
/// Calls at a time; a question beyond them is not asked, since a customer who waits for a place waits for nothing.
pub const CALLS_MAX: usize = 64;
/// Bytes of a reply; one without an end is cut there.
const REPLY_BYTES_MAX: usize = 256 * 1024;
const CONNECT_WAIT: Duration = Duration::from_secs(3);
const IDLE_WAIT: Duration = Duration::from_secs(60);

/// Where the model is and what it is called.
#[derive(Clone, Debug)]
pub struct Settings {
    url: Url,
    model: String,
    authorization: Option<HeaderValue>,
    wait: Duration,
}

/// What is wrong with settings.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// The address.
    #[error(
        "the address is no http or https address without user, query and fragment, such as https://api.example.com/v1"
    )]
    Url,
    /// The model's name.
    #[error("the model has no name")]
    Model,
    /// The key.
    #[error("the key holds characters that no header can carry")]
    Key,
    /// The time.
    #[error("the time to wait is not between {} and {} ms", WAIT_MIN.as_millis(), WAIT_MAX.as_millis())]
    Wait,
}

impl Settings {
    /// `base` is the address below which `/chat/completions` is, such as `https://api.deepseek.com/v1`; `key` goes into
    /// the header `Authorization` and nowhere else; `wait` bounds a whole call.
    ///
    /// # Errors
    /// When one of them cannot be.
    pub fn new(base: &str, model: &str, key: Option<&str>, wait: Duration) -> Result<Self, Mistake> {
        let url = Url::parse(&format!("{}/chat/completions", base.trim_end_matches('/')))
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .filter(|url| url.username().is_empty() && url.password().is_none())
            .filter(|url| url.query().is_none() && url.fragment().is_none())
            .ok_or(Mistake::Url)?;
        if model.trim().is_empty() {
            return Err(Mistake::Model);
        }
        if !(WAIT_MIN..=WAIT_MAX).contains(&wait) {
            return Err(Mistake::Wait);
        }
        let authorization = key.map(bearer).transpose()?;
        Ok(Self { url, model: model.trim().to_owned(), authorization, wait })
    }

    /// What the model is called.
    pub fn model(&self) -> &str {
        &self.model
    }
}

fn bearer(key: &str) -> Result<HeaderValue, Mistake> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", key.trim())).map_err(|_| Mistake::Key)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Why there is no reply. Each is told once; nothing is asked twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// There are no words, too many, or no passages.
    #[error("there is nothing to ask")]
    Unasked,
    /// As many calls as there may be are under way.
    #[error("{CALLS_MAX} calls are under way")]
    Busy,
    /// It failed often and is left alone for a while.
    #[error("the endpoint failed again and again and is left alone for a while")]
    Resting,
    /// No connection was made, or it broke.
    #[error("the endpoint cannot be reached")]
    Unreachable,
    /// There was no whole reply in time.
    #[error("the endpoint gave no whole reply in time")]
    TimedOut,
    /// It answered with that HTTP status.
    #[error("the endpoint answers with the HTTP status {0}")]
    Status(u16),
    /// It answered with a status that says that it does not take this question.
    #[error("the endpoint does not take the question, by its HTTP status {0}")]
    Refused(u16),
    /// The reply has no end within the bytes that are read of it.
    #[error("the reply is longer than {REPLY_BYTES_MAX} bytes")]
    TooLong,
    /// Nothing of it may be said.
    #[error(transparent)]
    Unusable(#[from] Unusable),
}

impl Problem {
    /// Whether the endpoint is better left alone. A question that it refuses or answers badly says nothing of it: a customer
    /// can write such a one again and again. Slow replies and too many questions do, whoever asked them: others would only
    /// wait longer.
    fn is_of_the_endpoint(&self) -> bool {
        match self {
            Self::Unreachable
            | Self::TimedOut
            | Self::Status(_)
            | Self::TooLong
            | Self::Unusable(Unusable::Form) => true,
            Self::Unasked | Self::Busy | Self::Resting | Self::Refused(_) | Self::Unusable(_) => false,
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Unasked => "unasked",
            Self::Busy => "busy",
            Self::Resting => "resting",
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
            Self::Status(_) => "status",
            Self::Refused(_) => "refused",
            Self::TooLong => "too_long",
            Self::Unusable(Unusable::Ungrounded | Unusable::Citation) => "ungrounded",
            Self::Unusable(_) => "garbled",
        }
    }
}

/// All that [`outcome`] says.
pub const OUTCOMES: [&str; 12] = [
    "answered",
    "not_there",
    "unasked",
    "busy",
    "resting",
    "unreachable",
    "timed_out",
    "status",
    "refused",
    "too_long",
    "ungrounded",
    "garbled",
];

/// How a question ended, in one word of a bounded number: for metrics.
pub fn outcome(reply: &Result<Reply, Problem>) -> &'static str {
    match reply {
        Ok(Reply::Answer { .. }) => "answered",
        Ok(Reply::NotThere) => "not_there",
        Err(problem) => problem.word(),
    }
}

/// An endpoint and what is known of it.
#[derive(Debug)]
pub struct Endpoint {
    settings: Settings,
    http: reqwest::Client,
    places: Semaphore,
    rest: Mutex<Rest>,
}

impl Endpoint {
    /// Follows no redirect, which could lead a key and a customer's words elsewhere.
    ///
    /// # Errors
    /// When TLS has no provider or no roots.
    pub fn new(settings: Settings) -> reqwest::Result<Self> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_WAIT.min(settings.wait))
            .pool_idle_timeout(IDLE_WAIT)
            .build()?;
        Ok(Self { settings, http, places: Semaphore::new(CALLS_MAX), rest: Mutex::default() })
    }

    /// Asks once, within the settings' time.
    ///
    /// # Errors
    /// When there is no reply that may be said.
    pub async fn ask(&self, question: &Question<'_>) -> Result<Reply, Problem> {
        let request = question.request(&self.settings.model).ok_or(Problem::Unasked)?;
        let _place = self.places.try_acquire().map_err(|_| Problem::Busy)?;
        if !self.rest().may_call(Instant::now()) {
            return Err(Problem::Resting);
        }
        let mut call = self.http.post(self.settings.url.clone()).json(&request);
        if let Some(value) = &self.settings.authorization {
            call = call.header(AUTHORIZATION, value.clone());
        }
        let reply = tokio::time::timeout(self.settings.wait, fetch(call)).await;
        let reply = reply.unwrap_or(Err(Problem::TimedOut));
        let reply = reply.and_then(|body| Ok(read(&body, question.passages)?));
        self.rest().told(!reply.as_ref().is_err_and(Problem::is_of_the_endpoint), Instant::now());
        reply
    }

    /// What the model is called.
    pub fn model(&self) -> &str {
        self.settings.model()
    }

    fn rest(&self) -> std::sync::MutexGuard<'_, Rest> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn fetch(call: reqwest::RequestBuilder) -> Result<BytesMut, Problem> {
    let mut response = call.send().await.map_err(problem)?;
    if !response.status().is_success() {
        return Err(match response.status().as_u16() {
            status @ (400 | 413 | 422) => Problem::Refused(status),
            status => Problem::Status(status),
        });
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(problem)? {
        if body.len() + chunk.len() > REPLY_BYTES_MAX {
            return Err(Problem::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn problem(error: reqwest::Error) -> Problem {
    if error.is_timeout() { Problem::TimedOut } else { Problem::Unreachable }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn settings_that_cannot_be_are_told_and_the_key_never_is() {
        let settings =
            Settings::new("https://api.example.com/v1/", " m ", Some("sk-secret"), SECOND).unwrap();
        assert_eq!(settings.url.as_str(), "https://api.example.com/v1/chat/completions");
        assert_eq!(settings.model(), "m");
        assert!(!format!("{settings:?}").contains("secret"));
        for url in ["", "api.example.com", "ftp://a", "http://u:p@a", "http://a?x=1", "http://a#x"] {
            assert_eq!(Settings::new(url, "m", None, SECOND).unwrap_err(), Mistake::Url, "{url}");
        }
        let wrong = |model, key, wait| Settings::new("http://a", model, key, wait).unwrap_err();
        assert_eq!(wrong(" ", None, SECOND), Mistake::Model);
        assert_eq!(wrong("m", Some("a\nb"), SECOND), Mistake::Key);
        assert_eq!(wrong("m", None, WAIT_MAX + SECOND), Mistake::Wait);
    }

    #[test]
    fn each_outcome_is_one_of_the_list() {
        let unusable =
            [Unusable::Form, Unusable::Cut, Unusable::Words, Unusable::Citation, Unusable::Ungrounded];
        let others = [
            Problem::Unasked,
            Problem::Busy,
            Problem::Resting,
            Problem::Unreachable,
            Problem::TimedOut,
            Problem::Status(500),
            Problem::Refused(400),
            Problem::TooLong,
        ];
        let failed = unusable.into_iter().map(Problem::from).chain(others).map(Err);
        let answered = Ok(Reply::Answer { text: String::new(), passages: Vec::new() });
        for reply in failed.chain([answered, Ok(Reply::NotThere)]) {
            assert!(OUTCOMES.contains(&outcome(&reply)), "{reply:?}");
        }
    }
}
