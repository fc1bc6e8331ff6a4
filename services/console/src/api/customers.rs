//! Customers, as identity answers.

use super::extract::{Params, Place};
use super::page::{self, Page};
use super::time::Time;
use super::{conversations::AtLeast, word};
use crate::access::Act;
use crate::caller::Caller;
use crate::peers::answer;
use crate::refusal::{Refusal, RefusalBody};
use crate::state::App;
use axum::Json;
use axum::extract::State;
use proto::v1::get_customer_request::Key;
use proto::v1::{self, EvidenceKind, GetCustomerRequest, ListCustomersRequest};
use runtime::{Problem, Role};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct CustomersQuery {
    /// Only the customer whom this thread belongs to.
    thread: Option<String>,
    /// 1 to 200; 50 without it.
    page_size: Option<u32>,
    cursor: Option<String>,
    /// A log position, such as a write answered: the answer reflects at least this.
    at_least: Option<String>,
}

/// A person, known by the threads that belong to them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Customer {
    pub(crate) id: String,
    pub(crate) threads: Vec<CustomerThread>,
    pub(crate) first_touch: Option<CustomerTouch>,
    pub(crate) last_touch: Option<CustomerTouch>,
    /// Customers that turned out to be this person.
    pub(crate) merged_from: Vec<String>,
    /// The kinds of strong evidence that were seen.
    pub(crate) evidence: Vec<String>,
    pub(crate) erased: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CustomerThread {
    pub(crate) thread: String,
    pub(crate) account: String,
    pub(crate) channel: String,
}

/// Where a customer came from.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CustomerTouch {
    pub(crate) thread: String,
    pub(crate) n: u32,
    pub(crate) at: Time,
    pub(crate) source: Option<String>,
    pub(crate) medium: Option<String>,
    pub(crate) campaign: Option<String>,
    pub(crate) scene: Option<String>,
    pub(crate) page: Option<String>,
}

fn view(customer: v1::Customer) -> Customer {
    let evidence = customer
        .evidence()
        .filter_map(|kind: EvidenceKind| word(kind.as_str_name(), "EVIDENCE_KIND_"))
        .collect();
    let touch = |touch: v1::CustomerTouch| CustomerTouch {
        thread: touch.thread,
        n: touch.conversation,
        at: Time::of(touch.at_us),
        source: touch.source,
        medium: touch.medium,
        campaign: touch.campaign,
        scene: touch.scene,
        page: touch.page,
    };
    let thread = |thread: v1::CustomerThread| CustomerThread {
        thread: thread.thread,
        account: thread.account,
        channel: thread.channel,
    };
    Customer {
        id: customer.id,
        threads: customer.threads.into_iter().map(thread).collect(),
        first_touch: customer.first_touch.map(touch),
        last_touch: customer.last_touch.map(touch),
        merged_from: customer.merged_from,
        evidence,
        erased: customer.erased,
    }
}

async fn one(app: &App, caller: &Caller, key: Key, at_least: Option<String>) -> Result<Customer, Refusal> {
    let tenant = caller.tenant.to_string();
    let request = GetCustomerRequest { tenant, key: Some(key), at_least: at_least.unwrap_or_default() };
    let mut identity = app.peers().identity()?;
    let found = answer(Role::Identity, identity.get_customer(request)).await?;
    Ok(view(found.customer.ok_or_else(|| Problem::not_found("customer"))?))
}

/// Customers, the one with the latest touch first; or the one of a thread.
#[utoipa::path(
    get, path = "/customers", operation_id = "listCustomers", tag = "customers", params(CustomersQuery),
    responses((status = 200, body = Page<Customer>), RefusalBody)
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(query): Params<CustomersQuery>,
) -> Result<Json<Page<Customer>>, Refusal> {
    caller.check(Act::ReadCustomers)?;
    let page_size = page::size(query.page_size)?;
    if let Some(thread) = query.thread {
        let customer = one(&app, &caller, Key::Thread(thread), query.at_least).await?;
        return Ok(Json(Page { items: vec![customer], next: None }));
    }
    let request = ListCustomersRequest {
        tenant: caller.tenant.to_string(),
        page_size,
        page_token: query.cursor.unwrap_or_default(),
        at_least: query.at_least.unwrap_or_default(),
    };
    let mut identity = app.peers().identity()?;
    let found = answer(Role::Identity, identity.list_customers(request)).await?;
    let items = found.customers.into_iter().map(view).collect();
    Ok(Json(Page { items, next: page::of_peer(found.next_page_token) }))
}

/// One customer; one that was merged into another answers with the one that goes on.
#[utoipa::path(
    get, path = "/customers/{id}", operation_id = "getCustomer", tag = "customers",
    params(("id" = String, Path), ("at_least" = Option<String>, Query)),
    responses((status = 200, body = Customer), RefusalBody)
)]
pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Place(id): Place<String>,
    Params(query): Params<AtLeast>,
) -> Result<Json<Customer>, Refusal> {
    caller.check(Act::ReadCustomers)?;
    Ok(Json(one(&app, &caller, Key::Customer(id), query.at_least).await?))
}
