//! Comparing two fillings of a read model row for row, in bounded memory.

use crate::error::Error;
use futures::TryStreamExt;
use futures::stream::BoxStream;
use sqlx::any::{AnyRow, AnyTypeInfoKind};
use sqlx::{AnyConnection, AssertSqlSafe, Column, Row, TypeInfo, ValueRef};
use std::cmp::Ordering;
use std::fmt::Write;

/// Differences that one comparison lists; it counts no further.
pub const DIFFERENCES_MAX: usize = 1_000;

/// A table to be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSpec {
    pub name: String,
    /// The columns of the primary key, in its order: numbers, texts or bytes.
    pub key: Vec<String>,
    /// Columns that may differ, such as claims and attempts.
    pub ignore: Vec<String>,
}

impl TableSpec {
    /// A table by its name, its key and the columns that may differ.
    pub fn new(name: &str, key: &[&str], ignore: &[&str]) -> Self {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self { name: name.into(), key: owned(key), ignore: owned(ignore) }
    }
}

/// One row or one value that is not the same. It may hold personal data, so it is shown to nobody without the
/// right to see it, and never logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub table: String,
    /// The key's values as text.
    pub key: Vec<String>,
    pub kind: DifferenceKind,
}

/// What is not the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DifferenceKind {
    OnlyLeft,
    OnlyRight,
    /// The values as text, bytes in hex; none for NULL.
    Value {
        column: String,
        left: Option<String>,
        right: Option<String>,
    },
}

/// What a comparison found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Rows that were compared, those of one side alone included.
    pub rows: u64,
    /// In the order of tables and keys, at most [`DIFFERENCES_MAX`].
    pub differences: Vec<Difference>,
    /// Whether the comparison stopped there.
    pub stopped: bool,
}

/// Compares the tables on two connections, which may be to different databases. Both sides should stand still:
/// use [`super::Store::snapshot`] for one that does not.
///
/// # Errors
/// Database errors, and when a key is NULL or its column does not sort by bytes.
pub async fn diff(
    left: &mut AnyConnection,
    right: &mut AnyConnection,
    tables: &[TableSpec],
) -> Result<Comparison, Error> {
    let mut comparison = Comparison::default();
    for table in tables {
        let mut left = Side::new(left, table);
        let mut right = Side::new(right, table);
        let mut heads = (left.next().await?, right.next().await?);
        loop {
            if comparison.differences.len() >= DIFFERENCES_MAX {
                comparison.differences.truncate(DIFFERENCES_MAX);
                comparison.stopped = true;
                return Ok(comparison);
            }
            let order = match &heads {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(left), Some(right)) => left.key.cmp(&right.key),
            };
            comparison.rows += 1;
            compare(table, &heads, order, &mut comparison.differences);
            if order.is_le() {
                heads.0 = left.next().await?;
            }
            if order.is_ge() {
                heads.1 = right.next().await?;
            }
        }
    }
    Ok(comparison)
}

/// The tables that a connection sees, by name, with their primary keys. Shadow tables of a search index are not
/// among them, since their rows depend on the order of writing.
///
/// # Errors
/// When a table has no primary key, since it cannot be compared.
pub async fn tables(connection: &mut AnyConnection) -> Result<Vec<TableSpec>, Error> {
    let action = "list tables";
    let text = match super::bulk::backend_of(connection) {
        super::Backend::Sqlite => {
            "SELECT t.name, p.name FROM pragma_table_list t LEFT JOIN pragma_table_info(t.name) p ON p.pk > 0
             WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
             ORDER BY t.name, p.pk"
        }
        super::Backend::Postgres => {
            "SELECT CAST(c.relname AS TEXT), CAST(a.attname AS TEXT) FROM pg_class c
             JOIN pg_namespace n ON n.oid = c.relnamespace
             LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
             LEFT JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(number, place) ON true
             LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number
             WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p')
             ORDER BY CAST(c.relname AS TEXT) COLLATE \"C\", k.place"
        }
    };
    let rows = sqlx::query(text).fetch_all(connection).await.map_err(Error::database(action))?;
    let mut tables: Vec<TableSpec> = Vec::new();
    for row in &rows {
        let name: String = row.try_get(0).map_err(Error::database(action))?;
        let column: Option<String> = row.try_get(1).map_err(Error::database(action))?;
        let column = column.ok_or_else(|| {
            Error::Other(format!("table {name} has no primary key, so it cannot be compared"))
        })?;
        match tables.last_mut().filter(|table| table.name == name) {
            Some(table) => table.key.push(column),
            None => tables.push(TableSpec { name, key: vec![column], ignore: vec![] }),
        }
    }
    Ok(tables)
}

/// One part of a key. Both sides of a comparison have the same kinds in the same places.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
}

struct Keyed {
    key: Vec<Part>,
    row: AnyRow,
}

/// One side's rows in the order of their keys.
struct Side<'c> {
    table: &'c TableSpec,
    rows: BoxStream<'c, Result<AnyRow, sqlx::Error>>,
    last: Option<Vec<Part>>,
}

