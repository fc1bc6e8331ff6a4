//! Whom a platform is still to be asked about: once for each new thread, away from the way of its messages.
//!
//! Kept as state and not as due rows: that a platform knows nothing of somebody is no event, and a rebuilt read model
//! must not ask it about everybody again.

use crate::accounts::Accounts;
use crate::evidence;
use crate::state::StateStore;
use channels::contract::{Evidence, ProfileFault, Tools};
use conversation::{Rejection, Thread};
use events::Micros;
use futures::StreamExt;
use runtime::metrics::Counter;
use spine::db::Bulk;
use spine::keys::{Keys, Opened};
use spine::{Address, Cause, Entity, Error, Log, Refused};
use sqlx::{AnyConnection, Row};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// `open` waits to be asked about at `at`; `found` and `none` are settled.
pub(crate) const SCHEMA: &str = "
CREATE TABLE profiles (thread TEXT PRIMARY KEY, tenant TEXT NOT NULL, account TEXT NOT NULL, at BIGINT NOT NULL,
    attempts INTEGER NOT NULL, state TEXT NOT NULL);
CREATE INDEX profiles_at ON profiles (state, at);
";

static WISH: Bulk = Bulk::new(
    "INSERT INTO profiles (thread, tenant, account, at, attempts, state)",
    6,
    "ON CONFLICT (thread) DO NOTHING",
);

const LEASE: &str = "profiles";
/// How often it is looked whether somebody's time has come, and how often the table is asked whatever is known of it:
/// another process may have noted somebody.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const LOOK_LATEST: Duration = Duration::from_secs(5);
const BATCH_MAX: i64 = 64;
const IN_FLIGHT_MAX: usize = 4;
const ATTEMPTS_MAX: i32 = 6;
const RETRY_MS_MIN: u64 = 2_000;
/// How often it is looked whether an account is in use again.
const AWAY_MS: u64 = 30_000;

/// Somebody whom the platform can be asked about.
#[derive(Clone, Debug)]
pub(crate) struct Met {
    pub(crate) thread: Uuid,
    pub(crate) tenant: Arc<str>,
    pub(crate) account: Uuid,
    pub(crate) at: Micros,
    /// They follow anew, so a platform that knew nothing may know now.
    pub(crate) again: bool,
}

/// Notes whom to ask about, inside the transaction that moves the normaliser's position.
pub(crate) async fn wish(tx: &mut AnyConnection, met: &[Met]) -> Result<(), Error> {
    let bind = |query: spine::db::AnyQuery, met: &Met| {
        let query = query.bind(met.thread.to_string()).bind(met.tenant.to_string());
        query.bind(met.account.to_string()).bind(met.at).bind(0_i32).bind("open")
    };
    WISH.write(tx, met, bind).await?;
    for met in met.iter().filter(|met| met.again) {
        sqlx::query(
            "UPDATE profiles SET state = 'open', at = $1, attempts = 0 WHERE thread = $2 AND state = 'none'",
        )
        .bind(met.at)
        .bind(met.thread.to_string())
        .execute(&mut *tx)
        .await
        .map_err(Error::database("note whom to ask about"))?;
    }
    Ok(())
}

/// Asks. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Profiles {
    pub(crate) log: Log,
    pub(crate) keys: Keys,
    pub(crate) accounts: Accounts,
    pub(crate) state: StateStore,
    pub(crate) tools: Arc<Tools>,
    /// Somebody new was noted.
    pub(crate) noted: Arc<Notify>,
    pub(crate) asked: Counter,
}

struct Wish {
    address: Address,
    account: Uuid,
    attempts: i32,
}

/// What became of asking.
enum Told {
    Found,
    Nothing,
    Later {
        after_ms: Option<u64>,
    },
    /// Nobody was asked: the account is not in use, and may come back.
    Away,
}

/// What is written of a wish.
#[derive(Debug, PartialEq, Eq)]
struct Settled {
    state: &'static str,
    /// When it is looked at next.
    wait_ms: u64,
    attempts: i32,
}

impl Told {
    fn settle(self, attempts: i32) -> Settled {
        let counted = attempts + 1;
        let (state, wait_ms, attempts) = match self {
            Self::Found => ("found", 0, counted),
            Self::Nothing => ("none", 0, counted),
            Self::Later { .. } if counted >= ATTEMPTS_MAX => ("none", 0, counted),
            Self::Later { after_ms } => ("open", after_ms.unwrap_or_else(|| backoff_ms(attempts)), counted),
            Self::Away => ("open", AWAY_MS, attempts),
        };
        Settled { state, wait_ms, attempts }
    }
}

