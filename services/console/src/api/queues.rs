//! The queues of a tenant: those that agents serve, accounts fill or somebody waits in.

use crate::refusal::Refusal;
use crate::state::App;
use directory::is_queue;
use events::account::Setup;
use events::agent::Profile;
use runtime::Problem;
use serde::de::DeserializeOwned;
use spine::Error;
use sqlx::Row;
use std::collections::BTreeSet;

/// The queue of everything that says nothing of a queue.
const DEFAULT: &str = "default";
/// Queues that a refusal names.
const NAMED_MAX: usize = 20;

/// All queues of the tenant by name.
pub(super) async fn known(app: &App, tenant: &str) -> Result<BTreeSet<String>, Error> {
    let mut queues = BTreeSet::from([DEFAULT.to_owned()]);
    let profiles = "SELECT profile FROM agents WHERE tenant = $1 AND has_left = 0";
    for profile in texts::<Profile>(app, profiles, tenant).await? {
        queues.extend(profile.queues);
    }
    let setups = "SELECT setup FROM accounts WHERE tenant = $1 AND disabled = 0";
    for mut setup in texts::<Setup>(app, setups, tenant).await? {
        queues.extend(setup.settings.remove("queue"));
    }
    let waiting = "SELECT DISTINCT queue FROM conversation_list
         WHERE tenant = $1 AND is_open = 1 AND owner = 'queue' AND queue IS NOT NULL";
    queues.extend(rows(app, waiting, tenant).await?);
    queues.retain(|queue| !queue.trim().is_empty());
    Ok(queues)
}

/// The queue, or why nothing may be put into it.
pub(super) fn checked(queue: &str, known: &BTreeSet<String>) -> Result<String, Refusal> {
    if !is_queue(queue) {
        let text = "A queue is 1 to 40 letters, digits, dashes and underscores.";
        return Err(Problem::invalid("to.queue", text).remedy(named(known)).into());
    }
    if !known.contains(queue) {
        let text = format!("No agent and no account of the tenant names a queue `{queue}`.");
        return Err(Problem::invalid("to.queue", text).remedy(named(known)).into());
    }
    Ok(queue.to_owned())
}

fn named(known: &BTreeSet<String>) -> String {
    let names: Vec<&str> = known.iter().take(NAMED_MAX).map(String::as_str).collect();
    let more = if known.len() > NAMED_MAX { " and others; `GET /queue` lists them all" } else { "" };
    format!("Name one of {}{more}.", names.join(", "))
}

async fn texts<T: DeserializeOwned>(app: &App, query: &'static str, tenant: &str) -> Result<Vec<T>, Error> {
    let broken = |error| Error::Other(format!("a row of the directory is broken: {error}"));
    let rows = rows(app, query, tenant).await?;
    rows.iter().map(|text| serde_json::from_str(text).map_err(broken)).collect()
}

async fn rows(app: &App, query: &'static str, tenant: &str) -> Result<Vec<String>, Error> {
    let store = app.store();
    let rows = sqlx::query(query)
        .bind(tenant.to_owned())
        .fetch_all(store.reads())
        .await
        .map_err(Error::database("read the queues"))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_that_nobody_knows_is_refused_with_those_that_there_are() {
        let known = BTreeSet::from(["default".to_owned(), "sales".to_owned()]);
        assert_eq!(checked("sales", &known), Ok("sales".to_owned()));
        for wrong in ["salse", "a b", ""] {
            let problem = checked(wrong, &known).unwrap_err().0.problem;
            assert_eq!((problem.status, problem.field.as_deref()), (422, Some("to.queue")));
            assert_eq!(problem.remedy.as_deref(), Some("Name one of default, sales."));
        }
    }
}
