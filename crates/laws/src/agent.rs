//! An agent: the profile that routing uses, and whether they are there.

use events::agent::{AgentEvent, Presence, Profile};
use spine::Entity;
use strum::VariantNames;

/// The state of an agent.
#[derive(Debug, Default)]
pub struct Agent {
    pub profile: Option<Profile>,
    pub presence: Presence,
    pub left: bool,
}

/// Why something cannot be done with an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Nobody is registered under this id.
    #[error("the agent is not registered")]
    Unknown,
    /// The agent left the team.
    #[error("the agent has left")]
    Left,
}

impl Entity for Agent {
    type Event = AgentEvent;
    const KIND: &'static str = "agent";
    const EVENTS: &'static [&'static str] = AgentEvent::VARIANTS;

    fn evolve(&mut self, event: &AgentEvent) {
        match event {
            AgentEvent::Registered { profile, .. } | AgentEvent::Changed { profile, .. } => {
                self.profile = Some(profile.clone());
                self.left = false;
            }
            AgentEvent::Presented { presence, .. } => self.presence = *presence,
            AgentEvent::Left { .. } => {
                self.left = true;
                self.presence = Presence::Offline;
            }
        }
    }
}

/// Registers the agent, or changes their profile.
///
/// # Errors
/// Never refused; the type is shared with the other decisions.
pub fn profile(state: &Agent, profile: &Profile, at: i64) -> Result<Vec<AgentEvent>, Rejection> {
    let profile = profile.clone();
    Ok(match &state.profile {
        None => vec![AgentEvent::Registered { profile, at }],
        Some(known) if *known == profile && !state.left => Vec::new(),
        Some(_) => vec![AgentEvent::Changed { profile, at }],
    })
}

/// The agent comes, pauses or goes.
///
/// # Errors
/// When nobody is registered under the id, or they left the team.
pub fn present(state: &Agent, presence: Presence, at: i64) -> Result<Vec<AgentEvent>, Rejection> {
    match state {
        Agent { profile: None, .. } => Err(Rejection::Unknown),
        Agent { left: true, .. } => Err(Rejection::Left),
        Agent { presence: known, .. } if *known == presence => Ok(Vec::new()),
        _ => Ok(vec![AgentEvent::Presented { presence, at }]),
    }
}

/// The agent is known by this profile and has left the team.
///
/// # Errors
/// Never refused; the type is shared with the other decisions.
pub fn retire(state: &Agent, known_as: &Profile, at: i64) -> Result<Vec<AgentEvent>, Rejection> {
    let mut events = match &state.profile {
        Some(known) if known == known_as => Vec::new(),
        _ => profile(state, known_as, at)?,
    };
    // A change of the profile brings back who left.
    if !state.left || !events.is_empty() {
        events.push(AgentEvent::Left { at });
    }
    Ok(events)
}

/// The agent leaves the team.
///
/// # Errors
/// When nobody is registered under the id.
pub fn leave(state: &Agent, at: i64) -> Result<Vec<AgentEvent>, Rejection> {
    match state {
        Agent { profile: None, .. } => Err(Rejection::Unknown),
        Agent { left: true, .. } => Ok(Vec::new()),
        _ => Ok(vec![AgentEvent::Left { at }]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amy() -> Profile {
        Profile {
            slug: None,
            name: "小艾".into(),
            capacity: 3,
            skills: vec![],
            channels: vec![],
            queues: vec![],
        }
    }

    fn after(events: Vec<AgentEvent>) -> Agent {
        let mut state = Agent::default();
        events.iter().for_each(|event| state.evolve(event));
        state
    }

    #[test]
    fn an_unregistered_agent_cannot_come_online() {
        assert_eq!(present(&Agent::default(), Presence::Online, 1), Err(Rejection::Unknown));
    }

    #[test]
    fn coming_online_again_changes_nothing() {
        let state = after(vec![
            AgentEvent::Registered { profile: amy(), at: 1 },
            AgentEvent::Presented { presence: Presence::Online, at: 2 },
        ]);
        assert_eq!(present(&state, Presence::Online, 3), Ok(vec![]));
        assert_eq!(profile(&state, &amy(), 3), Ok(vec![]));
    }

    #[test]
    fn who_left_is_offline_and_may_return_by_registration() {
        let state = after(vec![AgentEvent::Registered { profile: amy(), at: 1 }, AgentEvent::Left { at: 2 }]);
        assert_eq!(state.presence, Presence::Offline);
        assert_eq!(present(&state, Presence::Online, 3), Err(Rejection::Left));
        assert_eq!(leave(&state, 3), Ok(vec![]));
        assert_eq!(profile(&state, &amy(), 3).unwrap().len(), 1);
    }

    #[test]
    fn whoever_is_retired_stays_so_until_registered_again() {
        let mut state = Agent::default();
        for (name, events) in [("小艾", 2), ("小艾", 0), ("小爱", 2)] {
            let known_as = Profile { name: name.into(), ..amy() };
            let decided = retire(&state, &known_as, 3).unwrap();
            assert_eq!(decided.len(), events, "{name}");
            decided.iter().for_each(|event| state.evolve(event));
            assert!(state.left);
        }
        let back = Profile { name: "小爱".into(), ..amy() };
        profile(&state, &back, 4).unwrap().iter().for_each(|event| state.evolve(event));
        assert!(!state.left && retire(&state, &back, 5).unwrap() == [AgentEvent::Left { at: 5 }]);
    }
}
