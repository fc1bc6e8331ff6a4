//! The normaliser: one reader per part of the journal, items decided in order per customer, one by one.

use crate::accounts::{Accounts, Ready};
use crate::item::{Arrival, Taken, take};
use crate::job::{Job, Outcome};
use crate::profiles::Met;
use crate::quarantine::Until;
use crate::request;
use crate::rest::{Waits, tells_of_ours};
use crate::stages::Stages;
use crate::state::StateStore;
use channels::contract::{Item, ItemFault, Kind, RawRequest, Verified};
use conversation::content;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use runtime::metrics::Counter;
use spine::journal::{Journal, Journalled};
use spine::keys::{Contact, Found, Keys, Period};
use spine::{Decided, Error, Log};
use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use uuid::Uuid;

/// Threads remembered as noted; to note one again changes nothing.
const MET_MAX: usize = 50_000;
const RETRY_DELAY: Duration = Duration::from_millis(100);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(2);
/// An account is known to every replica so long after it was known to one.
const ACCOUNT_HEARD_US_MAX: i64 = 5_000_000;
const BEHIND: &str = "an earlier item of the thread is in quarantine";

/// What the normaliser works with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Normaliser {
    pub(crate) log: Log,
    pub(crate) keys: Keys,
    pub(crate) journal: Journal,
    pub(crate) accounts: Accounts,
    pub(crate) state: StateStore,
    /// Threads that were noted for asking their platform about.
    pub(crate) met: Arc<Mutex<HashSet<Uuid>>>,
    pub(crate) noted: Arc<Notify>,
    pub(crate) counters: Counters,
    pub(crate) stages: Stages,
    /// Whether what only a newer release knows is left to it, before it goes to quarantine.
    pub(crate) gives_way: bool,
}

/// What the normaliser counts.
#[derive(Clone)]
pub(crate) struct Counters {
    pub(crate) taken: Counter,
    pub(crate) quarantined: Counter,
    pub(crate) early: Counter,
}

impl Normaliser {
    /// Decides all items of the batch: side by side, but one after the other for each customer. In the threads of
    /// `waits` nothing is decided that has to wait for what is in quarantine.
    ///
    /// # Errors
    /// [`Error::UnknownEvent`] when the batch is left to a newer release, which finds done what was decided of it. The
    /// key register's and the account's.
    pub(crate) async fn decide(
        &self,
        batch: &[Arc<Journalled>],
        waits: &Waits<'_>,
    ) -> Result<Outcome, Error> {
        let mut lanes: BTreeMap<(Uuid, String), Vec<Job>> = BTreeMap::new();
        for journalled in batch {
            for job in self.jobs(journalled).await? {
                lanes.entry((journalled.account, job.user())).or_default().push(job);
            }
        }
        let running: FuturesUnordered<_> = lanes.into_values().map(|jobs| self.lane(jobs, waits)).collect();
        let mut outcome =
            running.collect::<Vec<_>>().await.into_iter().fold(Outcome::default(), Outcome::join);
        outcome.newer.take().map_or(Ok(outcome), Err)
    }

    /// The items of one customer in order.
    async fn lane(&self, jobs: Vec<Job>, waits: &Waits<'_>) -> Outcome {
        let (mut outcome, mut behind, mut rests) = (Outcome::default(), None, false);
        for job in jobs {
            let goes_past = |item: &Item| rests && tells_of_ours(&item.kind);
            let one = match (&job.what, behind) {
                (Ok(item), Some(_)) if !goes_past(item) => {
                    let until = if rests { Until::Before } else { Until::Operator };
                    Outcome::held_until(until, job.hold((behind, true), BEHIND.into()))
                }
                _ => {
                    let traceparent = job.journalled.traceparent.as_deref();
                    role::traced("receive", traceparent, Box::pin(self.job(&job, waits))).await
                }
            };
            if one.newer.is_some() {
                return outcome.join(one);
            }
            if behind.is_none() {
                rests = one.rests();
            }
            behind = behind.or(one.blocked());
            outcome = outcome.join(one);
        }
        outcome
    }

    /// Decides one item, again and again while the machine fails: nothing may overtake it.
    async fn job(&self, job: &Job, waits: &Waits<'_>) -> Outcome {
        let mut delay = RETRY_DELAY;
        loop {
            match self.try_job(job, waits).await {
                Ok(outcome) => return outcome,
                Err(error) if error.is_passing() => {
                    tracing::warn!(inbound.place = %job.journalled.place, error = &error as &dyn std::error::Error, "an item is tried again");
                    tokio::time::sleep(delay).await;
                    delay = (delay * 2).min(RETRY_DELAY_MAX);
                }
                Err(error) => match self.whose(job).await {
                    Ok(Some(Found { thread, erased: true, .. })) => return Outcome::erased(job, thread),
                    Ok(found) => {
                        let thread = found.map(|found| found.thread);
                        return Outcome::held(job.hold((thread, false), error.to_string()));
                    }
                    Err(later) if later.is_passing() => tokio::time::sleep(delay).await,
                    Err(_) => return Outcome::held(job.hold((None, false), error.to_string())),
                },
            }
        }
    }

    /// The thread of an item that cannot be decided, if there is one, so that it goes with its customer's erasure.
    async fn whose(&self, job: &Job) -> Result<Option<Found>, Error> {
        match (&job.ready, &job.what) {
            (Some(ready), Ok(item)) => self.found(ready, &item.external_user, job).await,
            _ => Ok(None),
        }
    }

