//! The frames of the widget's socket, JSON text, one object each, told apart by `type`.
//!
//! Unknown fields are passed over on both sides, so either may be newer. A `sequence` is the thread's own rising
//! number; the visitor's browser keeps the last one it has shown and names it in the next `hello`.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// No frame in either direction is larger; the server cuts a visitor's socket that sends one.
pub const FRAME_MAX_BYTES: usize = 16 * 1024;

/// What a visitor's browser says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientFrame {
    /// The first frame of each socket.
    Hello {
        /// The account's public name, as in the script tag.
        account: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<String>,
        /// The last sequence that was shown; the events behind it are sent again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<u64>,
        #[serde(default)]
        page: Page,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        language: Option<String>,
        /// The shop's proof of who its user is; see [`super::identity`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        identity: Option<String>,
    },
    /// The visitor signed in on the shop's site while the socket was open.
    Identify {
        /// See [`super::identity`].
        identity: String,
    },
    /// A message; `client_id` makes sending it again harmless. 8 to 64 letters, digits, `_` or `-`.
    Message {
        client_id: String,
        text: String,
    },
    Typing {
        on: bool,
    },
    /// Everything up to the sequence was shown while the window was in front.
    Read {
        sequence: u64,
    },
    /// Everything up to the sequence reached the browser.
    Delivered {
        sequence: u64,
    },
    Ping,
}

/// Where the widget is embedded. Untrusted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Page {
    #[serde(default)]
    pub url: String,
    #[serde(default)]
    pub referrer: String,
}

/// What the server says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame {
    /// The answer to `hello`. The browser keeps the token, which replaces the one it had; events after `resume`
    /// follow.
    Welcome {
        token: String,
        thread: Uuid,
        resume: u64,
    },
    /// The answer to `identify`: the proof stands in the log. The token replaces the one that the browser had.
    Identified {
        token: String,
    },
    /// The message is durable; sent again for the same `client_id`.
    Ack {
        client_id: String,
        sequence: u64,
    },
    Typing {
        by: By,
        on: bool,
    },
    Event(Event),
    Error {
        code: Code,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client_id: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
    },
    Pong,
}

/// One thing that the visitor sees, in the thread's order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub sequence: u64,
    /// Milliseconds since the Unix epoch.
    pub at_ms: i64,
    #[serde(flatten)]
    pub shown: Shown,
}

/// What is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Shown {
    Message {
        id: Uuid,
        by: By,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        text: String,
        /// For the visitor's own messages.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client_id: Option<String>,
    },
    /// Waiting for a person, at that place of the queue if it is known.
    Queued {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        position: Option<u32>,
    },
    /// A person answers from now on.
    Joined {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    Closed,
    /// Our side read everything up to the sequence.
    Read {
        up_to: u64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    Visitor,
    Ai,
    Agent,
    System,
}

/// Why something was refused. Those that end the socket are told by [`Code::is_final`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// No JSON, an unknown type, a missing field.
    Unreadable,
    FrameTooLarge,
    /// Too many frames.
    Flood,
    /// `hello` was not the first frame.
    HelloFirst,
    HelloAgain,
    UnknownAccount,
    /// Throw the token away and say hello without one.
    TokenInvalid,
    TokenExpired,
    /// The proof is not the shop's, lives longer than a day, or the account takes none.
    IdentityInvalid,
    /// The proof is over: the page asks its server for a new one.
    IdentityExpired,
    /// The proof is for another account.
    IdentityOtherAccount,
    /// Another user signed in. Say hello again on a new socket, which gives them a thread of their own.
    IdentityChanged,
    ClientIdInvalid,
    TextEmpty,
    TextTooLong,
    /// Too many messages; wait `retry_after_ms`.
    RateLimited,
    /// The server cannot keep the message now; send it again with the same `client_id`.
    Unavailable,
}

impl Code {
    /// Whether the server closes the socket after it.
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::FrameTooLarge
                | Self::Flood
                | Self::HelloFirst
                | Self::UnknownAccount
                | Self::IdentityChanged
        )
    }
}

impl ServerFrame {
    /// A refusal that belongs to no message.
    pub fn error(code: Code) -> Self {
        Self::Error { code, client_id: None, retry_after_ms: None }
    }

    /// The frame's text.
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("frames hold nothing that JSON cannot")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_have_the_form_that_the_browser_reads() {
        let shown =
            Shown::Message {
                id: Uuid::nil(), by: By::Ai, name: None, text: "您好".into(), client_id: None
            };
        assert_eq!(
            ServerFrame::Event(Event { sequence: 7, at_ms: 1, shown }).encode(),
            "{\"type\":\"event\",\"sequence\":7,\"at_ms\":1,\"event\":\"message\",\
             \"id\":\"00000000-0000-0000-0000-000000000000\",\"by\":\"ai\",\"text\":\"您好\"}"
        );
        let error = ServerFrame::Error {
            code: Code::RateLimited,
            client_id: Some("c".into()),
            retry_after_ms: Some(5),
        };
        assert_eq!(
            error.encode(),
            "{\"type\":\"error\",\"code\":\"rate_limited\",\"client_id\":\"c\",\"retry_after_ms\":5}"
        );
        assert_eq!(ServerFrame::Pong.encode(), "{\"type\":\"pong\"}");
    }

    #[test]
    fn a_hello_needs_the_account_only_and_passes_over_what_is_newer() {
        let hello: ClientFrame = serde_json::from_str(r#"{"type":"hello","account":"a","new":1}"#).unwrap();
        assert!(matches!(hello, ClientFrame::Hello { token: None, after: None, .. }));
    }

    #[test]
    fn each_server_frame_survives_the_way_there_and_back() {
        for frame in [
            ServerFrame::Welcome { token: "t".into(), thread: Uuid::nil(), resume: 3 },
            ServerFrame::Identified { token: "t".into() },
            ServerFrame::Ack { client_id: "c".into(), sequence: 4 },
            ServerFrame::Typing { by: By::Agent, on: true },
            ServerFrame::Event(Event { sequence: 1, at_ms: 2, shown: Shown::Queued { position: Some(3) } }),
            ServerFrame::Event(Event { sequence: 1, at_ms: 2, shown: Shown::Closed }),
            ServerFrame::error(Code::TokenInvalid),
        ] {
            assert_eq!(serde_json::from_str::<ServerFrame>(&frame.encode()).unwrap(), frame);
        }
    }
}
