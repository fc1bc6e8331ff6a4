//! Rebuilding a read model from the log, against a bulk load of the same rows into the same schema.

use crate::figure::Figure;
use integration::World;
use spine::db::{Store, tables};
use sqlx::any::AnyTypeInfoKind;
use sqlx::{AnyConnection, AssertSqlSafe, Column, Row, ValueRef};
use std::time::Instant;

/// The read model whose rows are the conversations and their transcripts.
const MODEL: &str = "console";
/// Rows of one statement of the bulk load.
const ROWS: usize = 64;
/// The spine's own tables, which a bulk load of the rows does not write.
const OWN_TABLES: [&str; 4] = ["about", "positions", "due", "parked"];

enum Value {
    Null,
    Number(i64),
    Real(f64),
    Text(String),
    Bytes(Vec<u8>),
}

/// Rebuilds the console's model of a world that holds a log, then loads the same rows in bulk.
pub(crate) async fn measure(world: &World) -> anyhow::Result<Vec<Figure>> {
    let events: u64 = world.spine.log.ends().await?.iter().sum();
    let reader = world.spine.readers.find(MODEL).ok_or_else(|| anyhow::anyhow!("no model {MODEL}"))?;
    let started = Instant::now();
    reader.rebuild(|_, _| {}).await?;
    let rebuilt = started.elapsed().as_secs_f64();
    let loaded = bulk_load(world, &reader.model().store).await?;
    let name = format!("rebuild of {MODEL}, {events} messages, SQLite, sealing on");
    Ok(vec![Figure::of_limit(&name, events as f64 / rebuilt, events as f64 / loaded, "/s", 0.6)])
}

/// Seconds to write all rows of the model into an empty slot of the same schema and settings.
async fn bulk_load(world: &World, from: &Store) -> anyhow::Result<f64> {
    let reader = world.spine.readers.find(MODEL).ok_or_else(|| anyhow::anyhow!("no model {MODEL}"))?;
    let empty = world.spine.database.beside(&reader.model().spec).await?;
    let mut source = from.connection().await?;
    let mut seconds = 0.0;
    for table in
        tables(&mut source).await?.into_iter().filter(|table| !OWN_TABLES.contains(&table.name.as_str()))
    {
        // Reading is no part of the load, so it is done before the clock runs.
        let (columns, rows) = read(&mut source, &table.name).await?;
        let started = Instant::now();
        let mut tx = empty.store.begin().await?;
        for chunk in rows.chunks(ROWS) {
            insert(&mut tx, &table.name, &columns, chunk).await?;
        }
        tx.commit().await?;
        seconds += started.elapsed().as_secs_f64();
    }
    world.spine.database.drop_model(MODEL, empty.slot).await?;
    Ok(seconds)
}

async fn read(source: &mut AnyConnection, table: &str) -> anyhow::Result<(Vec<String>, Vec<Vec<Value>>)> {
    let rows = sqlx::query(AssertSqlSafe(format!("SELECT * FROM {table}"))).fetch_all(source).await?;
    let columns = rows
        .first()
        .map_or_else(Vec::new, |row| row.columns().iter().map(|column| column.name().to_owned()).collect());
    let values = rows.iter().map(|row| (0..row.columns().len()).map(|place| value(row, place)).collect());
    Ok((columns, values.collect::<Result<_, _>>()?))
}

fn value(row: &sqlx::any::AnyRow, place: usize) -> Result<Value, sqlx::Error> {
    let raw = row.try_get_raw(place)?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    let kind = raw.type_info().kind();
    Ok(match kind {
        AnyTypeInfoKind::Real | AnyTypeInfoKind::Double => Value::Real(row.try_get(place)?),
        AnyTypeInfoKind::Text => Value::Text(row.try_get(place)?),
        AnyTypeInfoKind::Blob => Value::Bytes(row.try_get(place)?),
        _ => Value::Number(row.try_get(place)?),
    })
}

async fn insert(
    tx: &mut AnyConnection,
    table: &str,
    columns: &[String],
    rows: &[Vec<Value>],
) -> anyhow::Result<()> {
    let row = format!("({})", vec!["?"; columns.len()].join(","));
    let text =
        format!("INSERT INTO {table} ({}) VALUES {}", columns.join(","), vec![row; rows.len()].join(","));
    let mut query = sqlx::query(AssertSqlSafe(text));
    for value in rows.iter().flatten() {
        query = match value {
            Value::Null => query.bind(None::<String>),
            Value::Number(number) => query.bind(*number),
            Value::Real(number) => query.bind(*number),
            Value::Text(text) => query.bind(text.clone()),
            Value::Bytes(bytes) => query.bind(bytes.clone()),
        };
    }
    query.execute(tx).await?;
    Ok(())
}