    async fn try_job(&self, job: &Job, waits: &Waits<'_>) -> Result<Outcome, Error> {
        let Some(ready) = &job.ready else {
            return Ok(Outcome::held(job.hold((None, false), "the account is not in use".into())));
        };
        let item = match &job.what {
            Ok(item) => item,
            Err(fault) => {
                let Some(user) = &fault.external_user else {
                    return Ok(Outcome::held(job.hold((None, false), fault.to_string())));
                };
                let Found { thread, erased, .. } = self.person(ready, user, job).await?;
                return Ok(match erased {
                    true => Outcome::erased(job, thread),
                    false => Outcome::held(job.hold((Some(thread), false), fault.to_string())),
                });
            }
        };
        if !waits.all.is_empty()
            && let Some(Found { thread, .. }) = self.found(ready, &item.external_user, job).await?
            && let Some(until) = waits.holds(thread, item)
        {
            return Ok(Outcome::held_until(until, job.hold((Some(thread), true), BEHIND.into())));
        }
        let arrival = Arrival {
            ready,
            item,
            place: Some(job.journalled.place),
            cause: job.journalled.cause(job.number, "receive"),
            received_at: job.journalled.received_at,
            late: false,
        };
        Ok(match take(&self.log, &self.keys, &arrival, None).await? {
            Taken::Settled { thread, decided } => {
                // What decided nothing now is named by no message of the log.
                let is_named = matches!(decided, Some(Decided::Appended(_)));
                let unnamed = thread.filter(|_| !is_named).map(|thread| job.of(thread));
                self.counters.taken.add(1, &[ready.channel.name]);
                self.stages.received(arrival.received_at);
                let met = thread.and_then(|thread| self.meet(ready, item, (thread, arrival.received_at)));
                let (met, unnamed) = (met.into_iter().collect(), unnamed.into_iter().collect());
                Outcome { met, unnamed, ..Outcome::default() }
            }
            Taken::Erased { thread } => Outcome::erased(job, thread),
            Taken::Early { thread } => {
                let entry = job.hold((Some(thread), false), String::new());
                Outcome { early: vec![entry], ..Outcome::default() }
            }
            Taken::Rests { thread, why } => {
                Outcome::held_until(Until::Outcome, job.hold((Some(thread), true), why))
            }
            Taken::Refused { thread, why, blocks } => Outcome::held(job.hold((Some(thread), blocks), why)),
            Taken::Newer { error, .. } if self.gives_way => {
                Outcome { newer: Some(error), ..Outcome::default() }
            }
            Taken::Newer { thread, error } => {
                Outcome::held(job.hold((Some(thread), true), error.to_string()))
            }
        })
    }

    /// Whether the platform is to be asked about the thread's person: once, and again when they follow anew.
    fn meet(&self, ready: &Ready, item: &Item, (thread, at): (Uuid, i64)) -> Option<Met> {
        let again = item.kind == Kind::Follow;
        let wanted = ready.channel.profile.is_some()
            && !matches!(item.kind, Kind::Privacy { .. })
            && (again || !lock(&self.met).contains(&thread));
        wanted.then(|| Met { thread, tenant: ready.tenant.clone(), account: ready.account.id, at, again })
    }

    /// What was noted stands in the state store.
    pub(crate) fn note(&self, met: &[Met]) {
        if met.is_empty() {
            return;
        }
        let mut known = lock(&self.met);
        if known.len() > MET_MAX {
            known.clear();
        }
        known.extend(met.iter().map(|met| met.thread));
        self.noted.notify_one();
    }

    async fn jobs(&self, journalled: &Arc<Journalled>) -> Result<Vec<Job>, Error> {
        let Some(bytes) = &journalled.request else { return Ok(Vec::new()) };
        let Some(raw) = request::decode(bytes) else { return Ok(Vec::new()) };
        let ready = self.account_of(journalled).await?;
        let items = match &ready {
            Some(Ready { channel, account, .. }) => match channel.webhook {
                Some(webhook) => webhook.items(account, Verified::journalled(&raw)),
                None => Vec::new(),
            },
            None => vec![Err(whole(&raw))],
        };
        let request = Arc::new(raw);
        let job = |(number, what)| Job {
            ready: ready.clone(),
            journalled: journalled.clone(),
            number,
            what,
            request: request.clone(),
        };
        Ok(items.into_iter().enumerate().map(job).collect())
    }

    /// The account of a request. Whoever took the request in knew it; this replica may hear of it a moment later, and
    /// until then nothing of the part may go to quarantine for it.
    async fn account_of(&self, journalled: &Journalled) -> Result<Option<Ready>, Error> {
        loop {
            let ready = self.accounts.by_id(journalled.account).await?;
            let is_fresh = self.log.clock().now() - journalled.received_at < ACCOUNT_HEARD_US_MAX;
            if ready.is_some() || !is_fresh {
                return Ok(ready);
            }
            tokio::time::sleep(RETRY_DELAY).await;
        }
    }

    /// The person's thread, made where there is none: what they sent is theirs, also if it is the first and broken.
    async fn person(&self, ready: &Ready, user: &str, job: &Job) -> Result<Found, Error> {
        let contact = Contact {
            tenant: &ready.tenant,
            account: &ready.account.id.to_string(),
            external_user: user,
            class: content::CLASS,
            period: &Period::quarter(job.journalled.received_at),
            journalled: Some(job.sent()),
        };
        self.keys.thread_for(&contact).await
    }

    async fn found(&self, ready: &Ready, user: &str, job: &Job) -> Result<Option<Found>, Error> {
        let account = ready.account.id.to_string();
        self.keys.find_thread(&ready.tenant, &account, user, Some(job.sent())).await
    }
}

fn whole(raw: &RawRequest) -> ItemFault {
    let cause = channels::contract::Cause::Missing("account");
    ItemFault { cause, external_user: None, raw: raw.body.clone() }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
