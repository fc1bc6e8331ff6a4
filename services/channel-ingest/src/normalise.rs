//! The normaliser: one reader per part of the journal, items decided in order per customer, one by one.

use crate::accounts::{Accounts, Ready};
use crate::channels::contract::{Item, ItemFault, RawRequest, Verified};
use crate::item::{Arrival, Taken, take};
use crate::quarantine::{self, Entry, Held};
use crate::request;
use crate::state::StateStore;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use runtime::metrics::Counter;
use spine::journal::{Journal, Journalled};
use spine::keys::Keys;
use spine::lease::{Lease, Leases};
use spine::{Error, Log};
use sqlx::Row;
use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Requests that are worked on together; their items run side by side, in order per customer.
const BATCH_MAX: usize = 256;
const RETRY_DELAY: Duration = Duration::from_millis(100);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(2);
const LEASE_POLL: Duration = Duration::from_secs(2);

/// What the normaliser works with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Normaliser {
    pub(crate) log: Log,
    pub(crate) keys: Keys,
    pub(crate) journal: Journal,
    pub(crate) accounts: Accounts,
    pub(crate) state: StateStore,
    /// Threads that have something in quarantine.
    pub(crate) blocked: Arc<Mutex<HashSet<Uuid>>>,
    pub(crate) taken: Counter,
    pub(crate) quarantined: Counter,
}

/// One item of one request, ready to be decided.
struct Job {
    ready: Option<Ready>,
    journalled: Arc<Journalled>,
    number: usize,
    what: Result<Item, ItemFault>,
    request: Arc<RawRequest>,
}

impl Normaliser {
    /// Works on one part until `shutdown`, under its lease where there are several processes.
    pub(crate) async fn run(
        &self,
        part: u8,
        leases: Option<&Leases>,
        shutdown: &CancellationToken,
    ) -> Result<(), Error> {
        loop {
            let lease = tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                lease = acquire(part, leases) => lease,
            };
            let ended = tokio::select! {
                () = shutdown.cancelled() => {
                    give_back(part, leases, lease.as_ref()).await;
                    return Ok(());
                }
                () = spine::lease::until_lost(lease.as_ref()) => Err(Error::Fenced { lease: format!("inbound.{part}") }),
                ended = self.work(part, lease.as_ref()) => ended,
            };
            let Err(error) = ended else { return Ok(()) };
            tracing::warn!(
                inbound.part = part,
                error = &error as &dyn std::error::Error,
                "the normaliser of a part starts again"
            );
            tokio::time::sleep(RETRY_DELAY).await;
        }
    }

    async fn work(&self, part: u8, lease: Option<&Lease>) -> Result<(), Error> {
        let fence = lease.map_or(0, Lease::fence);
        let mut position = self.open(part, fence).await?;
        let mut reading = self.journal.read(part, position + 1);
        loop {
            let mut batch = vec![Arc::new(reading.next().await?)];
            while batch.len() < BATCH_MAX {
                // Only what is already here; nobody waits for a fuller batch.
                match tokio::time::timeout(Duration::ZERO, reading.next()).await {
                    Ok(next) => batch.push(Arc::new(next?)),
                    Err(_) => break,
                }
            }
            let last = batch.last().map_or(position, |journalled| journalled.place.sequence);
            let held = self.decide(&batch).await?;
            self.commit(part, fence, (position, last), &held).await?;
            position = last;
        }
    }

    /// Decides all items of the batch: side by side, but one after the other for each customer. What cannot be
    /// taken comes back.
    async fn decide(&self, batch: &[Arc<Journalled>]) -> Result<Vec<Entry>, Error> {
        let mut lanes: BTreeMap<(Uuid, String), Vec<Job>> = BTreeMap::new();
        for journalled in batch {
            for job in self.jobs(journalled).await? {
                let user = match &job.what {
                    Ok(item) => item.external_user.clone(),
                    Err(fault) => fault.external_user.clone().unwrap_or_default(),
                };
                lanes.entry((journalled.account, user)).or_default().push(job);
            }
        }
        let running: FuturesUnordered<_> = lanes.into_values().map(|jobs| self.lane(jobs)).collect();
        Ok(running.collect::<Vec<_>>().await.into_iter().flatten().collect())
    }

    /// The items of one customer in order.
    async fn lane(&self, jobs: Vec<Job>) -> Vec<Entry> {
        let mut held = Vec::new();
        for job in jobs {
            held.extend(self.job(&job).await);
        }
        held
    }

    /// Decides one item, again and again while the machine fails: nothing may overtake it.
    async fn job(&self, job: &Job) -> Option<Entry> {
        let mut delay = RETRY_DELAY;
        loop {
            match self.try_job(job).await {
                Ok(held) => return held,
                Err(error) if error.is_passing() => {
                    tracing::warn!(inbound.place = %job.journalled.place, error = &error as &dyn std::error::Error, "an item is tried again");
                    tokio::time::sleep(delay).await;
                    delay = (delay * 2).min(RETRY_DELAY_MAX);
                }
                Err(error) => return Some(job.hold((None, false), error.to_string())),
            }
        }
    }

    async fn try_job(&self, job: &Job) -> Result<Option<Entry>, Error> {
        let Some(ready) = &job.ready else {
            return Ok(Some(job.hold((None, false), "the account is not in use".into())));
        };
        let item = match &job.what {
            Ok(item) => item,
            Err(fault) => {
                let thread = match &fault.external_user {
                    Some(user) => {
                        let account = ready.account.id.to_string();
                        self.keys.find_thread(&ready.tenant, &account, user).await?
                    }
                    None => None,
                };
                return Ok(Some(job.hold((thread, false), fault.to_string())));
            }
        };
        if let Some(thread) = self.thread_of(ready, &item.external_user).await?
            && self.is_blocked(thread)
        {
            let why = "an earlier item of the thread is in quarantine".into();
            return Ok(Some(job.hold((Some(thread), true), why)));
        }
        let arrival = Arrival {
            ready,
            item,
            raw: Some(job.journalled.place.to_string()),
            cause: job.journalled.cause(job.number, "receive"),
            received_at: job.journalled.received_at,
        };
        match take(&self.log, &self.keys, &arrival, None).await? {
            Taken::Settled(_) => {
                self.taken.add(1, &[ready.channel.name]);
                Ok(None)
            }
            Taken::Refused { thread, why, blocks } => {
                if blocks {
                    self.block(thread);
                }
                Ok(Some(job.hold((Some(thread), blocks), why)))
            }
        }
    }

    async fn jobs(&self, journalled: &Arc<Journalled>) -> Result<Vec<Job>, Error> {
        let Some(bytes) = &journalled.request else { return Ok(Vec::new()) };
        let Some(raw) = request::decode(bytes) else { return Ok(Vec::new()) };
        let ready = self.accounts.by_id(journalled.account).await?;
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

    async fn thread_of(&self, ready: &Ready, user: &str) -> Result<Option<Uuid>, Error> {
        if lock(&self.blocked).is_empty() {
            return Ok(None);
        }
        self.keys.find_thread(&ready.tenant, &ready.account.id.to_string(), user).await
    }

    fn is_blocked(&self, thread: Uuid) -> bool {
        lock(&self.blocked).contains(&thread)
    }

    fn block(&self, thread: Uuid) {
        lock(&self.blocked).insert(thread);
    }

    /// Takes the part's position over under the fence.
    async fn open(&self, part: u8, fence: i64) -> Result<u64, Error> {
        let action = "take over a part of the journal";
        let row = sqlx::query(
            "INSERT INTO inbound (part, sequence, fence) VALUES ($1, 0, $2)
             ON CONFLICT (part) DO UPDATE SET fence = excluded.fence WHERE inbound.fence <= excluded.fence
             RETURNING sequence",
        )
        .bind(i32::from(part))
        .bind(fence)
        .fetch_optional(self.state.store.write())
        .await
        .map_err(Error::database(action))?;
        let row = row.ok_or_else(|| Error::Fenced { lease: format!("inbound.{part}") })?;
        *lock(&self.blocked) = self.state.blocked().await?;
        Ok(u64::try_from(row.get::<i64, _>(0)).unwrap_or(0))
    }

    /// Moves the position and writes what is held, together.
    async fn commit(
        &self,
        part: u8,
        fence: i64,
        (from, to): (u64, u64),
        held: &[Entry],
    ) -> Result<(), Error> {
        let mut sealed = Vec::new();
        for entry in held {
            sealed.push(quarantine::seal(&self.keys, entry).await?);
        }
        let mut tx = self.state.store.begin().await?;
        for (entry, sealed) in held.iter().zip(&sealed) {
            quarantine::put(&mut tx, &entry.held, sealed).await?;
            tracing::warn!(inbound.place = %entry.held.place, item.number = entry.held.number, error = entry.held.error, "an item is in quarantine");
        }
        let signed = |sequence: u64| i64::try_from(sequence).unwrap_or(i64::MAX);
        let moved =
            sqlx::query("UPDATE inbound SET sequence = $1 WHERE part = $2 AND sequence = $3 AND fence = $4")
                .bind(signed(to))
                .bind(i32::from(part))
                .bind(signed(from))
                .bind(fence)
                .execute(&mut *tx)
                .await
                .map_err(Error::database("move a position of the journal"))?;
        if moved.rows_affected() != 1 {
            return Err(Error::Fenced { lease: format!("inbound.{part}") });
        }
        tx.commit().await.map_err(Error::database("commit a position of the journal"))?;
        self.quarantined.add(held.len() as u64, &[]);
        Ok(())
    }
}

