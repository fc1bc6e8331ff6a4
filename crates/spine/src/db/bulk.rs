//! Many rows in few statements.

use super::dialect::Backend;
use crate::error::Error;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AssertSqlSafe, Execute};
use sqlx_core::any::AnyValueKind;
use std::fmt::Write;
use std::sync::{Arc, OnceLock};

/// Rows of one statement: powers of two, so that each text is prepared once and any count needs few statements.
const SIZES: [usize; 9] = [256, 128, 64, 32, 16, 8, 4, 2, 1];
/// Values of one statement, which bounds both its memory and the time that it takes to prepare.
const PARAMETERS_MAX: usize = 2_000;
/// Bytes of the values of one statement on Postgres, so that it is one record of TLS, which holds 16 384. sqlx 0.9.0 leaves
/// Nagle's algorithm on, by which a second record waits 40 ms for the acknowledgement of the first (transact-rs/sqlx#4335;
/// mended in what comes after 0.9.0, and then this may go).
pub const RECORD_BYTES_MAX: usize = 15_000;
/// What Postgres is sent of each value besides itself: its length and its format.
pub const VALUE_HEAD_BYTES: usize = 6;

/// A statement that values are bound to.
pub type AnyQuery = Query<'static, Any, AnyArguments>;

/// A statement over any number of rows: what stands before its `VALUES` list, and what stands after.
///
/// The text may hold no placeholder of its own. With `ON CONFLICT … DO UPDATE` the rows of one call must not
/// name the same row twice, since Postgres refuses that.
///
/// ```
/// use spine::db::Bulk;
/// static NOTES: Bulk =
///     Bulk::new("INSERT INTO notes (id, count)", 2, "ON CONFLICT (id) DO UPDATE SET count = excluded.count");
/// ```
pub struct Bulk {
    before: &'static str,
    columns: usize,
    after: &'static str,
    texts: [[OnceLock<Arc<str>>; SIZES.len()]; 2],
}

impl Bulk {
    /// The statement `before VALUES (…), (…) after` with `columns` values in each row.
    pub const fn new(before: &'static str, columns: usize, after: &'static str) -> Self {
        Self { before, columns, after, texts: [const { [const { OnceLock::new() }; SIZES.len()] }; 2] }
    }

    /// Runs the statement over all rows and says how many rows of the table it touched. `bind` binds the values
    /// of one row, `columns` of them.
    ///
    /// # Errors
    /// The database's; what earlier statements of the same call did stands until the transaction ends.
    pub async fn write<T>(
        &self,
        connection: &mut AnyConnection,
        rows: &[T],
        bind: impl Fn(AnyQuery, &T) -> AnyQuery,
    ) -> Result<u64, Error> {
        let mut touched = 0;
        let mut rest = rows;
        while !rest.is_empty() {
            let (query, tail) = self.next(backend_of(connection), rest, &bind);
            rest = tail;
            let done = query.execute(&mut *connection).await.map_err(Error::database(self.before))?;
            touched += done.rows_affected();
        }
        Ok(touched)
    }

    /// As [`Bulk::write`] for a statement that gives rows, such as a `SELECT … WHERE (a, b) IN (VALUES …)` or
    /// one that ends in `RETURNING`.
    ///
    /// # Errors
    /// The database's.
    pub async fn fetch<T>(
        &self,
        connection: &mut AnyConnection,
        rows: &[T],
        bind: impl Fn(AnyQuery, &T) -> AnyQuery,
    ) -> Result<Vec<AnyRow>, Error> {
        let mut found = Vec::new();
        let mut rest = rows;
        while !rest.is_empty() {
            let (query, tail) = self.next(backend_of(connection), rest, &bind);
            rest = tail;
            found.extend(query.fetch_all(&mut *connection).await.map_err(Error::database(self.before))?);
        }
        Ok(found)
    }

