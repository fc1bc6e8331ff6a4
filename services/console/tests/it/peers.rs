//! Other services that are stopped, and some that answer.

use crate::world::{credential, on_each, on_each_among};
use console::access::Role;
use proto::v1::analytics_service_server::{AnalyticsService, AnalyticsServiceServer};
use proto::v1::identity_service_server::{IdentityService, IdentityServiceServer};
use proto::v1::knowledge_service_server::{KnowledgeService, KnowledgeServiceServer};
use proto::v1::leads_service_server::{LeadsService, LeadsServiceServer};
use proto::v1::routing_service_server::{RoutingService, RoutingServiceServer};
use proto::v1::*;
use reqwest::StatusCode;
use runtime::grpc::{Services, serve};
use serde_json::json;
use std::collections::BTreeMap;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

const SPAN: &str = "from=2026-01-01T00:00:00Z&to=2026-02-01T08:00:00%2B08:00";

#[tokio::test]
async fn a_stopped_service_is_named_and_the_rest_goes_on() {
    on_each(async |world| {
        let admin = world.token(Role::Admin, None).await;
        for (path, service) in [
            ("/queue".to_owned(), "routing"),
            ("/leads".to_owned(), "lead-capture"),
            ("/customers/x".to_owned(), "identity"),
            (format!("/analytics/summary?{SPAN}"), "analytics"),
            ("/knowledge".to_owned(), "ai-agent"),
        ] {
            let answer = world.get(&admin, &path).await;
            assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path} {}", answer.body);
            assert_eq!(answer.body["type"], "urn:tributary:problem:stopped");
            assert_eq!(answer.body["detail"], format!("{service} is stopped"));
        }
        assert_eq!(world.get(&admin, "/conversations").await.status, StatusCode::OK);
        world.stop().await;
    })
    .await;
}

/// Answers every question with what was asked in it.
#[derive(Clone)]
struct Echo;

fn page_of(tenant: &str, size: u32, token: &str) -> String {
    format!("{tenant}/{size}/{token}")
}

#[tonic::async_trait]
impl LeadsService for Echo {
    async fn get_lead(&self, request: Request<GetLeadRequest>) -> Result<Response<GetLeadResponse>, Status> {
        let asked = request.into_inner();
        if asked.lead == "none" {
            return Err(Status::not_found("no such lead"));
        }
        let detail = LeadDetail {
            kind: DetailKind::Phone.into(),
            value: format!("clear={} actor={}", asked.clear, asked.actor),
            at_us: 1_000_000,
            ..LeadDetail::default()
        };
        let lead =
            Lead { id: asked.lead, details: vec![detail], consent: Consent::Given.into(), ..Lead::default() };
        Ok(Response::new(GetLeadResponse { lead: Some(lead) }))
    }

    async fn list_leads(
        &self,
        request: Request<ListLeadsRequest>,
    ) -> Result<Response<ListLeadsResponse>, Status> {
        let asked = request.into_inner();
        let filter = asked.filter.unwrap_or_default();
        let lead = Lead { id: format!("{:?}", filter.from_us), captured_at_us: 5, ..Lead::default() };
        let next_page_token = page_of(&asked.tenant, asked.page_size, &asked.page_token);
        Ok(Response::new(ListLeadsResponse { leads: vec![lead], next_page_token }))
    }

    async fn read_feed(&self, _: Request<ReadFeedRequest>) -> Result<Response<ReadFeedResponse>, Status> {
        Err(Status::unimplemented("asked in the tests of the feed"))
    }
}

#[tonic::async_trait]
impl RoutingService for Echo {
    async fn get_queue(
        &self,
        request: Request<GetQueueRequest>,
    ) -> Result<Response<GetQueueResponse>, Status> {
        let asked = request.into_inner();
        if asked.at_least == "1.0:9" {
            return Err(Status::deadline_exceeded("not there yet"));
        }
        let entry = QueueEntry { thread: asked.queue, position: 1, ..QueueEntry::default() };
        let next_page_token = page_of(&asked.tenant, asked.page_size, &asked.page_token);
        Ok(Response::new(GetQueueResponse { entries: vec![entry], waiting: 9, next_page_token }))
    }

