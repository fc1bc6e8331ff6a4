//! One socket of a visitor: which frames are allowed when, and what the server must do.

use super::TEXT_MAX_GRAPHEMES;
use super::frames::{ClientFrame, Code, FRAME_MAX_BYTES, ServerFrame};
use super::identity::{self, Proven};
use super::{page, token};
use crate::contract::{Account, Unit};
use crate::text::{clean, clean_line, mend_json};
use events::Micros;
use events::thread::Touch;
use std::collections::VecDeque;
use std::sync::Arc;
use uuid::Uuid;

/// A visitor's messages per minute.
pub const MESSAGES_PER_MINUTE_MAX: usize = 30;
/// All frames per minute, above which the socket is cut.
pub const FRAMES_PER_MINUTE_MAX: usize = 300;
/// How long the server waits for the first frame before it cuts the socket.
pub const HELLO_WITHIN_MS: u64 = 10_000;
const MINUTE: Micros = 60_000_000;

/// What the server must do, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    Send(ServerFrame),
    /// Find or make the visitor's thread, then send [`Session::welcome`] and the events after `after`. When it belongs
    /// to another login than was proven, [`Session::begin_anew`] says whose thread to find instead.
    Open(Opening),
    /// Append the message to the thread, then send [`ServerFrame::Ack`]; [`super::item_id`] is its identity.
    Receive {
        client_id: String,
        text: String,
    },
    /// Append the proof to the thread, then send [`Session::identified`]; [`Session::changed`] when the thread turns
    /// out to belong to another login.
    Identify(Proven),
    Typing {
        on: bool,
    },
    Read {
        sequence: u64,
    },
    Delivered {
        sequence: u64,
    },
    /// Nothing more is read from the socket. The frame before it says why and must go out first.
    Close,
}

/// A visitor who said hello.
#[derive(Clone, Debug, PartialEq)]
pub struct Opening {
    /// The external user of the thread, as text.
    pub visitor: Uuid,
    /// Whether the browser had no token.
    pub is_new: bool,
    pub after: Option<u64>,
    pub touch: Option<Touch>,
    pub language: Option<String>,
    /// Who the shop says its user is.
    pub signed_in: Option<Proven>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Silent,
    Opening(Uuid),
    Open(Uuid),
    Closed,
}

/// The state of one socket.
pub struct Session {
    account: Arc<Account>,
    /// Who a visitor without a token becomes.
    newcomer: Uuid,
    /// The login that the visitor has proven.
    login: Option<token::Mark>,
    state: State,
    frames: Rate,
    messages: Rate,
}

impl Session {
    /// A socket of that account; `newcomer` is a fresh random id.
    pub fn new(account: Arc<Account>, newcomer: Uuid) -> Self {
        let (frames, messages) = (Rate::new(FRAMES_PER_MINUTE_MAX), Rate::new(MESSAGES_PER_MINUTE_MAX));
        Self { account, newcomer, login: None, state: State::Silent, frames, messages }
    }

    /// What a text frame means.
    pub fn on_frame(&mut self, frame: &str, at: Micros) -> Vec<Action> {
        if self.state == State::Closed {
            return vec![];
        }
        match self.read(frame, at) {
            Ok(action) => vec![action],
            Err((code, client_id)) => self.refuse(code, client_id, at),
        }
    }

    /// The thread is found: the frame that tells the visitor so, with a token for the next time. None when the
    /// socket did not ask.
    pub fn welcome(&mut self, thread: Uuid, resume: u64, at: Micros) -> Option<ServerFrame> {
        let State::Opening(visitor) = self.state else { return None };
        self.state = State::Open(visitor);
        Some(ServerFrame::Welcome { token: self.token(visitor, at), thread, resume })
    }

    /// The thread that the browser's token names belongs to another login: the visitor becomes a newcomer, to whom
    /// nothing was shown.
    pub fn begin_anew(&mut self, opening: Opening) -> Opening {
        self.state = State::Opening(self.newcomer);
        Opening { visitor: self.newcomer, is_new: true, after: None, ..opening }
    }

    /// The proof stands in the log: the frame that tells the browser so, with a token that is bound to the login. None
    /// when no socket is open.
    pub fn identified(&mut self, proven: &Proven, at: Micros) -> Option<ServerFrame> {
        let State::Open(visitor) = self.state else { return None };
        self.login = Some(self.mark(proven));
        Some(ServerFrame::Identified { token: self.token(visitor, at) })
    }

    /// Another login was proven in the thread, on another socket: the frame that tells the browser so, after which
    /// the socket ends.
    pub fn changed(&mut self) -> ServerFrame {
        self.state = State::Closed;
        ServerFrame::error(Code::IdentityChanged)
    }

    fn token(&self, visitor: Uuid, at: Micros) -> String {
        token::issue(self.secret(), self.account.id, visitor, self.login, at)
    }

    fn mark(&self, proven: &Proven) -> token::Mark {
        token::mark(self.secret(), self.account.id, &proven.login)
    }

