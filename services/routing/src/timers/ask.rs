//! Asking the law about what is late.

use super::Kind;
use super::late::Late;
use crate::notice::notice;
use crate::outcome::{Leave, SETTLE_US, leave};
use conversation::{Close, ExpireAnswer, Release, Thread, close, expire_answer, release};
use events::Micros;
use events::account::Setup;
use events::thread::ReleasedTo;
use spine::db::Store;
use spine::{Address, Cause, Error, Refused, Spine};
use uuid::Uuid;

/// Asks, and says for how long the row is left alone.
pub(super) async fn ask(kind: Kind, spine: &Spine, store: &Store, late: &Late) -> Leave {
    let now = spine.log.clock().now();
    let decided = match kind {
        Kind::AnswerDeadline => answer(spine, store, late, now).await,
        Kind::IdleClose => idle(spine, late, now).await,
        Kind::AgentGone => gone(spine, late, now).await,
    };
    match decided {
        // The person was erased and their key destroyed; the row goes when that is projected.
        Err(Refused::Failed(Error::Gone { .. })) => Leave::Until(now + SETTLE_US),
        decided => leave(decided, now),
    }
}

type Answer = Result<spine::Decided, Refused<conversation::Rejection>>;

async fn answer(spine: &Spine, store: &Store, late: &Late, now: Micros) -> Answer {
    let Some(message) = late.message else {
        return Err(Error::Other(format!("thread {} is late without a message", late.thread)).into());
    };
    let address = Address::of(&late.tenant, "thread", late.thread)?;
    // One handover of a message in a tenure, however often the timer fires.
    let cause = cause(message, late.tenure, "answer_deadline");
    let queue = queue_of(store, late).await?;
    let words = (late.settings.handover_notice.as_str(), now);
    let notice = notice(&spine.keys, &address, cause.id, words).await?;
    let deadline_us = micros(late.settings.answer_deadline_ms);
    let expire = ExpireAnswer { message, deadline_us, queue, notice };
    let clock = spine.log.clock();
    spine.log.transact(&address, &cause, |thread: &Thread| expire_answer(thread, &expire, clock.now())).await
}

async fn idle(spine: &Spine, late: &Late, now: Micros) -> Answer {
    let address = Address::of(&late.tenant, "thread", late.thread)?;
    let cutoff = now.saturating_sub(micros(late.settings.idle_close_ms));
    let wish = Close::Idle { n: late.n, cutoff };
    let clock = spine.log.clock();
    let cause = cause(late.thread, late.n, "idle_close");
    spine.log.transact(&address, &cause, |thread: &Thread| close(thread, &wish, clock.now())).await
}

async fn gone(spine: &Spine, late: &Late, _now: Micros) -> Answer {
    let address = Address::of(&late.tenant, "thread", late.thread)?;
    let wish = Release { by: None, tenure: late.tenure, to: ReleasedTo::Queue };
    let clock = spine.log.clock();
    let cause = cause(late.thread, late.tenure, "agent_gone");
    spine.log.transact(&address, &cause, |thread: &Thread| release(thread, &wish, clock.now())).await
}

fn cause(of: Uuid, number: u32, purpose: &'static str) -> Cause {
    Cause::new(Uuid::new_v5(&of, &number.to_be_bytes()), purpose, "routing")
}

fn micros(ms: u64) -> Micros {
    Micros::try_from(ms).unwrap_or(Micros::MAX / 2_000).saturating_mul(1_000)
}

/// Where a conversation waits: where it waited before, else where its account says.
async fn queue_of(store: &Store, late: &Late) -> Result<String, Error> {
    if !late.queue.is_empty() {
        return Ok(late.queue.clone());
    }
    let setup: Option<String> =
        sqlx::query_scalar("SELECT setup FROM accounts WHERE account = $1 AND tenant = $2")
            .bind(late.account.to_string())
            .bind(late.tenant.clone())
            .fetch_optional(store.reads())
            .await
            .map_err(Error::database("read an account"))?;
    let setup = setup.and_then(|text| serde_json::from_str::<Setup>(&text).ok());
    Ok(directory::queue_of(setup.as_ref()).to_owned())
}
