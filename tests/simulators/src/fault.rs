//! Faults on demand: what a simulated system does wrong, to whom, how often.

use crate::door::Line;
use axum::body::Body;
use axum::http::{Response, StatusCode};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// One way to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Answers with that HTTP status and does nothing.
    Status { status: u16, retry_after_s: Option<u32> },
    /// Answers with the platform's own error code and does nothing.
    Code(i64),
    /// Does nothing and never answers.
    Hang,
    /// Does nothing and cuts the connection.
    Cut,
    /// Does what was asked and cuts the connection: the answer is lost.
    TakenThenCut,
    /// Does what was asked and answers that much later.
    Late { ms: u64 },
}

impl Fault {
    /// A status without a time to wait.
    pub fn status(status: u16) -> Self {
        Self::Status { status, retry_after_s: None }
    }
}

/// The faults that are still to come. Copies share them.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    next: VecDeque<Fault>,
    users: HashMap<String, VecDeque<Fault>>,
}

impl Faults {
    /// The next `count` calls fail so, whoever they are for.
    pub fn next(&self, fault: Fault, count: usize) {
        self.waiting().next.extend(std::iter::repeat_n(fault, count));
    }

    /// The next `count` calls for that person fail so, before those of [`Faults::next`] are used up.
    pub fn user(&self, user: &str, fault: Fault, count: usize) {
        self.waiting().users.entry(user.to_owned()).or_default().extend(std::iter::repeat_n(fault, count));
    }

    /// Whatever was still to come does not.
    pub fn clear(&self) {
        *self.waiting() = Waiting::default();
    }

    pub(crate) fn take(&self, user: &str) -> Option<Fault> {
        let mut waiting = self.waiting();
        let own = waiting.users.get_mut(user).and_then(VecDeque::pop_front);
        own.or_else(|| waiting.next.pop_front())
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Does `act` under a fault. `code` writes the platform's own error; one without codes answers 500 for them.
pub(crate) async fn under(
    fault: Option<Fault>,
    line: &Line,
    shutdown: &CancellationToken,
    code: impl FnOnce(i64) -> Response<Body>,
    act: impl FnOnce() -> Response<Body>,
) -> Response<Body> {
    match fault {
        None => act(),
        Some(Fault::Code(number)) => code(number),
        Some(Fault::Status { status, retry_after_s }) => refusal(status, retry_after_s),
        Some(Fault::Hang) => {
            shutdown.cancelled().await;
            refusal(503, None)
        }
        Some(Fault::Cut) => {
            line.cut();
            refusal(500, None)
        }
        Some(Fault::TakenThenCut) => {
            let answer = act();
            line.cut();
            answer
        }
        Some(Fault::Late { ms }) => {
            let answer = act();
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(ms)) => answer,
                () = shutdown.cancelled() => answer,
            }
        }
    }
}

fn refusal(status: u16, retry_after_s: Option<u32>) -> Response<Body> {
    let mut response = Response::new(Body::from("fault on demand"));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(seconds) = retry_after_s {
        response.headers_mut().insert("retry-after", seconds.into());
    }
    response
}
