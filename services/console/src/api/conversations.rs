//! The conversation list.

use super::extract::{Params, Place, channel, id_in_path, parse};
use super::page::{self, Page};
use super::rows::{self, COLUMNS, Conversation, TABLES};
use crate::access::Act;
use crate::caller::Caller;
use crate::opening;
use crate::refusal::{Refusal, RefusalBody};
use crate::state::App;
use axum::Json;
use axum::extract::State;
use runtime::Problem;
use serde::{Deserialize, Serialize};
use spine::Error;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Which conversations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Which {
    #[default]
    Open,
    /// Open and in a queue.
    Waiting,
    /// Open and the calling agent's.
    Mine,
    Closed,
}

/// The query of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    #[serde(default)]
    #[param(inline)]
    state: Which,
    account: Option<String>,
    channel: Option<String>,
    /// Only those of this agent.
    agent: Option<String>,
    /// 1 to 200; 50 without it.
    page_size: Option<u32>,
    cursor: Option<String>,
    /// A log position, such as a write answered: the answer reflects at least this.
    at_least: Option<String>,
}

/// Where a page ends: activity, thread, number.
#[derive(Serialize, Deserialize)]
struct End(i64, String, i32);

enum Value {
    Text(String),
    Number(i64),
}

/// A condition that grows.
#[derive(Default)]
struct Where {
    text: String,
    values: Vec<Value>,
}

impl Where {
    /// Adds `text`, in which `?` stands for the value.
    fn and(&mut self, text: &str, value: Value) {
        self.values.push(value);
        let joint = if self.text.is_empty() { " WHERE " } else { " AND " };
        self.text.push_str(joint);
        self.text.push_str(&text.replace('?', &format!("${}", self.values.len())));
    }
}

/// Conversations, the latest active first.
#[utoipa::path(
    get, path = "/conversations", operation_id = "listConversations", tag = "conversations",
    params(ListQuery),
    responses((status = 200, body = Page<Conversation>), RefusalBody)
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(query): Params<ListQuery>,
) -> Result<Json<Page<Conversation>>, Refusal> {
    caller.check(Act::ReadConversations)?;
    let size = page::size(query.page_size)?;
    let condition = condition(&caller, &query)?;
    super::at_least(&app, query.at_least.as_deref()).await?;
    let text = format!(
        "SELECT {COLUMNS} FROM {TABLES}{} ORDER BY c.active_at DESC, c.thread DESC, c.n DESC LIMIT {}",
        condition.text,
        size + 1
    );
    let mut sql = sqlx::query(AssertSqlSafe(text));
    for value in condition.values {
        sql = match value {
            Value::Text(text) => sql.bind(text),
            Value::Number(number) => sql.bind(number),
        };
    }
    let store = app.store();
    let rows = sql.fetch_all(store.reads()).await.map_err(Error::database("list conversations"))?;
    let (rows, next) = page::cut(rows, size, end);
    let items: Vec<_> = rows.iter().map(|row| rows::read(row, &caller)).collect::<Result<_, _>>()?;
    if items.iter().any(|item| item.clear) {
        opening::note(&app, &caller, "conversations").await?;
    }
    Ok(Json(Page { items, next }))
}

fn condition(caller: &Caller, query: &ListQuery) -> Result<Where, Refusal> {
    let mut condition = Where::default();
    condition.and("c.tenant = ?", Value::Text(caller.tenant.to_string()));
    condition.and("c.is_open = ?", Value::Number(i64::from(query.state != Which::Closed)));
    match query.state {
        Which::Waiting => condition.and("c.owner = ?", Value::Text("queue".into())),
        Which::Mine => {
            let nobody = || {
                Problem::invalid("state", "This token names no agent, so nothing is theirs.")
                    .remedy("Filter by `agent` instead.")
            };
            let agent = caller.agent.ok_or_else(nobody)?;
            condition.and("c.owner = ?", Value::Text("agent".into()));
            condition.and("c.agent = ?", Value::Text(agent.to_string()));
        }
        Which::Open | Which::Closed => {}
    }
    for (field, column, text) in
        [("account", "c.account = ?", &query.account), ("agent", "c.agent = ?", &query.agent)]
    {
        if let Some(text) = text {
            let id: Uuid = parse(field, text, "id")?;
            condition.and(column, Value::Text(id.to_string()));
        }
    }
    if let Some(channel) = channel(query.channel.clone())? {
        condition.and("c.channel = ?", Value::Text(channel));
    }
    if let Some(End(at, thread, n)) = page::place(query.cursor.as_deref())? {
        let (at_place, n_place) = (condition.values.len() + 1, condition.values.len() + 3);
        condition.values.push(Value::Number(at));
        condition.values.push(Value::Text(thread));
        condition.values.push(Value::Number(n.into()));
        condition.text.push_str(&format!(
            " AND (c.active_at, c.thread, c.n) < (${at_place}, ${}, ${n_place})",
            at_place + 1
        ));
    }
    Ok(condition)
}

fn end(row: &AnyRow) -> End {
    End(row.get("active_at"), row.get("thread"), row.get("n"))
}

/// One conversation.
#[utoipa::path(
    get, path = "/conversations/{thread}/{n}", operation_id = "getConversation", tag = "conversations",
    params(("thread" = String, Path), ("n" = i32, Path), ("at_least" = Option<String>, Query)),
    responses((status = 200, body = Conversation), RefusalBody)
)]
pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Place((thread, n)): Place<(String, i32)>,
    Params(query): Params<AtLeast>,
) -> Result<Json<Conversation>, Refusal> {
    caller.check(Act::ReadConversations)?;
    let thread = id_in_path("conversation", &thread)?;
    super::at_least(&app, query.at_least.as_deref()).await?;
    let found = one(&app, &caller, thread, Some(n)).await?;
    let conversation = found.ok_or_else(|| Problem::not_found("conversation"))?;
    if conversation.clear {
        opening::note(&app, &caller, &format!("conversation {thread} {n}")).await?;
    }
    Ok(Json(conversation))
}

/// The query of a single thing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AtLeast {
    pub(crate) at_least: Option<String>,
}

/// Conversation `n` of the caller's tenant, or the thread's last one.
pub(super) async fn one(
    app: &App,
    caller: &Caller,
    thread: Uuid,
    n: Option<i32>,
) -> Result<Option<Conversation>, Error> {
    let text = format!(
        "SELECT {COLUMNS} FROM {TABLES} WHERE c.thread = $1 AND c.tenant = $2 AND c.n = COALESCE($3, t.n)"
    );
    let store = app.store();
    let row = sqlx::query(AssertSqlSafe(text))
        .bind(thread.to_string())
        .bind(&*caller.tenant)
        .bind(n)
        .fetch_optional(store.reads())
        .await
        .map_err(Error::database("read a conversation"))?;
    row.map(|row| rows::read(&row, caller)).transpose()
}
