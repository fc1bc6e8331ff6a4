//! Answers that take long: one JSON value a line, progress first, the result last.

use crate::output::chain;
use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;

const LINES_WAITING_MAX: usize = 64;
const TOLD_EVERY: Duration = Duration::from_millis(500);

/// How far a piece of work is; the work moves it, the answer tells it.
#[derive(Clone, Default)]
pub(crate) struct Progress {
    done: Arc<AtomicU64>,
    all: Arc<AtomicU64>,
}

impl Progress {
    pub(crate) fn set(&self, done: u64, all: u64) {
        self.done.store(done, Ordering::Relaxed);
        self.all.store(all, Ordering::Relaxed);
    }

    fn line(&self) -> Value {
        json!({ "done": self.done.load(Ordering::Relaxed), "all": self.all.load(Ordering::Relaxed) })
    }
}

/// Runs `work` while telling its progress; an error becomes the last line. When the caller goes away the work is
/// dropped at its next wait, which leaves nothing half done that a later run does not clear.
pub(crate) fn answer<F>(progress: Progress, work: F) -> Response
where
    F: Future<Output = anyhow::Result<Value>> + Send + 'static,
{
    let (sender, lines) = mpsc::channel::<Value>(LINES_WAITING_MAX);
    let telling = async move {
        tokio::pin!(work);
        loop {
            tokio::select! {
                ended = &mut work => {
                    let last = ended.unwrap_or_else(|error| json!({ "error": chain(&error) }));
                    let _ = sender.send(last).await;
                    return;
                }
                () = tokio::time::sleep(TOLD_EVERY) => {
                    if sender.send(progress.line()).await.is_err() {
                        return;
                    }
                }
            }
        }
    };
    body(telling, lines)
}

/// Runs `work`, which sends its lines itself; an error becomes the last line. When the caller goes away the work is
/// dropped at its next wait.
pub(crate) fn lines<F>(work: impl FnOnce(mpsc::Sender<Value>) -> F) -> Response
where
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let (sender, lines) = mpsc::channel::<Value>(LINES_WAITING_MAX);
    let work = work(sender.clone());
    let telling = async move {
        if let Err(error) = work.await {
            let _ = sender.send(json!({ "error": chain(&error) })).await;
        }
    };
    body(telling, lines)
}

/// Polls the work while its lines are sent; the work's end is the end of the lines.
fn body(telling: impl Future<Output = ()> + Send + 'static, lines: mpsc::Receiver<Value>) -> Response {
    let body = futures::stream::unfold(
        (Box::pin(telling), lines, false),
        |(mut telling, mut lines, ended)| async move {
            let line = if ended {
                lines.recv().await
            } else {
                tokio::select! {
                    biased;
                    line = lines.recv() => line,
                    () = &mut telling => {
                        let line = lines.recv().await;
                        return line.map(|line| (encoded(&line), (telling, lines, true)));
                    }
                }
            };
            line.map(|line| (encoded(&line), (telling, lines, ended)))
        },
    );
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(body)).into_response()
}

fn encoded(line: &Value) -> Result<Bytes, Infallible> {
    Ok(Bytes::from(format!("{line}\n")))
}
