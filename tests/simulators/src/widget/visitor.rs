//! One visitor's browser.

mod signs;

use crate::ledger::{Entry, Received, Sent};
use crate::{Clock, Error, Ledger};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::collections::{HashSet, VecDeque};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The site that embeds the widget.
#[derive(Clone, Debug)]
pub struct Site {
    /// `ws://…` of the suite.
    pub socket: String,
    /// The account's public name.
    pub account: String,
    /// The page's address, with its campaign.
    pub page: String,
    /// How long a visitor waits for an answer of the server.
    pub patience_ms: u64,
    pub clock: Clock,
    pub ledger: Ledger,
}

/// A message that appeared in the window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub sequence: u64,
    pub by: String,
    pub text: String,
}

/// A browser, which keeps its token and what it has shown over broken sockets.
pub struct Visitor {
    site: Site,
    /// How the ledger calls the person.
    name: String,
    socket: Option<Socket>,
    token: Option<String>,
    thread: Option<String>,
    after: Option<u64>,
    shown: HashSet<String>,
    acks: VecDeque<(String, u64)>,
    seen: VecDeque<Seen>,
    /// Messages that appeared although they had been shown before.
    repeated: usize,
    written: u32,
    /// The last message's line in the ledger.
    entry: Option<Entry>,
    /// The shop's proof of who its signed-in user is.
    proof: Option<String>,
    /// Marks of typing by the other side.
    typing: VecDeque<bool>,
}

impl Visitor {
    /// A visitor who has not opened the widget yet. `name` must be unique in the run; it is also in the ids of the
    /// messages, as letters, digits, `_` and `-`.
    pub fn new(site: &Site, name: &str) -> Self {
        Self {
            site: site.clone(),
            name: name.to_owned(),
            socket: None,
            token: None,
            thread: None,
            after: None,
            shown: HashSet::new(),
            acks: VecDeque::new(),
            seen: VecDeque::new(),
            repeated: 0,
            written: 0,
            entry: None,
            proof: None,
            typing: VecDeque::new(),
        }
    }

    /// Opens the socket, as a newcomer or with what the browser kept, and waits for the welcome.
    ///
    /// # Errors
    /// When nothing listens, the server refuses, or stays silent.
    pub async fn open(&mut self) -> Result<(), Error> {
        let (socket, _) = connect_async(self.site.socket.as_str()).await.map_err(socket)?;
        self.socket = Some(socket);
        let mut hello = json!({
            "type": "hello",
            "account": self.site.account,
            "page": { "url": self.site.page, "referrer": "" },
            "language": "zh-CN",
        });
        if let Some(token) = &self.token {
            hello["token"] = json!(token);
            hello["after"] = json!(self.after);
        }
        if let Some(proof) = &self.proof {
            hello["identity"] = json!(proof);
        }
        self.say(&hello).await?;
        let deadline = self.deadline(self.site.patience_ms);
        while let Some(frame) = self.frame(deadline).await? {
            if frame["type"] == "welcome" {
                self.token = frame["token"].as_str().map(str::to_owned);
                let thread = frame["thread"].as_str().map(str::to_owned);
                if self.thread.is_some() && self.thread != thread {
                    // Another thread is an empty window.
                    self.after = None;
                    self.shown.clear();
                }
                self.thread = thread;
                self.after = self.after.or(frame["resume"].as_u64());
                return Ok(());
            }
            self.take(&frame)?;
        }
        Err(Error::Silent)
    }

    /// The socket breaks without a goodbye.
    pub fn drop_socket(&mut self) {
        self.socket = None;
    }

    /// Writes a message and waits until it is acknowledged; the sequence. When the socket breaks meanwhile, opening
    /// again and [`Visitor::rewrite`] make sure of it.
    ///
    /// # Errors
    /// When the server refuses or stays silent.
    pub async fn write(&mut self, text: &str) -> Result<u64, Error> {
        self.written += 1;
        self.entry = Some(self.site.ledger.sent(Sent {
            channel: "widget",
            account: self.site.account.clone(),
            user: self.name.clone(),
            provider: self.client_id(),
            text: text.to_owned(),
            at: self.site.clock.now(),
            deliveries: 0,
            refused: 0,
            acknowledged: None,
        }));
        self.rewrite(text).await
    }

    /// Writes the last message again under its id, as a browser does that saw no acknowledgement.
    ///
    /// # Errors
    /// When the server refuses or stays silent.
    pub async fn rewrite(&mut self, text: &str) -> Result<u64, Error> {
        let acknowledged = self.deliver(text).await;
        if let Some(entry) = self.entry {
            self.site.ledger.delivered(entry, acknowledged.is_ok().then(|| self.site.clock.now()));
        }
        acknowledged
    }

