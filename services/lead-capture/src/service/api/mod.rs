//! What lead-capture is asked: leads with their details, masked unless somebody answers for the opening.

mod feed;
mod rows;

use super::address::address_of;
use laws::access::{self, Access};
use proto::v1::leads_service_server::LeadsService;
use proto::v1::{
    GetLeadRequest, GetLeadResponse, ListLeadsRequest, ListLeadsResponse, ReadFeedRequest, ReadFeedResponse,
};
use role::at_least;
use rows::Page;
use spine::{Address, Cause, Entity, Error, Log, Reader, Refused, new_id};
use tonic::{Request, Response, Status};

const PAGE_SIZE: u32 = 50;
const PAGE_SIZE_MAX: u32 = 200;
/// Leads that one record of an opening names in full.
const NAMED_MAX: usize = 50;

/// The gRPC service.
pub(crate) struct Api {
    pub(crate) log: Log,
    pub(crate) reader: Reader,
}

#[tonic::async_trait]
impl LeadsService for Api {
    async fn get_lead(&self, request: Request<GetLeadRequest>) -> Result<Response<GetLeadResponse>, Status> {
        let GetLeadRequest { tenant, lead, clear, actor, at_least: positions } = request.into_inner();
        check_actor(clear, &actor)?;
        at_least(&self.reader, &positions).await.map_err(status)?;
        let model = self.reader.model();
        let found = rows::one(&model.store, &tenant, &lead, clear).await.map_err(status)?;
        let found = found.ok_or_else(|| Status::not_found("there is no such lead"))?;
        if clear && !found.details.is_empty() {
            let what = address_of(&tenant, &lead).map_err(status)?.subject();
            self.record(&tenant, (&actor, "get_lead"), what).await?;
        }
        Ok(Response::new(GetLeadResponse { lead: Some(found) }))
    }

    async fn list_leads(
        &self,
        request: Request<ListLeadsRequest>,
    ) -> Result<Response<ListLeadsResponse>, Status> {
        let request = request.into_inner();
        check_actor(request.clear, &request.actor)?;
        let size = match request.page_size {
            0 => PAGE_SIZE,
            size @ 1..=PAGE_SIZE_MAX => size,
            _ => return Err(Status::invalid_argument(format!("page_size is at most {PAGE_SIZE_MAX}"))),
        };
        let after = request.page_token.as_str();
        let after =
            if after.is_empty() { Page::first() } else { Page::parse(after).ok_or_else(bad_token)? };
        at_least(&self.reader, &request.at_least).await.map_err(status)?;
        let filter = request.filter.unwrap_or_default();
        let asked = rows::Asked { tenant: &request.tenant, filter: &filter, after: &after, size };
        let model = self.reader.model();
        let leads = rows::list(&model.store, &asked, request.clear).await.map_err(status)?;
        if request.clear && leads.iter().any(|lead| !lead.details.is_empty()) {
            let shown = leads.iter().filter(|lead| !lead.details.is_empty()).map(|lead| &*lead.id);
            let what = range(&request.tenant, &shown.collect::<Vec<_>>());
            self.record(&request.tenant, (&request.actor, "list_leads"), what).await?;
        }
        let full = leads.len() == size as usize;
        let next = leads.last().filter(|_| full).map(|lead| Page::after(lead).to_string());
        Ok(Response::new(ListLeadsResponse { leads, next_page_token: next.unwrap_or_default() }))
    }

    async fn read_feed(
        &self,
        request: Request<ReadFeedRequest>,
    ) -> Result<Response<ReadFeedResponse>, Status> {
        Ok(Response::new(self.feed(request.into_inner()).await?))
    }
}

impl Api {
    /// Records an opening durably before anything is shown.
    async fn record(&self, tenant: &str, (actor, why): (&str, &str), what: String) -> Result<(), Status> {
        let event = events::AccessEvent::Opened {
            by: actor.into(),
            role: super::ACTOR.into(),
            reason: why.into(),
            what,
            at: self.log.clock().now(),
        };
        let id = new_id();
        let address = Address::of(tenant, Access::KIND, id).map_err(status)?;
        self.log.assume_new::<Access>(&address);
        let cause = Cause::new(id, "open", super::ACTOR);
        let decided =
            self.log.transact::<Access, _>(&address, &cause, |state| access::record(state, &event)).await;
        match decided {
            Ok(_) => Ok(()),
            Err(Refused::Failed(error)) => Err(status(error)),
            Err(Refused::Rejected(never)) => match never {},
        }
    }
}

fn check_actor(clear: bool, actor: &str) -> Result<(), Status> {
    if clear && actor.trim().is_empty() {
        return Err(Status::invalid_argument("clear needs an actor who answers for it"));
    }
    Ok(())
}

fn bad_token() -> Status {
    Status::invalid_argument("page_token is not one of this service's")
}

/// The subjects that were shown: each by its id, or the first and the last of many.
fn range(tenant: &str, shown: &[&str]) -> String {
    match shown {
        [first, .., last] if shown.len() > NAMED_MAX => {
            format!("leads of {tenant}: {} from {first} to {last}", shown.len())
        }
        _ => format!("leads of {tenant}: {}", shown.join(" ")),
    }
}

fn status(error: Error) -> Status {
    match error {
        Error::Name { field: "at_least", .. } => Status::invalid_argument("at_least holds no positions"),
        Error::Name { .. } => Status::invalid_argument(error.to_string()),
        Error::Timeout { .. } => Status::deadline_exceeded(error.to_string()),
        other => {
            tracing::warn!(error = &other as &dyn std::error::Error, "a query of leads failed");
            Status::internal("the leads cannot be read")
        }
    }
}
