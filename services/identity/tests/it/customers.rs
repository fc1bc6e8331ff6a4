//! Customers appear, are touched, listed and found again after a crash and a rebuild.

use crate::world::{Runs, TENANT, on_each};
use identity::ids::customer_of;
use proto::v1::{GetCustomerRequest, ListCustomersRequest, get_customer_request::Key};
use tonic::Code;

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_writes_is_a_customer_with_their_touches() {
    on_each(async |world| {
        let anna = world.writes("anna", "hello", Some("ad-1")).await;
        world.writes("anna", "again", Some("ad-2")).await;
        world.writes("bob", "hello", None).await;
        world.settled().await;
        let customer = world.customer_of(anna).await;
        assert_eq!(customer.id, customer_of(anna).to_string());
        assert_eq!(customer.threads.len(), 1);
        assert_eq!(customer.threads[0].channel, "http");
        let source = |touch: Option<proto::v1::CustomerTouch>| touch.unwrap().source.unwrap();
        // Within one conversation the first touch is the one that counts.
        assert_eq!(source(customer.first_touch), "ad-1");
        assert_eq!(source(customer.last_touch), "ad-1");
        world.rebuilds_to_the_same().await;
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_are_listed_page_by_page_the_latest_first() {
    on_each(async |world| {
        let mut threads = Vec::new();
        for person in 0..7 {
            threads.push(world.writes(&format!("p{person}"), "hello", None).await);
        }
        world.settled().await;
        let mut client = world.client().await;
        let (mut listed, mut token) = (Vec::new(), String::new());
        loop {
            let asked = ListCustomersRequest {
                tenant: TENANT.into(),
                page_size: 3,
                page_token: token,
                at_least: String::new(),
            };
            let page = client.list_customers(asked).await.unwrap().into_inner();
            listed.extend(page.customers.into_iter().map(|customer| customer.id));
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        let wanted: Vec<String> = threads.iter().rev().map(|id| customer_of(*id).to_string()).collect();
        assert_eq!(listed, wanted);
        let too_many = ListCustomersRequest { tenant: TENANT.into(), page_size: 201, ..Default::default() };
        assert_eq!(client.list_customers(too_many).await.unwrap_err().code(), Code::InvalidArgument);
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_of_another_tenant_is_not_found() {
    on_each(async |world| {
        let anna = world.writes("anna", "hello", None).await;
        world.settled().await;
        let mut client = world.client().await;
        let mut ask = async |tenant: &str, id: String, at_least: &str| {
            let key = Some(Key::Customer(id));
            let asked = GetCustomerRequest { tenant: tenant.into(), key, at_least: at_least.into() };
            client.get_customer(asked).await.map(|_| ()).map_err(|status| status.code())
        };
        let id = customer_of(anna).to_string();
        assert_eq!(ask(TENANT, id.clone(), "").await, Ok(()));
        assert_eq!(ask("other", id.clone(), "").await, Err(Code::NotFound));
        assert_eq!(ask(TENANT, "x".into(), "").await, Err(Code::NotFound));
        assert_eq!(ask(TENANT, id, "nonsense").await, Err(Code::InvalidArgument));
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_loses_nothing_and_doubles_nothing() {
    on_each(async |mut world| {
        for round in 0..4 {
            for person in 0..10 {
                world.writes(&format!("p{round}-{person}"), "hello", Some("ad")).await;
            }
            world = world.kill_and_restart(Runs::Service).await;
        }
        world.settled().await;
        assert_eq!(world.count("SELECT COUNT(*) FROM customers WHERE appeared = 1").await, 40);
        assert_eq!(world.count("SELECT COUNT(*) FROM touches WHERE known = 1 AND asked = 1").await, 40);
        world.rebuilds_to_the_same().await;
        world.stop().await;
    })
    .await;
}
