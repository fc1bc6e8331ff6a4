//! Reading the log without looking at it: the limit of everything that reads all of it.

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use futures::StreamExt;
use integration::World;
use std::time::Instant;
use tokio::task::JoinSet;

/// Messages that a consumer asks for at once; more makes it no faster.
const BATCH: usize = 500;

/// Messages a second that one client reads from all parts at the same time, from their beginning to their ends.
pub(crate) async fn measure(world: &World) -> anyhow::Result<f64> {
    let ends = world.spine.log.ends().await?;
    let jetstream = async_nats::jetstream::new(world.spine.log.nats().client().clone());
    let started = Instant::now();
    let mut parts = JoinSet::new();
    for (part, end) in (0..spine::PARTS).zip(ends) {
        let jetstream = jetstream.clone();
        parts.spawn(async move {
            let stream = jetstream.get_stream_no_info(format!("LOG_1_{part}")).await?;
            let config = pull::Config {
                deliver_policy: DeliverPolicy::All,
                ack_policy: AckPolicy::None,
                memory_storage: true,
                ..pull::Config::default()
            };
            let consumer = stream.create_consumer(config).await?;
            let messages = consumer.stream().max_messages_per_batch(BATCH).messages().await?;
            let mut messages = messages.take(usize::try_from(end)?);
            while let Some(message) = messages.next().await {
                message?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = parts.join_next().await {
        ended??;
    }
    Ok(ends.iter().sum::<u64>() as f64 / started.elapsed().as_secs_f64())
}
