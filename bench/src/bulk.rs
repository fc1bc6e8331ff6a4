//! Loading the rows of a read model in bulk into an empty slot of the same schema: the limit of a rebuild.

use integration::World;
use spine::Reader;
use spine::db::{RECORD_BYTES_MAX, VALUE_HEAD_BYTES, tables};
use sqlx::any::{AnyRow, AnyTypeInfoKind};
use sqlx::{AnyConnection, AssertSqlSafe, Column, Row, ValueRef};
use std::fmt::Write;
use std::time::Instant;

/// Rows of one statement at most, a power of two.
const ROWS_MAX: usize = 64;
/// By what the rows of a table came one after the other, as the log brings them. The others hold a handful of rows.
const ARRIVALS: [(&str, &str); 4] = [
    ("threads", "began_at"),
    ("conversation_list", "opened_at"),
    ("transcript", "at, sequence, place"),
    ("sends", "at"),
];
/// The spine's own tables, which a bulk load of the rows does not write.
const OWN_TABLES: [&str; 4] = ["about", "positions", "due", "parked"];

/// In which order rows are loaded in bulk.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Order {
    /// As the log brings them, which is the order that a rebuild has to write them in.
    Arrival,
    /// As the table keeps them, which writes every page once.
    Key,
}

#[derive(Clone, Copy)]
enum Kind {
    Number,
    Truth,
    Real,
    Text,
    Bytes,
}

/// A value, or none with the type of its column.
enum Value {
    Number(Option<i64>),
    Truth(Option<bool>),
    Real(Option<f64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

/// Seconds to write all rows of the model into an empty slot of the same schema and settings.
pub(crate) async fn load(world: &World, reader: &Reader, order: Order) -> anyhow::Result<f64> {
    let (live, name) = (reader.model(), reader.name());
    let empty = world.spine.database.beside(&live.spec).await?;
    let mut source = live.store.connection().await?;
    let mut seconds = 0.0;
    empty.store.set_filling(true).await?;
    for table in
        tables(&mut source).await?.into_iter().filter(|table| !OWN_TABLES.contains(&table.name.as_str()))
    {
        // Reading is no part of the load, so it is done before the clock runs.
        let (columns, rows) = read(&mut source, &table.name, order).await?;
        let started = Instant::now();
        let mut tx = empty.store.begin().await?;
        let mut rest = rows.as_slice();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rows_of_one_statement(tx.backend_name(), rest));
            insert(&mut tx, &table.name, &columns, now).await?;
            rest = later;
        }
        tx.commit().await?;
        seconds += started.elapsed().as_secs_f64();
    }
    world.spine.database.drop_model(name, empty.slot).await?;
    Ok(seconds)
}

type Rows = Vec<Vec<Value>>;

/// A table's columns that hold anything, and its rows. Postgres takes no value without a type, so a value that is absent
/// has that of the others in its column, and a column in which all are absent is left out.
async fn read(source: &mut AnyConnection, table: &str, order: Order) -> anyhow::Result<(Vec<String>, Rows)> {
    let arrival = ARRIVALS.iter().find(|(name, _)| order == Order::Arrival && *name == table);
    let sorted = arrival.map_or_else(String::new, |(_, columns)| format!(" ORDER BY {columns}"));
    let found =
        sqlx::query(AssertSqlSafe(format!("SELECT * FROM {table}{sorted}"))).fetch_all(source).await?;
    let Some(first) = found.first() else { return Ok((Vec::new(), Vec::new())) };
    let mut columns: Vec<(String, usize, Kind)> = Vec::new();
    for (place, column) in first.columns().iter().enumerate() {
        for row in &found {
            if let Some(kind) = kind(row, place)? {
                columns.push((column.name().to_owned(), place, kind));
                break;
            }
        }
    }
    let row = |row: &AnyRow| columns.iter().map(|(_, place, kind)| value(row, *place, *kind)).collect();
    let rows: Result<Rows, sqlx::Error> = found.iter().map(row).collect();
    Ok((columns.iter().map(|(name, ..)| name.clone()).collect(), rows?))
}

