//! The widget's socket: frames in become decisions on the visitor's thread, its events go out without a gap.

mod upgrade;

pub(crate) use upgrade::upgrade;

use crate::accounts::{Accounts, Ready};
use crate::hub::{Heard, Hub};
use crate::item::{Arrival, Taken, take};
use crate::show::Show;
use crate::typing::{self, Rate};
use crate::visit::{Proved, enter, identified};
use axum::extract::ws::{Message, WebSocket};
use channels::contract::{Item, Kind};
use channels::widget;
use channels::widget::frames::{By, Code, ServerFrame};
use channels::widget::identity::Proven;
use channels::widget::session::{Action, HELLO_WITHIN_MS, Opening, Session};
use conversation::Thread;
use events::thread::ReceiptState;
use events::{ContentKind, Micros};
use spine::keys::Keys;
use spine::{Address, Cause, Error, Log, Recorded, new_id};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};

/// Sockets of one process; beyond that a visitor is told to come back.
pub(crate) const SOCKETS_MAX: usize = 20_000;
/// A socket without a frame for so long is cut; browsers ping every 25 s.
const SILENCE_MAX: Duration = Duration::from_secs(90);

/// What the sockets need. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Sockets {
    pub(crate) log: Log,
    pub(crate) keys: Keys,
    pub(crate) accounts: Accounts,
    pub(crate) hub: Hub,
    pub(crate) room: Arc<Semaphore>,
}

/// One visitor on one socket.
struct Visitor {
    sockets: Sockets,
    ready: Ready,
    socket: WebSocket,
    thread: Option<Address>,
    show: Show,
    after: u64,
    /// Marks of typing by the visitor and by the other side.
    rates: (Rate, Rate),
}

/// The socket is gone or must be cut.
struct Gone;

impl Visitor {
    fn new(sockets: Sockets, ready: Ready, socket: WebSocket) -> Self {
        let (show, rates) = (Show::default(), <_>::default());
        Self { sockets, ready, socket, thread: None, show, after: 0, rates }
    }

