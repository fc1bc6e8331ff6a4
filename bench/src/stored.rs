//! A log that is filled fast: messages as the services store them, published without asking anything in between.
//!
//! One real exchange is decided and read back in its stored form. All others are made from it: another thread, other
//! ids, texts that are sealed for their own thread, so that whoever reads them cannot tell them from those of a real one.

use crate::exchange::{ANSWER, Customer, QUESTION};
use crate::figure::progress;
use async_nats::HeaderMap;
use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::message::PublishMessage;
use conversation::Thread;
use futures::StreamExt;
use futures::future::try_join_all;
use integration::World;
use serde_json::Value;
use spine::keys::{Keys, Owner, Period, SealKey};
use spine::{Address, Entity};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::task::JoinSet;
use uuid::Uuid;

/// Questions of one customer, each of which makes four messages: itself, its answer, the start and the end of the sending.
const EXCHANGES: u64 = 10;
const MESSAGES_OF_EXCHANGE: u64 = 4;
const MESSAGES_OF_THREAD: u64 = EXCHANGES * MESSAGES_OF_EXCHANGE;
/// Threads that are published at the same time, each with all that is in it.
const WRITERS: u64 = 12;
/// Threads of which the ids are answered.
const SAMPLE: usize = 1_000;
const TOLD_EVERY: u64 = 1_000_000;

const SUBJECT: &str = "ce-subject";
const VERSION: &str = "tributary-version";
const IDS: [&str; 2] = ["ce-id", "Nats-Msg-Id"];

/// One message in its stored form.
struct Stored {
    headers: HeaderMap,
    payload: String,
    /// The number of decisions in the thread before it, and itself.
    version: u64,
    /// What is sealed in it, and the text.
    sealed: Option<(String, &'static str)>,
}

/// A thread's first exchange and a later one.
struct Template {
    first: Vec<Stored>,
    later: Vec<Stored>,
    /// The ids of the question and of the answer, in each of them.
    ids: [[String; 2]; 2],
}

/// Publishes about so many messages and answers some of their threads. No role may run meanwhile: one that reads a
/// question before its answer is there would answer too.
pub(crate) async fn fill(world: &World, messages: u64) -> anyhow::Result<Vec<Uuid>> {
    let (template, published) = (Arc::new(Template::of(world).await?), Arc::new(AtomicU64::new(0)));
    let threads = messages.div_ceil(MESSAGES_OF_THREAD);
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let (template, published) = (template.clone(), published.clone());
        let (keys, tenant) = (world.spine.keys.clone(), world.tenant());
        let client = async_nats::connect(world.server.url()).await?;
        writers.spawn(async move {
            let jetstream = async_nats::jetstream::new(client);
            let mut sample = Vec::new();
            for _ in (writer..threads).step_by(WRITERS as usize) {
                let thread = spine::new_id();
                template.publish(&jetstream, &keys, (tenant, thread)).await?;
                sample.push(thread);
                sample.truncate(SAMPLE / WRITERS as usize);
                let before = published.fetch_add(MESSAGES_OF_THREAD, Ordering::Relaxed);
                if before / TOLD_EVERY != (before + MESSAGES_OF_THREAD) / TOLD_EVERY {
                    progress(&format!("{} messages", before + MESSAGES_OF_THREAD));
                }
            }
            anyhow::Ok(sample)
        });
    }
    let mut sample = Vec::new();
    while let Some(ended) = writers.join_next().await {
        sample.extend(ended??);
    }
    Ok(sample)
}

impl Template {
    /// Lets a customer ask twice and reads what was stored.
    async fn of(world: &World) -> anyhow::Result<Self> {
        let (log, keys, thread) = (&world.spine.log, &world.spine.keys, spine::new_id());
        let address = &Address::of(world.tenant(), Thread::KIND, thread)?;
        let customer = Customer { log, keys, address, thread };
        for is_first in [true, false] {
            let message = customer.writes(is_first).await?;
            customer.is_answered(message).await?;
        }
        let jetstream = async_nats::jetstream::new(log.nats().client().clone());
        let stream = jetstream.get_stream(address.stream()).await?;
        let config = pull::Config {
            ack_policy: AckPolicy::None,
            filter_subject: address.subject(),
            ..pull::Config::default()
        };
        let count = usize::try_from(2 * MESSAGES_OF_EXCHANGE)?;
        let mut messages = stream.create_consumer(config).await?.messages().await?.take(count);
        let mut all = Vec::new();
        while let Some(message) = messages.next().await {
            all.push(Stored::of(&message?)?);
        }
        let later = all.split_off(usize::try_from(MESSAGES_OF_EXCHANGE)?);
        let ids = [ids(&all)?, ids(&later)?];
        Ok(Self { first: all, later, ids })
    }

