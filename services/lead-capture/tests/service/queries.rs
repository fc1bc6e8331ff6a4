//! What is asked of the service: masked, unless somebody answers for it.

use crate::world::{TENANT, World, on_each};
use events::AccessEvent;
use laws::access::Access;
use proto::v1::leads_service_client::LeadsServiceClient;
use proto::v1::{Consent, DetailKind, GetLeadRequest, Lead, LeadFilter, ListLeadsRequest};
use spine::log::Consumption;
use spine::{Entity, PARTS};
use tonic::metadata::AsciiMetadataValue;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

pub(crate) type Client = LeadsServiceClient<InterceptedService<Channel, Show>>;

#[derive(Clone)]
pub(crate) struct Show(AsciiMetadataValue);

impl tonic::service::Interceptor for Show {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

pub(crate) async fn client(world: &World) -> Client {
    let address = format!("http://{}", world.address.unwrap());
    let channel = Channel::from_shared(address).unwrap().connect().await.unwrap();
    let bearer = format!("Bearer {}", world.host.credential.expose()).parse().unwrap();
    LeadsServiceClient::with_interceptor(channel, Show(bearer))
}

async fn get(client: &mut Client, lead: &str, actor: Option<&str>) -> Result<Lead, Status> {
    let request = GetLeadRequest {
        tenant: TENANT.into(),
        lead: lead.into(),
        clear: actor.is_some(),
        actor: actor.unwrap_or_default().into(),
        at_least: String::new(),
    };
    client.get_lead(request).await.map(|answer| answer.into_inner().lead.unwrap())
}

pub(crate) async fn openings(world: &World) -> Vec<AccessEvent> {
    let mut found = Vec::new();
    for (part, end) in (0..PARTS).zip(world.log().ends().await.unwrap()) {
        let stream = spine::address::stream_name(1, part);
        let mut reading = Consumption::of_log(world.log().nats(), stream, 1);
        for _ in 1..=end {
            let stored = reading.next().await.unwrap();
            if stored.subject.contains(&format!(".{}.", Access::KIND)) {
                let payload: serde_json::Value = serde_json::from_slice(&stored.payload).unwrap();
                found.extend(serde_json::from_value::<Vec<AccessEvent>>(payload["events"].clone()).unwrap());
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn details_are_masked_and_opening_them_is_recorded() {
    on_each(async |place, server| {
        let world = World::start(&place, &server).await;
        let mut customer = World::customer();
        let lead = customer.lead(1);
        let message = customer.says(&world, "可以打给我 13812345678").await;
        world.until("a score", async |world| world.lead(&lead).await.len() >= 2).await;
        world.caught_up().await;
        let mut client = client(&world).await;
        let found = get(&mut client, &lead, None).await.unwrap();
        assert_eq!((found.channel.as_str(), found.conversation), ("http", 1));
        assert_eq!((found.consent(), found.qualification.unwrap().score), (Consent::Given, 55));
        let detail = &found.details[0];
        assert_eq!((detail.kind(), detail.value.as_str()), (DetailKind::Phone, "138****5678"));
        assert_eq!((detail.form.as_str(), detail.message.clone()), ("plain", message.to_string()));
        assert!(openings(&world).await.is_empty());

        let found = get(&mut client, &lead, Some("anna")).await.unwrap();
        assert_eq!(found.details[0].value, "13812345678");
        let opened = openings(&world).await;
        let AccessEvent::Opened { by, what, .. } = &opened[0];
        assert!(opened.len() == 1 && by == "anna" && what.ends_with(&lead));

        let refused = client
            .get_lead(GetLeadRequest {
                tenant: TENANT.into(),
                lead: lead.clone(),
                clear: true,
                ..Default::default()
            })
            .await;
        assert_eq!(refused.unwrap_err().code(), Code::InvalidArgument);
        assert_eq!(get(&mut client, "nobody-1", None).await.unwrap_err().code(), Code::NotFound);
        let late = GetLeadRequest { at_least: "nonsense".into(), ..Default::default() };
        assert_eq!(client.get_lead(late).await.unwrap_err().code(), Code::InvalidArgument);

        customer.is_erased(&world, std::slice::from_ref(&lead)).await;
        world.caught_up().await;
        let found = get(&mut client, &lead, Some("anna")).await.unwrap();
        assert!(found.erased && found.details.is_empty() && found.qualification.is_none());
        assert_eq!(openings(&world).await.len(), 1, "nothing was shown");
        world.kill().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leads_are_listed_page_by_page_the_latest_first() {
    on_each(async |place, server| {
        let world = World::start(&place, &server).await;
        let mut leads = Vec::new();
        for number in 0..5 {
            let mut customer = World::customer();
            customer.says(&world, &format!("电话 137{number:08}")).await;
            leads.push(customer.lead(1));
        }
        for lead in &leads {
            world.until("a lead", async |world| !world.lead(lead).await.is_empty()).await;
        }
        world.caught_up().await;
        leads.reverse();
        let mut client = client(&world).await;
        let (mut found, mut page_token) = (Vec::new(), String::new());
        loop {
            let request =
                ListLeadsRequest { tenant: TENANT.into(), page_size: 2, page_token, ..Default::default() };
            let answer = client.list_leads(request).await.unwrap().into_inner();
            found.extend(answer.leads.into_iter().map(|lead| lead.id));
            page_token = answer.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(found, leads);
        let filter = LeadFilter { qualified: Some(true), ..Default::default() };
        let ask = |filter, tenant: &str| ListLeadsRequest {
            tenant: tenant.into(),
            filter: Some(filter),
            ..Default::default()
        };
        let mut count = async |request| client.list_leads(request).await.unwrap().into_inner().leads.len();
        assert_eq!(count(ask(filter, TENANT)).await, 0);
        let filter =
            LeadFilter { channel: Some("http".into()), qualified: Some(false), ..Default::default() };
        assert_eq!(count(ask(filter, TENANT)).await, 5);
        assert_eq!(count(ask(LeadFilter::default(), "other")).await, 0);
        world.kill().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_joined_lead_is_found_by_its_thread_and_names_the_lead_that_goes_on() {
    on_each(async |place, server| {
        let world = World::start(&place, &server).await;
        let (mut first, mut second) = (World::customer(), World::customer());
        first.says(&world, "电话 13812345678").await;
        world.until("a lead", async |world| !world.lead(&first.lead(1)).await.is_empty()).await;
        second.says(&world, "电话 13812345678").await;
        world.until("a joined lead", async |world| world.is_joined(&second.lead(1)).await).await;
        world.caught_up().await;
        let mut client = client(&world).await;
        let mut list = async |filter| {
            let request =
                ListLeadsRequest { tenant: TENANT.into(), filter: Some(filter), ..Default::default() };
            let leads = client.list_leads(request).await.unwrap().into_inner().leads;
            leads.into_iter().map(|lead| (lead.id, lead.joined_into)).collect::<Vec<_>>()
        };
        assert_eq!(list(LeadFilter::default()).await, [(first.lead(1), None)]);
        let thread = second.lead(1).rsplit_once('-').map(|(thread, _)| thread.to_owned());
        let found = list(LeadFilter { thread, ..Default::default() }).await;
        assert_eq!(found, [(second.lead(1), Some(first.lead(1)))]);
        world.kill().await;
    })
    .await;
}
