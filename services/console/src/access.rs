//! Who may do what: the roles of tokens, and one table of what each is for.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything in the tenant.
    Admin,
    /// Sees every conversation in clear, takes over from anybody.
    Supervisor,
    /// Answers customers; sees its own conversations in clear.
    Agent,
    /// Sees that things happened; everything personal is masked, nothing is changed.
    Auditor,
    /// Another system that reads leads, and nothing else.
    Integration,
}

impl Role {
    pub const ALL: [Self; 5] = [Self::Admin, Self::Supervisor, Self::Agent, Self::Auditor, Self::Integration];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Supervisor => "supervisor",
            Self::Agent => "agent",
            Self::Auditor => "auditor",
            Self::Integration => "integration",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no role.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no role: use admin, supervisor, agent, auditor or integration")]
pub struct NoRole(String);

impl FromStr for Role {
    type Err = NoRole;

    fn from_str(word: &str) -> Result<Self, NoRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == word).ok_or_else(|| NoRole(word.into()))
    }
}

/// Something that is asked of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    ReadConversations,
    /// Take over, release, transfer, close, reply: by the agent that the token names.
    Answer,
    /// Take a conversation from a colleague.
    TakeFromColleague,
    ReadQueue,
    ReadAgents,
    SetPresence,
    /// The presence of somebody else.
    SetPresenceOfOthers,
    ReadLeads,
    ReadLeadsInClear,
    /// The lead feed, in clear.
    ReadFeed,
    ReadCustomers,
    ReadFigures,
    ReadKnowledge,
    AskKnowledge,
    ReadAccounts,
    SeeSelf,
}

/// Whether the role may do it.
pub(crate) fn may(role: Role, act: Act) -> bool {
    use Role::{Admin, Agent, Auditor, Integration, Supervisor};
    let allowed: &[Role] = match act {
        Act::ReadConversations
        | Act::ReadQueue
        | Act::ReadAgents
        | Act::ReadCustomers
        | Act::ReadKnowledge
        | Act::ReadAccounts => &[Admin, Supervisor, Agent, Auditor],
        Act::Answer | Act::SetPresence | Act::AskKnowledge => &[Admin, Supervisor, Agent],
        Act::TakeFromColleague | Act::SetPresenceOfOthers => &[Admin, Supervisor],
        Act::ReadFigures => &[Admin, Supervisor, Auditor],
        Act::ReadLeads | Act::SeeSelf => &Role::ALL,
        Act::ReadLeadsInClear => &[Admin, Supervisor, Integration],
        Act::ReadFeed => &[Admin, Integration],
    };
    allowed.contains(&role)
}

/// Whether the role sees texts and names of every conversation in clear, not only of its own.
pub(crate) fn sees_all(role: Role) -> bool {
    matches!(role, Role::Admin | Role::Supervisor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_reads_back_from_its_word() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse::<Role>().unwrap(), role);
        }
        assert!("root".parse::<Role>().is_err());
    }
}
