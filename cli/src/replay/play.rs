//! Playing: from what is asked to lines of JSON, on the log alone.

use super::ask::{Ask, Opening, What};
use super::place;
use super::range;
use super::state;
use super::told::{Sight, told};
use anyhow::{Context, anyhow, bail};
use conversation::Thread;
use events::AccessEvent;
use laws::access::{Access, record};
use laws::customer::Customer;
use laws::lead::Lead;
use serde_json::{Value, json};
use spine::keys::Keys;
use spine::{Address, Cause, Entity, Log, Nats, NatsAccess, Recorded, Refused, new_id};
use std::sync::Arc;
use tokio::sync::mpsc::Sender;

/// Gives the access by which the console speaks to NATS; only it may record that somebody looked.
pub(crate) type ConsoleAccess = Arc<dyn Fn() -> anyhow::Result<NatsAccess> + Send + Sync>;

/// What a replay plays on.
#[derive(Clone)]
pub(crate) struct Stage {
    pub(crate) log: Log,
    pub(crate) keys: Keys,
    pub(crate) console: ConsoleAccess,
}

/// Who asked goes away.
#[derive(Debug, thiserror::Error)]
#[error("nobody listens any more")]
struct NobodyListens;

/// Where the lines go, and how many may still go there.
pub(super) struct Lines<'a> {
    sender: &'a Sender<Value>,
    left: u64,
    /// Where the first event stands for which there was no room.
    cut: Option<spine::Position>,
}

impl Lines<'_> {
    /// Whether there is room for another event.
    pub(super) fn is_full(&self) -> bool {
        self.left == 0
    }

    pub(super) async fn send(&mut self, line: Value) -> anyhow::Result<()> {
        self.left = self.left.saturating_sub(1);
        self.sender.send(line).await.map_err(|_| NobodyListens.into())
    }

    /// Says that there are more events, if there are.
    async fn tell_cut(&mut self) -> anyhow::Result<()> {
        match self.cut.take() {
            Some(position) => self.send(json!({ "more": position })).await,
            None => Ok(()),
        }
    }
}

/// Plays what is asked into `sender`: a line for each event, then the state of the entity; with `follow` what
/// is appended from then on.
///
/// # Errors
/// What is wrong with what is asked, with the remedy; when the log or the key register fails.
pub(crate) async fn play(stage: &Stage, ask: &Ask, sender: &Sender<Value>) -> anyhow::Result<()> {
    if ask.follow && ask.as_of.is_some() {
        bail!("--follow shows what comes and --as-of what was: give one of them");
    }
    if let Some(moment) = ask.as_of {
        place::not_beyond_the_end(&stage.log, moment).await?;
    }
    let mut lines = Lines { sender, left: ask.limit, cut: None };
    match &ask.what {
        What::Range { from, until } => range::play(stage, ask, (*from, *until), &mut lines).await,
        What::Conversation { thread, n } => {
            let address = found(stage, ask, Thread::KIND, &thread.to_string()).await?;
            entity(stage, ask, &address, *n, &mut lines).await
        }
        What::Customer { id } => {
            let address = found(stage, ask, Customer::KIND, &id.to_string()).await?;
            entity(stage, ask, &address, None, &mut lines).await
        }
        What::Lead { id } => {
            let address = found(stage, ask, Lead::KIND, id).await?;
            entity(stage, ask, &address, None, &mut lines).await
        }
    }
}

async fn found(stage: &Stage, ask: &Ask, kind: &str, id: &str) -> anyhow::Result<Address> {
    let mut found = stage.log.addresses_of(kind, id).await?;
    if let Some(tenant) = &ask.tenant {
        found.retain(|address| *address.tenant == **tenant);
    }
    let of = ask.tenant.as_ref().map_or_else(String::new, |tenant| format!(" of the tenant {tenant}"));
    match found.len() {
        0 => bail!("there is no {kind} {id}{of} in the log"),
        1 => Ok(found.remove(0)),
        _ => bail!("several tenants have a {kind} {id}: name one with --tenant"),
    }
}

async fn entity(
    stage: &Stage,
    ask: &Ask,
    address: &Address,
    n: Option<u32>,
    lines: &mut Lines<'_>,
) -> anyhow::Result<()> {
    let until = match ask.as_of {
        Some(moment) => Some(place::sequence(&stage.log, address, moment).await?),
        None => None,
    };
    let sight = opened(stage, ask.opening.as_ref(), &address.tenant, &address.subject()).await?;
    let end = stage.log.ends().await?[usize::from(address.part)];
    let records = stage.log.history(address, until).await?;
    if records.is_empty() {
        let when = ask.as_of.map_or_else(String::new, |moment| format!(" at {moment}"));
        bail!("there was no {} {} yet{when}", address.kind, address.id);
    }
    let mut view = View { stage, sight, episode: Episode { wanted: n, current: 0 }, lines };
    for record in &records {
        view.show(record).await?;
    }
    view.episode.is_there(&address.id)?;
    view.lines.tell_cut().await?;
    let last = records.last().context("there is one")?;
    let at = until.map_or_else(|| last.position, |sequence| spine::Position { sequence, ..last.position });
    let state = match state::after(&address.kind, &records) {
        Ok(state) => state,
        Err(error) => json!({ "unknown": error.to_string() }),
    };
    let told = json!({ "kind": &*address.kind, "id": &*address.id, "at": at, "is": state });
    view.lines.send(json!({ "state": told })).await?;
    if ask.follow && !view.lines.is_full() {
        let last = Last { sequence: last.position.sequence, version: last.meta.version };
        view.follow(address, end, last).await?;
    }
    Ok(())
}

