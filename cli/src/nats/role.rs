//! Who speaks to NATS: the seven roles, and the hands that work on the log from outside them.

/// One NATS user each, with a key, permissions and reply subjects of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    ChannelIngest,
    Identity,
    Routing,
    AiAgent,
    LeadCapture,
    Analytics,
    Console,
    /// Provisioning, `apply`, `doctor`: makes and changes streams.
    Operator,
    /// Reads the log and writes nothing.
    Auditor,
    /// A system of the tenant's that reads the lead feed.
    Consumer,
}

impl Role {
    pub(crate) const ALL: [Self; 10] = [
        Self::ChannelIngest,
        Self::Identity,
        Self::Routing,
        Self::AiAgent,
        Self::LeadCapture,
        Self::Analytics,
        Self::Console,
        Self::Operator,
        Self::Auditor,
        Self::Consumer,
    ];

    /// The name on the command line, of the key file and in the prefix of its inboxes.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ChannelIngest => "channel-ingest",
            Self::Identity => "identity",
            Self::Routing => "routing",
            Self::AiAgent => "ai-agent",
            Self::LeadCapture => "lead-capture",
            Self::Analytics => "analytics",
            Self::Console => "console",
            Self::Operator => "operator",
            Self::Auditor => "auditor",
            Self::Consumer => "consumer",
        }
    }

    /// The prefix of its reply subjects. No role may subscribe to another's.
    pub(crate) fn inbox_prefix(self) -> String {
        format!("_INBOX_{}", self.name())
    }
}
