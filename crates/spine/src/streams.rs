//! The streams: what they must look like, their making, and the comparison of each field.

use crate::address::{GENERATION, PARTS, stream_name};
use crate::error::Error;
use crate::nats::Nats;
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::time::Duration;

const REFUSED_BYTES_MAX: i64 = 64 * 1024 * 1024;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What an installation chooses about its streams.
#[derive(Clone, Debug)]
pub struct StreamSettings {
    /// Copies of each stream: 1 on a single server, 3 in a cluster.
    pub replicas: usize,
    /// How long the server recognises a repeated message id; the retry deadline must be shorter.
    pub duplicate_window: Duration,
    /// Days that raw requests are kept.
    pub inbound_days: u32,
    /// Days that the public lead feed is kept.
    pub leads_days: u32,
    /// Bytes of one part of the log; a publish above it is refused, never an old event dropped.
    /// Negative: no bound but the disk.
    pub log_bytes_max: i64,
}

impl Default for StreamSettings {
    fn default() -> Self {
        Self {
            replicas: 1,
            duplicate_window: Duration::from_secs(120),
            inbound_days: 14,
            leads_days: 365,
            log_bytes_max: -1,
        }
    }
}

/// All streams as they must be: the log's parts, the journal's parts, the ring of refused requests and
/// the lead feed.
pub fn specs(settings: &StreamSettings) -> Vec<Config> {
    let log = (0..PARTS).map(|part| log_spec(settings, part));
    let inbound = (0..PARTS).map(|part| inbound_spec(settings, part));
    log.chain(inbound).chain([refused_spec(settings), leads_spec(settings)]).collect()
}

/// Makes what is missing and compares what is there, field by field. Deletes and changes nothing.
///
/// # Errors
/// [`Error::StreamDiffers`] names the first stream that differs and how; the remedy is a person's.
pub async fn provision(nats: &Nats, settings: &StreamSettings) -> Result<(), Error> {
    let found = futures::future::try_join_all(
        specs(settings).into_iter().map(|wanted| async { ensure(nats, wanted).await }),
    )
    .await?;
    match found.into_iter().flatten().next() {
        Some(difference) => Err(difference),
        None => Ok(()),
    }
}

/// Compares all streams without making any; the list of what differs or is missing, for `doctor`.
///
/// # Errors
/// When the server does not answer.
pub async fn differences(nats: &Nats, settings: &StreamSettings) -> Result<Vec<Error>, Error> {
    let mut found = Vec::new();
    for wanted in specs(settings) {
        match current(nats, &wanted.name).await? {
            Some(config) => found.extend(compare(&wanted, &config)),
            None => {
                found.push(Error::StreamDiffers { stream: wanted.name, difference: "it is missing".into() })
            }
        }
    }
    Ok(found)
}

async fn ensure(nats: &Nats, wanted: Config) -> Result<Option<Error>, Error> {
    if let Some(config) = current(nats, &wanted.name).await? {
        return Ok(compare(&wanted, &config));
    }
    let failed = |source: async_nats::jetstream::context::CreateStreamError| Error::Nats {
        request: format!("create stream {}", wanted.name),
        source: Box::new(source),
    };
    let made = nats.jetstream.create_stream(wanted.clone()).await.map_err(failed)?;
    Ok(compare(&wanted, &made.cached_info().config))
}

async fn current(nats: &Nats, name: &str) -> Result<Option<Config>, Error> {
    use async_nats::jetstream::context::GetStreamErrorKind;
    match nats.jetstream.get_stream(name).await {
        Ok(stream) => Ok(Some(stream.cached_info().config.clone())),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(reason) if reason.code() == 404 => Ok(None),
            _ => Err(Error::Nats { request: format!("info of stream {name}"), source: Box::new(error) }),
        },
    }
}

fn log_spec(settings: &StreamSettings, part: u8) -> Config {
    Config {
        subjects: vec![format!("log.{GENERATION}.{part}.>")],
        max_bytes: settings.log_bytes_max,
        deny_delete: true,
        deny_purge: true,
        allow_direct: true,
        duplicate_window: settings.duplicate_window,
        description: Some(format!("Events of part {part}; append-only")),
        ..common(settings, stream_name(GENERATION, part))
    }
}

