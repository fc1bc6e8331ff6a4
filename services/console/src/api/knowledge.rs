//! Knowledge entries and trial questions, as the AI agent answers.

use super::analytics::reason_word;
use super::extract::{Body, Params};
use super::page::{self, Page, PageQuery};
use super::time::Time;
use crate::access::Act;
use crate::caller::Caller;
use crate::peers::answer;
use crate::refusal::{Refusal, RefusalBody};
use crate::state::App;
use axum::Json;
use axum::extract::State;
use proto::v1::ask_response::Outcome;
use proto::v1::{AskRequest, HandoverReason, ListEntriesRequest};
use runtime::{Problem, Role};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One question with its wordings and its answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Entry {
    pub(crate) id: String,
    pub(crate) slug: String,
    pub(crate) question: String,
    pub(crate) variants: Vec<String>,
    pub(crate) answer: String,
    /// Inclusive.
    pub(crate) valid_from: Option<Time>,
    /// Exclusive.
    pub(crate) valid_until: Option<Time>,
    pub(crate) version: u64,
}

/// Knowledge entries by slug.
#[utoipa::path(
    get, path = "/knowledge", operation_id = "listKnowledge", tag = "knowledge", params(PageQuery),
    responses((status = 200, body = Page<Entry>), RefusalBody)
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(query): Params<PageQuery>,
) -> Result<Json<Page<Entry>>, Refusal> {
    caller.check(Act::ReadKnowledge)?;
    let request = ListEntriesRequest {
        tenant: caller.tenant.to_string(),
        page_size: page::size(query.page_size)?,
        page_token: query.cursor.unwrap_or_default(),
        at_least: query.at_least.unwrap_or_default(),
    };
    let mut knowledge = app.peers().knowledge()?;
    let found = answer(Role::AiAgent, knowledge.list_entries(request)).await?;
    let items = found.entries.into_iter().map(|entry| Entry {
        id: entry.id,
        slug: entry.slug,
        question: entry.question,
        variants: entry.variants,
        answer: entry.answer,
        valid_from: entry.valid_from_us.map(Time::of),
        valid_until: entry.valid_until_us.map(Time::of),
        version: entry.version,
    });
    Ok(Json(Page { items: items.collect(), next: page::of_peer(found.next_page_token) }))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Question {
    text: String,
    /// A log position, such as a write answered: the answer reflects at least this.
    at_least: Option<String>,
}

/// What the AI would do.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Trial {
    /// The text that would be sent; absent when the conversation would go to people.
    pub(crate) answer: Option<String>,
    /// Why the conversation would go to people.
    pub(crate) handover: Option<String>,
    /// In thousandths.
    pub(crate) confidence: u32,
    /// What the answer rests on, or what came nearest.
    pub(crate) citations: Vec<TrialCitation>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TrialCitation {
    pub(crate) entry: String,
    pub(crate) version: u64,
    pub(crate) slug: String,
    pub(crate) question: String,
}

/// What the AI would do with this text as the first message of a conversation. Nothing is sent or stored.
#[utoipa::path(
    post, path = "/knowledge/ask", operation_id = "askKnowledge", tag = "knowledge", request_body = Question,
    responses((status = 200, body = Trial), RefusalBody)
)]
pub(crate) async fn ask(
    State(app): State<App>,
    caller: Caller,
    Body(question): Body<Question>,
) -> Result<Json<Trial>, Refusal> {
    caller.check(Act::AskKnowledge)?;
    if question.text.trim().is_empty() {
        return Err(Problem::invalid("text", "It is empty.").remedy("Write what a customer would.").into());
    }
    let request = AskRequest {
        tenant: caller.tenant.to_string(),
        text: question.text,
        at_least: question.at_least.unwrap_or_default(),
    };
    let mut knowledge = app.peers().knowledge()?;
    let found = answer(Role::AiAgent, knowledge.ask(request)).await?;
    let (answer, handover) = match found.outcome {
        Some(Outcome::Answer(text)) => (Some(text), None),
        Some(Outcome::Handover(reason)) => {
            (None, HandoverReason::try_from(reason).ok().and_then(reason_word))
        }
        None => (None, None),
    };
    let citations = found.citations.into_iter().map(|cited| TrialCitation {
        entry: cited.entry,
        version: cited.version,
        slug: cited.slug,
        question: cited.question,
    });
    Ok(Json(Trial { answer, handover, confidence: found.confidence, citations: citations.collect() }))
}
