//! The durable consumer on LEADS that a named consumer fetches from.

use super::Consumer;
use anyhow::{Context, anyhow};
use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::stream::{ConsumerErrorKind, Stream};
use spine::{Nats, NatsAccess};
use std::time::Duration;

const STREAM: &str = "LEADS";
/// What is not acknowledged in this time is delivered again.
const ACK_WAIT: Duration = Duration::from_secs(60);
/// Messages that may be under way to one consumer.
const ACK_PENDING_MAX: i64 = 1_000;

/// Makes it; again changes nothing.
///
/// # Errors
/// When NATS does not answer, or has another consumer of that name.
pub(crate) async fn ensure(operator: &NatsAccess, consumer: &Consumer) -> anyhow::Result<()> {
    let config = pull::Config {
        durable_name: Some(consumer.name.clone()),
        description: Some("Named consumer, made by tributary".into()),
        filter_subjects: consumer.subjects(),
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        max_ack_pending: ACK_PENDING_MAX,
        ..pull::Config::default()
    };
    let made = stream(operator).await?.create_consumer_strict(config).await;
    made.map(|_| ()).map_err(|error| {
        let taken = format!(
            "{STREAM} does not take the durable consumer {}; if it has another one of that name, choose another",
            consumer.name
        );
        anyhow::Error::new(error).context(taken)
    })
}

/// Deletes it; again changes nothing.
///
/// # Errors
/// When NATS does not answer.
pub(super) async fn delete(operator: &NatsAccess, name: &str) -> anyhow::Result<()> {
    match stream(operator).await?.delete_consumer(name).await {
        Ok(_) => Ok(()),
        Err(error) if matches!(error.kind(), ConsumerErrorKind::JetStream(ref why) if why.code() == 404) => {
            Ok(())
        }
        Err(error) => Err(anyhow!(error).context(format!("delete the durable consumer {name}"))),
    }
}

async fn stream(operator: &NatsAccess) -> anyhow::Result<Stream> {
    let nats = Nats::connect(operator).await.context("connect to NATS as its operator")?;
    let jetstream = async_nats::jetstream::new(nats.client().clone());
    jetstream.get_stream(STREAM).await.context("there is no lead feed: start the suite on this NATS once")
}

/// How an operator makes it with the nats CLI.
pub(super) fn by_hand(consumer: &Consumer) -> String {
    let filters: Vec<String> =
        consumer.subjects().iter().map(|subject| format!("--filter '{subject}'")).collect();
    format!(
        "nats consumer add {STREAM} {} --pull {} --ack explicit --deliver all --wait {}s --max-pending {ACK_PENDING_MAX} --defaults",
        consumer.name,
        filters.join(" "),
        ACK_WAIT.as_secs()
    )
}