    fn next<'r, T>(
        &self,
        backend: Backend,
        rows: &'r [T],
        bind: impl Fn(AnyQuery, &T) -> AnyQuery,
    ) -> (AnyQuery, &'r [T]) {
        let rows_max = match backend {
            Backend::Sqlite => rows.len(),
            Backend::Postgres => of_one_record(&rows[..rows.len().min(SIZES[0])], &bind),
        };
        let fits = |size: &usize| *size == 1 || (*size <= rows_max && *size * self.columns <= PARAMETERS_MAX);
        let place = SIZES.iter().position(fits).expect("the last size always fits");
        let (now, later) = rows.split_at(SIZES[place]);
        let texts = &self.texts[usize::from(backend == Backend::Postgres)];
        let text = texts[place].get_or_init(|| self.text(backend, SIZES[place]).into());
        let query = sqlx::query(AssertSqlSafe(text.clone()));
        (now.iter().fold(query, bind), later)
    }

    fn text(&self, backend: Backend, rows: usize) -> String {
        let mut text = format!("{} VALUES ", self.before);
        for place in 0..rows * self.columns {
            text.push_str(match (place % self.columns, place) {
                (0, 0) => "(",
                (0, _) => "), (",
                _ => ", ",
            });
            match backend {
                // SQLite searches all named parameters for each one that it reads, but not the unnamed ones.
                Backend::Sqlite => text.push('?'),
                Backend::Postgres => write!(text, "${}", place + 1).expect("writing to a String cannot fail"),
            }
        }
        text.push_str(") ");
        text.push_str(self.after);
        text
    }
}

/// How many of the rows one record holds.
fn of_one_record<T>(rows: &[T], bind: impl Fn(AnyQuery, &T) -> AnyQuery) -> usize {
    if rows.len() < 2 {
        return rows.len();
    }
    let mut room = RECORD_BYTES_MAX;
    let fits = |row: &&T| match room.checked_sub(bytes_of(bind(sqlx::query(""), row))) {
        Some(left) => {
            room = left;
            true
        }
        None => false,
    };
    rows.iter().take_while(fits).count()
}

/// Bytes of what is bound; a value that cannot be encoded says so when the statement runs.
fn bytes_of(mut query: AnyQuery) -> usize {
    let arguments = query.take_arguments().ok().flatten().unwrap_or_default();
    let bytes = |value: &AnyValueKind| match value {
        AnyValueKind::Text(text) => text.len(),
        AnyValueKind::TextSlice(text) => text.len(),
        AnyValueKind::Blob(bytes) => bytes.len(),
        _ => size_of::<i64>(),
    };
    arguments.values.0.iter().map(|value| VALUE_HEAD_BYTES + bytes(value)).sum()
}

pub(crate) fn backend_of(connection: &AnyConnection) -> Backend {
    if connection.backend_name() == "SQLite" { Backend::Sqlite } else { Backend::Postgres }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_holds_all_values_of_its_rows() {
        let bulk = Bulk::new("INSERT INTO t (a, b)", 2, "ON CONFLICT DO NOTHING");
        let postgres = "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4) ON CONFLICT DO NOTHING";
        assert_eq!(bulk.text(Backend::Postgres, 2), postgres);
        assert_eq!(
            bulk.text(Backend::Sqlite, 1),
            "INSERT INTO t (a, b) VALUES (?, ?) ON CONFLICT DO NOTHING"
        );
    }

    #[test]
    fn a_statement_to_postgres_is_one_record_where_rows_allow_it() {
        let bulk = Bulk::new("INSERT INTO t (a, b)", 2, "");
        let of = |backend, texts: &[usize]| {
            let rows: Vec<String> = texts.iter().map(|length| "a".repeat(*length)).collect();
            let bind = |query: AnyQuery, row: &String| query.bind(1_i64).bind(row.clone());
            rows.len() - bulk.next(backend, &rows, bind).1.len()
        };
        assert_eq!(of(Backend::Postgres, &[30; 300]), 256);
        assert_eq!(of(Backend::Postgres, &[300; 300]), 32, "some 46 fit");
        assert_eq!(of(Backend::Postgres, &[7_000, 7_000, 7_000]), 2);
        assert_eq!(of(Backend::Postgres, &[100_000, 1, 1]), 1, "which no record holds");
        assert_eq!(of(Backend::Postgres, &[1, 1, 100_000]), 2);
        assert_eq!(of(Backend::Sqlite, &[7_000; 300]), 256);
    }
}
