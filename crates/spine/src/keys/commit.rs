//! New keys and threads, many in one commit.
//!
//! A commit costs a sync of the disk, and a burst of new customers must not pay it one by one. Who comes while a
//! commit runs waits for its end; then one of those who waited commits for all of them. So nobody waits for
//! company, and there is no task of its own that could die.

use super::add::{Added, add_keys, add_threads, erased_among};
use super::cache::{DataKey, ThreadName};
use super::gone::GoneContacts;
use super::names::{Owner, Period, SealKey};
use super::register::{self, Change, TenantKeys};
use super::thread::Request;
use super::{Inner, KeyLimits};
use crate::db::may_retry;
use crate::error::Error;
use sqlx::AnyConnection;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use tokio::sync::{Semaphore, oneshot};
use uuid::Uuid;

/// How often a commit is tried again when Postgres ended it for another's sake.
const ATTEMPTS_MAX: u32 = 5;

/// What a caller needs to be there.
#[derive(Clone)]
pub(super) enum Want {
    Key(SealKey),
    /// A thread and its first key.
    Thread {
        name: ThreadName,
        candidate: Uuid,
        class: Arc<str>,
        period: Period,
        /// See [`super::Contact::journalled`].
        journalled: Option<Request>,
    },
}

impl Want {
    /// Whether this caller's candidate became the thread.
    fn is_candidate(&self, thread: Uuid) -> bool {
        matches!(self, Self::Thread { candidate, .. } if *candidate == thread)
    }
}

/// What a caller gets.
#[derive(Clone)]
pub(super) struct Got {
    /// None when the owner was erased.
    pub(super) key: Option<Arc<DataKey>>,
    /// The thread, and whether this caller's candidate became it.
    pub(super) thread: Option<(Uuid, bool)>,
    /// Whether the contact is of somebody who was erased before.
    pub(super) returned: bool,
}

pub(super) struct Commits {
    waiting: Mutex<Vec<Waiting>>,
    turn: tokio::sync::Mutex<()>,
    room: Semaphore,
    commit_max: usize,
}

struct Waiting {
    want: Want,
    done: oneshot::Sender<Result<Got, Arc<Error>>>,
}

impl Commits {
    pub(super) fn new(limits: &KeyLimits) -> Self {
        Self {
            waiting: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            room: Semaphore::new(limits.commit_waiting_max.max(1)),
            commit_max: limits.commit_max.max(1),
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Inner {
    /// Makes sure of what is wanted, synced to disk.
    pub(super) async fn ensure(&self, want: Want) -> Result<Got, Error> {
        let commits = &self.commits;
        let _place =
            commits.room.acquire().await.map_err(|_| Error::Other("the key register is closed".into()))?;
        loop {
            let (done, mut result) = oneshot::channel();
            commits.waiting().push(Waiting { want: want.clone(), done });
            let turn = commits.turn.lock().await;
            let mut mine = result.try_recv();
            while matches!(mine, Err(oneshot::error::TryRecvError::Empty)) {
                self.commit_waiting().await;
                mine = result.try_recv();
            }
            drop(turn);
            match mine {
                Ok(got) => return got.map_err(|source| Error::Shared { action: "commit new keys", source }),
                // Who committed for this caller was cancelled in the middle, so it asks again.
                Err(_) => continue,
            }
        }
    }

    /// Commits for those who wait, as many as one commit takes.
    async fn commit_waiting(&self) {
        let batch: Vec<Waiting> = {
            let mut waiting = self.commits.waiting();
            let count = waiting.len().min(self.commits.commit_max);
            waiting.drain(..count).collect()
        };
        let wants: Vec<&Want> = batch.iter().map(|waiting| &waiting.want).collect();
        let result = self.commit(&wants).await.map_err(Arc::new);
        for (place, waiting) in batch.into_iter().enumerate() {
            let answer = match &result {
                Ok(all) => Ok(all[place].clone()),
                Err(error) => Err(error.clone()),
            };
            // Who is gone needs no answer.
            drop(waiting.done.send(answer));
        }
    }

    async fn commit(&self, wants: &[&Want]) -> Result<Vec<Got>, Error> {
        let mut attempt = 1;
        loop {
            match self.commit_once(wants).await {
                Err(Error::Database { source, .. }) if attempt < ATTEMPTS_MAX && may_retry(&source) => {
                    attempt += 1
                }
                done => return done,
            }
        }
    }

    async fn commit_once(&self, wants: &[&Want]) -> Result<Vec<Got>, Error> {
        let epoch = self.cache.epoch();
        let mut tx = register::begin(&self.store, Change::Add).await?;
        self.check_not_behind(&mut tx).await?;
        let tenants = self.tenants(&mut tx, wants).await?;
        let gone = GoneContacts::among(&mut tx, wants).await?;
        let living: Vec<&Want> = wants.iter().filter(|want| gone.thread(want).is_none()).copied().collect();
        let threads = add_threads(&mut tx, &living).await?;
        let thread_of = |want: &Want| match want {
            Want::Key(_) => None,
            Want::Thread { name, .. } => gone.thread(want).or_else(|| threads.get(name).copied()),
        };
        let names: Vec<SealKey> = wants.iter().map(|want| key_of(want, thread_of(want))).collect();
        let erased = erased_among(&mut tx, &names).await?;
        let alive: BTreeSet<&SealKey> = names
            .iter()
            .filter(|name| !erased.contains(&(name.tenant.clone(), name.owner.clone())))
            .collect();
        let alive: Vec<&SealKey> = alive.into_iter().collect();
        let Added { keys, made } = add_keys(&mut tx, (&self.master, &tenants), &alive).await?;
        tx.commit().await.map_err(Error::database("commit new keys"))?;
        for (name, key) in &keys {
            self.cache.put_key_for(epoch, name.clone(), key.clone());
        }
        if let Some(id) = made {
            self.committed(id);
        }
        let answer = |(want, name): (&&Want, &SealKey)| Got {
            key: keys.get(name).cloned(),
            thread: thread_of(want).map(|thread| (thread, want.is_candidate(thread))),
            returned: gone.has(want),
        };
        Ok(wants.iter().zip(&names).map(answer).collect())
    }

    async fn tenants(
        &self,
        tx: &mut AnyConnection,
        wants: &[&Want],
    ) -> Result<HashMap<Arc<str>, TenantKeys>, Error> {
        let names: BTreeSet<&Arc<str>> = wants
            .iter()
            .map(|want| match want {
                Want::Key(name) => &name.tenant,
                Want::Thread { name, .. } => &name.0,
            })
            .collect();
        let mut tenants = HashMap::new();
        for tenant in names {
            tenants.insert(tenant.clone(), register::tenant_keys(tx, &self.master, tenant).await?);
        }
        Ok(tenants)
    }
}

fn key_of(want: &Want, thread: Option<Uuid>) -> SealKey {
    match want {
        Want::Key(name) => name.clone(),
        Want::Thread { name, candidate, class, period, .. } => SealKey {
            tenant: name.0.clone(),
            owner: Owner::thread(thread.unwrap_or(*candidate)),
            class: class.clone(),
            period: period.clone(),
        },
    }
}
