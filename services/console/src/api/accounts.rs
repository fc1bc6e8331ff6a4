//! The tenant's channel accounts, without their secrets.

use super::conversations::AtLeast;
use super::extract::Params;
use super::{All, all};
use crate::access::Act;
use crate::caller::Caller;
use crate::refusal::{Refusal, RefusalBody};
use crate::state::App;
use axum::Json;
use axum::extract::State;
use events::account::Setup;
use serde::Serialize;
use spine::Error;
use sqlx::Row;
use sqlx::any::AnyRow;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A channel account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) slug: String,
    pub(crate) channel: String,
    pub(crate) title: String,
    pub(crate) settings: BTreeMap<String, String>,
    /// The names of the secrets that are set; their values are shown to nobody.
    pub(crate) secrets: Vec<String>,
    pub(crate) disabled: bool,
}

/// The tenant's channel accounts by slug.
#[utoipa::path(
    get, path = "/accounts", operation_id = "listAccounts", tag = "team",
    params(("at_least" = Option<String>, Query)),
    responses((status = 200, body = All<Account>), RefusalBody)
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(query): Params<AtLeast>,
) -> Result<Json<All<Account>>, Refusal> {
    caller.check(Act::ReadAccounts)?;
    super::at_least(&app, query.at_least.as_deref()).await?;
    let store = app.store();
    let rows = sqlx::query("SELECT account, setup, disabled FROM accounts WHERE tenant = $1 ORDER BY slug")
        .bind(&*caller.tenant)
        .fetch_all(store.reads())
        .await
        .map_err(Error::database("list accounts"))?;
    Ok(all(rows.iter().map(view).collect::<Result<_, _>>()?))
}

fn view(row: &AnyRow) -> Result<Account, Error> {
    let broken = |error| Error::Other(format!("an account's row is broken: {error}"));
    let setup: Setup = serde_json::from_str(&row.get::<String, _>("setup")).map_err(broken)?;
    Ok(Account {
        id: row.get("account"),
        slug: setup.slug,
        channel: setup.channel,
        title: setup.name,
        settings: setup.settings,
        secrets: setup.secrets.into_keys().collect(),
        disabled: row.get::<i32, _>("disabled") != 0,
    })
}
