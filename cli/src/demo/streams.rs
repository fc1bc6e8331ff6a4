//! What the streams hold, folded from their plain JSON: nothing of the suite's own code is used to read it.

use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

/// Threads, leads and names, as the auditor and the consumer read them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Streams {
    /// By id: those that began after the run did.
    pub(crate) threads: BTreeMap<String, Thread>,
    /// Channel accounts: id to slug.
    pub(crate) accounts: HashMap<String, String>,
    /// Knowledge entries: id to the editor's name.
    pub(crate) entries: HashMap<String, String>,
    /// The lead feed.
    pub(crate) leads: Vec<Notice>,
}

/// One thread.
#[derive(Clone, Debug, Default)]
pub(crate) struct Thread {
    pub(crate) channel: String,
    pub(crate) account: String,
    pub(crate) opened: usize,
    pub(crate) taken: Vec<Taken>,
    pub(crate) answers: Vec<Answer>,
    pub(crate) handovers: Vec<Handover>,
}

/// A customer's message in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) message: String,
    /// The suite's name of the platform's id.
    pub(crate) provider: String,
    pub(crate) order: Option<i64>,
}

/// A message to the customer in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) message: String,
    pub(crate) by: Author,
    /// The customer's last message that it answers.
    pub(crate) seen: Option<String>,
    /// Ids of the entries that it rests on.
    pub(crate) cites: Vec<String>,
    pub(crate) fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Author {
    Ai,
    Person,
    System,
}

/// What became of a message to the customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Waiting,
    Started,
    Sent,
    /// The class of the failure; no further attempt is made.
    Failed(String),
    Unknown {
        last: bool,
    },
    Withdrawn(String),
}

impl Fate {
    /// Whether nothing more happens to it.
    pub(crate) fn is_settled(&self) -> bool {
        !matches!(self, Self::Waiting | Self::Started | Self::Unknown { last: false })
    }
}

/// The conversation went to people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Handover {
    /// The customer's last message before it.
    pub(crate) after: Option<String>,
    pub(crate) reason: String,
}

/// A message of the lead feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) kind: String,
    pub(crate) lead: String,
    pub(crate) thread: String,
    /// Kind and value of each contact detail.
    pub(crate) details: Vec<(String, String)>,
}

impl Notice {
    /// Whether it tells of details that were learned.
    pub(crate) fn tells(&self) -> bool {
        matches!(self.kind.as_str(), "lead.created" | "lead.updated")
    }

    /// From a CloudEvent.
    pub(crate) fn of(event: &Value) -> Self {
        let data = &event["data"];
        let details = data["details"].as_array().map(Vec::as_slice).unwrap_or_default();
        Self {
            kind: text(&event["type"]),
            lead: text(&data["lead"]),
            thread: text(&data["thread"]),
            details: details.iter().map(|detail| (text(&detail["kind"]), text(&detail["value"]))).collect(),
        }
    }
}

impl Streams {
    /// Adds one stored decision. `subject` is `log.<generation>.<part>.<tenant>.<kind>.<id>`.
    pub(crate) fn add(&mut self, subject: &str, payload: &Value) {
        let mut tokens = subject.split('.').skip(4);
        let (Some(kind), Some(id)) = (tokens.next(), tokens.next()) else { return };
        for event in payload["events"].as_array().map(Vec::as_slice).unwrap_or_default() {
            match kind {
                "thread" => self.thread(id, event),
                "account" if event["type"] == "Configured" => {
                    self.accounts.insert(id.to_owned(), text(&event["setup"]["slug"]));
                }
                "knowledge" if event["type"] == "Written" => {
                    self.entries.insert(id.to_owned(), text(&event["entry"]["slug"]));
                }
                _ => {}
            }
        }
    }

    fn thread(&mut self, id: &str, event: &Value) {
        if event["type"] == "Began" {
            let (channel, account) = (text(&event["channel"]), text(&event["account"]));
            self.threads.insert(id.to_owned(), Thread { channel, account, ..Thread::default() });
        } else if let Some(thread) = self.threads.get_mut(id) {
            thread.add(event);
        }
    }
}

