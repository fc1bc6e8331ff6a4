//! What can go wrong in the machine, as opposed to what a law refuses.

use crate::position::Position;

/// By these codes nats-server says that it has no room now: for its account (10002), on any node (10023), in memory
/// (10028), on the disk (10047), in the stream (10077). <https://github.com/nats-io/nats-server/blob/main/server/errors.json>
const NO_ROOM: [u64; 5] = [10_002, 10_023, 10_028, 10_047, 10_077];

/// A fault of the machine. `Display` never prints its source; the chain is printed once, where it is handled.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{field} `{value}` is not allowed: use letters, digits and dashes")]
    Name { field: &'static str, value: String },
    #[error("subject {subject} is not one of the log's")]
    Subject { subject: String },
    #[error("message {position} on {subject} cannot be read")]
    Unreadable { subject: String, position: Position, source: serde_json::Error },
    #[error(
        "message {position} on {subject} holds the event {event}, which a newer release wrote (schema {schema}); upgrade this one"
    )]
    UnknownEvent { subject: String, position: Position, event: String, schema: u32 },
    #[error("event could not be written as JSON")]
    Unwritable(#[source] serde_json::Error),
    #[error("a decision of {bytes} bytes on {subject} is above the limit of {bytes_max}")]
    TooLarge { subject: String, bytes: usize, bytes_max: usize },
    #[error("nats-server did not answer `{request}` within its time")]
    Timeout { request: String },
    #[error("nats-server refused `{request}`: {description} (code {code})")]
    Refused { request: String, code: u64, description: String },
    #[error(
        "nats-server does not let the user {user} {action} {subject} 无此权限: give it that permission in the \
         server's configuration, or start the role with credentials of its own"
    )]
    Denied { user: String, action: &'static str, subject: String },
    #[error("connection to nats-server failed at `{request}`")]
    Nats { request: String, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("{subject} kept changing under the decision for {attempts} attempts")]
    Contended { subject: String, attempts: u32 },
    #[error(
        "nats-server {version} at {address} is too old: 2.12 or later is needed (2.9 and 2.10 lose or double appends)"
    )]
    ServerTooOld { version: String, address: String },
    #[error("stream {stream} differs from what is needed: {difference}")]
    StreamDiffers { stream: String, difference: String },
    #[error("the log lost messages: {detail}; stop, and restore it before anything is written")]
    LogLost { detail: String },
    #[error("the folder {folder} is in use by another process: stop it, or use its admin address")]
    Locked { folder: String },
    #[error("Postgres {version} is too old: version 14 or later is needed")]
    DatabaseTooOld { version: String },
    #[error(
        "{store} is at version {version}, this release knows {known}: upgrade this one, or restore a backup"
    )]
    SchemaNewer { store: String, version: i64, known: u32 },
    #[error(
        "the tables of the model {model} changed and its version is still {version}: raise it, or drop the slot"
    )]
    SchemaChanged { model: String, version: u32 },
    #[error(
        "the slot before the live one of the model {model} is of version {version}, which this release cannot read: \
         start the release that made it, which goes back to it by itself"
    )]
    OtherVersion { model: String, version: u32 },
    #[error("{owner} is under legal hold: nothing of it is destroyed until the hold ends")]
    Held { owner: String },
    #[error("database failed at `{action}`")]
    Database { action: String, source: sqlx::Error },
    #[error("`{action}` failed for all who waited for it")]
    Shared { action: &'static str, source: std::sync::Arc<Error> },
    #[error("another writer holds the lease `{lease}`")]
    Fenced { lease: String },
    #[error("key {key} is destroyed")]
    Gone { key: String },
    #[error("sealed value of key {key} does not open: {reason}")]
    Unopenable { key: String, reason: &'static str },
    #[error(
        "the key register neither holds key {key} nor destroyed it, so it lost what was committed to it last, or is \
         another one: bring its newest copy back; `tributary keys lost` lists all that cannot be opened"
    )]
    KeyLost { key: String },
    #[error(
        "the key register is behind what was sealed with it: {told}. It lost what was committed to it last, as in a \
         failover of its database: bring its newest copy back, or give up what is lost by `tributary keys lost --give-up` \
         and start again"
    )]
    RegisterBehind { told: String },
    #[error("the master key is wrong or missing: {remedy}")]
    MasterKey { remedy: String },
    #[error(
        "the log holds events but there is no key register that could open them: {remedy}; without it every text \
         would look erased"
    )]
    RegisterLost { remedy: &'static str },
    #[error("{path} is damaged: {remedy}")]
    BrokenFile { path: String, remedy: &'static str },
    #[error("file {path} failed at `{action}`")]
    File { path: String, action: &'static str, source: std::io::Error },
    #[error("{limit} is {max}: {remedy}")]
    Limit { limit: &'static str, max: u64, remedy: &'static str },
    #[error("{0}")]
    Other(String),
}

impl Error {
    /// A database failure during `action`.
    pub fn database(action: impl Into<String>) -> impl FnOnce(sqlx::Error) -> Self {
        let action = action.into();
        move |source| Self::Database { action, source }
    }

    /// Whether the same call may succeed later without anything being changed by a person.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Shared { source, .. } => source.is_passing(),
            Self::Refused { code, .. } => NO_ROOM.contains(code),
            Self::Timeout { .. }
            | Self::Nats { .. }
            | Self::Database { .. }
            | Self::Contended { .. }
            | Self::Fenced { .. }
            // Nothing may be set aside or parked for it: who waits goes on when the register is whole.
            | Self::RegisterBehind { .. }
            | Self::KeyLost { .. } => true,
            _ => false,
        }
    }
}

/// An error with all its causes, for the one line that handles it.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text.push_str(": ");
        text.push_str(&source.to_string());
        cause = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_without_room_is_asked_again_and_one_that_says_no_is_not() {
        let refused = |code| Error::Refused { request: "append".into(), code, description: "no".into() };
        assert!(refused(10_077).is_passing() && refused(10_047).is_passing());
        // A message above the stream's limit, a stream that is sealed.
        assert!(!refused(10_054).is_passing() && !refused(10_109).is_passing());
        let shared = Error::Shared { action: "append", source: std::sync::Arc::new(refused(10_023)) };
        assert!(shared.is_passing());
    }
}
