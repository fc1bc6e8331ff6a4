//! The gRPC queries: who is this, and who is there.

use crate::query::{self, Page};
use proto::v1::get_customer_request::Key;
use proto::v1::identity_service_server::IdentityService;
use proto::v1::{GetCustomerRequest, GetCustomerResponse, ListCustomersRequest, ListCustomersResponse};
use spine::{Error, Reader};
use tonic::{Request, Response, Status};
use uuid::Uuid;

const PAGE_SIZE_MAX: u32 = 200;
const PAGE_SIZE: u32 = 50;

/// Answers from the read model.
pub(crate) struct Api {
    reader: Reader,
}

impl Api {
    pub(crate) fn new(reader: Reader) -> Self {
        Self { reader }
    }
}

#[tonic::async_trait]
impl IdentityService for Api {
    async fn get_customer(
        &self,
        request: Request<GetCustomerRequest>,
    ) -> Result<Response<GetCustomerResponse>, Status> {
        let asked = request.into_inner();
        role::at_least(&self.reader, &asked.at_least).await.map_err(status)?;
        let model = self.reader.model();
        let reads = model.store.reads();
        let customer = match asked.key {
            Some(Key::Customer(id)) => query::root_of_customer(reads, &asked.tenant, parse(&id)?).await,
            Some(Key::Thread(id)) => query::root_of_thread(reads, &asked.tenant, parse(&id)?).await,
            None => return Err(Status::invalid_argument("name a customer or a thread")),
        };
        let unknown = || Status::not_found("there is no such customer");
        let customer = customer.map_err(status)?.ok_or_else(unknown)?;
        let found = query::customers(reads, &[customer]).await.map_err(status)?;
        let customer = Some(found.into_iter().next().ok_or_else(unknown)?);
        Ok(Response::new(GetCustomerResponse { customer }))
    }

    async fn list_customers(
        &self,
        request: Request<ListCustomersRequest>,
    ) -> Result<Response<ListCustomersResponse>, Status> {
        let asked = request.into_inner();
        let size = match asked.page_size {
            0 => PAGE_SIZE,
            size if size <= PAGE_SIZE_MAX => size,
            _ => return Err(Status::invalid_argument("page_size is above 200")),
        };
        let after = match asked.page_token.as_str() {
            "" => None,
            token => {
                Some(Page::parse(token).ok_or_else(|| Status::invalid_argument("page_token is not ours"))?)
            }
        };
        role::at_least(&self.reader, &asked.at_least).await.map_err(status)?;
        let model = self.reader.model();
        let reads = model.store.reads();
        let (ids, next) = query::page(reads, &asked.tenant, after, size).await.map_err(status)?;
        let customers = query::customers(reads, &ids).await.map_err(status)?;
        let next_page_token = next.map(|page| page.to_string()).unwrap_or_default();
        Ok(Response::new(ListCustomersResponse { customers, next_page_token }))
    }
}

fn parse(id: &str) -> Result<Uuid, Status> {
    Uuid::try_parse(id).map_err(|_| Status::not_found("there is no such customer"))
}

/// What a fault of the machine is called outside; its text is for the log.
fn status(error: Error) -> Status {
    match &error {
        Error::Name { field: "at_least", .. } => Status::invalid_argument("at_least holds no positions"),
        Error::Name { .. } => Status::invalid_argument(error.to_string()),
        Error::Timeout { .. } => Status::deadline_exceeded("the read model is not there yet"),
        _ => {
            tracing::error!(error = &error as &dyn std::error::Error, "a query failed");
            Status::internal("the read model cannot be read")
        }
    }
}