impl Thread {
    fn add(&mut self, event: &Value) {
        match event["type"].as_str().unwrap_or_default() {
            "Opened" => self.opened += 1,
            "Received" => self.taken.push(Taken {
                message: text(&event["message"]),
                provider: text(&event["provider"]),
                order: event["order"].as_i64(),
            }),
            "Replied" => self.answers.push(Answer {
                message: text(&event["message"]),
                by: author(&event["by"]),
                seen: event["seen"].as_str().map(str::to_owned),
                cites: cites(event),
                fate: Fate::Waiting,
            }),
            "HandedOver" => self.handovers.push(Handover {
                after: self.taken.last().map(|taken| taken.message.clone()),
                reason: text(&event["reason"]),
            }),
            kind => {
                if let Some(fate) = fate(kind, event) {
                    let message = event["message"].as_str().unwrap_or_default();
                    let answer = self.answers.iter_mut().find(|answer| answer.message == message);
                    if let Some(answer) = answer {
                        answer.fate = fate;
                    }
                }
            }
        }
    }
}

fn fate(kind: &str, event: &Value) -> Option<Fate> {
    Some(match kind {
        "SendStarted" => Fate::Started,
        "Sent" => Fate::Sent,
        "Failed" if !event["retry_at"].is_null() => Fate::Waiting,
        "Failed" => Fate::Failed(text(&event["class"])),
        "Unknown" => Fate::Unknown { last: event["last"] == true },
        "Withdrawn" => Fate::Withdrawn(text(&event["reason"])),
        _ => return None,
    })
}

fn author(by: &Value) -> Author {
    match by.as_str() {
        Some("ai") => Author::Ai,
        Some("system") => Author::System,
        _ => Author::Person,
    }
}

fn cites(event: &Value) -> Vec<String> {
    let citations = event["citations"].as_array().map(Vec::as_slice).unwrap_or_default();
    citations.iter().map(|citation| text(&citation["entry"])).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_thread_is_folded_from_its_events() {
        let mut streams = Streams::default();
        let events = json!({"events": [
            {"type": "Began", "account": "acc", "channel": "http", "contact": "v1.x", "at": 1},
            {"type": "Opened", "n": 1, "by": "message", "at": 1},
            {"type": "Received", "n": 1, "message": "m1", "provider": "http:ab", "order": 7, "content": {}, "at": 1},
            {"type": "Replied", "n": 1, "message": "r1", "by": "ai", "tenure": 0, "seen": "m1",
             "citations": [{"entry": "e1", "version": 1}], "content": {}, "at": 2},
            {"type": "SendStarted", "message": "r1", "attempt": 1, "at": 3},
            {"type": "Failed", "message": "r1", "attempt": 1, "class": "retryable", "retry_at": 9, "at": 4},
        ]});
        streams.add("log.1.0.demo.thread.t", &events);
        assert_eq!(streams.threads["t"].answers[0].fate, Fate::Waiting);
        streams.add(
            "log.1.0.demo.thread.t",
            &json!({"events": [
            {"type": "Sent", "message": "r1", "attempt": 2, "at": 5},
            {"type": "HandedOver", "n": 1, "tenure": 1, "reason": "anger", "queue": "", "at": 6}]}),
        );
        streams.add("log.1.0.demo.thread.other", &json!({"events": [{"type": "Closed", "n": 1}]}));
        streams.add(
            "log.1.0.demo.knowledge.e1",
            &json!({"events": [{"type": "Written", "entry": {"slug": "ship"}}]}),
        );
        let thread = &streams.threads["t"];
        assert_eq!((thread.channel.as_str(), thread.opened, thread.taken[0].order), ("http", 1, Some(7)));
        assert_eq!((&thread.answers[0].fate, thread.answers[0].by), (&Fate::Sent, Author::Ai));
        assert_eq!(thread.handovers[0], Handover { after: Some("m1".into()), reason: "anger".into() });
        assert_eq!((streams.threads.len(), streams.entries["e1"].as_str()), (1, "ship"));
    }
}
