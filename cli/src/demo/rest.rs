//! What the console's REST API tells of the run: texts and figures.

use anyhow::{Context, bail};
use futures::{StreamExt, TryStreamExt, stream};
use reqwest::StatusCode;
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;
use tokio::time::Instant;

/// Items of a page, the most that is allowed.
const PAGE: u32 = 200;
/// Requests on their way at once.
const IN_FLIGHT_MAX: usize = 8;
/// For so long the suite may say that its log or database is away, and so long it is left alone in between.
const AWAY_MAX: Duration = Duration::from_secs(30);
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// The API's answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rest {
    /// Threads that the conversation list shows.
    pub(crate) listed: HashSet<String>,
    /// By thread, in the order that is shown.
    pub(crate) transcripts: BTreeMap<String, Vec<Shown>>,
    pub(crate) figures: Figures,
}

/// A message of a transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) message: String,
    pub(crate) text: String,
}

/// The figures of the run's span of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Figures {
    pub(crate) conversations: i64,
    pub(crate) opened: i64,
    pub(crate) leads: i64,
    pub(crate) leads_rate: Option<f64>,
    /// `conversations` or `opened`.
    pub(crate) denominator: String,
}

impl Rest {
    /// The text of a message as the transcript shows it.
    pub(crate) fn text(&self, thread: &str, message: &str) -> Option<&str> {
        let shown = self.transcripts.get(thread)?.iter().find(|shown| shown.message == message)?;
        Some(&shown.text)
    }
}

/// A holder of an API token. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Api {
    http: reqwest::Client,
    url: String,
    token: String,
}

impl Api {
    pub(crate) fn new(http: reqwest::Client, url: &str, token: String) -> Self {
        Self { http, url: url.to_owned(), token }
    }

    /// Asks for the conversations that were active since `from`, the transcripts of `threads`, and the figures of
    /// conversations begun in the span; times are RFC 3339.
    ///
    /// # Errors
    /// When the API refuses or does not answer. A transcript that is not there yet is an empty one.
    pub(crate) async fn tell(&self, threads: &[String], (from, to): (&str, &str)) -> anyhow::Result<Rest> {
        let mut listed = HashSet::new();
        for state in ["open", "closed"] {
            self.list(state, from, &mut listed).await?;
        }
        let transcripts = stream::iter(threads.iter().cloned().map(|thread| async move {
            let lines = self.transcript(&thread).await?;
            anyhow::Ok((thread, lines))
        }));
        let transcripts = transcripts.buffer_unordered(IN_FLIGHT_MAX).try_collect().await?;
        Ok(Rest { listed, transcripts, figures: self.figures((from, to)).await? })
    }

    /// The list is sorted by activity, so what was last active before the run ends it.
    async fn list(&self, state: &str, from: &str, listed: &mut HashSet<String>) -> anyhow::Result<()> {
        let mut cursor = None;
        loop {
            let page = self.page("/api/v1/conversations", &[("state", state)], cursor.as_deref()).await?;
            let page = page.context("the conversation list is not there")?;
            let items = items(&page);
            listed.extend(items.iter().map(|item| word(&item["thread"])));
            let old = |item: &Value| {
                let active: Option<jiff::Timestamp> =
                    item["active_at"].as_str().and_then(|at| at.parse().ok());
                active < from.parse().ok()
            };
            cursor = page["next"].as_str().map(str::to_owned);
            if cursor.is_none() || items.last().is_none_or(old) {
                return Ok(());
            }
        }
    }

    async fn transcript(&self, thread: &str) -> anyhow::Result<Vec<Shown>> {
        let (mut lines, mut cursor) = (Vec::new(), None);
        loop {
            let path = format!("/api/v1/threads/{thread}/transcript");
            let Some(page) = self.page(&path, &[], cursor.as_deref()).await? else { return Ok(lines) };
            let messages = items(&page).iter().filter(|item| item["message"].is_string());
            lines.extend(
                messages.map(|item| Shown { message: word(&item["message"]), text: word(&item["text"]) }),
            );
            cursor = page["next"].as_str().map(str::to_owned);
            if cursor.is_none() {
                return Ok(lines);
            }
        }
    }

    async fn figures(&self, (from, to): (&str, &str)) -> anyhow::Result<Figures> {
        let query = [("from", from), ("to", to)];
        let found = self.get("/api/v1/analytics/summary", &query).await?.context("there are no figures")?;
        let row = &found["rows"][0];
        let number = |name: &str| row[name].as_i64().with_context(|| format!("the figures lack `{name}`"));
        Ok(Figures {
            conversations: number("conversations")?,
            opened: number("opened")?,
            leads: number("leads")?,
            leads_rate: row["leads_rate"].as_f64(),
            denominator: word(&row["leads_rate_denominator"]),
        })
    }

    async fn page(
        &self,
        path: &str,
        query: &[(&str, &str)],
        cursor: Option<&str>,
    ) -> anyhow::Result<Option<Value>> {
        let size = PAGE.to_string();
        let mut query = [query, &[("page_size", size.as_str())]].concat();
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        self.get(path, &query).await
    }

    /// The answer; none for 404. While the suite says that its log or database is away, it is asked again.
    async fn get(&self, path: &str, query: &[(&str, &str)]) -> anyhow::Result<Option<Value>> {
        let until = Instant::now() + AWAY_MAX;
        loop {
            match self.ask(path, query).await? {
                (StatusCode::SERVICE_UNAVAILABLE, _) if Instant::now() < until => {
                    tokio::time::sleep(ASK_AGAIN).await
                }
                (status, body) => return read(path, status, &body),
            }
        }
    }

    async fn ask(&self, path: &str, query: &[(&str, &str)]) -> anyhow::Result<(StatusCode, Vec<u8>)> {
        let request = self.http.get(format!("{}{path}", self.url)).query(query).bearer_auth(&self.token);
        let response = request.send().await.with_context(|| format!("GET {path} was not answered"))?;
        let status = response.status();
        let body = response.bytes().await.with_context(|| format!("GET {path} was not answered whole"))?;
        Ok((status, body.to_vec()))
    }
}

fn read(path: &str, status: StatusCode, body: &[u8]) -> anyhow::Result<Option<Value>> {
    if status == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    if !status.is_success() {
        bail!("GET {path} was answered {status}: {}", String::from_utf8_lossy(body));
    }
    Ok(Some(serde_json::from_slice(body).with_context(|| format!("GET {path} was answered without JSON"))?))
}

fn items(page: &Value) -> &[Value] {
    page["items"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