impl Profiles {
    /// Asks until `shutdown`, in one process at a time.
    ///
    /// # Errors
    /// Never: what fails is tried again.
    pub(crate) async fn run(&self, shutdown: &CancellationToken) {
        let (mut next, mut looked) = (Micros::MIN, Instant::now());
        loop {
            if self.log.clock().now() >= next || looked.elapsed() >= LOOK_LATEST {
                looked = Instant::now();
                next = self.round().await.unwrap_or_else(|error| {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "whom to ask about cannot be read"
                    );
                    Micros::MIN
                });
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.noted.notified() => next = Micros::MIN,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Asks about some whose time has come, and tells when the next one's is as far as is known.
    async fn round(&self) -> Result<Micros, Error> {
        if self.due().await?.is_empty() {
            return self.next().await;
        }
        let Some(lease) = self.state.leases.acquire(LEASE).await? else { return Ok(Micros::MIN) };
        // Read again, since another process may have asked meanwhile.
        let wishes = self.due().await?;
        let asking = futures::stream::iter(wishes).map(|wish| self.ask(wish));
        asking.buffer_unordered(IN_FLIGHT_MAX).collect::<Vec<()>>().await;
        self.state.leases.release(&lease).await?;
        Ok(Micros::MIN)
    }

    async fn next(&self) -> Result<Micros, Error> {
        let next: Option<Micros> = sqlx::query_scalar("SELECT MIN(at) FROM profiles WHERE state = 'open'")
            .fetch_one(self.state.store.reads())
            .await
            .map_err(Error::database("read whom to ask about next"))?;
        Ok(next.unwrap_or(Micros::MAX))
    }

    async fn due(&self) -> Result<Vec<Wish>, Error> {
        let rows = sqlx::query(
            "SELECT thread, tenant, account, attempts FROM profiles WHERE state = 'open' AND at <= $1
             ORDER BY at LIMIT $2",
        )
        .bind(self.log.clock().now())
        .bind(BATCH_MAX)
        .fetch_all(self.state.store.reads())
        .await
        .map_err(Error::database("read whom to ask about"))?;
        let read = |row: &sqlx::any::AnyRow| {
            let thread: Uuid = row.get::<String, _>(0).parse().ok()?;
            let address = Address::of(&row.get::<String, _>(1), Thread::KIND, thread).ok()?;
            Some(Wish { address, account: row.get::<String, _>(2).parse().ok()?, attempts: row.get(3) })
        };
        Ok(rows.iter().filter_map(read).collect())
    }

    async fn ask(&self, wish: Wish) {
        let told = match self.tell(&wish).await {
            Ok(told) => told,
            Err(error) => {
                let thread = wish.address.id.as_ref();
                tracing::warn!(
                    thread.id = thread,
                    error = &error as &dyn std::error::Error,
                    "a platform could not be asked who somebody is"
                );
                Told::Later { after_ms: None }
            }
        };
        let asked = !matches!(told, Told::Away);
        let settled = told.settle(wish.attempts);
        self.asked.add(u64::from(asked), &[settled.state]);
        let wait_us = i64::try_from(settled.wait_ms).unwrap_or(i64::MAX / 2_000).saturating_mul(1_000);
        let written = sqlx::query("UPDATE profiles SET state = $1, at = $2, attempts = $3 WHERE thread = $4")
            .bind(settled.state)
            .bind(self.log.clock().now().saturating_add(wait_us))
            .bind(settled.attempts)
            .bind(wish.address.id.to_string())
            .execute(self.state.store.write())
            .await;
        if let Err(error) = written {
            // It is asked again, which is harmless.
            tracing::warn!(error = &error as &dyn std::error::Error, "what a platform said is not noted");
        }
    }

    async fn tell(&self, wish: &Wish) -> Result<Told, Error> {
        let contact = |thread: &Thread| thread.contact().map(|contact| contact.as_str().to_owned());
        let Some(contact) = self.log.read::<Thread, _>(&wish.address, contact).await? else {
            return Ok(Told::Nothing);
        };
        let subject = wish.address.subject();
        let Opened::Text(contact) = self.keys.open_text(&contact, &subject, "began.contact").await? else {
            return Ok(Told::Nothing);
        };
        let Some(ready) = self.accounts.by_id(wish.account).await? else {
            return Ok(Told::Away);
        };
        let Some(profile) = ready.channel.profile else { return Ok(Told::Nothing) };
        match profile.evidence(&ready.account, &contact, &self.tools).await {
            Ok(found) if found.is_empty() => Ok(Told::Nothing),
            Ok(found) => self.record(wish, &ready.account, &found).await,
            Err(ProfileFault::Never) => Ok(Told::Nothing),
            Err(ProfileFault::Later { after_ms }) => Ok(Told::Later { after_ms }),
        }
    }

    async fn record(
        &self,
        wish: &Wish,
        account: &channels::contract::Account,
        found: &[Evidence],
    ) -> Result<Told, Error> {
        let at = self.log.clock().now();
        let found = match evidence::seal(&self.keys, account, &wish.address, found, at).await {
            Ok(found) => found,
            Err(Error::Gone { .. }) => return Ok(Told::Nothing),
            Err(error) => return Err(error),
        };
        let names: Vec<&str> = found.iter().map(|found| found.provider.as_str()).collect();
        let id = Uuid::new_v5(&wish.address.uuid().unwrap_or_default(), names.join(" ").as_bytes());
        let cause = Cause::new(id, "identify", "channel-ingest");
        let decide = |thread: &Thread| evidence::with(thread, Ok(Vec::new()), &found, at);
        match self.log.transact::<Thread, Rejection>(&wish.address, &cause, decide).await {
            Ok(_) => Ok(Told::Found),
            Err(Refused::Rejected(_)) => Ok(Told::Nothing),
            Err(Refused::Failed(error)) => Err(error),
        }
    }
}

fn backoff_ms(attempts: i32) -> u64 {
    RETRY_MS_MIN << (2 * attempts.clamp(0, ATTEMPTS_MAX)).unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_grows_from_seconds_to_less_than_an_hour() {
        let waits: Vec<u64> = (0..ATTEMPTS_MAX - 1).map(backoff_ms).collect();
        assert_eq!(waits, [2_000, 8_000, 32_000, 128_000, 512_000]);
    }

    #[test]
    fn while_the_account_is_not_in_use_no_attempt_is_counted() {
        for attempts in [0, ATTEMPTS_MAX - 1] {
            let waits = Settled { state: "open", wait_ms: AWAY_MS, attempts };
            assert_eq!(Told::Away.settle(attempts), waits);
        }
        let later = || Told::Later { after_ms: None };
        assert_eq!(later().settle(0), Settled { state: "open", wait_ms: 2_000, attempts: 1 });
        assert_eq!(later().settle(ATTEMPTS_MAX - 1).state, "none");
    }
}