/// The last message of the entity that was shown.
struct Last {
    sequence: u64,
    version: u64,
}

/// What is shown, how, and to whom.
struct View<'a, 'b> {
    stage: &'a Stage,
    sight: Sight,
    episode: Episode,
    lines: &'a mut Lines<'b>,
}

impl View<'_, '_> {
    async fn show(&mut self, record: &Recorded) -> anyhow::Result<()> {
        for line in told(self.stage, record, self.sight).await? {
            if self.episode.takes(&line) {
                match self.lines.is_full() {
                    true => self.lines.cut = self.lines.cut.or(Some(record.position)),
                    false => self.lines.send(line).await?,
                }
            }
        }
        Ok(())
    }

    /// Goes on after the end that the entity's part had when its history was read.
    async fn follow(&mut self, address: &Address, end: u64, mut last: Last) -> anyhow::Result<()> {
        let mut reading = self.stage.log.reading(address.part, end + 1);
        loop {
            let record = reading.next().await?;
            if record.address != *address || record.position.sequence <= last.sequence {
                continue;
            }
            if record.meta.version > last.version + 1 {
                // The history came from a replica that lagged behind.
                let missed = self.stage.log.history(address, Some(record.position.sequence - 1)).await?;
                for missed in missed.iter().filter(|missed| missed.position.sequence > last.sequence) {
                    self.show(missed).await?;
                }
            }
            last = Last { sequence: record.position.sequence, version: record.meta.version };
            self.show(&record).await?;
            if self.lines.is_full() {
                return Ok(());
            }
        }
    }
}

/// Which conversation of a thread is shown, and in which the events are.
struct Episode {
    wanted: Option<u32>,
    current: u32,
}

impl Episode {
    /// Whether the event is of what is shown. What comes before the first conversation belongs to it.
    fn takes(&mut self, line: &Value) -> bool {
        if let Some(n) = line.pointer("/fields/n").and_then(Value::as_u64) {
            self.current = u32::try_from(n).unwrap_or(u32::MAX);
        }
        self.wanted.is_none_or(|wanted| wanted == self.current.max(1))
    }

    /// Refuses a conversation that did not begin in the history that was read.
    fn is_there(&self, thread: &str) -> anyhow::Result<()> {
        let last = self.current.max(1);
        match self.wanted {
            Some(wanted) if wanted == 0 || wanted > last => {
                bail!(
                    "the thread {thread} had no conversation {wanted}: its conversations are counted from 1, and the \
                     last one was {last}"
                )
            }
            _ => Ok(()),
        }
    }
}

/// Records that somebody looks at `what`, before it is shown.
///
/// # Errors
/// When it cannot be recorded; then nothing is to be shown.
pub(super) async fn opened(
    stage: &Stage,
    opening: Option<&Opening>,
    tenant: &str,
    what: &str,
) -> anyhow::Result<Sight> {
    let Some(opening) = opening else { return Ok(Sight::Masked) };
    if opening.reason.trim().is_empty() {
        bail!("say with --reason why personal data is opened");
    }
    let console = Nats::connect(&(stage.console)()?).await.context("record the opening as the console")?;
    let log = stage.log.acting_over(console);
    let (id, at) = (new_id(), log.clock().now());
    let address = Address::of(tenant, Access::KIND, id)?;
    let event = AccessEvent::Opened {
        by: "operator".into(),
        role: opening.role.clone(),
        reason: opening.reason.clone(),
        what: what.into(),
        at,
    };
    let cause = Cause::new(id, "open", "operator");
    match log.transact::<Access, _>(&address, &cause, |state| record(state, &event)).await {
        Ok(_) => Ok(Sight::Open),
        Err(Refused::Failed(error)) => {
            Err(anyhow!(error).context("the opening cannot be recorded, so nothing is shown"))
        }
        Err(Refused::Rejected(never)) => match never {},
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_wanted_conversation_is_taken_with_what_came_before_the_first() {
        let line = |n: Option<u32>| json!({ "fields": { "n": n } });
        let history = [None, Some(1), None, Some(2), None];
        let taken = |wanted: Option<u32>| {
            let mut episode = Episode { wanted, current: 0 };
            history.map(|n| episode.takes(&line(n)))
        };
        assert_eq!(taken(None), [true; 5]);
        assert_eq!(taken(Some(1)), [true, true, true, false, false]);
        assert_eq!(taken(Some(2)), [false, false, false, true, true]);
    }

    #[test]
    fn a_conversation_that_never_began_is_refused_and_the_last_one_named() {
        let after = |wanted: u32, current: u32| Episode { wanted: Some(wanted), current }.is_there("t");
        after(1, 0).unwrap();
        after(2, 2).unwrap();
        assert!(after(7, 2).unwrap_err().to_string().contains("last one was 2"));
        after(0, 2).unwrap_err();
    }
}
