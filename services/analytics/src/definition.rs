//! What each figure means: the one table that sums, lists and answers are made from.

use proto::v1::{Metric, MetricDefinition};

/// The definition of a figure. `condition` and `value` are SQL over one row of `conversations`; a sum and the
/// list behind it use the same text, so they cannot disagree.
pub(crate) struct Definition {
    pub(crate) metric: Metric,
    /// Raised when the meaning changes.
    pub(crate) version: u32,
    /// The event whose time decides into which span a conversation falls.
    pub(crate) dated_by: &'static str,
    /// Which conversations it counts.
    pub(crate) condition: &'static str,
    /// The duration that it measures, in milliseconds.
    pub(crate) value: Option<&'static str>,
}

/// Every figure is dated by the opening of its conversation, so that all figures of a span speak of the same
/// conversations and a rate never divides those of one day by those of another. A past hour still changes as
/// long as its conversations go on, and never because of later ones.
const OPENED: &str = "Opened";

/// 对话数: every conversation, also one in which nobody wrote.
const CONVERSATIONS: Definition = Definition {
    metric: Metric::Conversations,
    version: 1,
    dated_by: OPENED,
    condition: "1 = 1",
    value: None,
};

/// 开口数: the customer wrote. A placeholder for a message that no adapter understands does not count.
const WROTE: Definition = Definition {
    metric: Metric::Opened,
    version: 1,
    dated_by: OPENED,
    condition: "first_received_at IS NOT NULL",
    value: None,
};

/// 留资数: a detail that reaches the person (phone, WeChat, QQ, e-mail, Telegram) was captured in it; once per
/// conversation, however many details. 留资率 divides it by 开口数.
const LEADS: Definition =
    Definition { metric: Metric::Leads, version: 1, dated_by: OPENED, condition: "lead <> 0", value: None };

/// From the customer's first message to the first answer after it that reached the platform: when the log
/// learned that the platform took it, by the suite's own clock. An answer that was withdrawn or lost is none,
/// neither is a greeting before the customer wrote, and neither is a notice. An answer in the platform's own
/// app counts when its echo arrived.
const FIRST_RESPONSE: Definition = Definition {
    metric: Metric::FirstResponse,
    version: 1,
    dated_by: OPENED,
    condition: "first_response_ms IS NOT NULL",
    value: Some("first_response_ms"),
};

/// From the begin of the queue (by handover, release or transfer) to the agent who got it; several such waits
/// of one conversation add up. A wait that ended without an agent is none.
const WAITING: Definition = Definition {
    metric: Metric::Waiting,
    version: 1,
    dated_by: OPENED,
    condition: "waiting_ms IS NOT NULL",
    value: Some("waiting_ms"),
};

/// Closed by the AI or by idleness after an answer of the AI reached a customer who wrote, without a handover
/// and without any person having had it or answered in it. A customer who left is not a solved one.
const RESOLVED_BY_AI: Definition = Definition {
    metric: Metric::ResolvedByAi,
    version: 1,
    dated_by: OPENED,
    condition: "closed_by IN ('ai', 'idle') AND first_reply_by = 'ai' AND handovers = 0 AND person = 0",
    value: None,
};

/// Handed over to people; per reason each conversation once, however often it happened.
const HANDOVERS: Definition = Definition {
    metric: Metric::Handovers,
    version: 1,
    dated_by: OPENED,
    condition: "handover_reasons <> 0",
    value: None,
};

/// All definitions, in the order of the metrics' numbers.
pub(crate) static ALL: [Definition; 7] =
    [CONVERSATIONS, WROTE, LEADS, FIRST_RESPONSE, WAITING, RESOLVED_BY_AI, HANDOVERS];

/// The definition of a metric; none for the unspecified one.
pub(crate) fn of(metric: Metric) -> Option<&'static Definition> {
    ALL.iter().find(|definition| definition.metric == metric)
}

/// What an answer says of them.
pub(crate) fn told() -> Vec<MetricDefinition> {
    let tell = |definition: &Definition| MetricDefinition {
        metric: definition.metric.into(),
        version: definition.version,
        dated_by: definition.dated_by.into(),
    };
    ALL.iter().map(tell).collect()
}
