//! A language model behind an OpenAI-compatible endpoint: checks what it is asked as strictly as the strictest of them,
//! and says what it is told to say.

mod completion;

use crate::door::{Door, Line};
use crate::fault::under;
use crate::{Error, Faults};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, Response};
use axum::routing::post;
use completion::{Request, error, said};
use futures::{StreamExt, stream};
use serde_json::Value;
use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often a reply without an end sends a piece, and how large that is.
const PIECE_EVERY: Duration = Duration::from_millis(20);
const PIECE_BYTES: usize = 1024;

/// What the model does with a question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// Answers with the first passage's own words.
    #[default]
    Honest,
    /// Thinks aloud before it does.
    Thinking,
    /// Says that the passages do not hold it.
    Declining,
    /// Says this as its content.
    Saying(String),
    /// Sends these bytes as the whole body.
    Bytes(Vec<u8>),
    /// Is stopped by the limit of tokens in the middle of its answer.
    Cut,
    /// Begins a stream that never ends.
    Endless,
}

/// The endpoint, running.
pub struct Model {
    desk: Arc<Desk>,
    door: Door,
}

struct Desk {
    name: String,
    key: String,
    faults: Faults,
    shutdown: CancellationToken,
    state: Mutex<Record>,
}

#[derive(Default)]
struct Record {
    manner: Manner,
    asked: Vec<Value>,
    refused: Vec<String>,
}

impl Model {
    /// Starts an endpoint that serves a model of that name to who has the key.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(name: &str, key: &str, shutdown: &CancellationToken) -> Result<Self, Error> {
        let desk = Arc::new(Desk {
            name: name.to_owned(),
            key: key.to_owned(),
            faults: Faults::default(),
            shutdown: shutdown.clone(),
            state: Mutex::default(),
        });
        let router =
            Router::new().route("/v1/chat/completions", post(complete)).with_state(Arc::clone(&desk));
        let door = Door::open(Ipv4Addr::LOCALHOST.into(), router, shutdown).await?;
        Ok(Self { desk, door })
    }

    /// The address below which `/chat/completions` is.
    pub fn url(&self) -> String {
        format!("{}/v1", self.door.url())
    }

    /// What it does from now on.
    pub fn behave(&self, manner: Manner) {
        self.desk.state().manner = manner;
    }

    /// What goes wrong with the next calls, whatever the manner.
    pub fn faults(&self) -> &Faults {
        &self.desk.faults
    }

    /// The server, to shut its door.
    pub fn door(&self) -> &Door {
        &self.door
    }

    /// The requests that came, those that a fault spoilt too; refused ones are not among them.
    pub fn asked(&self) -> Vec<Value> {
        self.desk.state().asked.clone()
    }

    /// Why requests were refused; an honest caller leaves this empty.
    pub fn refused(&self) -> Vec<String> {
        self.desk.state().refused.clone()
    }
}

impl Desk {
    fn state(&self) -> MutexGuard<'_, Record> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn complete(
    State(desk): State<Arc<Desk>>,
    ConnectInfo(line): ConnectInfo<Line>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let authorization = headers.get("authorization").and_then(|value| value.to_str().ok());
    let checked = match authorization == Some(&format!("Bearer {}", desk.key)) {
        true => Request::checked(&body, &desk.name),
        false => Err((401, "invalid_api_key", "Incorrect API key provided".to_owned())),
    };
    let request = match checked {
        Ok(request) => request,
        Err((status, code, words)) => {
            desk.state().refused.push(words.clone());
            return error(status, code, &words);
        }
    };
    let manner = {
        let mut record = desk.state();
        record.asked.push(serde_json::from_slice(&body).unwrap_or_default());
        record.manner.clone()
    };
    let fault = desk.faults.take("");
    let code = |_| error(500, "server_error", "The server had an error");
    under(fault, &line, &desk.shutdown, code, || reply(&manner, &request, &desk.name)).await
}

fn reply(manner: &Manner, request: &Request, model: &str) -> Response<Body> {
    let honest = || request.first_answer();
    match manner {
        Manner::Honest => said(model, &honest(), "stop"),
        Manner::Thinking => {
            said(model, &format!("<think>先看第一条：99元？</think>\n\n{}", honest()), "stop")
        }
        Manner::Declining => said(model, r#"{"answer": null, "passages": []}"#, "stop"),
        Manner::Saying(content) => said(model, content, "stop"),
        Manner::Cut => {
            let whole = honest();
            let half = whole.char_indices().nth(whole.chars().count() / 2).map_or(0, |(at, _)| at);
            said(model, &whole[..half], "length")
        }
        Manner::Bytes(bytes) => Response::new(Body::from(bytes.clone())),
        Manner::Endless => Response::new(endless()),
    }
}

/// Pieces of a streamed completion until the caller goes away.
fn endless() -> Body {
    let piece = format!(
        "data: {{\"choices\": [{{\"delta\": {{\"content\": \"{}\"}}}}]}}\n\n",
        "嗯".repeat(PIECE_BYTES / 3)
    );
    let pieces = stream::repeat(Bytes::from(piece)).then(|piece| async {
        tokio::time::sleep(PIECE_EVERY).await;
        Ok::<_, Infallible>(piece)
    });
    Body::from_stream(pieces)
}
