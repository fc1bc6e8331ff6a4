//! The process put together, in the order in which its parts need each other.

use super::args::RunArgs;
use super::{reach, roles, streams, watch, welcome};
use crate::admin;
use crate::nats::{self, Server};
use crate::private;
use crate::replay::{ConsoleAccess, Stage};
use crate::suite::{self, RunFile};
use anyhow::{Context, bail};
use runtime::{Common, Health, Metrics, Role, Secret, Tasks, credential};
use spine::keys::{self, KeySettings, Keys};
use spine::nats::Seed;
use spine::read::start::Wishes;
use spine::{Clock, Log, LogSettings, Nats, NatsAccess, Readers, Spine, Tail};
use std::path::Path;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// How long the roles' connections have to close before the nats-server that they are to is stopped.
const LET_GO: std::time::Duration = std::time::Duration::from_millis(100);

/// Everything that the roles share.
pub(crate) struct Foundation {
    pub(crate) spine: Spine,
    pub(super) health: Health,
    pub(super) metrics: Metrics,
    pub(super) credential: Secret,
    pub(crate) nats: NatsSource,
}

impl Foundation {
    /// What a replay plays on.
    pub(super) fn stage(&self) -> Stage {
        Stage { log: self.spine.log.clone(), keys: self.spine.keys.clone(), console: self.nats.console() }
    }
}

/// How each role reaches NATS.
pub(crate) enum NatsSource {
    /// Through the server of this process, or of this data folder.
    Own(nats::Place),
    External {
        url: String,
        credentials: Option<std::path::PathBuf>,
    },
}

impl NatsSource {
    /// The connection of a user.
    pub(super) async fn connect(&self, role: nats::Role) -> anyhow::Result<Nats> {
        let access = match self {
            Self::Own(place) => place.access(role).open()?,
            Self::External { url, credentials } => external(url, credentials.as_deref(), role)?,
        };
        reach::patiently(&access).await
    }

    /// Whether this process has what makes streams: the operator's key, or a server that asks for none.
    pub(crate) fn may_provision(&self) -> bool {
        match self {
            Self::Own(_) => true,
            Self::External { credentials, .. } => {
                credentials.as_ref().is_none_or(|folder| folder.join(nats::Role::Operator.name()).is_file())
            }
        }
    }

    /// The access of the console, opened when somebody is to be recorded who looked at personal data.
    fn console(&self) -> ConsoleAccess {
        match self {
            Self::Own(place) => {
                let access = place.access(nats::Role::Console);
                Arc::new(move || Ok(access.open()?))
            }
            Self::External { url, credentials } => {
                let (url, credentials) = (url.clone(), credentials.clone());
                Arc::new(move || external(&url, credentials.as_deref(), nats::Role::Console))
            }
        }
    }

    fn url(&self) -> &str {
        match self {
            Self::Own(place) => &place.url,
            Self::External { url, .. } => url,
        }
    }
}

pub(super) fn external(
    url: &str,
    credentials: Option<&Path>,
    role: nats::Role,
) -> anyhow::Result<NatsAccess> {
    let seed = match credentials {
        None => None,
        Some(folder) => {
            let path = folder.join(role.name());
            let seed = std::fs::read_to_string(&path).with_context(|| {
                format!("read the NATS credentials of {} in {}", role.name(), path.display())
            })?;
            Some(Seed(seed.trim().into()))
        }
    };
    let inbox_prefix = seed.as_ref().map(|_| format!("_INBOX_{}", role.name()));
    Ok(NatsAccess { url: url.into(), nkey_seed: seed, inbox_prefix, name: role.name().into() })
}

/// Runs the suite until `stop`.
pub(super) async fn run(common: Common, args: RunArgs, stop: CancellationToken) -> anyhow::Result<()> {
    private::close(&common.data)?;
    // A suite that has the folder may have the ports too, and is what to name: the start of its nats-server does.
    if common.nats.is_some() || nats::supervisor(&common.data).is_none() {
        reach::ports_are_free(&args)?;
    }
    // nats-server outlives the roles, so that what they still write at the end is taken.
    let nats_stop = CancellationToken::new();
    let (source, server) = match source(&common, &args, (&stop, &nats_stop)).await {
        Err(error) if matches!(error.downcast_ref(), Some(nats::Error::Stopped)) => return Ok(()),
        reached => reached?,
    };
    // A database that is slow to take connections is waited for, and not beyond a signal.
    let started = tokio::select! {
        biased;
        started = start(common, args, source, stop.clone()) => started.map(Some),
        () = stop.cancelled() => Ok(None),
    };
    let (started, server) = or_abandon(started, server).await?;
    let Some((tasks, metrics)) = started else {
        if let Some(server) = server {
            server.abandon().await;
        }
        return Ok(());
    };
    let roles = async {
        let ended = tasks.supervise(runtime::shutdown::GRACE).await;
        if let Err(error) = metrics.flush() {
            tracing::debug!(error = &error as &dyn std::error::Error, "the last metrics were not pushed");
        }
        // A connection that nobody holds any more closes in a moment; where the server goes first it is told as lost.
        tokio::time::sleep(LET_GO).await;
        nats_stop.cancel();
        ended
    };
    let ended = match server {
        // Beside the roles, so that a server that dies under them is started again at once.
        Some(server) => tokio::join!(roles, server.supervise()).0,
        None => roles.await,
    };
    Ok(ended?)
}

