//! What of a thread a caller sees in clear.

use crate::caller::Caller;
use crate::refusal::Refusal;
use crate::state::App;
use runtime::Problem;
use spine::Error;
use sqlx::Row;
use sqlx::any::AnyRow;
use uuid::Uuid;

/// The conversations that are not masked.
pub(super) struct Clearance {
    all: bool,
    conversations: Vec<i32>,
}

impl Clearance {
    /// Whether nothing is in clear.
    pub(super) fn is_none(&self) -> bool {
        !self.all && self.conversations.is_empty()
    }

    /// Whether nothing is masked, of conversation `n` or of all.
    pub(super) fn is_whole(&self, n: Option<i32>) -> bool {
        self.all || n.is_some_and(|n| self.conversations.contains(&n))
    }

    /// Whether a line of the transcript is in clear.
    pub(super) fn covers(&self, row: &AnyRow) -> Result<bool, sqlx::Error> {
        Ok(self.all || self.conversations.contains(&row.try_get("n")?))
    }
}

/// Who has the thread now needs its history; who had a conversation may read that one again.
pub(super) async fn of(app: &App, caller: &Caller, thread: Uuid) -> Result<Clearance, Refusal> {
    let store = app.store();
    let rows = sqlx::query(
        "SELECT t.n AS last, c.n, c.agent FROM threads t LEFT JOIN conversation_list c ON c.thread = t.thread
         WHERE t.thread = $1 AND t.tenant = $2",
    )
    .bind(thread.to_string())
    .bind(&*caller.tenant)
    .fetch_all(store.reads())
    .await
    .map_err(Error::database("find a thread"))?;
    if rows.is_empty() {
        return Err(Problem::not_found("thread").into());
    }
    let mut clearance = Clearance { all: false, conversations: Vec::new() };
    for row in &rows {
        let agent: Option<String> = row.get("agent");
        if let Some(n) = row.get::<Option<i32>, _>("n").filter(|_| caller.sees(agent.as_deref())) {
            clearance.all |= n == row.get::<i32, _>("last");
            clearance.conversations.push(n);
        }
    }
    Ok(clearance)
}
