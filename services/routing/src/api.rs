//! The gRPC queries of routing.

use crate::queries::{self, AgentRow, Entry, Place};
use crate::wait::expected_ms;
use events::agent::Presence;
use proto::v1;
use proto::v1::routing_service_server::RoutingService;
use role::at_least;
use spine::{Clock, Error, Reader};
use tonic::{Request, Response, Status};
use uuid::Uuid;

/// Entries of a page when none is asked for, and at most.
const PAGE_DEFAULT: u32 = 50;
const PAGE_MAX: u32 = 200;

/// Answers queries from the live read model.
pub(crate) struct Api {
    pub(crate) reader: Reader,
    pub(crate) clock: Clock,
}

#[tonic::async_trait]
impl RoutingService for Api {
    async fn get_queue(
        &self,
        request: Request<v1::GetQueueRequest>,
    ) -> Result<Response<v1::GetQueueResponse>, Status> {
        let asked = request.into_inner();
        let size = page_size(asked.page_size)?;
        let after = place_of(&asked.page_token)?;
        at_least(&self.reader, &asked.at_least).await.map_err(status)?;
        let store = &self.reader.model().store;
        let name = (asked.tenant.as_str(), asked.queue.as_str());
        let mut entries = queries::queue(store, name, after, i64::from(size) + 1).await.map_err(status)?;
        let more = entries.len() > size as usize;
        entries.truncate(size as usize);
        let (waiting, before) = queries::counts(store, name, after).await.map_err(status)?;
        let service = queries::service(store, name, self.clock.now()).await.map_err(status)?;
        let next = entries.last().filter(|_| more).map(|entry| token_of(entry.place));
        let entries = (before + 1..).zip(entries);
        let entries = entries.map(|(position, entry)| told(&entry, position, expected_ms(position, service)));
        Ok(Response::new(v1::GetQueueResponse {
            entries: entries.collect(),
            waiting,
            next_page_token: next.unwrap_or_default(),
        }))
    }

    async fn list_agents(
        &self,
        request: Request<v1::ListAgentsRequest>,
    ) -> Result<Response<v1::ListAgentsResponse>, Status> {
        let asked = request.into_inner();
        let size = page_size(asked.page_size)?;
        let after = agent_of(&asked.page_token)?;
        at_least(&self.reader, &asked.at_least).await.map_err(status)?;
        let store = &self.reader.model().store;
        let mut agents =
            queries::agents(store, &asked.tenant, &after, i64::from(size) + 1).await.map_err(status)?;
        let more = agents.len() > size as usize;
        agents.truncate(size as usize);
        let next = agents.last().filter(|_| more).map(|agent| agent.id.to_string());
        Ok(Response::new(v1::ListAgentsResponse {
            agents: agents.into_iter().map(agent).collect(),
            next_page_token: next.unwrap_or_default(),
        }))
    }

    async fn get_place(
        &self,
        request: Request<v1::GetPlaceRequest>,
    ) -> Result<Response<v1::GetPlaceResponse>, Status> {
        let asked = request.into_inner();
        let thread = Uuid::try_parse(&asked.thread)
            .map_err(|_| Status::invalid_argument("thread is no id of a thread"))?;
        at_least(&self.reader, &asked.at_least).await.map_err(status)?;
        let store = &self.reader.model().store;
        let entry = queries::waiting_of(store, &asked.tenant, thread).await.map_err(status)?;
        let entry = entry.ok_or_else(|| Status::not_found("the thread does not wait"))?;
        let name = (asked.tenant.as_str(), entry.queue.as_str());
        let (_, position) = queries::counts(store, name, Some(entry.place)).await.map_err(status)?;
        let service = queries::service(store, name, self.clock.now()).await.map_err(status)?;
        let told = told(&entry, position, expected_ms(position, service));
        Ok(Response::new(v1::GetPlaceResponse { queue: entry.queue, entry: Some(told) }))
    }
}

fn told(entry: &Entry, position: u32, expected_wait_ms: Option<i64>) -> v1::QueueEntry {
    v1::QueueEntry {
        thread: entry.place.thread.to_string(),
        conversation: entry.n,
        position,
        waiting_since_us: entry.place.since,
        expected_wait_ms,
    }
}

fn agent(agent: AgentRow) -> v1::Agent {
    let presence = match agent.presence {
        Presence::Online => v1::Presence::Online,
        Presence::Away => v1::Presence::Away,
        Presence::Offline => v1::Presence::Offline,
    };
    v1::Agent {
        id: agent.id.to_string(),
        name: agent.name,
        presence: presence.into(),
        capacity: agent.capacity,
        load: agent.load,
        skills: agent.skills,
        channels: agent.channels,
        queues: agent.queues,
    }
}

fn page_size(asked: u32) -> Result<u32, Status> {
    match asked {
        0 => Ok(PAGE_DEFAULT),
        1..=PAGE_MAX => Ok(asked),
        _ => Err(Status::invalid_argument(format!("page_size is above {PAGE_MAX}"))),
    }
}

fn token_of(place: Place) -> String {
    format!("{}:{}", place.since, place.thread)
}

fn place_of(token: &str) -> Result<Option<Place>, Status> {
    if token.is_empty() {
        return Ok(None);
    }
    let parse = || {
        let (since, thread) = token.split_once(':')?;
        Some(Place { since: since.parse().ok()?, thread: thread.parse().ok()? })
    };
    parse().map(Some).ok_or_else(no_token)
}

/// The agent after whom a page of agents begins; empty for the first page.
fn agent_of(token: &str) -> Result<String, Status> {
    match token {
        "" => Ok(String::new()),
        token => Uuid::try_parse(token).map(|agent| agent.to_string()).map_err(|_| no_token()),
    }
}

fn no_token() -> Status {
    Status::invalid_argument("page_token is not one of this list: begin again without it")
}

fn status(error: Error) -> Status {
    match error {
        Error::Timeout { .. } => Status::deadline_exceeded("the reader did not get there in time"),
        Error::Name { field: "at_least", .. } => Status::invalid_argument("at_least holds no positions"),
        Error::Name { .. } => Status::invalid_argument(error.to_string()),
        error => {
            tracing::warn!(error = %spine::error::chain(&error), "a query failed");
            Status::internal("the query failed")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_token_reads_back_as_its_place() {
        let place = Place { since: -5, thread: Uuid::from_u128(7) };
        assert_eq!(place_of(&token_of(place)).unwrap(), Some(place));
        assert!(place_of("x").is_err());
        let agent = Uuid::from_u128(9);
        assert_eq!(agent_of(&agent.to_string()).unwrap(), agent.to_string());
        assert!(agent_of("x").is_err() && agent_of("").unwrap().is_empty());
    }
}
