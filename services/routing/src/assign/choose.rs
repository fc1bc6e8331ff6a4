//! Choosing agents for those who wait: a pure function of who waits, who is there, and the time.

use events::Micros;
use events::agent::Presence;
use events::thread::Candidate;
use std::cmp::Ordering;
use strum::AsRefStr;
use uuid::Uuid;

/// An agent who gave a conversation back to the queue is not given it again for so long, unless it is to be
/// offered again: otherwise giving back would be of no use to the only agent online.
pub const GAVE_BACK_US: Micros = 60_000_000;

/// Candidates recorded with a choice at most, since a decision stays in the log for years.
pub const CANDIDATES_MAX: usize = 20;

/// Languages that a skill can name. An agent who names none of them serves all.
const LANGUAGES: [&str; 2] = ["zh", "en"];

/// An agent as a choice sees them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Agent {
    pub(crate) id: Uuid,
    pub(crate) presence: Presence,
    pub(crate) capacity: u32,
    /// Conversations that they have, and those that are on their way to them.
    pub(crate) load: u32,
    /// When they last got one.
    pub(crate) last_at: Micros,
    pub(crate) skills: Vec<String>,
    /// Channels served; empty means all.
    pub(crate) channels: Vec<String>,
    /// Queues served; empty means all.
    pub(crate) queues: Vec<String>,
}

/// What decides who can serve a conversation at all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Class {
    pub(crate) queue: String,
    pub(crate) channel: String,
    pub(crate) language: String,
}

/// A conversation that waits.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Waiting {
    pub(crate) thread: Uuid,
    pub(crate) tenure: u32,
    pub(crate) n: u32,
    pub(crate) since: Micros,
    pub(crate) class: Class,
    /// Whom the customer knows.
    pub(crate) last_agent: Option<Uuid>,
    pub(crate) gave_back: Option<Uuid>,
}

/// Who gets a conversation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Choice {
    pub(crate) waiting: Waiting,
    pub(crate) agent: Uuid,
    /// The chosen one first, then the others with what spoke against them.
    pub(crate) candidates: Vec<Candidate>,
}

/// What speaks against an agent. The words stand in the log and are never changed. In the order in which they
/// are worth telling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, AsRefStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Against {
    /// Another agent had the customer before.
    KnowsCustomerLess,
    /// Another agent has fewer conversations for their capacity.
    Busier,
    /// Another agent has been without a new conversation for longer.
    ServedLater,
    /// All else is equal; somebody has to be first.
    Tie,
    Full,
    GaveBack,
    Language,
    Channel,
    Queue,
    Away,
    Offline,
}

impl Agent {
    /// What keeps the agent from serving conversations of this class now.
    pub(crate) fn unfit(&self, class: &Class) -> Option<Against> {
        let serves =
            |list: &[String], wanted: &str| list.is_empty() || list.iter().any(|item| item == wanted);
        match self.presence {
            Presence::Offline => return Some(Against::Offline),
            Presence::Away => return Some(Against::Away),
            Presence::Online => {}
        }
        if !serves(&self.queues, &class.queue) {
            return Some(Against::Queue);
        }
        if !serves(&self.channels, &class.channel) {
            return Some(Against::Channel);
        }
        if !self.speaks(&class.language) {
            return Some(Against::Language);
        }
        (self.free() == 0).then_some(Against::Full)
    }

    /// Conversations that the agent can still take.
    pub(crate) fn free(&self) -> u32 {
        self.capacity.saturating_sub(self.load)
    }

    fn speaks(&self, language: &str) -> bool {
        let mut spoken = self.skills.iter().filter(|skill| LANGUAGES.contains(&skill.as_str())).peekable();
        language.is_empty() || spoken.peek().is_none() || spoken.any(|skill| skill == language)
    }

    fn against(&self, waiting: &Waiting, now: Micros) -> Option<Against> {
        let gave_back = waiting.gave_back == Some(self.id) && now < waiting.since + GAVE_BACK_US;
        self.unfit(&waiting.class).or(gave_back.then_some(Against::GaveBack))
    }
}

/// Gives each of `waiting`, in their order, to the best agent who is free; who finds none goes on waiting. The
/// agents' loads grow with what they get, so nobody gets more than their capacity.
pub(crate) fn plan(waiting: Vec<Waiting>, agents: &mut [Agent], now: Micros) -> Vec<Choice> {
    let mut choices = Vec::new();
    for waiting in waiting {
        if agents.iter().all(|agent| agent.presence != Presence::Online || agent.free() == 0) {
            break;
        }
        if let Some((place, candidates)) = choose(&waiting, agents, now) {
            let agent = &mut agents[place];
            agent.load += 1;
            agent.last_at = agent.last_at.max(now);
            choices.push(Choice { waiting, agent: agent.id, candidates });
        }
    }
    choices
}

fn choose(waiting: &Waiting, agents: &[Agent], now: Micros) -> Option<(usize, Vec<Candidate>)> {
    let fit = |agent: &&(usize, &Agent, Option<Against>)| agent.2.is_none();
    let judged: Vec<_> =
        agents.iter().enumerate().map(|(place, agent)| (place, agent, agent.against(waiting, now))).collect();
    let (place, best, _) =
        *judged.iter().filter(fit).min_by(|left, right| compare(left.1, right.1, waiting).0)?;
    let mut others: Vec<(Against, Uuid)> = judged
        .iter()
        .filter(|(other, ..)| *other != place)
        .map(|(_, agent, against)| (against.unwrap_or_else(|| compare(best, agent, waiting).1), agent.id))
        .collect();
    others.sort_unstable();
    others.truncate(CANDIDATES_MAX - 1);
    let chosen = Candidate { agent: best.id, against: None };
    let told =
        |(against, agent): (Against, Uuid)| Candidate { agent, against: Some(against.as_ref().into()) };
    Some((place, std::iter::once(chosen).chain(others.into_iter().map(told)).collect()))
}

/// Who of two comes first, and what speaks against the other: who had the customer last, then the lower load
/// for the capacity, then who has been idle for longest, then the id.
fn compare(left: &Agent, right: &Agent, waiting: &Waiting) -> (Ordering, Against) {
    let known = |agent: &Agent| waiting.last_agent == Some(agent.id);
    let share = |one: &Agent, other: &Agent| u64::from(one.load) * u64::from(other.capacity);
    let steps = [
        (known(right).cmp(&known(left)), Against::KnowsCustomerLess),
        (share(left, right).cmp(&share(right, left)), Against::Busier),
        (left.last_at.cmp(&right.last_at), Against::ServedLater),
        (left.id.cmp(&right.id), Against::Tie),
    ];
    let differs = steps.into_iter().find(|(ordering, _)| ordering.is_ne());
    differs.unwrap_or((Ordering::Equal, Against::Tie))
}

#[cfg(test)]
mod tests;