    fn read(&mut self, frame: &str, at: Micros) -> Result<Action, (Code, Option<String>)> {
        let refused = |code| Err((code, None));
        if frame.len() > FRAME_MAX_BYTES {
            return refused(Code::FrameTooLarge);
        }
        if self.frames.full(at) {
            return refused(Code::Flood);
        }
        self.frames.count(at);
        let Ok(frame) = serde_json::from_str::<ClientFrame>(&mend_json(frame.as_bytes())) else {
            return refused(if self.state == State::Silent { Code::HelloFirst } else { Code::Unreadable });
        };
        match (self.state, frame) {
            (_, ClientFrame::Ping) => Ok(Action::Send(ServerFrame::Pong)),
            (State::Silent, hello @ ClientFrame::Hello { .. }) => {
                self.hello(hello, at).map_err(|code| (code, None))
            }
            (_, ClientFrame::Hello { .. }) => refused(Code::HelloAgain),
            (State::Open(_), frame) => self.open(frame, at),
            _ => refused(Code::HelloFirst),
        }
    }

    fn hello(&mut self, hello: ClientFrame, at: Micros) -> Result<Action, Code> {
        let ClientFrame::Hello { account, token, after, page, language, identity } = hello else {
            return Err(Code::HelloFirst);
        };
        if account != self.account.slug {
            return Err(Code::UnknownAccount);
        }
        let claims = match token.filter(|token| !token.is_empty()) {
            None => None,
            Some(token) => match token::verify(self.secret(), self.account.id, &token, at) {
                Ok(claims) => Some(claims),
                Err(token::Fault::Expired) => return Err(Code::TokenExpired),
                Err(token::Fault::Invalid) => return Err(Code::TokenInvalid),
            },
        };
        let signed_in = identity.map(|proof| self.proven(&proof, at)).transpose()?;
        self.login = signed_in.as_ref().map(|proven| self.mark(proven));
        // A thread of one login is nobody else's: another one, or none, begins anew.
        let own = claims.filter(|claims| claims.login.is_none() || claims.login == self.login);
        let known = own.map(|claims| claims.visitor);
        let visitor = known.unwrap_or(self.newcomer);
        self.state = State::Opening(visitor);
        Ok(Action::Open(Opening {
            visitor,
            is_new: known.is_none(),
            after: after.filter(|_| known.is_some()),
            touch: page::touch(&page),
            language: language.map(|language| clean_line(&language, 16)),
            signed_in,
        }))
    }

    fn proven(&self, proof: &str, at: Micros) -> Result<Proven, Code> {
        let secret = self.account.secret("identity_secret").ok_or(Code::IdentityInvalid)?;
        identity::verify(secret, &self.account.slug, proof, at).map_err(|fault| match fault {
            identity::Fault::Invalid => Code::IdentityInvalid,
            identity::Fault::Expired => Code::IdentityExpired,
            identity::Fault::OtherAccount => Code::IdentityOtherAccount,
        })
    }

    fn identify(&self, proof: &str, at: Micros) -> Result<Action, Code> {
        let proven = self.proven(proof, at)?;
        match self.login {
            Some(login) if login != self.mark(&proven) => Err(Code::IdentityChanged),
            _ => Ok(Action::Identify(proven)),
        }
    }

    fn open(&mut self, frame: ClientFrame, at: Micros) -> Result<Action, (Code, Option<String>)> {
        match frame {
            ClientFrame::Message { client_id, text } => self.message(client_id, &text, at),
            ClientFrame::Identify { identity } => self.identify(&identity, at).map_err(|code| (code, None)),
            ClientFrame::Typing { on } => Ok(Action::Typing { on }),
            ClientFrame::Read { sequence } => Ok(Action::Read { sequence }),
            ClientFrame::Delivered { sequence } => Ok(Action::Delivered { sequence }),
            ClientFrame::Ping | ClientFrame::Hello { .. } => Err((Code::HelloAgain, None)),
        }
    }

    fn message(
        &mut self,
        client_id: String,
        text: &str,
        at: Micros,
    ) -> Result<Action, (Code, Option<String>)> {
        let sound = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if !(8..=64).contains(&client_id.len()) || !client_id.bytes().all(sound) {
            return Err((Code::ClientIdInvalid, None));
        }
        let text = clean(text);
        let refused = |code| Err((code, Some(client_id.clone())));
        if text.trim().is_empty() {
            return refused(Code::TextEmpty);
        }
        if Unit::Graphemes.measure(&text) > TEXT_MAX_GRAPHEMES {
            return refused(Code::TextTooLong);
        }
        if self.messages.full(at) {
            return refused(Code::RateLimited);
        }
        self.messages.count(at);
        Ok(Action::Receive { client_id, text })
    }

    fn refuse(&mut self, code: Code, client_id: Option<String>, at: Micros) -> Vec<Action> {
        let retry_after_ms = (code == Code::RateLimited).then(|| self.messages.free_in_ms(at));
        let error = Action::Send(ServerFrame::Error { code, client_id, retry_after_ms });
        if !code.is_final() {
            return vec![error];
        }
        self.state = State::Closed;
        vec![error, Action::Close]
    }

    fn secret(&self) -> &str {
        self.account.secret("widget_secret").unwrap_or_default()
    }
}

/// How often something happened in the last minute, counted up to a maximum.
struct Rate {
    max: usize,
    times: VecDeque<Micros>,
}

impl Rate {
    fn new(max: usize) -> Self {
        Self { max, times: VecDeque::new() }
    }

    fn full(&mut self, at: Micros) -> bool {
        while self.times.front().is_some_and(|first| at - first >= MINUTE) {
            self.times.pop_front();
        }
        self.times.len() >= self.max
    }

    fn count(&mut self, at: Micros) {
        self.times.push_back(at);
    }

    fn free_in_ms(&self, at: Micros) -> u64 {
        let first = self.times.front().copied().unwrap_or(at);
        u64::try_from((first + MINUTE - at) / 1000 + 1).unwrap_or(0)
    }
}
