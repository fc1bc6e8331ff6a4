//! What nats-server forbids: it says so beside the request, whose answer then never comes.

use crate::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::time::Instant;

/// Words of the server that wait for who asks; who misses one runs into the time-out of its request.
const WAITING_MAX: usize = 64;
/// A role that is forbidden everything says so once in this time and counts the rest.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// One refusal, as the server told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The user's name in the server's list of connections.
    pub user: String,
    /// `publish to` or `subscribe to`.
    pub action: &'static str,
    pub subject: String,
}

/// The refusals of one connection. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Denials {
    user: Arc<str>,
    told: broadcast::Sender<Arc<str>>,
    last: Arc<Mutex<Option<Last>>>,
}

#[derive(Debug)]
struct Last {
    denial: Denial,
    at: Instant,
    logged_at: Instant,
    unlogged: u64,
}

impl Denials {
    pub(crate) fn of(user: &str) -> Self {
        Self { user: user.into(), told: broadcast::Sender::new(WAITING_MAX), last: Arc::default() }
    }

    /// Whose connection it is.
    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    /// Takes a word of the server in; false when it is about something else.
    pub(crate) fn hear(&self, word: &str) -> bool {
        let Some((action, subject)) = parse(word) else { return false };
        let denial = Denial { user: self.user.to_string(), action, subject: subject.into() };
        self.remember(denial);
        if action == PUBLISH {
            // Nobody may be waiting.
            let _ = self.told.send(subject.into());
        }
        true
    }

    fn remember(&self, denial: Denial) {
        let now = Instant::now();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let before = last.take().map(|last| (last.logged_at, last.unlogged));
        let (logged_at, unlogged) = match before {
            Some((logged_at, unlogged)) if now - logged_at < TELL_EVERY => (logged_at, unlogged + 1),
            other => {
                tracing::error!(
                    nats.user = denial.user,
                    nats.subject = denial.subject,
                    denied.before = other.map_or(0, |(_, unlogged)| unlogged),
                    "{}",
                    Error::from(denial.clone())
                );
                (now, 0)
            }
        };
        *last = Some(Last { denial, at: now, logged_at, unlogged });
    }

    /// The last refusal, if it is not older than `age_max`.
    pub(crate) fn last(&self, age_max: Duration) -> Option<Denial> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().filter(|last| last.at.elapsed() <= age_max).map(|last| last.denial.clone())
    }

    /// The outcome of a request that is published to `subject`; an error as soon as the server forbids it.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub(crate) async fn unless<T>(
        &self,
        subject: &str,
        request: impl Future<Output = T>,
    ) -> Result<T, Error> {
        // Registered before the request leaves.
        let mut told = self.told.subscribe();
        let denied = async {
            loop {
                match told.recv().await {
                    Ok(told) if *told == *subject => return,
                    // The sender lives in `self`; what was missed is found out by the time-out.
                    Ok(_) | Err(_) => {}
                }
            }
        };
        tokio::select! {
            outcome = request => Ok(outcome),
            () = denied => Err(Denial { user: self.user.to_string(), action: PUBLISH, subject: subject.into() }.into()),
        }
    }
}

impl From<Denial> for Error {
    fn from(denial: Denial) -> Self {
        let Denial { user, action, subject } = denial;
        Self::Denied { user, action, subject }
    }
}

const PUBLISH: &str = "publish to";
const SUBSCRIBE: &str = "subscribe to";

/// The server's words are `Permissions Violation for Publish to "a.b"`, and `… for Subscription to "a.b"`, with a
/// queue behind it if there is one.
fn parse(word: &str) -> Option<(&'static str, &str)> {
    let rest = word.strip_prefix("Permissions Violation for ")?;
    let (action, rest) = match rest.strip_prefix("Publish to \"") {
        Some(rest) => (PUBLISH, rest),
        None => (SUBSCRIBE, rest.strip_prefix("Subscription to \"")?),
    };
    Some((action, rest.split('"').next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_s_words_are_read() {
        assert_eq!(
            parse(r#"Permissions Violation for Publish to "log.1.0.a""#),
            Some((PUBLISH, "log.1.0.a"))
        );
        let word = r#"Permissions Violation for Subscription to "_INBOX.>" using queue "q""#;
        assert_eq!(parse(word), Some((SUBSCRIBE, "_INBOX.>")));
        assert_eq!(parse("Authorization Violation"), None);
    }

    #[tokio::test]
    async fn a_request_ends_with_the_refusal_of_its_own_subject() {
        let denials = Denials::of("routing");
        let unless = denials.unless("log.a", std::future::pending::<()>());
        let hear = async {
            tokio::task::yield_now().await;
            assert!(denials.hear(r#"Permissions Violation for Publish to "log.b""#));
            tokio::task::yield_now().await;
            assert!(denials.hear(r#"Permissions Violation for Publish to "log.a""#));
        };
        let (ended, ()) = tokio::join!(unless, hear);
        let word = ended.unwrap_err().to_string();
        assert!(word.contains("routing") && word.contains("log.a") && word.contains("permission"), "{word}");
        assert_eq!(denials.last(Duration::from_secs(9)).unwrap().subject, "log.a");
        assert!(!denials.hear("Slow consumer"));
        denials.unless("log.a", async {}).await.expect("what was said before is about what was before");
    }
}
