//! The log against the ledger: whether everything that customers were told was taken stands in it once and in order.

use crate::suite::Suite;
use async_nats::jetstream::consumer::{AckPolicy, pull};
use conversation::{Owner, Thread};
use events::ThreadEvent;
use futures::StreamExt;
use spine::Entity;
use std::collections::{HashMap, HashSet};

/// What was found wrong, and how much was compared.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    /// Messages that were acknowledged.
    pub(crate) taken: usize,
    /// How many of them are not in the log.
    pub(crate) lost: usize,
    /// Messages that stand in the log twice.
    pub(crate) doubled: usize,
    /// Answers that arrived again under the id that they had: a platform that acknowledged too late was called again, and
    /// knows them by it. No fault.
    pub(crate) repeated: usize,
    /// Messages that stand behind one that their author wrote after they were surely acknowledged.
    pub(crate) out_of_order: usize,
    /// Threads in which the AI owes an answer, or one is on its way.
    pub(crate) owed: usize,
    /// Answers that the log calls sent and that reached nobody.
    pub(crate) astray: usize,
}

impl Audit {
    /// Everything that is wrong, taken together.
    pub(crate) fn faults(&self) -> usize {
        self.lost + self.doubled + self.out_of_order + self.owed + self.astray
    }
}

/// One thread's past as far as it is compared.
#[derive(Default)]
struct Past {
    state: Thread,
    /// When the latest of the messages so far was written, in microseconds.
    written: i64,
}

/// Reads the whole log and compares. The suite must be quiet.
pub(crate) async fn audit(suite: &Suite) -> anyhow::Result<Audit> {
    let sent = suite.outside.ledger.all_sent();
    let taken = sent.iter().filter(|sent| !sent.text.is_empty() && sent.acknowledged.is_some());
    let acknowledged_within = taken.clone().filter_map(|sent| Some(sent.acknowledged? - sent.at)).max();
    let mut audit = Audit { taken: taken.count(), ..Audit::default() };
    let (mut found, mut answers) = (HashSet::new(), HashSet::new());
    let mut pasts: HashMap<String, Past> = HashMap::new();
    each_event(suite, |thread, event| {
        let past = pasts.entry(thread.to_owned()).or_default();
        match event {
            ThreadEvent::Received { provider, sent_at, .. } => {
                audit.doubled += usize::from(!found.insert(provider.clone()));
                // Two that were on their way together may stand in any order.
                let overtaken_by = past.written - *sent_at;
                audit.out_of_order += usize::from(overtaken_by > acknowledged_within.unwrap_or(0) + CLOCK_US);
                past.written = past.written.max(*sent_at);
            }
            ThreadEvent::Sent { message, .. } => {
                answers.insert(message.to_string());
            }
            _ => {}
        }
        past.state.evolve(event);
    })
    .await?;
    let received = suite.outside.ledger.all_received();
    // Those of the official account carry no id of ours.
    let arrived: HashSet<&str> = received.iter().filter_map(|received| received.id.as_deref()).collect();
    let without_id = received.iter().filter(|received| received.id.is_none()).count();
    // A platform's ids are sealed in the log by the account's key, so they are counted and not compared.
    audit.lost = audit.taken.saturating_sub(found.len());
    audit.owed = pasts.values().filter(|past| is_owed(&past.state)).count();
    let missing = answers.iter().filter(|id| !arrived.contains(id.as_str())).count();
    audit.astray = missing.saturating_sub(without_id);
    audit.repeated = received.iter().filter(|received| received.repeated).count();
    Ok(audit)
}

/// How exact the coarsest of the platforms' times is.
const CLOCK_US: i64 = 1_000_000;

fn is_owed(thread: &Thread) -> bool {
    let owes = thread.owner() == Some(Owner::Ai) && !thread.awaiting().is_empty();
    owes || thread.pending().next().is_some()
}

/// Shows every event of every thread, in the order of each part, with the thread's id.
pub(crate) async fn each_event(
    suite: &Suite,
    mut show: impl FnMut(&str, &ThreadEvent),
) -> anyhow::Result<()> {
    let auditor = suite.auditor().await?;
    for part in 0..spine::PARTS {
        let stream = auditor.get_stream(spine::address::stream_name(1, part)).await?;
        let end = stream.cached_info().state.messages;
        if end == 0 {
            continue;
        }
        let config = pull::Config { ack_policy: AckPolicy::None, ..pull::Config::default() };
        let mut messages =
            stream.create_consumer(config).await?.messages().await?.take(usize::try_from(end)?);
        while let Some(message) = messages.next().await {
            let message = message?;
            if !message.subject.contains(".thread.") {
                continue;
            }
            let thread = message.subject.rsplit('.').next().unwrap_or_default();
            let payload: Stored = serde_json::from_slice(&message.payload)?;
            payload.events.iter().for_each(|event| show(thread, event));
        }
    }
    Ok(())
}

#[derive(serde::Deserialize)]
struct Stored {
    events: Vec<ThreadEvent>,
}
