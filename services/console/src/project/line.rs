//! One row of the transcript: a message of either side, or a line that says what happened.

use super::conversation::number;
use super::text::{Text, Texts};
use super::words;
use events::thread::{ClosedBy, TransferredTo};
use events::{Content, Micros, ThreadEvent};
use serde_json::{Value, json};
use spine::Recorded;
use std::sync::Arc;
use uuid::Uuid;

/// A line, in the columns of the table.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) thread: Arc<str>,
    pub(super) sort_at: i64,
    pub(super) order_key: i64,
    pub(super) sequence: i64,
    pub(super) place: i32,
    pub(super) n: i32,
    pub(super) kind: &'static str,
    pub(super) message: Option<Uuid>,
    pub(super) author: Option<&'static str>,
    pub(super) agent: Option<Uuid>,
    pub(super) text: Text,
    pub(super) media: Text,
    pub(super) content_kind: Option<&'static str>,
    pub(super) length: Option<i32>,
    pub(super) at: i64,
    pub(super) provider: Option<String>,
    pub(super) seen: Option<Uuid>,
    pub(super) tenure: Option<i32>,
    pub(super) citations: Option<String>,
    pub(super) confidence: Option<i32>,
    pub(super) resends: Option<Uuid>,
    pub(super) what: Option<&'static str>,
    pub(super) detail: Option<String>,
}

/// Where the lines of one stored decision sort: what a message brought about stands before it, though the
/// platform's time of the message is earlier than the decision.
#[derive(Clone, Copy)]
pub(super) struct Sorting {
    at_max: Micros,
    order: i64,
}

impl Sorting {
    pub(super) fn of(events: &[ThreadEvent]) -> Self {
        let message = events.iter().find_map(|event| match event {
            ThreadEvent::Received { sent_at, order, .. } => Some((*sent_at, order.unwrap_or(0))),
            _ => None,
        });
        let (at_max, order) = message.unwrap_or((Micros::MAX, 0));
        Self { at_max, order }
    }

    fn of_line(self, at: Micros) -> (i64, i64) {
        if at < self.at_max { (at, 0) } else { (self.at_max, self.order) }
    }
}

/// Where an event stands: its place in a stored decision, and the number of the thread's last conversation.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    pub(super) record: &'p Recorded,
    pub(super) subject: &'p Arc<str>,
    pub(super) place: usize,
    pub(super) n: i32,
    pub(super) sorting: Sorting,
}

/// The line that an event makes, if it makes one.
pub(super) fn line<'b>(at: Place<'_>, event: &'b ThreadEvent, texts: &mut Texts<'b>) -> Option<Line> {
    let Place { record, subject, place, n, sorting } = at;
    let base = Line {
        thread: record.address.id.clone(),
        sequence: i64::try_from(record.position.sequence).unwrap_or(i64::MAX),
        place: i32::try_from(place).unwrap_or(i32::MAX),
        n,
        ..Line::default()
    };
    match event {
        ThreadEvent::Received { .. } | ThreadEvent::AnsweredOutside { .. } | ThreadEvent::Replied { .. } => {
            message(base, event, subject, texts)
        }
        _ => {
            let (what, at, agent, detail) = happening(event)?;
            let (sort_at, order_key) = sorting.of_line(at);
            let detail = Some(detail.to_string());
            let (kind, what) = ("line", Some(what));
            Some(Line { sort_at, order_key, kind, what, at, agent, detail, ..base })
        }
    }
}

