//! The rows of a store as lines of JSON, out of one database and into another, of either kind.
//!
//! The first line names the store and the step of its tables; a line names each table with its columns, and a line
//! follows for each row. Texts and numbers are JSON's, bytes are `{"b": base64}`.

use super::Sink;
use crate::db::{self, Backend, Database, DatabaseSettings, Migration, Store, Wanted, backup as place};
use crate::error::Error;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::TryStreamExt;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::any::{AnyRow, AnyTypeInfoKind};
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor, Row, TypeInfo, ValueRef};
use std::fmt::Write;

/// Rows of one statement. Their values stand in it as parameters, but NULL, whose type no parameter tells.
const BATCH: usize = 64;
/// The table that tells which steps were taken; a restore takes them itself.
const STEPS: &str = "migrations";

/// A store that exists once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreName<'a> {
    /// The key register.
    Keys,
    /// A state store.
    State(&'a str),
}

/// What was copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// The step of its tables.
    pub step: u32,
    pub rows: u64,
}

/// Copies a store as it is at one moment, beside whoever has it open. None when there is no such store.
///
/// # Errors
/// When the database fails, so that nobody knows whether the store is there, or `sink` does.
pub async fn save(
    settings: &DatabaseSettings,
    name: StoreName<'_>,
    sink: Sink<'_>,
) -> Result<Option<Saved>, Error> {
    let Some(mut connection) = place::open(settings, name).await? else { return Ok(None) };
    let action = || format!("copy {name:?}");
    let begin = match db::backend_of(&connection) {
        Backend::Sqlite => "BEGIN",
        Backend::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    };
    connection.execute(begin).await.map_err(Error::database(action()))?;
    let step = match db::version(&mut connection, "").await {
        Ok(step) => step.and_then(|step| u32::try_from(step).ok()).unwrap_or(0),
        // A schema without tables is a store that was never opened.
        Err(error) if db::is_absent(&error) => return Ok(None),
        Err(error) => return Err(Error::database(action())(error)),
    };
    let mut put = |line: &Value| {
        let mut text = line.to_string();
        text.push('\n');
        sink(text.as_bytes()).map_err(|source| Error::File {
            path: action(),
            action: "write the copy",
            source,
        })
    };
    put(&json!({ "step": step }))?;
    let mut rows = 0;
    for table in db::tables(&mut connection).await?.into_iter().filter(|table| table.name != STEPS) {
        let columns = place::columns(&mut connection, &table.name).await?;
        put(&json!({ "table": table.name, "columns": columns }))?;
        let (chosen, key) = (listed(&columns), listed(&table.key));
        let text = format!("SELECT {chosen} FROM \"{}\" ORDER BY {key}", table.name);
        let mut found = sqlx::query(AssertSqlSafe(text)).persistent(false).fetch(&mut connection);
        while let Some(row) = found.try_next().await.map_err(Error::database(action()))? {
            put(&values(&row).map_err(Error::database(action()))?)?;
            rows += 1;
        }
    }
    connection.close().await.map_err(Error::database(action()))?;
    Ok(Some(Saved { step, rows }))
}

fn listed(columns: &[String]) -> String {
    columns.iter().map(|column| format!("\"{column}\"")).collect::<Vec<_>>().join(", ")
}

fn values(row: &AnyRow) -> Result<Value, sqlx::Error> {
    let value = |place: usize| -> Result<Value, sqlx::Error> {
        let raw = row.try_get_raw(place)?;
        if raw.is_null() || raw.type_info().is_null() {
            return Ok(Value::Null);
        }
        Ok(match raw.type_info().kind() {
            AnyTypeInfoKind::Null => Value::Null,
            AnyTypeInfoKind::Bool => json!(i64::from(row.try_get::<bool, _>(place)?)),
            AnyTypeInfoKind::SmallInt | AnyTypeInfoKind::Integer | AnyTypeInfoKind::BigInt => {
                json!(row.try_get::<i64, _>(place)?)
            }
            AnyTypeInfoKind::Real => json!(f64::from(row.try_get::<f32, _>(place)?)),
            AnyTypeInfoKind::Double => json!(row.try_get::<f64, _>(place)?),
            AnyTypeInfoKind::Text => json!(row.try_get::<String, _>(place)?),
            AnyTypeInfoKind::Blob => json!({ "b": STANDARD.encode(row.try_get::<Vec<u8>, _>(place)?) }),
        })
    };
    (0..row.len()).map(value).collect::<Result<Vec<_>, _>>().map(Value::Array)
}