    async fn list_agents(
        &self,
        _: Request<ListAgentsRequest>,
    ) -> Result<Response<ListAgentsResponse>, Status> {
        Err(Status::unimplemented("the console has its own"))
    }

    async fn get_place(&self, _: Request<GetPlaceRequest>) -> Result<Response<GetPlaceResponse>, Status> {
        Err(Status::unimplemented("not asked"))
    }
}

#[tonic::async_trait]
impl IdentityService for Echo {
    async fn get_customer(
        &self,
        request: Request<GetCustomerRequest>,
    ) -> Result<Response<GetCustomerResponse>, Status> {
        let customer = Customer {
            id: format!("{:?}", request.into_inner().key),
            evidence: vec![EvidenceKind::VerifiedPhone.into()],
            first_touch: Some(CustomerTouch {
                campaign: Some("双十一".into()), ..CustomerTouch::default()
            }),
            ..Customer::default()
        };
        Ok(Response::new(GetCustomerResponse { customer: Some(customer) }))
    }

    async fn list_customers(
        &self,
        _: Request<ListCustomersRequest>,
    ) -> Result<Response<ListCustomersResponse>, Status> {
        Ok(Response::new(ListCustomersResponse { customers: vec![], next_page_token: String::new() }))
    }
}

#[tonic::async_trait]
impl KnowledgeService for Echo {
    async fn list_entries(
        &self,
        _: Request<ListEntriesRequest>,
    ) -> Result<Response<ListEntriesResponse>, Status> {
        let entry =
            KnowledgeEntry { slug: "ship".into(), valid_from_us: Some(0), ..KnowledgeEntry::default() };
        Ok(Response::new(ListEntriesResponse { entries: vec![entry], next_page_token: String::new() }))
    }

    async fn ask(&self, request: Request<AskRequest>) -> Result<Response<AskResponse>, Status> {
        let asked = request.into_inner();
        let outcome = match asked.text.as_str() {
            "" => return Err(Status::invalid_argument("the text is empty")),
            "人工" => ask_response::Outcome::Handover(HandoverReason::WantsPerson.into()),
            text => ask_response::Outcome::Answer(text.into()),
        };
        Ok(Response::new(AskResponse { outcome: Some(outcome), confidence: 900, citations: vec![] }))
    }
}

#[tonic::async_trait]
impl AnalyticsService for Echo {
    async fn summary(&self, request: Request<SummaryRequest>) -> Result<Response<SummaryResponse>, Status> {
        let asked = request.into_inner();
        let metrics = Metrics {
            conversations: asked.group_by.into(),
            leads_rate: Some(0.25),
            leads_rate_denominator: LeadsRateDenominator::Opened.into(),
            handovers: vec![HandoverCount { reason: HandoverReason::Anger.into(), count: 2 }],
            ..Metrics::default()
        };
        let group = Some(summary_row::Group::HourUs(asked.filter.unwrap_or_default().to_us));
        let rows = vec![SummaryRow { group, metrics: Some(metrics) }];
        let definition =
            MetricDefinition { metric: Metric::FirstResponse.into(), version: 2, dated_by: "Opened".into() };
        Ok(Response::new(SummaryResponse { rows, definitions: vec![definition] }))
    }

    async fn threads(&self, request: Request<ThreadsRequest>) -> Result<Response<ThreadsResponse>, Status> {
        let asked = request.into_inner();
        let counted = CountedConversation {
            thread: format!("{:?}", asked.metric()),
            reason: asked.reason,
            ..CountedConversation::default()
        };
        Ok(Response::new(ThreadsResponse { conversations: vec![counted], next_page_token: String::new() }))
    }
}

