//! Renewing: one statement for all leases of a holder, made by whichever of them finds it is time.

use super::{LEASE_MS, Lease, MARGIN};
use crate::db::AnyQuery;
use crate::error::Error;
use sqlx::{AssertSqlSafe, Row};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

const RENEW_EVERY: Duration = Duration::from_millis(3_000);
/// A lease lasts for the holder so long after it was last renewed.
const LIFE: Duration = Duration::from_millis(LEASE_MS.unsigned_abs()).saturating_sub(MARGIN);

/// What a holder renews.
pub(super) struct Renewals {
    /// By name, those for which somebody waits.
    held: Mutex<HashMap<String, Held>>,
    /// When it was last tried; whoever has it tries.
    turn: tokio::sync::Mutex<Instant>,
    renewed_some: Notify,
}

#[derive(Clone, Copy)]
struct Held {
    fence: i64,
    /// When the renewal was asked for that succeeded last, or the lease was taken.
    since: Instant,
}

/// Keeps a lease among the renewed ones for as long as somebody waits for its end.
struct Place<'a> {
    lease: &'a Lease,
}

impl Renewals {
    pub(super) fn new() -> Self {
        Self {
            held: Mutex::default(),
            turn: tokio::sync::Mutex::new(Instant::now()),
            renewed_some: Notify::new(),
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<String, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the lease was renewed last; none when it is lost.
    fn since(&self, lease: &Lease) -> Option<Instant> {
        self.held().get(&lease.name).filter(|held| held.fence == lease.fence).map(|held| held.since)
    }

    /// Notes which of `asked` were renewed; the others are lost.
    fn renewed(&self, asked: &[(String, i64)], renewed: &HashMap<String, i64>, at: Instant) {
        let mut held = self.held();
        for (name, fence) in asked {
            // It may have been given up or taken anew meanwhile.
            let Some(known) = held.get_mut(name).filter(|known| known.fence == *fence) else { continue };
            match renewed.get(name) == Some(fence) {
                true => known.since = at,
                false => drop(held.remove(name)),
            }
        }
        drop(held);
        self.renewed_some.notify_waiters();
    }
}

impl<'a> Place<'a> {
    fn take(lease: &'a Lease) -> Self {
        let mut held = lease.leases.inner.renewals.held();
        let newer = held.get(&lease.name).is_some_and(|held| held.fence > lease.fence);
        if !newer {
            held.insert(lease.name.clone(), Held { fence: lease.fence, since: lease.asked });
        }
        drop(held);
        Self { lease }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut held = self.lease.leases.inner.renewals.held();
        if held.get(&self.lease.name).is_some_and(|held| held.fence == self.lease.fence) {
            held.remove(&self.lease.name);
        }
    }
}

/// Renews the lease, with all others of its holder, and resolves when it is lost.
pub(super) async fn until_lost(lease: &Lease) {
    let _place = Place::take(lease);
    let renewals = &lease.leases.inner.renewals;
    loop {
        let news = renewals.renewed_some.notified();
        tokio::pin!(news);
        news.as_mut().enable();
        let Some(since) = renewals.since(lease) else { return };
        tokio::select! {
            () = news => {}
            () = tokio::time::sleep_until(since + LIFE) => return,
            () = turn(lease, since) => {}
        }
    }
}

/// Waits until it is time, then renews, unless another lease of the holder has just done or tried that.
async fn turn(lease: &Lease, since: Instant) {
    let renewals = &lease.leases.inner.renewals;
    let last = *renewals.turn.lock().await;
    tokio::time::sleep_until(since.max(last) + RENEW_EVERY).await;
    let mut tried = renewals.turn.lock().await;
    if tried.elapsed() < RENEW_EVERY {
        return;
    }
    *tried = Instant::now();
    let asked_at = *tried;
    let asked: Vec<(String, i64)> =
        renewals.held().iter().map(|(name, held)| (name.clone(), held.fence)).collect();
    if asked.is_empty() {
        return;
    }
    if let Ok(Ok(renewed)) = tokio::time::timeout(MARGIN, renew(lease, &asked)).await {
        renewals.renewed(&asked, &renewed, asked_at);
    }
}

/// Renews those of `asked` that are still ours, and names them with their fences.
async fn renew(lease: &Lease, asked: &[(String, i64)]) -> Result<HashMap<String, i64>, Error> {
    let (inner, now) = (&lease.leases.inner, lease.leases.now_text());
    let names: Vec<String> = (3..3 + asked.len()).map(|number| format!("${number}")).collect();
    let text = format!(
        "UPDATE leases SET until_us = {now} + $1 WHERE holder = $2 AND until_us >= {now} AND name IN ({})
         RETURNING name, fence",
        names.join(",")
    );
    let mut query: AnyQuery = sqlx::query(AssertSqlSafe(text)).bind(LEASE_MS * 1_000).bind(&inner.holder);
    for (name, _) in asked {
        query = query.bind(name);
    }
    let rows = query.fetch_all(inner.store.write()).await.map_err(Error::database("renew leases"))?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}