/// Fills a store that is empty, whole or not at all, and brings it to the newest of its steps.
///
/// # Errors
/// [`Error::SchemaNewer`] when a newer release made the copy; when the store holds rows, the lines are no copy, or the
/// database fails.
pub async fn load(
    database: &Database,
    (name, migrations): (StoreName<'_>, &[Migration]),
    lines: &mut (dyn Iterator<Item = std::io::Result<String>> + Send),
) -> Result<(Store, u64), Error> {
    let first = next(lines, name)?.unwrap_or_default();
    let step = first["step"].as_u64().and_then(|step| u32::try_from(step).ok());
    let step = step.ok_or_else(|| broken(name, "its first line"))?;
    let known = migrations.iter().map(|migration| migration.version).max().unwrap_or(0);
    if step > known {
        return Err(Error::SchemaNewer { store: format!("{name:?}"), version: i64::from(step), known });
    }
    let then: Vec<Migration> =
        migrations.iter().filter(|migration| migration.version <= step).copied().collect();
    // With the tables that the copy was made of; what came later is done to the rows afterwards.
    let store = database.store_of(name, &then).await?;
    let mut tx = store.begin().await?;
    let (mut insert, mut rows, mut count) = (None, Vec::new(), 0);
    while let Some(line) = next(lines, name)? {
        if let Some(table) = line["table"].as_str() {
            write(&mut tx, insert.as_deref(), &mut rows).await?;
            let columns: Vec<String> = serde_json::from_value(line["columns"].clone())
                .map_err(|_| broken(name, "a table's line"))?;
            refuse_rows(&mut tx, name, table).await?;
            insert = Some(format!("INSERT INTO \"{table}\" ({}) VALUES ", listed(&columns)));
            continue;
        }
        let Value::Array(row) = line else { return Err(broken(name, "a row's line")) };
        rows.push(row);
        count += 1;
        if rows.len() == BATCH {
            write(&mut tx, insert.as_deref(), &mut rows).await?;
        }
    }
    write(&mut tx, insert.as_deref(), &mut rows).await?;
    tx.commit().await.map_err(Error::database(format!("fill {name:?}")))?;
    let store = database.store_of(name, migrations).await?;
    Ok((store, count))
}

fn next(
    lines: &mut (dyn Iterator<Item = std::io::Result<String>> + Send),
    name: StoreName<'_>,
) -> Result<Option<Value>, Error> {
    let Some(line) = lines.next() else { return Ok(None) };
    let line =
        line.map_err(|source| Error::File { path: format!("{name:?}"), action: "read the copy", source })?;
    serde_json::from_str(&line).map(Some).map_err(|_| broken(name, "a line"))
}

fn broken(name: StoreName<'_>, what: &str) -> Error {
    Error::Other(format!("the copy of {name:?} is broken: {what}"))
}

async fn refuse_rows(tx: &mut AnyConnection, name: StoreName<'_>, table: &str) -> Result<(), Error> {
    // It becomes part of a statement.
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if table.is_empty() || !table.chars().all(plain) {
        return Err(broken(name, "a table's name"));
    }
    let text = format!("SELECT COUNT(*) FROM \"{table}\"");
    let rows: i64 = sqlx::query_scalar(AssertSqlSafe(text))
        .fetch_one(tx)
        .await
        .map_err(Error::database(format!("look into {table}")))?;
    match rows {
        0 => Ok(()),
        _ => Err(Error::Other(format!("{name:?} holds rows already, and is not filled from a copy"))),
    }
}

async fn write(
    tx: &mut AnyConnection,
    insert: Option<&str>,
    rows: &mut Vec<Vec<Value>>,
) -> Result<(), Error> {
    let (Some(insert), false) = (insert, rows.is_empty()) else { return Ok(()) };
    let (mut text, mut number) = (insert.to_owned(), 0);
    let mut bound = Vec::new();
    for (place, row) in rows.iter().enumerate() {
        text.push_str(if place == 0 { "(" } else { ", (" });
        for (column, value) in row.iter().enumerate() {
            text.push_str(if column == 0 { "" } else { ", " });
            match value {
                Value::Null => text.push_str("NULL"),
                value => {
                    number += 1;
                    write!(text, "${number}").expect("writing to a String cannot fail");
                    bound.push(value);
                }
            }
        }
        text.push(')');
    }
    let mut query = sqlx::query(AssertSqlSafe(text)).persistent(false);
    for value in bound {
        query = match value {
            Value::String(text) => query.bind(text.clone()),
            Value::Number(number) if number.is_i64() => query.bind(number.as_i64()),
            Value::Number(number) => query.bind(number.as_f64()),
            value => {
                let bytes = value["b"].as_str().and_then(|text| STANDARD.decode(text).ok());
                query.bind(bytes.ok_or_else(|| Error::Other("a value of the copy is of no kind".into()))?)
            }
        };
    }
    query.execute(tx).await.map_err(Error::database("fill a table"))?;
    rows.clear();
    Ok(())
}

impl Wanted {
    /// Its name and steps, when it exists once.
    pub fn kept(&self) -> Option<(StoreName<'static>, &'static [Migration])> {
        match self {
            Self::State(name, migrations) => Some((StoreName::State(name), migrations)),
            Self::Model(_) => None,
        }
    }
}

/// The key register, as [`load`] takes it.
pub fn keys() -> (StoreName<'static>, &'static [Migration]) {
    (StoreName::Keys, &crate::keys::MIGRATIONS)
}

/// The rows that a statement finds in a store, beside whoever has it open; none when there is no store.
///
/// # Errors
/// When the database fails.
pub async fn look(
    settings: &DatabaseSettings,
    name: StoreName<'_>,
    statement: &'static str,
) -> Result<Vec<Vec<Value>>, Error> {
    let Some(mut connection) = place::open(settings, name).await? else { return Ok(Vec::new()) };
    let action = || format!("look into {name:?}");
    let rows = match db::version(&mut connection, "").await {
        Ok(_) => {
            sqlx::query(statement).fetch_all(&mut connection).await.map_err(Error::database(action()))?
        }
        Err(error) if db::is_absent(&error) => Vec::new(),
        Err(error) => return Err(Error::database(action())(error)),
    };
    connection.close().await.map_err(Error::database(action()))?;
    let row = |row: &AnyRow| match values(row) {
        Ok(Value::Array(row)) => Ok(row),
        Ok(_) => Ok(Vec::new()),
        Err(error) => Err(Error::database(action())(error)),
    };
    rows.iter().map(row).collect()
}
