//! How a process ends: a signal, a crash, or the grace period running out.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

/// How long tasks may take to finish after shutdown began. The deployment's grace period is longer by the
/// time before SIGTERM and five seconds.
pub const GRACE: Duration = Duration::from_secs(30);

/// Why a process did not end as it should.
#[derive(Debug, thiserror::Error)]
pub enum Crash {
    /// A task ended by itself although nobody had asked it to.
    #[error("task {task} ended by itself")]
    Ended { task: String },
    #[error("task {task} failed")]
    Failed { task: String, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("task {task} panicked")]
    Panicked { task: String, source: JoinError },
    #[error("not finished within {} s of shutdown: {tasks}", .grace.as_secs())]
    Grace { tasks: String, grace: Duration },
}

/// The tasks that make up a process or a service. Each runs until shutdown: one that ends earlier, also
/// without an error, is a crash that stops all others.
#[derive(Debug)]
pub struct Tasks {
    set: JoinSet<anyhow::Result<()>>,
    beside: JoinSet<(String, anyhow::Result<Infallible>)>,
    names: HashMap<Id, String>,
    shutdown: CancellationToken,
}

impl Tasks {
    /// `shutdown` is what the tasks listen to; a crash cancels it.
    pub fn new(shutdown: CancellationToken) -> Self {
        Self { set: JoinSet::new(), beside: JoinSet::new(), names: HashMap::new(), shutdown }
    }

    /// A task that runs until shutdown. Its name is what a crash is told by.
    pub fn spawn<F>(&mut self, name: impl Into<String>, task: F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let id = self.set.spawn(task).id();
        self.names.insert(id, name.into());
    }

    /// A task that goes on until all others have ended and is then aborted, such as the admin port. If it fails
    /// earlier, that is a crash too.
    pub fn beside<F>(&mut self, name: impl Into<String>, task: F)
    where
        F: Future<Output = anyhow::Result<Infallible>> + Send + 'static,
    {
        let name = name.into();
        self.beside.spawn(async { (name, task.await) });
    }

    /// What the tasks listen to.
    pub fn shutdown(&self) -> &CancellationToken {
        &self.shutdown
    }

    /// Waits for shutdown and then, at most `grace`, for every task; what is left is aborted. Without any
    /// task it returns at once.
    ///
    /// # Errors
    /// The first crash; what follows from it is logged.
    pub async fn supervise(mut self, grace: Duration) -> Result<(), Crash> {
        let mut first = None;
        while !self.shutdown.is_cancelled() {
            tokio::select! {
                () = self.shutdown.cancelled() => {}
                ended = self.set.join_next_with_id() => {
                    let Some(ended) = ended else { return Ok(()) };
                    // It may have ended because of a shutdown that this loop has not seen yet.
                    let stopping = self.shutdown.is_cancelled();
                    first = self.crash(ended, stopping);
                    self.stop_for(first.as_ref());
                }
                Some(ended) = self.beside.join_next() => {
                    first = Some(failed_beside(ended));
                    self.stop_for(first.as_ref());
                }
            }
        }
        let rest = async {
            while let Some(ended) = self.set.join_next_with_id().await {
                let crash = self.crash(ended, true);
                keep_first(&mut first, crash);
            }
        };
        if tokio::time::timeout(grace, rest).await.is_err() {
            let mut names: Vec<_> = self.names.values().map(String::as_str).collect();
            names.sort_unstable();
            keep_first(&mut first, Some(Crash::Grace { tasks: names.join(", "), grace }));
        }
        self.set.shutdown().await;
        first.map_or(Ok(()), Err)
    }

    /// Says at once that it stops and which task ended: the error is told at the end, and what is in flight may take the
    /// whole grace period until then.
    fn stop_for(&self, crash: Option<&Crash>) {
        if let Some(crash) = crash {
            tracing::warn!(%crash, "the other tasks are stopped");
        }
        self.shutdown.cancel();
    }

    /// What is wrong with a task that ended; after shutdown began an end without error is right.
    fn crash(&mut self, ended: Result<(Id, anyhow::Result<()>), JoinError>, stopping: bool) -> Option<Crash> {
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let task = self.names.remove(&id).unwrap_or_default();
        match ended {
            Ok((_, Ok(()))) if stopping => None,
            Ok((_, Ok(()))) => Some(Crash::Ended { task }),
            Ok((_, Err(error))) => Some(Crash::Failed { task, source: error.into() }),
            Err(source) => Some(Crash::Panicked { task, source }),
        }
    }
}

fn failed_beside(ended: Result<(String, anyhow::Result<Infallible>), JoinError>) -> Crash {
    match ended {
        Ok((task, Err(error))) => Crash::Failed { task, source: error.into() },
        Ok((_, Ok(never))) => match never {},
        Err(source) => Crash::Panicked { task: "beside the others".into(), source },
    }
}

fn keep_first(first: &mut Option<Crash>, crash: Option<Crash>) {
    match (&first, crash) {
        (_, None) => {}
        (None, crash) => *first = crash,
        (Some(_), Some(crash)) => {
            tracing::error!(error = &crash as &dyn std::error::Error, "another task did not end well");
        }
    }
}

