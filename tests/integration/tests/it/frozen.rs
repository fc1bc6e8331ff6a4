//! Processes that stand still until their leases are another's, and go on where they were.

use crate::load::Load;
use futures::StreamExt;
use integration::{Place, Site, Split, Which, effort, eventually, on_each};
use runtime::Role;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Readers of read models, the normalisers of the journal, and the one feeder of LEADS.
const DOUBLED: [Role; 3] = [Role::ChannelIngest, Role::LeadCapture, Role::Routing];
const CUSTOMERS: usize = 10;
const ROUNDS: (usize, usize) = (1, 8);
/// A lease lasts ten seconds.
const PAST_A_LEASE: Duration = Duration::from_secs(11);

#[tokio::test(flavor = "multi_thread")]
async fn two_of_a_role_that_stand_past_their_leases_and_go_on_lose_and_double_nothing() {
    on_each(async |place: Place| {
        if place.is_sqlite() {
            return;
        }
        let mut split = Split::start(&place).await;
        for role in DOUBLED {
            split.double(role).await;
        }
        let load = Load::start_saying(&split.site, CUSTOMERS, |customer, number| match number % 5 {
            3 => format!("我的电话是138{customer:04}{number:04}（{number}）"),
            _ => format!("退货运费谁承担？（{number}）"),
        });
        let load = load.await;
        load.until_more_is_answered().await;
        for _ in 0..effort(ROUNDS) {
            for (still, other) in [(Which::First, Which::Second), (Which::Second, Which::First)] {
                load.point_at(&split.http(other));
                DOUBLED.iter().for_each(|role| split.freeze(*role, still));
                tokio::time::sleep(PAST_A_LEASE).await;
                // The other one has what this one had, and this one goes on in the middle of it.
                load.until_more_is_answered().await;
                DOUBLED.iter().for_each(|role| split.thaw(*role, still));
                load.until_more_is_answered().await;
            }
        }
        load.end(&split.site).await;
        every_capture_is_fed_once(&split.site).await;
    })
    .await;
}

/// LEADS against the log: each message of a lead that tells a detail is there, once and in the order of its part.
async fn every_capture_is_fed_once(site: &Site) {
    let captures = captures(site).await.unwrap();
    assert!(captures.len() >= CUSTOMERS, "only {} captures", captures.len());
    let fed = eventually("every capture in the feed", async || {
        let fed = fed(site).await.ok()?;
        let there: BTreeSet<&str> = fed.iter().filter_map(|source| source.split('#').next()).collect();
        captures.iter().all(|position| there.contains(position.as_str())).then_some(fed)
    })
    .await;
    let mut last: BTreeMap<&str, (u64, u32)> = BTreeMap::new();
    for source in &fed {
        let (part, place) = source.split_once(':').unwrap();
        let (sequence, index) = place.split_once('#').unwrap();
        let place = (sequence.parse().unwrap(), index.parse().unwrap());
        let before = last.insert(part, place);
        assert!(before.is_none_or(|before| before < place), "{source} after {before:?}");
    }
}

/// The positions of all messages of leads that tell a detail.
async fn captures(site: &Site) -> anyhow::Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for part in 0..spine::PARTS {
        for message in messages(site, "auditor", &format!("LOG_1_{part}")).await? {
            let sequence = message.info().map_err(anyhow::Error::from_boxed)?.stream_sequence;
            let text = String::from_utf8_lossy(&message.payload);
            if message.subject.contains(".lead.") && text.contains("\"Captured\"") {
                found.insert(format!("1.{part}:{sequence}"));
            }
        }
    }
    Ok(found)
}

/// Where the messages of LEADS come from, in their order.
async fn fed(site: &Site) -> anyhow::Result<Vec<String>> {
    let messages = messages(site, "lead-capture", "LEADS").await?;
    let source = |message: &async_nats::jetstream::Message| {
        Some(message.headers.as_ref()?.get("tributary-source")?.as_str().to_owned())
    };
    Ok(messages.iter().filter_map(source).collect())
}

async fn messages(
    site: &Site,
    user: &str,
    stream: &str,
) -> anyhow::Result<Vec<async_nats::jetstream::Message>> {
    use async_nats::jetstream::consumer::{AckPolicy, pull};
    let jetstream = async_nats::jetstream::new(site.client_of(user).await?);
    let stream = jetstream.get_stream(stream).await?;
    let end = usize::try_from(stream.cached_info().state.messages)?;
    if end == 0 {
        return Ok(Vec::new());
    }
    let config = pull::Config { ack_policy: AckPolicy::None, ..pull::Config::default() };
    let consumer = stream.create_consumer(config).await?;
    let messages = consumer.messages().await?.take(end);
    let found: Vec<_> = messages.collect().await;
    Ok(found.into_iter().collect::<Result<_, _>>()?)
}