fn message<'b>(
    base: Line,
    event: &'b ThreadEvent,
    subject: &Arc<str>,
    texts: &mut Texts<'b>,
) -> Option<Line> {
    Some(match event {
        ThreadEvent::Received { n, message, provider, content, sent_at, order, at, .. } => Line {
            n: number(*n),
            sort_at: *sent_at,
            order_key: order.unwrap_or(0),
            kind: "received",
            message: Some(*message),
            author: Some(words::CUSTOMER),
            provider: Some(provider.clone()),
            at: *at,
            ..with_content(base, content, subject, texts)
        },
        ThreadEvent::AnsweredOutside { n, tenure, message, provider, content, sent_at, at, .. } => Line {
            n: number(*n),
            sort_at: *sent_at,
            kind: "replied",
            message: Some(*message),
            author: Some(words::OUTSIDE),
            provider: Some(provider.clone()),
            tenure: Some(number(*tenure)),
            at: *at,
            ..with_content(base, content, subject, texts)
        },
        ThreadEvent::Replied {
            n,
            message,
            by,
            tenure,
            seen,
            content,
            citations,
            confidence,
            worded_by: _,
            resends,
            at,
        } => {
            let (author, agent) = words::author(*by);
            let cited = (!citations.is_empty()).then(|| serde_json::to_string(citations).unwrap_or_default());
            Line {
                n: number(*n),
                sort_at: *at,
                kind: if author == words::SYSTEM { "notice" } else { "replied" },
                message: Some(*message),
                author: Some(author),
                agent,
                tenure: Some(number(*tenure)),
                seen: *seen,
                citations: cited,
                confidence: confidence.map(number),
                resends: *resends,
                at: *at,
                ..with_content(base, content, subject, texts)
            }
        }
        _ => return None,
    })
}

fn with_content<'b>(base: Line, content: &'b Content, subject: &Arc<str>, texts: &mut Texts<'b>) -> Line {
    Line {
        text: texts.add(content.text.as_ref(), subject, conversation::content::TEXT),
        media: texts.add(content.media.as_ref(), subject, "content.media"),
        content_kind: Some(words::content_kind(content.kind)),
        length: Some(number(content.length)),
        ..base
    }
}

/// What happened, when, by which agent, and the rest of it.
fn happening(event: &ThreadEvent) -> Option<(&'static str, Micros, Option<Uuid>, Value)> {
    Some(match event {
        ThreadEvent::Opened { by, touch, at, .. } => {
            ("opened", *at, None, json!({"by": words::opened_by(*by), "touch": touch}))
        }
        ThreadEvent::Touched { touch, at, .. } => ("touched", *at, None, json!({"touch": touch})),
        ThreadEvent::HandedOver { tenure, reason, queue, at, .. } => {
            let detail = json!({"tenure": tenure, "reason": reason.as_ref(), "queue": queue});
            ("handed_over", *at, None, detail)
        }
        ThreadEvent::Assigned { tenure, agent, candidates, at, .. } => {
            ("assigned", *at, Some(*agent), json!({"tenure": tenure, "candidates": candidates}))
        }
        ThreadEvent::TakenOver { tenure, agent, at, .. } => {
            ("taken_over", *at, Some(*agent), json!({"tenure": tenure}))
        }
        ThreadEvent::DeskTook { tenure, moved, at, .. } => {
            ("desk_took", *at, None, json!({"tenure": tenure, "moved": moved}))
        }
        ThreadEvent::DeskLetGo { tenure, moved, at, .. } => {
            ("desk_let_go", *at, None, json!({"tenure": tenure, "moved": moved}))
        }
        ThreadEvent::Released { tenure, to, at, .. } => {
            ("released", *at, None, json!({"tenure": tenure, "to": words::released_to(*to)}))
        }
        ThreadEvent::Transferred { tenure, from, to, at, .. } => {
            let to = match to {
                TransferredTo::Agent(agent) => json!({"agent": agent}),
                TransferredTo::Queue(queue) => json!({"queue": queue}),
            };
            ("transferred", *at, Some(*from), json!({"tenure": tenure, "to": to}))
        }
        ThreadEvent::Closed { tenure, by, at, .. } => {
            let agent = if let ClosedBy::Agent(agent) = by { Some(*agent) } else { None };
            ("closed", *at, agent, json!({"tenure": tenure, "by": words::closed_by(*by)}))
        }
        ThreadEvent::Unreachable { at, .. } => ("unreachable", *at, None, json!({})),
        _ => return None,
    })
}
