//! The webhooks of all channels: find the account, verify, journal, acknowledge. Nothing is parsed here.

use crate::accounts::{Accounts, Ready};
use crate::refused;
use crate::request;
use crate::stages::Stages;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use channels::contract::{RawRequest, Refusal, Reply};
use futures::StreamExt;
use runtime::metrics::Counter;
use runtime::{Problem, TraceContext};
use spine::Clock;
use spine::journal::Journal;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Instant;
use tracing::Instrument;

/// Larger bodies get 413; media go to the object store first.
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Refusals kept for diagnosis, and lines of the log about accounts that cannot be looked for, per second; the others are
/// only counted or left out, so nobody can fill the disk.
const PER_SECOND_MAX: u32 = 5;

/// What the webhooks need. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Intake {
    pub(crate) accounts: Accounts,
    pub(crate) journal: Journal,
    pub(crate) clock: Clock,
    pub(crate) received: Counter,
    pub(crate) refused: Counter,
    /// Refusals that are kept for operators.
    pub(crate) diagnosis: Arc<Ration>,
    /// Lines of the log about accounts that cannot be looked for.
    pub(crate) unfound: Arc<Ration>,
    pub(crate) stages: Stages,
}

/// Lets so many of a second through of what anybody can bring about.
#[derive(Default)]
pub(crate) struct Ration {
    second: AtomicI64,
    kept: AtomicU32,
}

impl Ration {
    fn allows(&self, at: i64) -> bool {
        let second = at / 1_000_000;
        if self.second.swap(second, Ordering::Relaxed) != second {
            self.kept.store(0, Ordering::Relaxed);
        }
        self.kept.fetch_add(1, Ordering::Relaxed) < PER_SECOND_MAX
    }
}

/// Any request to `/channels/<channel>/<account>[/…]`.
pub(crate) async fn webhook(
    State(intake): State<Intake>,
    Path(path): Path<Vec<(String, String)>>,
    incoming: Request<Body>,
) -> Response {
    let part = |name: &str| path.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    let (channel, slug) = (part("channel"), part("account"));
    let ready = match intake.accounts.by_slug(channel, slug).await {
        Ok(Some(ready)) => ready,
        Ok(None) => {
            let (why, status) = intake.accounts.absent(channel, slug);
            return intake.refuse(slug, why, status).await;
        }
        Err(error) => {
            if intake.unfound.allows(intake.clock.now()) {
                tracing::warn!(error = &error as &dyn std::error::Error, "an account cannot be looked for");
            }
            return busy();
        }
    };
    let raw = match read(incoming).await {
        Ok(raw) => raw,
        Err(status) => return intake.refuse(slug, "too_large", status).await,
    };
    intake.answer(&ready, &raw).await
}

impl Intake {
    async fn answer(&self, ready: &Ready, raw: &RawRequest) -> Response {
        let Some(webhook) = ready.channel.webhook else {
            return self.refuse(&ready.account.slug, "no_webhook", StatusCode::NOT_FOUND).await;
        };
        let at = self.clock.now();
        if raw.method == "GET" {
            return match webhook.handshake(&ready.account, raw, at) {
                Ok(reply) => respond(reply),
                Err(refusal) => self.turn_away(ready, &refusal).await,
            };
        }
        let verified = match webhook.verify(&ready.account, raw, at) {
            Ok(verified) => verified,
            Err(refusal) => return self.turn_away(ready, &refusal).await,
        };
        let bytes = request::encode(verified.request(), webhook.headers_kept());
        let span = tracing::info_span!("webhook", otel.kind = "server", channel = ready.channel.name);
        if let Some(context) = raw.header("traceparent").and_then(TraceContext::parse) {
            context.continue_in(&span);
        }
        let kept = async {
            let traceparent = TraceContext::current().unwrap_or_else(TraceContext::start).to_string();
            self.journal.append(&ready.tenant, ready.account.id, &bytes, Some(&traceparent)).await
        };
        let began = Instant::now();
        match kept.instrument(span).await {
            Ok(_) => {
                self.stages.journalled(began.elapsed());
                self.received.add(1, &[ready.channel.name]);
                respond(webhook.accepted())
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "a request could not be journalled");
                busy()
            }
        }
    }

    async fn turn_away(&self, ready: &Ready, refusal: &Refusal) -> Response {
        let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::FORBIDDEN);
        let word = match refusal {
            Refusal::Missing(_) => "missing",
            Refusal::Signature => "signature",
            Refusal::Stale => "stale",
            Refusal::TooLarge => "too_large",
            Refusal::NoHandshake => "no_handshake",
            Refusal::Misconfigured(fault) => {
                tracing::warn!(account.id = %ready.account.id, fault = %fault, "an account is set up wrongly; the platform will deliver again");
                "misconfigured"
            }
        };
        self.refuse(&ready.account.slug, word, status).await
    }

    async fn refuse(&self, slug: &str, why: &'static str, status: StatusCode) -> Response {
        self.refused.add(1, &[why]);
        if self.diagnosis.allows(self.clock.now()) {
            // Only for diagnosis, so a failure to keep it changes nothing.
            let _ = self.journal.refuse(slug, why).await;
        }
        refused::problem(why, status).into_response()
    }
}

/// Reads the request whole, up to the limit.
async fn read(incoming: Request<Body>) -> Result<RawRequest, StatusCode> {
    let (head, body) = incoming.into_parts();
    let mut bytes = Vec::new();
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| StatusCode::BAD_REQUEST)?;
        if bytes.len() + chunk.len() > BODY_BYTES_MAX {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        bytes.extend_from_slice(&chunk);
    }
    let headers = head
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
    Ok(RawRequest {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: headers.collect(),
        body: Bytes::from(bytes),
    })
}

fn respond(reply: Reply) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK);
    (status, [(header::CONTENT_TYPE, reply.content_type)], reply.body).into_response()
}

/// Not durable, so not acknowledged: the platform delivers again.
fn busy() -> Response {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "The request could not be kept")
        .remedy("Send it again; it was not taken.")
        .into_response()
}