fn inbound_spec(settings: &StreamSettings, part: u8) -> Config {
    Config {
        subjects: vec![format!("inbound.{part}.>")],
        max_age: DAY * settings.inbound_days,
        allow_direct: true,
        duplicate_window: settings.duplicate_window,
        description: Some("Raw requests of platforms, encrypted; kept for days".into()),
        ..common(settings, format!("INBOUND_{part}"))
    }
}

fn refused_spec(settings: &StreamSettings) -> Config {
    Config {
        subjects: vec!["refused.>".into()],
        max_bytes: REFUSED_BYTES_MAX,
        discard: DiscardPolicy::Old,
        duplicate_window: settings.duplicate_window,
        description: Some("Refused requests, for diagnosis; a ring".into()),
        ..common(settings, "REFUSED".into())
    }
}

fn leads_spec(settings: &StreamSettings) -> Config {
    Config {
        subjects: vec!["leads.>".into()],
        max_age: DAY * settings.leads_days,
        allow_direct: true,
        // The feeder writes many events at once: whole or not at all, and with one sync.
        allow_atomic_publish: true,
        duplicate_window: settings.duplicate_window,
        description: Some("Public lead feed, CloudEvents JSON".into()),
        ..common(settings, "LEADS".into())
    }
}

fn common(settings: &StreamSettings, name: String) -> Config {
    Config {
        name,
        storage: StorageType::File,
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::New,
        num_replicas: settings.replicas,
        max_bytes: -1,
        max_messages: -1,
        max_messages_per_subject: -1,
        max_consumers: -1,
        max_message_size: -1,
        metadata: HashMap::from([("tributary.format".into(), "1".into())]),
        ..Config::default()
    }
}

/// The first field that differs. The server's own additions to the metadata do not count.
fn compare(wanted: &Config, found: &Config) -> Option<Error> {
    let (wanted_fields, found_fields) = (fields(wanted), fields(found));
    let names = wanted_fields.keys().chain(found_fields.keys());
    let differing = names.into_iter().find(|name| wanted_fields.get(*name) != found_fields.get(*name))?;
    let show = |fields: &Map<String, Value>| fields.get(differing).map_or("unset".into(), Value::to_string);
    Some(Error::StreamDiffers {
        stream: wanted.name.clone(),
        difference: format!("{differing} is {}, not {}", show(&found_fields), show(&wanted_fields)),
    })
}

fn fields(config: &Config) -> Map<String, Value> {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(config) else { return Map::new() };
    if let Some(Value::Object(metadata)) = fields.get_mut("metadata") {
        metadata.retain(|name, _| !name.starts_with("_nats."));
    }
    // The server spells some defaults out that the client leaves unset.
    fields.retain(|name, value| {
        let default = match name.as_str() {
            "compression" => value == "none",
            "consumer_limits" | "first_seq" | "placement" | "persist_mode" => {
                value.is_null() || *value == serde_json::json!({}) || *value == serde_json::json!(0)
            }
            _ => value.is_null() || *value == serde_json::json!(false),
        };
        !default
    });
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_that_differs_is_named() {
        let settings = StreamSettings::default();
        let wanted = log_spec(&settings, 0);
        assert!(compare(&wanted, &wanted).is_none());
        let changed = Config { deny_delete: false, ..wanted.clone() };
        assert!(compare(&wanted, &changed).unwrap().to_string().contains("deny_delete"));
        let aged = Config { max_age: DAY, ..wanted.clone() };
        assert!(compare(&wanted, &aged).unwrap().to_string().contains("max_age"));
        let more = Config { subjects: vec!["log.1.0.>".into(), "x".into()], ..wanted.clone() };
        assert!(compare(&wanted, &more).unwrap().to_string().contains("subjects"));
    }

    #[test]
    fn the_log_drops_nothing_by_itself() {
        for part in 0..PARTS {
            let spec = log_spec(&StreamSettings::default(), part);
            assert!(spec.deny_delete && spec.deny_purge && spec.max_age.is_zero());
            assert_eq!(spec.discard, DiscardPolicy::New);
        }
    }
}
