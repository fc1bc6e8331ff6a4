//! The feed: every event of a lead once and in order, whatever dies; of an erased person nothing but that.

use crate::stream::{Message, all, types_of, wanted};
use crate::world::{TENANT, World, lead_address, on_each};
use events::feed::LeadFeedType;
use events::lead::{Consent, DetailKind};
use ground::Server;
use std::collections::BTreeSet;
use std::time::Duration;

async fn fed(world: &World, server: &Server) -> Vec<Message> {
    world
        .until("everything is fed", async |world| {
            let ids: BTreeSet<String> =
                all(server).await.iter().map(|message| message.event.id.clone()).collect();
            ids.is_superset(&wanted(world).await)
        })
        .await;
    all(server).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_learns_of_a_lead_in_clear_and_in_order() {
    on_each(async |place, server| {
        let world = World::start(&place, &server).await;
        let mut customer = World::customer();
        let (lead, message) = (customer.lead(1), customer.says(&world, "13812345678 微信同号").await);
        world.until("a lead", async |world| !world.lead(&lead).await.is_empty()).await;
        customer.says(&world, "我叫王小明").await;
        world.until("a name", async |world| world.values(&lead).await.len() == 3).await;
        customer.says(&world, "别打电话给我").await;
        world.until("a score and a refusal", async |world| world.lead(&lead).await.len() >= 5).await;
        let messages = fed(&world, &server).await;
        let of = |kind| messages.iter().filter(move |message| message.event.kind == kind);
        let created = of(LeadFeedType::Created).next().unwrap();
        assert_eq!(created.subject, format!("leads.{TENANT}.created.{lead}"));
        assert_eq!(
            (created.event.source.as_str(), created.event.subject.as_str()),
            ("/tenants/shop", &*lead)
        );
        let details: Vec<_> =
            created.event.data.details.iter().map(|detail| (detail.kind, detail.value.as_str())).collect();
        assert_eq!(details, [(DetailKind::Phone, "13812345678"), (DetailKind::Wechat, "13812345678")]);
        assert_eq!(created.event.data.details[0].message, message.to_string());
        // A word about being contacted tells all details again, under it.
        let updates: Vec<&Message> = of(LeadFeedType::Updated).collect();
        assert_eq!(updates[0].event.data.details[0].value, "王小明");
        let refused = &updates[1].event.data.details;
        assert!(refused.len() == 3 && refused.iter().all(|detail| detail.consent == Consent::Refused));
        assert_eq!(types_of(&messages, &lead)[0], LeadFeedType::Created);
        assert!(of(LeadFeedType::Qualified).next().unwrap().event.data.score.is_some());
        world.kill().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feeder_that_dies_anywhere_leaves_no_gap_and_no_double() {
    on_each(async |place, server| {
        let mut spoken = 0_u64;
        for round in 0..12_u64 {
            let world = World::start(&place, &server).await;
            let writing = async {
                for _ in 0..10 {
                    spoken += 1;
                    let mut customer = World::customer();
                    customer.says(&world, "你好").await;
                    customer.says(&world, &format!("我叫王小明，要买，电话 138{:08}", spoken % 40)).await;
                }
            };
            // A different moment each round, so that every step is cut at some time.
            let life = Duration::from_millis(40 + (round * 97) % 311);
            tokio::select! {
                () = writing => tokio::time::sleep(life).await,
                () = tokio::time::sleep(life) => {}
            }
            world.kill().await;
        }
        let world = World::start(&place, &server).await;
        let mut last = World::customer();
        last.says(&world, "邮箱 last@example.com").await;
        world.until("the last lead", async |world| !world.lead(&last.lead(1)).await.is_empty()).await;
        // What was cut is done now: captures, scores, joins.
        world.at_rest().await;
        let messages = fed(&world, &server).await;
        let ids: Vec<&str> = messages.iter().map(|message| message.event.id.as_str()).collect();
        let once: BTreeSet<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        assert_eq!(ids.len(), once.len(), "doubles");
        assert_eq!(once, wanted(&world).await);
        world.verified().await;
        world.kill().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_erased_alone_is_told_no_more_while_its_conversation_goes_on() {
    on_each(async |place, server| {
        let world = World::start(&place, &server).await;
        let mut customer = World::customer();
        customer.says(&world, "电话 13812345678").await;
        let lead = customer.lead(1);
        world.until("a lead", async |world| !world.lead(&lead).await.is_empty()).await;
        fed(&world, &server).await;
        world.erases_lead(&lead, spine::new_id()).await;
        let erased = world.lead(&lead).await.len();
        // The same number again, and another one: the law's word stands for the whole conversation.
        customer.says(&world, "13812345678").await;
        customer.says(&world, "或者 13900001111").await;
        let mut later = World::customer();
        later.says(&world, "电话 13700002222").await;
        let other = later.lead(1);
        world.until("what came later", async |world| !world.lead(&other).await.is_empty()).await;
        fed(&world, &server).await;
        assert_eq!(world.lead(&lead).await.len(), erased);
        world.verified().await;
        world.kill().await;

        // A feed made anew tells nothing of it either, although the thread's key still opens what the log holds.
        async_nats::jetstream::new(server.nats().await.client().clone())
            .delete_stream("LEADS")
            .await
            .unwrap();
        let world = World::start(&place, &server).await;
        world
            .until("fed again", async |_| {
                let messages = all(&server).await;
                !types_of(&messages, &other).is_empty() && !types_of(&messages, &lead).is_empty()
            })
            .await;
        let messages = all(&server).await;
        assert_eq!(types_of(&messages, &lead), [LeadFeedType::Erased]);
        world.kill().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_erased_person_only_the_erasure_is_fed() {
    on_each(async |place, server| {
        let world = World::start(&place, &server).await;
        let mut early = World::customer();
        early.says(&world, "电话 13812345678").await;
        let lead = early.lead(1);
        world.until("a lead", async |world| !world.lead(&lead).await.is_empty()).await;
        fed(&world, &server).await;
        early.is_erased(&world, std::slice::from_ref(&lead)).await;
        let mut late = World::customer();
        late.says(&world, "电话 13900001111").await;
        let other = late.lead(1);
        world.until("another lead", async |world| !world.lead(&other).await.is_empty()).await;
        fed(&world, &server).await;
        world.kill().await;
        assert_eq!(types_of(&all(&server).await, &lead), [LeadFeedType::Created, LeadFeedType::Erased]);

        // A feed made anew after the erasure tells nothing else of the person.
        let nats = server.nats().await;
        async_nats::jetstream::new(nats.client().clone()).delete_stream("LEADS").await.unwrap();
        let world = World::start(&place, &server).await;
        world
            .until("fed again", async |_| {
                let messages = all(&server).await;
                !types_of(&messages, &other).is_empty() && !types_of(&messages, &lead).is_empty()
            })
            .await;
        let messages = all(&server).await;
        assert_eq!(types_of(&messages, &lead), [LeadFeedType::Erased]);
        let erased = messages.iter().find(|message| message.event.subject == lead).unwrap();
        assert!(erased.event.data.thread.is_none() && erased.event.data.details.is_empty());
        let phone = b"13812345678";
        assert!(
            messages.iter().all(|message| !message.bytes.windows(phone.len()).any(|window| window == phone))
        );
        world.kill().await;
    })
    .await;
}

/// What is wrong with a message.
#[derive(PartialEq)]
enum Broken {
    /// Nobody can read its events.
    Payload,
    /// Nor its headers.
    Headers,
    /// It has none, so no decision wrote it.
    Foreign,
}

/// Stores such a message behind the lead's last one.
async fn breaks(server: &Server, lead: &str, broken: Broken) {
    let jetstream = async_nats::jetstream::new(server.nats().await.client().clone());
    let address = lead_address(lead);
    let stream = jetstream.get_stream(address.stream()).await.unwrap();
    let last = stream.get_last_raw_message_by_subject(&address.subject()).await.unwrap();
    let mut headers = async_nats::HeaderMap::new();
    if broken != Broken::Foreign {
        let ours = last.headers.iter().filter(|(name, _)| !name.to_string().starts_with("Nats-"));
        ours.for_each(|(name, values)| headers.insert(name.clone(), values[0].clone()));
        let version: u64 = headers.get("tributary-version").unwrap().as_str().parse().unwrap();
        headers.insert("tributary-version", (version + 1).to_string());
    }
    if broken == Broken::Headers {
        headers.insert("ce-time", "yesterday");
    }
    let stored = jetstream.publish_with_headers(address.subject(), headers, "{}".into()).await.unwrap();
    stored.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_with_an_unreadable_message_is_told_without_details_unless_it_surely_lives() {
    on_each(async |place, server| {
        let world = World::start(&place, &server).await;
        let mut leads = Vec::new();
        for number in 0..5 {
            let mut customer = World::customer();
            customer.says(&world, &format!("电话 1381234567{number}")).await;
            leads.push(customer.lead(1));
        }
        let all_there = async |world: &World| {
            for lead in &leads {
                if world.lead(lead).await.is_empty() {
                    return false;
                }
            }
            true
        };
        world.until("the leads", all_there).await;
        world.at_rest().await;
        let [erased, payload, headers, foreign, sound] = &leads[..] else { panic!("five leads") };
        // Erased alone: the key of its conversation lives.
        world.erases_lead(erased, spine::new_id()).await;
        world.kill().await;
        breaks(&server, erased, Broken::Payload).await;
        breaks(&server, payload, Broken::Payload).await;
        breaks(&server, headers, Broken::Headers).await;
        breaks(&server, foreign, Broken::Foreign).await;
        let nats = server.nats().await;
        async_nats::jetstream::new(nats.client().clone()).delete_stream("LEADS").await.unwrap();

        let world = World::start(&place, &server).await;
        world
            .until("fed again", async |_| {
                let messages = all(&server).await;
                leads.iter().all(|lead| !types_of(&messages, lead).is_empty())
            })
            .await;
        let messages = all(&server).await;
        assert_eq!(types_of(&messages, erased), [LeadFeedType::Erased]);
        let details = |lead: &str| {
            let of_lead = messages.iter().filter(|message| message.event.subject == lead);
            of_lead.map(|message| message.event.data.details.len()).sum::<usize>()
        };
        for lead in [payload, headers] {
            assert_eq!(types_of(&messages, lead)[0], LeadFeedType::Created);
            assert_eq!(details(lead), 0, "{leads:?}: {lead}");
        }
        for lead in [sound, foreign] {
            assert_eq!(details(lead), 1, "told as ever: {leads:?}: {lead}");
        }
        world.kill().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_services_feed_every_event_once() {
    on_each(async |place, server| {
        // On Postgres these are two replicas. On SQLite there is one process, and two that know nothing of each other
        // are one too many: whichever feeds, the stream refuses the other.
        let world = World::start(&place, &server).await;
        let elsewhere = place.below("zombie");
        let zombie = World::start(&elsewhere, &server).await;
        for number in 0..30 {
            let mut customer = World::customer();
            customer.says(&world, &format!("电话 139{number:08}")).await;
        }
        world.until("thirty leads", async |world| wanted(world).await.len() >= 30).await;
        let messages = fed(&world, &server).await;
        let ids: BTreeSet<&str> = messages.iter().map(|message| message.event.id.as_str()).collect();
        assert_eq!(ids.len(), messages.len(), "doubles");
        zombie.kill().await;
        world.kill().await;
    })
    .await;
}
