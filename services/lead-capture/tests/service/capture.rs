//! What is captured: once, whole, scored, and joined.

use crate::world::{World, on_each};
use events::LeadEvent;
use events::lead::{Consent, DetailKind};
use ground::Place;
use sqlx::{AnyConnection, Connection, Executor, Row};

async fn joined_into(world: &World, lead: &str) -> Option<String> {
    sqlx::query("SELECT joined_into FROM leads WHERE lead = $1")
        .bind(lead)
        .fetch_optional(world.reader().model().store.reads())
        .await
        .unwrap()
        .and_then(|row| row.get(0))
}

async fn due(world: &World) -> i64 {
    sqlx::query_scalar("SELECT COUNT(*) FROM due")
        .fetch_one(world.reader().model().store.reads())
        .await
        .unwrap()
}

/// As after the loss of the state: everything is examined again.
async fn forget_what_was_examined(place: &Place) {
    let mut connection = match &place.url {
        Some(url) => {
            let mut connection = AnyConnection::connect(url).await.unwrap();
            connection.execute("SET search_path TO state_leads").await.unwrap();
            connection
        }
        None => {
            let path = place.folder.join("state/leads.db");
            AnyConnection::connect(&format!("sqlite:{}", path.display())).await.unwrap()
        }
    };
    let done = connection.execute("UPDATE examined SET sequence = 0").await.unwrap();
    assert!(done.rows_affected() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_detail_is_captured_once_however_often_its_message_is_looked_at() {
    on_each(async |place, server| {
        let world = World::start(&place, &server).await;
        let mut customer = World::customer();
        let lead = customer.lead(1);
        customer.says(&world, "你好").await;
        let message = customer.says(&world, "我的电话 13812345678").await;
        world.until("a lead", async |world| !world.lead(&lead).await.is_empty()).await;
        customer.delivers(&world, message, "我的电话 13812345678").await;
        customer.says(&world, "再说一遍 13812345678").await;
        customer.says(&world, "还有微信 wang_1234").await;
        world.until("a second detail", async |world| world.values(&lead).await.len() >= 2).await;
        world.kill().await;
        forget_what_was_examined(&place).await;

        let world = World::start(&place, &server).await;
        let mut last = World::customer();
        last.says(&world, "13900001111").await;
        world.until("the end", async |world| !world.lead(&last.lead(1)).await.is_empty()).await;
        // The parts are examined side by side, so the other one gets its time too.
        customer.says(&world, "邮箱 wang@example.com").await;
        world.until("a third detail", async |world| world.values(&lead).await.len() >= 3).await;
        assert_eq!(world.values(&lead).await, ["13812345678", "wang_1234", "wang@example.com"]);
        world.verified().await;
        world.kill().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_begins_with_what_the_conversation_told_before_and_is_scored() {
    on_each(async |place, server| {
        let world = World::start(&place, &server).await;
        let mut customer = World::customer();
        let lead = customer.lead(1);
        customer.says(&world, "我叫王小明，这个多少钱？").await;
        customer.says(&world, "可以打给我").await;
        customer.says(&world, "13812345678").await;
        world
            .until("a score", async |world| {
                world.lead(&lead).await.iter().any(|event| matches!(event, LeadEvent::Qualified { .. }))
            })
            .await;
        let events = world.lead(&lead).await;
        assert_eq!(world.values(&lead).await, ["13812345678", "王小明"]);
        assert!(matches!(
            &events[0],
            LeadEvent::Captured { kind: DetailKind::Phone, consent: Consent::Given, channel, .. } if channel == "http"
        ));
        let reasons = events.iter().find_map(|event| match event {
            LeadEvent::Qualified { score, reasons, .. } => Some((*score, reasons.clone())),
            _ => None,
        });
        let wanted = ["phone", "name", "intent_price", "consent_given"].map(String::from).to_vec();
        assert_eq!(reasons, Some((75, wanted)));

        // A refusal is a new fact, and a wish afterwards counts as well.
        customer.says(&world, "算了，别打电话了").await;
        customer.says(&world, "我想买两台").await;
        let scores = async |world: &World| -> Vec<u32> {
            let events = world.lead(&lead).await;
            let score = |event: &LeadEvent| match event {
                LeadEvent::Qualified { score, .. } => Some(*score),
                _ => None,
            };
            events.iter().filter_map(score).collect()
        };
        world.until("three scores", async |world| scores(world).await.len() == 3).await;
        assert_eq!(scores(&world).await, [75, 20, 40]);
        world.verified().await;
        world.kill().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn threads_with_one_number_are_joined_into_the_earliest_lead() {
    on_each(async |place, server| {
        let world = World::start(&place, &server).await;
        let mut first = World::customer();
        first.says(&world, "电话 13812345678").await;
        world.until("the first lead", async |world| !world.lead(&first.lead(1)).await.is_empty()).await;
        let mut others = Vec::new();
        for _ in 0..5 {
            let mut other = World::customer();
            other.says(&world, "call me: +86 138 1234 5678").await;
            others.push(other);
        }
        for other in &others {
            let (lead, into) = (other.lead(1), Some(first.lead(1)));
            world.until("joined", async |world| joined_into(world, &lead).await == into).await;
        }
        // Another conversation of the same person is the same person, whatever they tell in it.
        first.leaves(&world).await;
        first.says(&world, "微信号 wang_1234").await;
        let (lead, into) = (first.lead(2), Some(first.lead(1)));
        world.until("joined", async |world| joined_into(world, &lead).await == into).await;
        assert_eq!(joined_into(&world, &first.lead(1)).await, None);
        world.until("nothing is due", async |world| due(world).await == 0).await;
        for other in &others {
            let joins = world.lead(&other.lead(1)).await;
            let joins = joins.iter().filter(|event| matches!(event, LeadEvent::Joined { .. }));
            assert_eq!(joins.count(), 1);
        }
        world.verified().await;
        world.kill().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_goes_along_into_the_lead_that_goes_on() {
    on_each(async |place, server| {
        let world = World::start(&place, &server).await;
        let mut first = World::customer();
        first.says(&world, "电话 13812345678，可以打给我").await;
        world.until("the first lead", async |world| !world.lead(&first.lead(1)).await.is_empty()).await;
        let mut second = World::customer();
        second.says(&world, "13812345678，不要打电话").await;
        let (lead, into) = (second.lead(1), Some(first.lead(1)));
        world.until("joined", async |world| joined_into(world, &lead).await == into).await;
        let events = world.lead(&first.lead(1)).await;
        let said = events.iter().filter_map(|event| match event {
            LeadEvent::Captured { consent, .. } | LeadEvent::Consented { consent, .. } => Some(*consent),
            _ => None,
        });
        assert_eq!(said.collect::<Vec<_>>(), [Consent::Given, Consent::Refused]);
        world.verified().await;
        world.kill().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_joined_with_somebody_erased() {
    on_each(async |place, server| {
        let world = World::start(&place, &server).await;
        let mut first = World::customer();
        first.says(&world, "电话 13812345678").await;
        world.until("the first lead", async |world| !world.lead(&first.lead(1)).await.is_empty()).await;
        first.is_erased(&world, &[first.lead(1)]).await;
        let mut second = World::customer();
        second.says(&world, "电话 13812345678").await;
        let mut third = World::customer();
        world.until("the second lead", async |world| !world.lead(&second.lead(1)).await.is_empty()).await;
        third.says(&world, "电话 13812345678").await;
        let (lead, into) = (third.lead(1), Some(second.lead(1)));
        world.until("joined", async |world| joined_into(world, &lead).await == into).await;
        world.caught_up().await;
        assert_eq!(joined_into(&world, &second.lead(1)).await, None);
        let details: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM details WHERE lead = $1")
            .bind(first.lead(1))
            .fetch_one(world.reader().model().store.reads())
            .await
            .unwrap();
        assert_eq!(details, 0);
        world.verified().await;
        world.kill().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_examined_by_nobody_is_examined_at_the_next_start() {
    on_each(async |place, server| {
        let world = World::open(&place, &server).await;
        let mut customers: Vec<_> = (0..20).map(|_| World::customer()).collect();
        for (number, customer) in customers.iter_mut().enumerate() {
            customer.says(&world, &format!("我的手机号 138{number:02}345678")).await;
            customer.says(&world, "谢谢").await;
        }
        world.kill().await;
        let world = World::start(&place, &server).await;
        for customer in &customers {
            let lead = customer.lead(1);
            world.until("its lead", async |world| world.values(&lead).await.len() == 1).await;
        }
        world.verified().await;
        world.kill().await;
    })
    .await;
}