impl<'c> Side<'c> {
    fn new(connection: &'c mut AnyConnection, table: &'c TableSpec) -> Self {
        let key = table.key.iter().map(|column| quoted(column)).collect::<Vec<_>>().join(", ");
        let text = format!("SELECT * FROM {} ORDER BY {key}", quoted(&table.name));
        let rows = sqlx::query(AssertSqlSafe(text)).persistent(false).fetch(connection);
        Self { table, rows, last: None }
    }

    async fn next(&mut self) -> Result<Option<Keyed>, Error> {
        let action = || format!("compare {}", self.table.name);
        let Some(row) = self.rows.try_next().await.map_err(Error::database(action()))? else {
            return Ok(None);
        };
        let part = |column: &String| part_of(&row, column);
        let key: Option<Vec<Part>> =
            self.table.key.iter().map(part).collect::<Result<_, _>>().map_err(Error::database(action()))?;
        let key = key.ok_or_else(|| {
            Error::Other(format!("a key of {} is no number, text or bytes", self.table.name))
        })?;
        // In another order, rows would look missing that are there.
        if self.last.as_ref().is_some_and(|last| *last >= key) {
            let table = &self.table.name;
            return Err(Error::Other(format!("the key of {table} is not unique or does not sort by bytes")));
        }
        self.last = Some(key.clone());
        Ok(Some(Keyed { key, row }))
    }
}

fn compare(
    table: &TableSpec,
    heads: &(Option<Keyed>, Option<Keyed>),
    order: Ordering,
    differences: &mut Vec<Difference>,
) {
    let mut add = |key: &[Part], kind| {
        let key = key.iter().map(Part::to_text).collect();
        differences.push(Difference { table: table.name.clone(), key, kind });
    };
    match (heads, order) {
        ((Some(left), _), Ordering::Less) => add(&left.key, DifferenceKind::OnlyLeft),
        ((_, Some(right)), Ordering::Greater) => add(&right.key, DifferenceKind::OnlyRight),
        ((Some(left), Some(right)), _) => {
            let columns = left.row.columns().iter().chain(right.row.columns());
            let mut names: Vec<&str> = columns.map(|column| column.name()).collect();
            names.sort_unstable();
            names.dedup();
            for column in names.into_iter().filter(|name| !table.ignore.iter().any(|ignored| ignored == name))
            {
                let (left_text, right_text) = (text_of(&left.row, column), text_of(&right.row, column));
                if left_text != right_text {
                    let value =
                        |text: Option<Option<String>>| text.unwrap_or(Some("(no such column)".into()));
                    let (left_text, right_text) = (value(left_text), value(right_text));
                    let column = column.into();
                    add(&left.key, DifferenceKind::Value { column, left: left_text, right: right_text });
                }
            }
        }
        _ => {}
    }
}

impl Part {
    fn to_text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
            Self::Bytes(bytes) => hex(bytes),
        }
    }
}

fn part_of(row: &AnyRow, column: &str) -> Result<Option<Part>, sqlx::Error> {
    Ok(match kind_of(row, column)? {
        AnyTypeInfoKind::SmallInt | AnyTypeInfoKind::Integer | AnyTypeInfoKind::BigInt => {
            Some(Part::Number(row.try_get(column)?))
        }
        AnyTypeInfoKind::Text => Some(Part::Text(row.try_get(column)?)),
        AnyTypeInfoKind::Blob => Some(Part::Bytes(row.try_get(column)?)),
        _ => None,
    })
}

/// A value as the same text whatever the database; none when there is no such column.
fn text_of(row: &AnyRow, column: &str) -> Option<Option<String>> {
    let read = || -> Result<Option<String>, sqlx::Error> {
        Ok(match kind_of(row, column)? {
            AnyTypeInfoKind::Null => None,
            AnyTypeInfoKind::Bool => Some(row.try_get::<bool, _>(column)?.to_string()),
            AnyTypeInfoKind::SmallInt | AnyTypeInfoKind::Integer | AnyTypeInfoKind::BigInt => {
                Some(row.try_get::<i64, _>(column)?.to_string())
            }
            AnyTypeInfoKind::Real => Some(row.try_get::<f32, _>(column)?.to_string()),
            AnyTypeInfoKind::Double => Some(row.try_get::<f64, _>(column)?.to_string()),
            AnyTypeInfoKind::Text => Some(row.try_get(column)?),
            AnyTypeInfoKind::Blob => Some(hex(&row.try_get::<Vec<u8>, _>(column)?)),
        })
    };
    read().ok()
}

fn kind_of(row: &AnyRow, column: &str) -> Result<AnyTypeInfoKind, sqlx::Error> {
    let value = row.try_get_raw(column)?;
    if value.is_null() {
        return Ok(AnyTypeInfoKind::Null);
    }
    let info = value.type_info();
    if info.is_null() { Ok(AnyTypeInfoKind::Null) } else { Ok(info.kind()) }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
        text
    })
}