#[tokio::test]
async fn services_are_asked_for_the_callers_tenant_and_their_answers_are_put_in_words() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (shutdown, mut servers) = (CancellationToken::new(), JoinSet::new());
    let services = Services::new(credential(), proto::FILE_DESCRIPTOR_SET)
        .with(LeadsServiceServer::new(Echo))
        .with(RoutingServiceServer::new(Echo))
        .with(IdentityServiceServer::new(Echo))
        .with(KnowledgeServiceServer::new(Echo))
        .with(AnalyticsServiceServer::new(Echo));
    servers.spawn(serve(listener, services, runtime::Health::new(), shutdown.clone()));
    let peers: BTreeMap<_, _> = runtime::Role::ALL.map(|role| (role, address.clone())).into();
    on_each_among(peers, async |world| {
        let token = world.token(Role::Admin, None).await;
        let get = async |path: &str| world.get(&token, path).await.ok();

        let lead = get("/leads/l-1").await;
        assert_eq!((&lead["consent"], &lead["details"][0]["kind"]), (&json!("given"), &json!("phone")));
        assert_eq!(lead["details"][0]["at"], "1970-01-01T00:00:01Z");
        assert!(lead["details"][0]["value"].as_str().unwrap().starts_with("clear=false actor=token:"));
        let lead = get("/leads/l-1?clear=true").await;
        assert!(lead["details"][0]["value"].as_str().unwrap().starts_with("clear=true"));
        assert_eq!(world.get(&token, "/leads/none").await.status, StatusCode::NOT_FOUND);
        let leads = get("/leads?from=1970-01-01T00:00:01Z&page_size=7&cursor=c").await;
        assert_eq!((&leads["items"][0]["id"], &leads["next"]), (&json!("Some(1000000)"), &json!("shop/7/c")));
        assert_eq!(world.get(&token, "/leads?from=yesterday").await.status, StatusCode::UNPROCESSABLE_ENTITY);

        let queue = get("/queue").await;
        assert_eq!((&queue["waiting"], &queue["items"][0]["thread"]), (&json!(9), &json!("default")));
        assert_eq!(queue["queues"], json!([{"queue": "default", "waiting": 9}]));
        let late = world.get(&token, "/queue?at_least=1.0:9").await;
        assert_eq!(late.status, StatusCode::GATEWAY_TIMEOUT);

        let customer = get("/customers/c1").await;
        assert_eq!(customer["evidence"], json!(["verified_phone"]));
        assert_eq!(customer["first_touch"]["campaign"], "双十一");
        let of_thread = get("/customers?thread=t1").await;
        assert_eq!(of_thread["items"][0]["id"], "Some(Thread(\"t1\"))");

        let summary = get(&format!("/analytics/summary?group_by=hour&{SPAN}")).await;
        let row = &summary["rows"][0];
        assert_eq!((&row["group"], &row["conversations"]), (&json!("2026-02-01T00:00:00Z"), &json!(3)));
        assert_eq!((&row["leads_rate"], &row["leads_rate_denominator"]), (&json!(0.25), &json!("opened")));
        assert_eq!(row["handovers"], json!([{"reason": "anger", "count": 2}]));
        assert_eq!(summary["definitions"][0]["metric"], "first_response");
        let counted = get(&format!("/analytics/threads?metric=handovers&reason=anger&{SPAN}")).await;
        let counted = &counted["items"][0];
        assert_eq!((&counted["thread"], &counted["reason"]), (&json!("Handovers"), &json!("anger")));
        let unknown = world.get(&token, &format!("/analytics/threads?metric=luck&{SPAN}")).await;
        assert_eq!((unknown.status.as_u16(), &unknown.body["field"]), (422, &json!("metric")));
        let none = world.get(&token, "/leads/none").await;
        assert_eq!(none.body["detail"], "No such lead.");

        assert_eq!(get("/knowledge").await["items"][0]["valid_from"], "1970-01-01T00:00:00Z");
        let trial = world.post(&token, "/knowledge/ask", json!({"text": "人工"})).await.ok();
        assert_eq!((&trial["handover"], &trial["confidence"]), (&json!("wants_person"), &json!(900)));
        let empty = world.post(&token, "/knowledge/ask", json!({"text": ""})).await;
        assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
        world.stop().await;
    })
    .await;
    shutdown.cancel();
    servers.shutdown().await;
}