/// The kind of a value; none when it is absent.
fn kind(row: &AnyRow, place: usize) -> Result<Option<Kind>, sqlx::Error> {
    let raw = row.try_get_raw(place)?;
    let kind = match raw.type_info().kind() {
        AnyTypeInfoKind::Real | AnyTypeInfoKind::Double => Kind::Real,
        AnyTypeInfoKind::Text => Kind::Text,
        AnyTypeInfoKind::Blob => Kind::Bytes,
        AnyTypeInfoKind::Bool => Kind::Truth,
        _ => Kind::Number,
    };
    Ok(if raw.is_null() { None } else { Some(kind) })
}

fn value(row: &AnyRow, place: usize, kind: Kind) -> Result<Value, sqlx::Error> {
    Ok(match kind {
        Kind::Real => Value::Real(row.try_get(place)?),
        Kind::Text => Value::Text(row.try_get(place)?),
        Kind::Bytes => Value::Bytes(row.try_get(place)?),
        Kind::Truth => Value::Truth(row.try_get(place)?),
        Kind::Number => Value::Number(row.try_get(place)?),
    })
}

/// How many of the rows go into the next statement: powers of two, so that few texts are prepared, and on Postgres no more
/// than one record of TLS holds.
fn rows_of_one_statement(backend: &str, rows: &[Vec<Value>]) -> usize {
    let bytes = |row: &Vec<Value>| row.iter().map(bytes_of).sum::<usize>();
    let fits = |size: &usize| {
        *size <= rows.len()
            && (backend == "SQLite" || rows[..*size].iter().map(bytes).sum::<usize>() <= RECORD_BYTES_MAX)
    };
    std::iter::successors(Some(ROWS_MAX), |size| Some(size / 2).filter(|half| *half > 0))
        .find(fits)
        .unwrap_or(1)
}

fn bytes_of(value: &Value) -> usize {
    let held = match value {
        Value::Text(text) => text.as_ref().map_or(0, String::len),
        Value::Bytes(bytes) => bytes.as_ref().map_or(0, Vec::len),
        Value::Number(_) | Value::Real(_) => size_of::<i64>(),
        Value::Truth(_) => size_of::<bool>(),
    };
    VALUE_HEAD_BYTES + held
}

async fn insert(
    tx: &mut AnyConnection,
    table: &str,
    columns: &[String],
    rows: &[Vec<Value>],
) -> anyhow::Result<()> {
    let mut text = format!("INSERT INTO {table} ({}) VALUES ", columns.join(","));
    // SQLite searches all named parameters for each one that it reads, but not the unnamed ones.
    let (mut number, is_named) = (0, tx.backend_name() != "SQLite");
    for row in 0..rows.len() {
        text.push_str(if row == 0 { "(" } else { ",(" });
        for column in 0..columns.len() {
            number += 1;
            text.push_str(if column == 0 { "" } else { "," });
            match is_named {
                true => write!(text, "${number}")?,
                false => text.push('?'),
            }
        }
        text.push(')');
    }
    let mut query = sqlx::query(AssertSqlSafe(text));
    for value in rows.iter().flatten() {
        query = match value {
            Value::Number(number) => query.bind(*number),
            Value::Truth(truth) => query.bind(*truth),
            Value::Real(number) => query.bind(*number),
            Value::Text(text) => query.bind(text.clone()),
            Value::Bytes(bytes) => query.bind(bytes.clone()),
        };
    }
    query.execute(tx).await?;
    Ok(())
}

#[test]
fn a_statement_on_postgres_is_one_record_and_on_sqlite_as_many_rows_as_there_are() {
    let rows = |bytes: usize, count: usize| -> Rows {
        (0..count).map(|_| vec![Value::Bytes(Some(vec![0; bytes])), Value::Number(Some(1))]).collect()
    };
    for (bytes, count, expected) in [(10, 200, 64), (10, 63, 32), (480, 200, 16), (15_000, 9, 1), (10, 1, 1)]
    {
        assert_eq!(rows_of_one_statement("PostgreSQL", &rows(bytes, count)), expected, "{bytes} × {count}");
    }
    assert_eq!(rows_of_one_statement("SQLite", &rows(15_000, 200)), ROWS_MAX);
}
