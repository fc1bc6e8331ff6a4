//! Which subjects each role may publish and subscribe to.
//!
//! Writing to the log is allowed by entity kind, the fifth token of a subject. Reading it goes through the
//! JetStream API, whose subjects name the stream as one token, so every stream is listed by name: what is not
//! listed is refused.
//!
//! This stops a faulty or curious role, not a hostile one that holds a key: the server answers an API request on
//! whatever reply subject it names, so a reader can have a stored message copied onto a subject of the log. Such
//! a copy bears the header `Nats-Stream` and another subject in `ce-subject` than its own; readers can tell it.
//! An answer may be sent to the API, too, and nobody's permissions hold it back there: [`NEVER`] must be refused by
//! the server itself.

use super::role::Role;
use spine::PARTS;

/// Generations whose streams the roles may read. A new generation opens every few million entities.
pub(crate) const GENERATIONS_MAX: u32 = 8;

/// What is asked of no stream: the suite keeps them and what they hold, whoever asks and by whatever way.
pub(crate) const NEVER: [&str; 2] = ["STREAM.DELETE", "STREAM.PURGE"];

/// What one user may do; whatever is not allowed is denied, and `deny` wins over `publish`.
#[derive(Debug, Default)]
pub(crate) struct Permissions {
    pub(crate) publish: Vec<String>,
    pub(crate) deny: Vec<String>,
    pub(crate) subscribe: Vec<String>,
}

/// The permissions of a role.
pub(crate) fn of(role: Role) -> Permissions {
    let mut all = Permissions {
        publish: writes(role),
        subscribe: vec![format!("{}.>", role.inbox_prefix())],
        ..Permissions::default()
    };
    // Marks of typing pass between the widget's visitors and the console, outside the log.
    match role {
        Role::ChannelIngest => all.subscribe.push("typing.agent.*.*".into()),
        Role::Console => all.subscribe.push("typing.visitor.*.*".into()),
        _ => {}
    }
    all.publish.push("$JS.API.INFO".into());
    all.publish.push("$JS.API.STREAM.NAMES".into());
    if role == Role::Operator {
        all.publish.push("$JS.API.>".into());
        // A backup acknowledges what it is sent of a stream, and a restore sends it.
        all.publish.extend(["$JS.SNAPSHOT.ACK.>", "$JS.SNAPSHOT.RESTORE.>"].map(String::from));
        all.deny = never();
        return all;
    }
    all.publish.extend(reads(role).iter().flat_map(|stream| reading(stream)));
    if !matches!(role, Role::Auditor | Role::Consumer) {
        // A start compares every stream with what it must be, also those that are not the role's to read.
        let all_streams =
            log().take(usize::from(PARTS)).chain(inbound()).chain([REFUSED.into(), LEADS.into()]);
        let unread = all_streams.filter(|stream| !reads(role).contains(stream));
        all.publish.extend(unread.map(|stream| format!("$JS.API.STREAM.INFO.{stream}")));
    }
    if role == Role::Identity {
        // An erasure deletes the person's raw requests and feed messages securely.
        all.publish.extend(inbound().chain([LEADS.into()]).map(|s| format!("$JS.API.STREAM.MSG.DELETE.{s}")));
    }
    if role == Role::Consumer {
        // Clients of other makers: their usual inboxes, which no role of ours uses, and acknowledgements.
        all.subscribe.push("_INBOX.>".into());
        let own =
            ["$JS.ACK.LEADS.>", "$JS.ACK.*.*.LEADS.>", "$JS.FC.LEADS.>", "$JS.API.CONSUMER.NAMES.LEADS"];
        all.publish.extend(own.map(String::from));
        all.publish.push("$JS.API.CONSUMER.DURABLE.CREATE.LEADS.*".into());
    }
    all
}

const LEADS: &str = "LEADS";
const REFUSED: &str = "REFUSED";

/// The names of the log's streams, of every generation that may come.
pub(crate) fn log() -> impl Iterator<Item = String> {
    (1..=GENERATIONS_MAX).flat_map(|g| (0..PARTS).map(move |p| format!("LOG_{g}_{p}")))
}

fn inbound() -> impl Iterator<Item = String> {
    (0..PARTS).map(|part| format!("INBOUND_{part}"))
}

/// The subjects of the log and of the other streams that a role appends to.
fn writes(role: Role) -> Vec<String> {
    let (kinds, others): (&[&str], &[&str]) = match role {
        Role::ChannelIngest => (&["thread"], &["inbound.>", "refused.>", "typing.visitor.*.*"]),
        Role::Identity => (&["thread", "customer", "lead"], &[]),
        Role::Routing => (&["thread", "agent"], &[]),
        Role::AiAgent => (&["thread"], &[]),
        Role::LeadCapture => (&["lead", "endpoint", "access"], &["leads.>"]),
        Role::Analytics => (&["spend"], &[]),
        Role::Console => {
            (&["thread", "agent", "knowledge", "account", "tenant", "access"], &["typing.agent.*.*"])
        }
        Role::Operator => (&["account", "knowledge", "tenant", "agent"], &[]),
        Role::Auditor | Role::Consumer => (&[], &[]),
    };
    let mut subjects: Vec<String> = kinds.iter().map(|kind| format!("log.*.*.*.{kind}.*")).collect();
    subjects.extend(others.iter().map(|subject| (*subject).to_owned()));
    subjects
}

/// The streams that a role reads.
fn reads(role: Role) -> Vec<String> {
    match role {
        Role::Consumer => vec![LEADS.into()],
        Role::ChannelIngest => log().chain(inbound()).chain([REFUSED.into()]).collect(),
        Role::Identity => log().chain(inbound()).chain([LEADS.into()]).collect(),
        Role::LeadCapture => log().chain([LEADS.into()]).collect(),
        _ => log().collect(),
    }
}

/// The API subjects that reading one stream takes: its state, one message from the leader, direct gets, and
/// pull consumers from their making to their deletion.
fn reading(stream: &str) -> Vec<String> {
    let api = ["STREAM.INFO", "STREAM.MSG.GET", "DIRECT.GET", "CONSUMER.CREATE"]
        .map(|call| format!("$JS.API.{call}.{stream}"));
    let below = ["DIRECT.GET", "CONSUMER.CREATE"].map(|call| format!("$JS.API.{call}.{stream}.>"));
    let one = ["CONSUMER.INFO", "CONSUMER.MSG.NEXT", "CONSUMER.DELETE"]
        .map(|call| format!("$JS.API.{call}.{stream}.*"));
    api.into_iter().chain(below).chain(one).collect()
}

/// What no one may do: the log only grows, and no stream is emptied or dropped while the suite runs on it.
fn never() -> Vec<String> {
    let whole = NEVER.into_iter().chain(["ACCOUNT.PURGE"]).map(|call| format!("$JS.API.{call}.>"));
    let messages = log().map(|stream| format!("$JS.API.STREAM.MSG.DELETE.{stream}"));
    whole.chain(messages).collect()
}
