//! What ai-agent is asked: its knowledge, and what it would answer.

use super::shelf::Shelf;
use crate::answer::{Answer, Answerer, Embedded, Reason, Turn};
use crate::knowledge;
use proto::v1::ask_response::Outcome;
use proto::v1::knowledge_service_server::KnowledgeService;
use proto::v1::{
    AskCitation, AskRequest, AskResponse, HandoverReason, KnowledgeEntry, ListEntriesRequest,
    ListEntriesResponse,
};
use role::at_least;
use spine::{Clock, Error, Reader};
use sqlx::Row;
use std::sync::Arc;
use tonic::{Request, Response, Status};

const PAGE_SIZE: u32 = 50;
const PAGE_SIZE_MAX: u32 = 200;
/// Begins the token of a page, so that nothing else is taken for one; the slug that the page comes after follows.
const PAGE_AFTER: &str = "after:";
const TEXT_BYTES_MAX: usize = 16 * 1024;

/// The gRPC service.
pub(crate) struct Api {
    pub(crate) reader: Reader,
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) embedded: Arc<Embedded>,
    pub(crate) clock: Clock,
}

#[tonic::async_trait]
impl KnowledgeService for Api {
    async fn list_entries(
        &self,
        request: Request<ListEntriesRequest>,
    ) -> Result<Response<ListEntriesResponse>, Status> {
        let request = request.into_inner();
        let after = slug_of(&request.page_token)?.to_owned();
        at_least(&self.reader, &request.at_least).await.map_err(status)?;
        let size = match request.page_size {
            0 => PAGE_SIZE,
            size => size.min(PAGE_SIZE_MAX),
        };
        let rows = sqlx::query(
            "SELECT entry, slug, body, version FROM knowledge WHERE tenant = $1 AND slug > $2 ORDER BY slug LIMIT $3",
        )
        .bind(&request.tenant)
        .bind(after)
        .bind(i64::from(size))
        .fetch_all(self.reader.model().store.reads())
        .await
        .map_err(Error::database("list the knowledge"))
        .map_err(status)?;
        let entries: Vec<KnowledgeEntry> = rows.iter().map(entry).collect::<Result<_, _>>()?;
        let full = entries.len() == size as usize;
        let next_page_token =
            entries.last().filter(|_| full).map(|entry| token_of(&entry.slug)).unwrap_or_default();
        Ok(Response::new(ListEntriesResponse { entries, next_page_token }))
    }

    async fn ask(&self, request: Request<AskRequest>) -> Result<Response<AskResponse>, Status> {
        let AskRequest { tenant, text, at_least: positions } = request.into_inner();
        if text.trim().is_empty() || text.len() > TEXT_BYTES_MAX {
            return Err(Status::invalid_argument(format!("text must have 1 to {TEXT_BYTES_MAX} bytes")));
        }
        at_least(&self.reader, &positions).await.map_err(status)?;
        if !positions.is_empty() {
            // The position may be another replica's, and then only the tables know it.
            self.shelf.refresh(&self.reader).await.map_err(status)?;
        }
        let at = self.clock.now();
        let turn = Turn { tenant: tenant.clone(), texts: vec![text.clone()], at, ..Turn::default() };
        let answer = self.embedded.answer(&turn).await;
        let nearest = || {
            let hits =
                self.embedded.read(&tenant, |library| library.index.search(&text, at, 3)).unwrap_or_default();
            hits.into_iter().map(|hit| (hit.entry, hit.confidence)).collect::<Vec<_>>()
        };
        Ok(Response::new(match answer {
            Answer::Reply { text: answer, confidence, citations, .. } => AskResponse {
                outcome: Some(Outcome::Answer(answer)),
                confidence: thousandths(confidence),
                citations: self.cited(&tenant, citations.iter().map(|citation| citation.entry.as_str())),
            },
            Answer::Smalltalk { text: answer, .. } => {
                AskResponse { outcome: Some(Outcome::Answer(answer)), confidence: 1_000, citations: vec![] }
            }
            Answer::HandOver { reason } => handover(reason_of(reason), &nearest()),
            Answer::Nothing => handover(HandoverReason::Unknown, &nearest()),
        }))
    }
}

impl Api {
    fn cited<'a>(&self, tenant: &str, ids: impl Iterator<Item = &'a str>) -> Vec<AskCitation> {
        self.embedded
            .read(tenant, |library| {
                ids.filter_map(|id| library.index.get(id)).map(|entry| citation(entry)).collect()
            })
            .unwrap_or_default()
    }
}

fn handover(reason: HandoverReason, nearest: &[(Arc<knowledge::Entry>, f32)]) -> AskResponse {
    AskResponse {
        outcome: Some(Outcome::Handover(reason.into())),
        confidence: nearest.first().map_or(0, |(_, confidence)| thousandths(*confidence)),
        citations: nearest.iter().map(|(entry, _)| citation(entry)).collect(),
    }
}

fn citation(entry: &knowledge::Entry) -> AskCitation {
    AskCitation {
        entry: entry.id.clone(),
        version: entry.version,
        slug: entry.slug.clone(),
        question: entry.question.clone(),
    }
}

fn thousandths(confidence: f32) -> u32 {
    (confidence.clamp(0.0, 1.0) * 1_000.0) as u32
}

fn reason_of(reason: Reason) -> HandoverReason {
    match reason {
        Reason::Unknown => HandoverReason::Unknown,
        Reason::WantsPerson => HandoverReason::WantsPerson,
        Reason::Anger => HandoverReason::Anger,
    }
}

fn entry(row: &sqlx::any::AnyRow) -> Result<KnowledgeEntry, Status> {
    let body: events::knowledge::Entry = serde_json::from_str(&row.get::<String, _>(2))
        .map_err(|_| Status::internal("a row of the knowledge is broken"))?;
    Ok(KnowledgeEntry {
        id: row.get(0),
        slug: row.get(1),
        question: body.question,
        variants: body.variants,
        answer: body.answer,
        valid_from_us: body.valid_from,
        valid_until_us: body.valid_until,
        version: u64::try_from(row.get::<i64, _>(3)).unwrap_or(0),
    })
}

/// The token of the page after the entry of this slug.
fn token_of(slug: &str) -> String {
    format!("{PAGE_AFTER}{slug}")
}

/// The slug that the page comes after; empty for the first page.
fn slug_of(token: &str) -> Result<&str, Status> {
    match token.strip_prefix(PAGE_AFTER) {
        Some(slug) => Ok(slug),
        None if token.is_empty() => Ok(""),
        None => Err(Status::invalid_argument("page_token is not one of this list: begin again without it")),
    }
}

fn status(error: Error) -> Status {
    match error {
        Error::Name { field: "at_least", .. } => Status::invalid_argument("at_least holds no positions"),
        Error::Name { .. } => Status::invalid_argument(error.to_string()),
        Error::Timeout { .. } => Status::deadline_exceeded(error.to_string()),
        other => {
            tracing::warn!(error = &other as &dyn std::error::Error, "a query of the knowledge failed");
            Status::internal("the knowledge cannot be read")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_token_reads_back_as_its_slug_and_a_slug_is_none() {
        assert_eq!(slug_of(&token_of("多久发货")).unwrap(), "多久发货");
        assert_eq!(slug_of("").unwrap(), "");
        for other in ["x", "after", "ship-time"] {
            assert_eq!(slug_of(other).unwrap_err().code(), tonic::Code::InvalidArgument, "{other}");
        }
    }
}
