//! The suite as people run it, as processes of the built binary, with the simulated world around it.

use crate::lag::{Ends, Lag};
use crate::outside::Outside;
use crate::process;
use anyhow::Context;
use integration::{Place, Process, Site, Split, Which};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What customers ask; the knowledge answers it.
pub(crate) const QUESTION: &str = "退货运费谁承担？";
/// How often a backlog is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// A log that stands still for so long while every reader holds it is done.
const STILL: Duration = Duration::from_secs(1);

enum Running {
    One(Process),
    Seven(Split),
}

/// A suite and its world, gone when dropped.
pub(crate) struct Suite {
    running: Running,
    pub(crate) outside: Outside,
    /// Deleted after the processes ended.
    folder: TempDir,
}

/// What a figure needs of its suite.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'u> {
    pub(crate) smoke: bool,
    pub(crate) agents: usize,
    /// A database on Postgres; none is SQLite.
    pub(crate) database: Option<&'u str>,
    pub(crate) split: bool,
    /// Whether the AI may take an hour for a turn. By default it gives a turn up to people after half a minute.
    pub(crate) is_patient: bool,
}

impl Wanted<'_> {
    /// All roles in one process on SQLite, without people.
    pub(crate) fn plain(smoke: bool) -> Self {
        Self { smoke, agents: 0, database: None, split: false, is_patient: false }
    }
}

impl Suite {
    /// Starts everything and waits until a first customer of each channel has an answer.
    pub(crate) async fn start(wanted: Wanted<'_>) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let place = Place { folder: folder.path().into(), url: wanted.database.map(str::to_owned) };
        let mut outside = Outside::start().await?;
        let running = match wanted.split {
            true => Running::Seven(Split::start(&place).await),
            false => {
                let mut process = Process::new(&place);
                process.start().await;
                Running::One(process)
            }
        };
        let http = match &running {
            Running::One(process) => process.site.http(),
            Running::Seven(split) => split.http(Which::First),
        };
        outside.point_at(&http);
        let suite = Self { running, outside, folder };
        suite.site().apply(&suite.outside.documents(&wanted)).await;
        suite.until_known().await?;
        Ok(suite)
    }

    /// Asks on each channel until the suite knows its accounts and its knowledge.
    async fn until_known(&self) -> anyhow::Result<()> {
        let (outside, now) = (&self.outside, Instant::now());
        outside.asks("first-http", "first-http", now).await.context("no answer to the partner")?;
        outside.asks_on_wechat("first-wechat", now).await.context("no answer on the official account")?;
        outside.asks_on_site("first-widget", now).await.context("no answer on the site")?;
        self.until_quiet(Duration::from_secs(60)).await?;
        Ok(())
    }

    pub(crate) fn site(&self) -> &Site {
        match &self.running {
            Running::One(process) => &process.site,
            Running::Seven(split) => &split.site,
        }
    }

    /// The suite's processes by name, and its nats-server where it is known.
    pub(crate) fn pids(&self) -> Vec<(String, u32)> {
        match &self.running {
            Running::One(process) => {
                let [suite, nats] = process.pids();
                vec![("suite".into(), suite), ("nats-server".into(), nats)]
            }
            Running::Seven(split) => {
                let mut pids: Vec<(String, u32)> =
                    split.pids().into_iter().map(|(role, pid)| (role.to_string(), pid)).collect();
                pids.extend(self.site().nats_pid().map(|pid| ("nats-server".into(), pid)));
                pids
            }
        }
    }

    /// Time on a core so far, by process.
    pub(crate) fn on_core(&self) -> BTreeMap<String, Duration> {
        self.pids().into_iter().map(|(name, pid)| (name, process::on_core(pid))).collect()
    }

    /// What the process with the webhooks tells Prometheus.
    pub(crate) async fn metrics(&self) -> String {
        match &self.running {
            Running::One(process) => process.site.metrics().await,
            Running::Seven(split) => split.metrics_of(runtime::Role::ChannelIngest).await,
        }
    }

    /// The folder with the data.
    pub(crate) fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    /// A connection that may read the log and nothing else.
    pub(crate) async fn auditor(&self) -> anyhow::Result<async_nats::jetstream::Context> {
        Ok(async_nats::jetstream::new(self.site().auditor().await?))
    }

    /// The oldest event that a reader of the process had not processed at any moment of `run`, in seconds.
    pub(crate) async fn oldest_unprocessed(&self, run: Duration) -> anyhow::Result<f64> {
        let (auditor, began, mut lag) = (self.auditor().await?, Instant::now(), Lag::default());
        let mut oldest = Duration::ZERO;
        while began.elapsed() < run {
            oldest = oldest.max(self.look(&auditor, &mut lag).await?);
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(oldest.as_secs_f64())
    }

    /// Waits until the log stands still and every reader holds all of it: how long ago that began to be so is not
    /// counted.
    ///
    /// # Errors
    /// When it is not so within `patience`.
    pub(crate) async fn until_quiet(&self, patience: Duration) -> anyhow::Result<Duration> {
        let (auditor, began, mut lag) = (self.auditor().await?, Instant::now(), Lag::default());
        let mut quiet_since: Option<(Instant, Ends)> = None;
        while began.elapsed() < patience {
            let now = Instant::now();
            let behind = self.look(&auditor, &mut lag).await?;
            let is_same = |(_, ends): &(Instant, Ends)| Some(ends) == lag.newest();
            quiet_since = match lag.newest().filter(|_| behind.is_zero()) {
                None => None,
                Some(ends) => quiet_since.filter(is_same).or(Some((now, *ends))),
            };
            if let Some((since, _)) = quiet_since.filter(|(since, _)| since.elapsed() >= STILL) {
                return Ok(since - began);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        anyhow::bail!("the suite still works after {} s", patience.as_secs())
    }

    async fn look(
        &self,
        auditor: &async_nats::jetstream::Context,
        lag: &mut Lag,
    ) -> anyhow::Result<Duration> {
        let now = Instant::now();
        let ends = ends(auditor).await?;
        let told = match &self.running {
            Running::One(process) => vec![process.site.look("/admin/models").await?],
            Running::Seven(split) => split.look_at_all("/admin/models").await?,
        };
        let models = told.iter().flat_map(|told| told["models"].as_array().into_iter().flatten());
        let reached: Vec<BTreeMap<u8, u64>> = models.map(positions).collect();
        Ok(lag.look((now, ends), &reached))
    }
}

impl Drop for Suite {
    fn drop(&mut self) {
        self.outside.stop.cancel();
    }
}

async fn ends(auditor: &async_nats::jetstream::Context) -> anyhow::Result<Ends> {
    let mut ends = Ends::default();
    for (part, end) in (0..spine::PARTS).zip(&mut ends) {
        let stream = auditor.get_stream(spine::address::stream_name(1, part)).await?;
        *end = stream.cached_info().state.last_sequence;
    }
    Ok(ends)
}

/// Positions as they are told: `1.<part>:<sequence>`.
fn positions(model: &serde_json::Value) -> BTreeMap<u8, u64> {
    let told = model["positions"].as_array().into_iter().flatten().filter_map(|text| text.as_str());
    let read = |text: &str| {
        let (place, sequence) = text.split_once(':')?;
        Some((place.strip_prefix("1.")?.parse().ok()?, sequence.parse().ok()?))
    };
    told.filter_map(read).collect()
}