/// What was begun with a server of our own; when it failed, that server is stopped too if this process started it.
pub(super) async fn or_abandon<T>(
    begun: anyhow::Result<T>,
    server: Option<Box<nats::Running>>,
) -> anyhow::Result<(T, Option<Box<nats::Running>>)> {
    match begun {
        Ok(begun) => Ok((begun, server)),
        Err(error) => {
            if let Some(server) = server {
                server.abandon().await;
            }
            Err(error)
        }
    }
}

/// The tasks of the process, started, and what they count.
async fn start(
    common: Common,
    args: RunArgs,
    source: NatsSource,
    stop: CancellationToken,
) -> anyhow::Result<(Tasks, Metrics)> {
    let returning = common.data.join("run.json").exists();
    let base = open(&common, &args, source).await?;
    let mut tasks = Tasks::new(stop.clone());
    {
        let (tail, log, stop) = (base.spine.tail.clone(), base.spine.log.clone(), stop.clone());
        tasks.spawn("tail", async move { Ok(tail.run(&log, &stop).await?) });
    }
    let started = roles::start(&mut tasks, &base, &args, &stop).await?;
    let unknown = base.spine.readers.wishes_left();
    if !unknown.is_empty() {
        bail!("--from names {}, which is no kind of effect of the roles in this process", unknown.join(", "));
    }
    watch::foundation(&mut tasks, &base, &started, &stop);
    let admin = reach::listen((reach::ADMIN, args.network.listen_admin)).await?;
    let admin_url = format!("http://{}", admin.local_addr()?);
    let credential_file = std::path::absolute(common.data.join(credential::FILE))?;
    let file = RunFile {
        pid: std::process::id(),
        // In a process of its own, channel-ingest is where its address says.
        http: started.http.clone().unwrap_or_else(|| format!("http://{}", args.network.listen_http)),
        api: started.api.clone().unwrap_or_default(),
        admin: admin_url,
        nats: spine::nats::without_login(base.nats.url()),
        credential_file,
        roles: args.chosen().iter().map(ToString::to_string).collect(),
    };
    let routes = credential::require(
        admin::routes(&base.spine, &started).merge(admin::replay(base.stage())),
        base.credential.clone(),
    );
    let (health, metrics, draining) = (base.health.clone(), base.metrics.clone(), stop.clone());
    tasks.beside("admin", async move {
        Ok(runtime::admin::serve(admin, routes, health, metrics, draining).await)
    });
    // The commands ask the process that has the console; each of the others leaves its own file.
    let name = if started.console.is_some() { "run".into() } else { format!("run-{}", file.roles.join("-")) };
    suite::write(&common.data, &name, &file)?;
    base.health.started();
    if !args.quiet {
        let (health, stop, common) = (base.health.clone(), stop.clone(), common.clone());
        let (clock, demo) = (base.spine.log.clock().clone(), args.demo);
        tasks.spawn("welcome", async move {
            welcome::when_ready(&common, &file, &health, (demo, returning), &clock).await?;
            stop.cancelled().await;
            Ok(())
        });
    }
    Ok((tasks, base.metrics))
}

/// How NATS is reached, and the server if it is ours: `stop` ends its start, `nats_stop` the server.
pub(super) async fn source(
    common: &Common,
    args: &RunArgs,
    (stop, nats_stop): (&CancellationToken, &CancellationToken),
) -> anyhow::Result<(NatsSource, Option<Box<nats::Running>>)> {
    match &common.nats {
        Some(url) => {
            let (url, credentials) = (url.expose().into(), args.setup.nats_credentials.clone());
            Ok((NatsSource::External { url, credentials }, None))
        }
        None => {
            let running = Server::start_unless(stop, &nats::Settings::of(&common.data), nats_stop).await?;
            Ok((NatsSource::Own(running.place.clone()), Some(Box::new(running))))
        }
    }
}

pub(super) async fn open(common: &Common, args: &RunArgs, source: NatsSource) -> anyhow::Result<Foundation> {
    streams::ensure(&source, args, common).await?;
    let clock = Clock::system();
    let database = reach::database(common).await?;
    let master = args.setup.master_key.as_ref().map(|key| key.expose().to_owned().into());
    // Reading is the same for all roles; the first one's connection serves the tail.
    let first = args.chosen().first().copied().unwrap_or(Role::Console);
    let log = Log::new(source.connect(roles::nats_role(first)).await?, clock.clone(), LogSettings::default());
    let log_holds_events = log.ends().await?.iter().any(|end| *end > 0);
    let settings = KeySettings { master, log_holds_events, ..KeySettings::default() };
    let keys = Keys::open(&database, settings, clock).await?;
    // The journal is channel-ingest's to read.
    if first == Role::ChannelIngest {
        keys.check_against(log.nats(), keys::streams()).await?;
    } else {
        keys.check_against(log.nats(), keys::streams_of_log()).await?;
    }
    let tail = Tail::at_end(&log).await?;
    let (folder, given) = (common.data.clone(), common.service_credential.clone());
    let credential =
        tokio::task::spawn_blocking(move || credential::service_credential(&folder, given)).await??;
    let health = Health::new();
    let metrics = Metrics::new(&args.name(), common.telemetry.otlp_endpoint.as_deref())?;
    metrics.install();
    let spine = Spine { log, tail, database, keys, readers: Readers::wishing(Wishes::of(args.from.clone())) };
    Ok(Foundation { spine, health, metrics, credential, nats: source })
}