    async fn serve(mut self) {
        let mut session = Session::new(self.ready.account.clone(), new_id());
        let (_keep, mut events) = mpsc::channel::<Heard>(1);
        let mut patience = Duration::from_millis(HELLO_WITHIN_MS);
        loop {
            let step = tokio::select! {
                frame = tokio::time::timeout(patience, self.socket.recv()) => match frame {
                    Ok(Some(Ok(Message::Text(text)))) => self.on_frame(&mut session, &mut events, text.as_str()).await,
                    Ok(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => Ok(()),
                    _ => Err(Gone),
                },
                heard = events.recv() => match heard {
                    Some(Heard::Record(record)) => self.show(&record).await,
                    Some(Heard::Typing(on)) => self.types(on).await,
                    None => Err(Gone),
                },
            };
            if step.is_err() {
                // The browser comes back with the last sequence that it has shown.
                let _ = self.socket.send(Message::Close(None)).await;
                return;
            }
            patience = SILENCE_MAX;
        }
    }

    async fn on_frame(
        &mut self,
        session: &mut Session,
        events: &mut mpsc::Receiver<Heard>,
        frame: &str,
    ) -> Result<(), Gone> {
        if self.sockets.accounts.is_disabled(self.ready.account.id) {
            // Taken out of use while the visitor was here.
            self.send(&ServerFrame::error(Code::Unavailable)).await?;
            return Err(Gone);
        }
        let at = self.sockets.log.clock().now();
        for action in session.on_frame(frame, at) {
            match action {
                Action::Send(frame) => self.send(&frame).await?,
                Action::Open(opening) => *events = self.open(session, opening).await?,
                Action::Identify(proven) => self.identify(session, &proven).await?,
                Action::Receive { client_id, text } => self.receive(client_id, text).await?,
                Action::Delivered { sequence } => self.receipt(sequence, ReceiptState::Delivered).await,
                Action::Read { sequence } => self.receipt(sequence, ReceiptState::Read).await,
                Action::Typing { on } => self.typed(on, at).await,
                Action::Close => return Err(Gone),
            }
        }
        Ok(())
    }

    /// Finds or makes the thread, opens a conversation (对话 without 开口), says welcome and shows what the
    /// browser has not.
    async fn open(&mut self, session: &mut Session, opening: Opening) -> Result<mpsc::Receiver<Heard>, Gone> {
        let (address, opening) = match enter(&self.sockets, &self.ready, session, opening).await {
            Ok(entered) => entered,
            Err(error) => return self.fail(&error).await,
        };
        let thread = address.uuid().unwrap_or_default();
        // Listening before reading, so that nothing falls in between.
        let events = self.sockets.hub.listen(thread);
        // From a replica that is behind, what was stored just before would be shown neither now nor later.
        let history = match self.sockets.log.whole_history(&address).await {
            Ok(history) => history,
            Err(error) => return self.fail(&error).await,
        };
        self.after = opening.after.filter(|after| crate::show::is_of(&history, *after)).unwrap_or(0);
        self.thread = Some(address);
        let at = self.sockets.log.clock().now();
        let welcome = session.welcome(thread, self.after, at).ok_or(Gone)?;
        self.send(&welcome).await?;
        for record in &history {
            self.show(record).await?;
        }
        Ok(events)
    }

    /// The visitor signed in on the shop's site: the thread learns who they are.
    async fn identify(&mut self, session: &mut Session, proven: &Proven) -> Result<(), Gone> {
        let Some(address) = self.thread.clone() else { return Err(Gone) };
        match identified(&self.sockets, &self.ready, &address, proven).await {
            Ok(Proved::Kept) => {
                let at = self.sockets.log.clock().now();
                let frame = session.identified(proven, at).ok_or(Gone)?;
                self.send(&frame).await
            }
            Ok(Proved::Anothers) => {
                self.send(&session.changed()).await?;
                Err(Gone)
            }
            Ok(Proved::Erased) => self.begin_again().await,
            Err(error) => self.fail(&error).await,
        }
    }

    async fn receive(&mut self, client_id: String, text: String) -> Result<(), Gone> {
        let Some(address) = self.thread.clone() else { return Err(Gone) };
        let at = self.sockets.log.clock().now();
        let item = Item {
            external_user: String::new(),
            item_id: widget::item_id(&client_id),
            kind: Kind::Message { content: ContentKind::Text },
            text: Some(text),
            media: None,
            sent_at: Some(at),
            order: None,
            nickname: None,
            touch: None,
            window: None,
            evidence: Vec::new(),
        };
        let arrival = Arrival {
            ready: &self.ready,
            item: &item,
            place: None,
            cause: Cause::new(new_id(), "receive", "channel-ingest"),
            received_at: at,
            late: false,
        };
        let taken = take(&self.sockets.log, &self.sockets.keys, &arrival, Some(&address)).await;
        let frame = match taken {
            Ok(Taken::Settled { decided, .. }) => {
                let sequence =
                    decided.map_or(0, |decided| decided.position().sequence) * crate::show::PER_DECISION_MAX;
                ServerFrame::Ack { client_id, sequence }
            }
            Ok(Taken::Erased { .. }) => return self.begin_again().await,
            Ok(Taken::Early { .. } | Taken::Rests { .. } | Taken::Refused { .. } | Taken::Newer { .. })
            | Err(_) => ServerFrame::Error {
                code: Code::Unavailable,
                client_id: Some(client_id),
                retry_after_ms: Some(1_000),
            },
        };
        self.send(&frame).await
    }

    async fn typed(&mut self, on: bool, at: Micros) {
        if let Some(thread) = &self.thread
            && self.rates.0.allows(on, at)
        {
            typing::tell(&self.sockets.log, thread, on).await;
        }
    }

    async fn types(&mut self, on: bool) -> Result<(), Gone> {
        let at = self.sockets.log.clock().now();
        match self.rates.1.allows(on, at) {
            true => self.send(&ServerFrame::Typing { by: By::Agent, on }).await,
            false => Ok(()),
        }
    }

    /// A receipt is worth an event only once per message; the law drops repetitions.
    async fn receipt(&mut self, sequence: u64, state: ReceiptState) {
        let (Some(address), Some(message)) = (&self.thread, self.show.message_up_to(sequence)) else {
            return;
        };
        let at = self.sockets.log.clock().now();
        let purpose = if state == ReceiptState::Read { "read" } else { "delivered" };
        let cause = Cause::new(message, purpose, "channel-ingest");
        let decide = |thread: &Thread| conversation::receipt(thread, message, state, None, at);
        let decided = self.sockets.log.transact(address, &cause, decide).await;
        if let Err(spine::Refused::Failed(error)) = decided {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "a receipt is lost; the next one covers it"
            );
        }
    }

    async fn show(&mut self, record: &Recorded) -> Result<(), Gone> {
        match self.show.frames(&self.sockets.keys, record, self.after).await {
            Ok(frames) => {
                for frame in frames {
                    self.send(&frame).await?;
                }
                Ok(())
            }
            Err(error) => self.fail(&error).await,
        }
    }

    /// The visitor was erased: the browser comes back with a new hello, and is somebody new.
    async fn begin_again(&mut self) -> Result<(), Gone> {
        self.send(&ServerFrame::error(Code::Unavailable)).await?;
        Err(Gone)
    }

    async fn fail<T>(&mut self, error: &Error) -> Result<T, Gone> {
        tracing::warn!(error = error as &dyn std::error::Error, "a visitor's socket is cut");
        self.send(&ServerFrame::error(Code::Unavailable)).await?;
        Err(Gone)
    }

    async fn send(&mut self, frame: &ServerFrame) -> Result<(), Gone> {
        self.socket.send(Message::text(frame.encode())).await.map_err(|_| Gone)
    }
}
