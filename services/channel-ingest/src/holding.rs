//! Who works on a part of the journal: the replica that holds its lease, until it ends or leaves it to a newer release.

use crate::normalise::Normaliser;
use crate::part::Part;
use spine::Error;
use spine::lease::{Lease, Leases};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const RETRY_DELAY_MIN: Duration = Duration::from_millis(100);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(2);
/// How long the batch in hand may take to be decided at a stop.
const LEAVES_WITHIN: Duration = Duration::from_secs(1);
const LEASE_POLL: Duration = Duration::from_secs(2);
/// A part that met what only a newer release knows is free for so long: every replica asks for it meanwhile.
const GIVES_WAY_FOR: Duration = Duration::from_secs(6);
/// Who gave way less than this ago and has the part again has nobody newer beside it.
const GIVES_WAY_AGAIN: Duration = Duration::from_secs(60);

impl Normaliser {
    /// Works on one part until `shutdown`, under its lease where there are several processes.
    pub(crate) async fn run(
        &self,
        part: u8,
        leases: Option<&Leases>,
        shutdown: &CancellationToken,
    ) -> Result<(), Error> {
        let mut gave_way: Option<Instant> = None;
        let mut delay = RETRY_DELAY_MIN;
        loop {
            let lease = tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                lease = acquire(part, leases) => lease,
            };
            let began = Instant::now();
            let ended = tokio::select! {
                () = overdue(shutdown) => Ok(()),
                () = spine::lease::until_lost(lease.as_ref()) => Err(Error::Fenced { lease: format!("inbound.{part}") }),
                ended = self.work((part, lease.as_ref()), leases.is_some() && !is_recent(gave_way), shutdown) => ended,
            };
            let error = match ended {
                Err(error) if !shutdown.is_cancelled() => error,
                // Nothing but a stop ends it well.
                ended => {
                    if let Err(error) = ended {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(
                            inbound.part = part,
                            error,
                            "what is not noted of a part is taken in again"
                        );
                    }
                    give_back(part, leases, lease.as_ref()).await;
                    return Ok(());
                }
            };
            if matches!(error, Error::UnknownEvent { .. }) {
                tracing::warn!(inbound.part = part, error = %error, "the part is left to a newer release");
                give_back(part, leases, lease.as_ref()).await;
                gave_way = Some(Instant::now());
                tokio::select! {
                    () = shutdown.cancelled() => return Ok(()),
                    () = tokio::time::sleep(GIVES_WAY_FOR) => continue,
                }
            }
            tracing::warn!(
                inbound.part = part,
                error = &error as &dyn std::error::Error,
                "the normaliser of a part starts again"
            );
            if began.elapsed() > RETRY_DELAY_MAX {
                delay = RETRY_DELAY_MIN;
            }
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = tokio::time::sleep(delay) => delay = (delay * 2).min(RETRY_DELAY_MAX),
            }
        }
    }

    async fn work(
        &self,
        (part, lease): (u8, Option<&Lease>),
        gives_way: bool,
        shutdown: &CancellationToken,
    ) -> Result<(), Error> {
        let normaliser = Self { gives_way, ..self.clone() };
        Part::open(&normaliser, part, lease.map_or(0, Lease::fence)).await?.work(shutdown).await
    }
}

/// Until `shutdown` is so long ago that the batch in hand is left undecided.
async fn overdue(shutdown: &CancellationToken) {
    shutdown.cancelled().await;
    tokio::time::sleep(LEAVES_WITHIN).await;
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

fn is_recent(gave_way: Option<Instant>) -> bool {
    gave_way.is_some_and(|at| at.elapsed() < GIVES_WAY_AGAIN)
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
