//! One stream out of nats-server and into another, by the server's snapshot API.

use super::{Sink, Source};
use crate::error::Error;
use crate::nats::Nats;
use async_nats::Subject;
use async_nats::client::Request;
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;

/// Bytes of one chunk. The server sends several before it waits for their acknowledgement.
const CHUNK: usize = 256 * 1024;
const WINDOW: usize = 4 * 1024 * 1024;
/// A large stream is flushed before the first chunk comes, and indexed after the last one is there.
const ANSWER_WITHIN: Duration = Duration::from_secs(600);
/// The server gives up a copy of which nothing is acknowledged for 5 s.
const CHUNK_WITHIN: Duration = Duration::from_secs(30);

/// The status of the message behind the last chunk.
const NO_CONTENT: u16 = 204;

/// What a stream held when it was copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    pub messages: u64,
    /// As the server stores them, uncompressed.
    pub bytes: u64,
    pub first_seq: u64,
    pub last_seq: u64,
}

/// A stream's copy, beside its bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stored {
    /// The configuration, as the server tells it.
    pub config: Value,
    /// The state, as the server tells it; a restore shows it again.
    pub state: Value,
}

impl Stored {
    /// What of the state is compared after a restore.
    ///
    /// # Errors
    /// When the server told something else than a state.
    pub fn held(&self) -> Result<State, Error> {
        state_of("state of a copied stream", &self.state)
    }
}

/// The names of the streams that are there.
///
/// # Errors
/// When the server does not answer.
pub async fn names(nats: &Nats) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    let mut listed = nats.jetstream.stream_names();
    while let Some(name) = listed.next().await {
        names.push(name.map_err(|source| Error::Nats {
            request: "list the streams".into(),
            source: Box::new(source),
        })?);
    }
    Ok(names)
}

/// What a stream holds now.
///
/// # Errors
/// When there is none of the name, or the server does not answer.
pub async fn held(nats: &Nats, name: &str) -> Result<State, Error> {
    let answer = ask(nats, format!("$JS.API.STREAM.INFO.{name}"), Vec::new()).await?;
    state_of(name, &answer["state"])
}

/// Copies a stream as it is at this moment, without its consumers; appends go on meanwhile.
///
/// # Errors
/// When there is none of the name, the server breaks off, or `sink` fails.
pub async fn save(nats: &Nats, name: &str, sink: Sink<'_>) -> Result<Stored, Error> {
    let action = || format!("copy stream {name}");
    let inbox = nats.client.new_inbox();
    let failed = |source| Error::Nats { request: action(), source: Box::new(source) };
    let mut chunks = nats.client.subscribe(inbox.clone()).await.map_err(failed)?;
    let asked = json!({
        "deliver_subject": inbox, "no_consumers": true, "chunk_size": CHUNK, "window_size": WINDOW,
    });
    let answer = ask(nats, format!("$JS.API.STREAM.SNAPSHOT.{name}"), asked.to_string().into_bytes()).await?;
    loop {
        let chunk = tokio::time::timeout(CHUNK_WITHIN, chunks.next()).await;
        let chunk = chunk.map_err(|_| Error::Timeout { request: action() })?;
        let chunk = chunk.ok_or_else(|| Error::Timeout { request: action() })?;
        if chunk.payload.is_empty() {
            return match chunk.status {
                // The end: no content.
                Some(status) if status.as_u16() != NO_CONTENT => Err(Error::Refused {
                    request: action(),
                    code: u64::from(status.as_u16()),
                    description: chunk.description.unwrap_or_default(),
                }),
                _ => Ok(Stored { config: answer["config"].clone(), state: answer["state"].clone() }),
            };
        }
        sink(&chunk.payload).map_err(file_failed(name, "write the copy"))?;
        if let Some(reply) = chunk.reply {
            acknowledge(nats, reply, &action()).await?;
        }
    }
}

async fn acknowledge(nats: &Nats, reply: Subject, action: &str) -> Result<(), Error> {
    let sent = nats.client.publish(reply, "".into()).await;
    sent.map_err(|source| Error::Nats { request: action.into(), source: Box::new(source) })
}

/// Makes a stream of its copy, in `replicas` copies: the same sequences, times and gaps. Answers with what it holds.
///
/// # Errors
/// When a stream of the name exists, the server refuses the copy, `source` fails, or the stream does not hold what was
/// copied.
pub async fn restore(
    nats: &Nats,
    name: &str,
    stored: &Stored,
    replicas: usize,
    source: Source<'_>,
) -> Result<State, Error> {
    let mut config = stored.config.clone();
    config["num_replicas"] = json!(replicas);
    let asked = json!({ "config": config, "state": stored.state }).to_string().into_bytes();
    let answer = ask(nats, format!("$JS.API.STREAM.RESTORE.{name}"), asked).await?;
    let Some(place) = answer["deliver_subject"].as_str() else {
        return Err(Error::Other(format!("nats-server does not say where the copy of {name} goes")));
    };
    let mut buffer = vec![0; CHUNK];
    loop {
        let length = source(&mut buffer).map_err(file_failed(name, "read the copy"))?;
        let answer = ask(nats, place.to_owned(), buffer[..length].to_vec()).await?;
        if length == 0 {
            let found = state_of(name, &answer["state"])?;
            let copied = stored.held()?;
            // A stream that holds nothing tells its first sequence in several ways.
            let begins_alike = found.messages == 0 || found.first_seq == copied.first_seq;
            let is_same = (found.messages, found.last_seq) == (copied.messages, copied.last_seq);
            return match begins_alike && is_same {
                true => Ok(found),
                false => Err(Error::Other(format!("stream {name} holds {found:?} and not {copied:?}"))),
            };
        }
    }
}

/// Asks the server; an empty answer is an acknowledgement.
async fn ask(nats: &Nats, subject: String, payload: Vec<u8>) -> Result<Value, Error> {
    let action = subject.clone();
    let request = Request::new().payload(payload.into()).timeout(Some(ANSWER_WITHIN));
    let answer = tokio::select! {
        answer = nats.client.send_request(subject.clone(), request) => answer,
        denied = denied(nats, &subject) => return Err(denied),
    };
    let answer =
        answer.map_err(|source| Error::Nats { request: action.clone(), source: Box::new(source) })?;
    if answer.payload.is_empty() {
        return Ok(Value::Null);
    }
    let answer: Value = serde_json::from_slice(&answer.payload)
        .map_err(|_| Error::Other(format!("the answer to {action} is no JSON")))?;
    match answer.get("error").filter(|error| !error.is_null()) {
        None => Ok(answer),
        Some(error) => Err(Error::Refused {
            request: action,
            code: error["err_code"].as_u64().unwrap_or_default(),
            description: error["description"].as_str().unwrap_or_default().into(),
        }),
    }
}

/// Ends when the server says that this user may not ask it.
async fn denied(nats: &Nats, subject: &str) -> Error {
    const LOOK_EVERY: Duration = Duration::from_millis(100);
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if let Some(denial) = nats.denied(ANSWER_WITHIN).filter(|denial| denial.subject == subject) {
            return denial.into();
        }
    }
}

fn state_of(name: &str, state: &Value) -> Result<State, Error> {
    serde_json::from_value(state.clone())
        .map_err(|_| Error::Other(format!("nats-server does not say what {name} holds")))
}

fn file_failed(name: &str, action: &'static str) -> impl FnOnce(std::io::Error) -> Error {
    let path = name.to_owned();
    move |source| Error::File { path, action, source }
}