/// Runs the process's work and cancels `shutdown` at the first SIGTERM, SIGINT or SIGHUP; at a second of the
/// first two the process exits at once with 128 + the signal's number, as a shell expects. A terminal that is closed sends
/// SIGHUP twice, and a process that was started to outlive it goes on not hearing of that.
///
/// # Errors
/// When signals cannot be listened to.
pub async fn until_signal<F: Future>(shutdown: CancellationToken, work: F) -> std::io::Result<F::Output> {
    let mut signals = Signals::heard()?;
    let mut work = std::pin::pin!(work);
    tokio::select! {
        output = &mut work => return Ok(output),
        kind = signals.next() => {
            tracing::info!(signal.number = kind.as_raw_value(), "shutting down");
            shutdown.cancel();
        }
    }
    tokio::select! {
        output = &mut work => Ok(output),
        kind = signals.hasty() => std::process::exit(128 + kind.as_raw_value()),
    }
}

struct Signals {
    term: Signal,
    int: Signal,
    hup: Option<Signal>,
}

impl Signals {
    fn heard() -> std::io::Result<Self> {
        let hup = if ignores_hangup() { None } else { Some(signal(SignalKind::hangup())?) };
        Ok(Self { term: signal(SignalKind::terminate())?, int: signal(SignalKind::interrupt())?, hup })
    }

    /// One that says that somebody does not want to wait.
    async fn hasty(&mut self) -> SignalKind {
        tokio::select! {
            _ = self.term.recv() => SignalKind::terminate(),
            _ = self.int.recv() => SignalKind::interrupt(),
        }
    }

    async fn next(&mut self) -> SignalKind {
        let hup = async {
            match &mut self.hup {
                Some(hup) => hup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.term.recv() => SignalKind::terminate(),
            _ = self.int.recv() => SignalKind::interrupt(),
            _ = hup => SignalKind::hangup(),
        }
    }
}

/// Whether the process was started so that the end of its terminal does not end it, as by `nohup`. Where Linux does not tell,
/// the signal is left to do what it does.
fn ignores_hangup() -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return true };
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    let bit = 1 << (SignalKind::hangup().as_raw_value() - 1);
    mask & bit != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(50);

    async fn obedient(shutdown: CancellationToken) -> anyhow::Result<()> {
        shutdown.cancelled().await;
        Ok(())
    }

    #[tokio::test]
    async fn a_shutdown_that_all_tasks_follow_is_no_crash() {
        let mut tasks = Tasks::new(CancellationToken::new());
        tasks.spawn("one", obedient(tasks.shutdown().clone()));
        tasks.spawn("other", obedient(tasks.shutdown().clone()));
        tasks.shutdown().cancel();
        tasks.supervise(GRACE).await.unwrap();
    }

    #[tokio::test]
    async fn a_task_that_ends_together_with_shutdown_is_no_crash() {
        // Which of the two is seen first is a matter of luck.
        for _ in 0..100 {
            let mut tasks = Tasks::new(CancellationToken::new());
            let shutdown = tasks.shutdown().clone();
            tasks.spawn("last", async move {
                shutdown.cancel();
                Ok(())
            });
            tasks.supervise(GRACE).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_task_that_ends_by_itself_stops_the_others_and_is_named() {
        let mut tasks = Tasks::new(CancellationToken::new());
        tasks.spawn("steady", obedient(tasks.shutdown().clone()));
        tasks.spawn("fickle", async { Ok(()) });
        let crash = tasks.supervise(GRACE).await.unwrap_err();
        assert_eq!(crash.to_string(), "task fickle ended by itself");
    }

    #[tokio::test]
    async fn a_failure_is_told_with_its_cause() {
        let mut tasks = Tasks::new(CancellationToken::new());
        tasks.spawn("reader", async { Err(anyhow::anyhow!("disk full")) });
        let crash = tasks.supervise(GRACE).await.unwrap_err();
        assert_eq!(format!("{:#}", anyhow::Error::from(crash)), "task reader failed: disk full");
    }

    #[tokio::test]
    async fn a_task_beside_the_others_is_watched_but_not_waited_for() {
        let mut tasks = Tasks::new(CancellationToken::new());
        tasks.spawn("worker", obedient(tasks.shutdown().clone()));
        tasks.beside("admin", std::future::pending());
        tasks.shutdown().cancel();
        tasks.supervise(GRACE).await.unwrap();

        let mut tasks = Tasks::new(CancellationToken::new());
        tasks.spawn("worker", obedient(tasks.shutdown().clone()));
        tasks.beside("admin", async { Err(anyhow::anyhow!("no sockets left")) });
        let crash = tasks.supervise(GRACE).await.unwrap_err();
        assert_eq!(crash.to_string(), "task admin failed");
    }

    #[tokio::test]
    async fn a_panic_is_a_crash() {
        let mut tasks = Tasks::new(CancellationToken::new());
        tasks.spawn("wild", async { panic!("no") });
        assert!(matches!(tasks.supervise(GRACE).await, Err(Crash::Panicked { .. })));
    }

    #[tokio::test]
    async fn a_task_that_does_not_end_in_time_is_named_and_aborted() {
        let mut tasks = Tasks::new(CancellationToken::new());
        tasks.spawn("deaf", std::future::pending());
        tasks.spawn("steady", obedient(tasks.shutdown().clone()));
        tasks.shutdown().cancel();
        let crash = tasks.supervise(SHORT).await.unwrap_err();
        assert!(matches!(&crash, Crash::Grace { tasks, .. } if tasks == "deaf"), "{crash}");
    }
}