    /// Publishes a whole thread and waits until all of it is stored.
    async fn publish(
        &self,
        jetstream: &async_nats::jetstream::Context,
        keys: &Keys,
        (tenant, thread): (&str, Uuid),
    ) -> anyhow::Result<()> {
        let address = Address::of(tenant, Thread::KIND, thread)?;
        let (subject, at) = (address.subject(), spine::Clock::system().now());
        let (owner, period) = (Owner::thread(thread), Period::quarter(at));
        let key = SealKey { tenant: tenant.into(), owner, class: "message".into(), period };
        let mut stored = Vec::new();
        for exchange in 0..EXCHANGES {
            let (forms, old) = match exchange {
                0 => (&self.first, &self.ids[0]),
                _ => (&self.later, &self.ids[1]),
            };
            let new = [spine::new_id().to_string(), spine::new_id().to_string()];
            let further = exchange.saturating_sub(1) * MESSAGES_OF_EXCHANGE;
            for form in forms {
                let mut payload = form.payload.replace(&old[0], &new[0]).replace(&old[1], &new[1]);
                if let Some((sealed, text)) = &form.sealed {
                    let again = keys.seal(&key, &subject, "content.text", text).await?;
                    payload = payload.replace(sealed, &again);
                }
                let headers = form.headers(&address, form.version + further);
                let message = PublishMessage::build().headers(headers).payload(payload.into());
                stored.push(jetstream.send_publish(subject.clone(), message).await?);
            }
        }
        try_join_all(stored.into_iter().map(IntoFuture::into_future)).await?;
        Ok(())
    }
}

impl Stored {
    fn of(message: &async_nats::jetstream::Message) -> anyhow::Result<Self> {
        let mut headers = HeaderMap::new();
        let stored = message.headers.iter().flat_map(|headers| headers.iter());
        for (name, values) in stored.filter(|(name, _)| !name.to_string().starts_with("Nats-")) {
            for value in values {
                headers.append(name.clone(), value.clone());
            }
        }
        let payload = String::from_utf8(message.payload.to_vec())?;
        let version =
            headers.get(VERSION).and_then(|version| version.as_str().parse().ok()).unwrap_or_default();
        let events: Value = serde_json::from_str(&payload)?;
        let sealed = events["events"].as_array().into_iter().flatten().find_map(|event| {
            let text = if event["type"] == "Received" { QUESTION } else { ANSWER };
            Some((event["content"]["text"].as_str()?.to_owned(), text))
        });
        Ok(Self { headers, payload, version, sealed })
    }

    fn headers(&self, address: &Address, version: u64) -> HeaderMap {
        let (mut headers, id) = (self.headers.clone(), spine::new_id().to_string());
        IDS.iter().for_each(|name| headers.insert(*name, id.as_str()));
        headers.insert(SUBJECT, &*address.id);
        headers.insert(VERSION, version.to_string());
        headers
    }
}

/// The ids of the question and of the answer.
fn ids(exchange: &[Stored]) -> anyhow::Result<[String; 2]> {
    let of = |kind: &str| {
        exchange.iter().find_map(|stored| {
            let payload: Value = serde_json::from_str(&stored.payload).ok()?;
            let event = payload["events"].as_array()?.iter().find(|event| event["type"] == kind)?.clone();
            event["message"].as_str().map(str::to_owned)
        })
    };
    let found = of("Received").zip(of("Replied"));
    let (question, answer) = found.ok_or_else(|| anyhow::anyhow!("the exchange is not as it was decided"))?;
    Ok([question, answer])
}