    async fn deliver(&mut self, text: &str) -> Result<u64, Error> {
        let client_id = self.client_id();
        self.say(&json!({ "type": "message", "client_id": client_id, "text": text })).await?;
        let deadline = self.deadline(self.site.patience_ms);
        loop {
            if let Some(at) = self.acks.iter().position(|(id, _)| *id == client_id) {
                return self.acks.remove(at).map(|(_, sequence)| sequence).ok_or(Error::Silent);
            }
            let frame = self.frame(deadline).await?.ok_or(Error::Silent)?;
            self.take(&frame)?;
        }
    }

    /// The id of the last message.
    fn client_id(&self) -> String {
        format!("{}-message-{}", self.name, self.written)
    }

    /// The next message from the other side, within `ms`.
    ///
    /// # Errors
    /// When the socket breaks or the server refuses something.
    pub async fn reply(&mut self, ms: u64) -> Result<Option<Seen>, Error> {
        let deadline = self.deadline(ms);
        loop {
            if let Some(seen) = self.seen.pop_front() {
                return Ok(Some(seen));
            }
            match self.frame(deadline).await? {
                Some(frame) => self.take(&frame)?,
                None => return Ok(None),
            }
        }
    }

    /// Sends any frame.
    ///
    /// # Errors
    /// When the socket is broken.
    pub async fn say(&mut self, frame: &Value) -> Result<(), Error> {
        let socket_open = self.socket.as_mut().ok_or(Error::Silent)?;
        socket_open.send(Message::text(frame.to_string())).await.map_err(socket)
    }

    /// How many messages appeared a second time.
    pub fn repeated(&self) -> usize {
        self.repeated
    }

    /// The suite's thread of the visitor, as the welcome names it.
    pub fn thread(&self) -> Option<&str> {
        self.thread.as_deref()
    }

    /// The last sequence that was shown.
    pub fn after(&self) -> Option<u64> {
        self.after
    }

    /// The token that the browser keeps.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    fn deadline(&self, ms: u64) -> Instant {
        Instant::now() + Duration::from_millis(ms)
    }

    /// The next frame before the deadline; none when it passed.
    async fn frame(&mut self, deadline: Instant) -> Result<Option<Value>, Error> {
        loop {
            let open = self.socket.as_mut().ok_or(Error::Silent)?;
            let Ok(next) = timeout_at(deadline, open.next()).await else { return Ok(None) };
            match next {
                Some(Ok(Message::Text(text))) => {
                    return serde_json::from_str(&text)
                        .map(Some)
                        .map_err(|_| Error::Refused("no JSON".into()));
                }
                Some(Ok(Message::Close(_))) | None => {
                    self.socket = None;
                    return Err(Error::Silent);
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    self.socket = None;
                    return Err(socket(error));
                }
            }
        }
    }

    /// What a frame changes in the browser.
    fn take(&mut self, frame: &Value) -> Result<(), Error> {
        match frame["type"].as_str() {
            Some("ack") => {
                let id = frame["client_id"].as_str().unwrap_or_default().to_owned();
                self.acks.push_back((id, frame["sequence"].as_u64().unwrap_or_default()));
            }
            Some("event") => self.show(frame),
            Some("typing") => self.typing.extend(frame["on"].as_bool()),
            Some("error") => {
                return Err(Error::Refused(frame["code"].as_str().unwrap_or("nothing").to_owned()));
            }
            _ => {}
        }
        Ok(())
    }

    fn show(&mut self, event: &Value) {
        let sequence = event["sequence"].as_u64().unwrap_or_default();
        self.after = Some(self.after.unwrap_or(0).max(sequence));
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        if event["event"] != "message" || event["by"] == "visitor" {
            return;
        }
        let (id, by) = (text("id"), text("by"));
        let repeated = !self.shown.insert(id.clone());
        self.repeated += usize::from(repeated);
        self.site.ledger.received(Received {
            channel: "widget",
            account: self.site.account.clone(),
            user: self.name.clone(),
            id: Some(id),
            text: text("text"),
            at: self.site.clock.now(),
            by_ai: by == "ai",
            repeated,
        });
        if !repeated {
            self.seen.push_back(Seen { sequence, by, text: text("text") });
        }
    }
}

fn socket(error: tokio_tungstenite::tungstenite::Error) -> Error {
    Error::Socket(Box::new(error))
}