impl Job {
    fn hold(&self, (thread, blocks): (Option<Uuid>, bool), error: String) -> Entry {
        let Journalled { place, tenant, account, received_at, .. } = &*self.journalled;
        let held = Held {
            id: Held::id_of(*place, self.number),
            tenant: tenant.clone(),
            account: *account,
            thread,
            place: *place,
            number: self.number,
            received_at: *received_at,
            error,
            blocks,
        };
        let request = match &self.what {
            Err(fault) => RawRequest { body: fault.raw.clone(), ..(*self.request).clone() },
            Ok(_) => (*self.request).clone(),
        };
        Entry { held, request }
    }
}

fn whole(raw: &RawRequest) -> ItemFault {
    let cause = crate::channels::contract::Cause::Missing("account");
    ItemFault { cause, external_user: None, raw: raw.body.clone() }
}

/// What was being decided is decided again by the successor, and finds itself done.
async fn give_back(part: u8, leases: Option<&Leases>, lease: Option<&Lease>) {
    if let (Some(leases), Some(lease)) = (leases, lease)
        && let Err(error) = leases.release(lease).await
    {
        tracing::warn!(
            inbound.part = part,
            error = &error as &dyn std::error::Error,
            "the part is free only when its lease expires"
        );
    }
}

async fn acquire(part: u8, leases: Option<&Leases>) -> Option<Lease> {
    let leases = leases?;
    loop {
        match leases.acquire(&format!("inbound.{part}")).await {
            Ok(Some(lease)) => return Some(lease),
            Ok(None) => {}
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a lease of the journal cannot be asked for"
            ),
        }
        tokio::time::sleep(LEASE_POLL).await;
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
