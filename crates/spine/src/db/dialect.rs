//! What differs between the two backends: the words of a table definition, how a missing number is bound, and
//! which errors pass by themselves.

use sqlx::Any;
use sqlx::any::AnyTypeInfo;
use sqlx::encode::{Encode, IsNull};
use sqlx::error::BoxDynError;

/// The database behind all stores of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// Files in the data folder, one process.
    Sqlite,
    /// Schemas of one database, many processes.
    Postgres,
}

impl Backend {
    /// One text of a portable table definition in this backend's words. `BLOB` becomes `BYTEA`, and `TEXT`
    /// gets the byte order that SQLite has, so that both sort alike. A table with a key is stored in its order on
    /// SQLite. A text that starts with `[sqlite]` or
    /// `[postgres]` is for that backend alone; `None` for the other.
    pub fn ddl(self, text: &str) -> Option<String> {
        let text = match (text.strip_prefix("[sqlite]"), text.strip_prefix("[postgres]"), self) {
            (Some(text), _, Self::Sqlite) | (_, Some(text), Self::Postgres) => return Some(text.into()),
            (Some(_), _, _) | (_, Some(_), _) => return None,
            (None, None, _) => text,
        };
        match self {
            Self::Sqlite => Some(sqlite_words(text)),
            Self::Postgres => Some(postgres_words(text)),
        }
    }

    /// How a write transaction begins. SQLite takes the write lock at once, since a transaction that reads
    /// first and writes later fails when another wrote in between.
    pub(crate) fn begin(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }

    /// How a transaction begins whose statements all read one state.
    pub(super) fn begin_reading(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN",
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }
}

/// SQLite keeps a table with a key of its own under a hidden number besides, unless it is told not to: every row
/// would be found and written in two trees.
fn sqlite_words(text: &str) -> String {
    let has_key = text.starts_with("CREATE TABLE") && text.contains("PRIMARY KEY");
    if has_key { format!("{text} WITHOUT ROWID") } else { text.into() }
}

fn postgres_words(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    let mut before = "";
    let mut rest = text;
    while !rest.is_empty() {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let length = match rest.find(|c| !is_word(c)) {
            Some(0) => rest.find(is_word).unwrap_or(rest.len()),
            Some(length) => length,
            None => rest.len(),
        };
        let (word, tail) = rest.split_at(length);
        match word {
            "BLOB" => out.push_str("BYTEA"),
            // A cast takes no collation.
            "TEXT" if before != "AS" => out.push_str("TEXT COLLATE \"C\""),
            _ => out.push_str(word),
        }
        if word.starts_with(is_word) {
            before = word;
        }
        rest = tail;
    }
    out
}

/// A floating-point number that may be missing, to be bound to a statement in place of an `Option<f64>`.
///
/// sqlx 0.9 sends a missing `f64` to Postgres as a missing `f32`, which fixes the statement's parameter to that
/// type, and every later number is refused (22P03). It sends a missing `f32` as a missing `f64`, so that is used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Double(pub Option<f64>);

impl sqlx::Type<Any> for Double {
    fn type_info() -> AnyTypeInfo {
        <f64 as sqlx::Type<Any>>::type_info()
    }
}

impl Encode<'_, Any> for Double {
    fn encode_by_ref(
        &self,
        buffer: &mut <Any as sqlx::Database>::ArgumentBuffer,
    ) -> Result<IsNull, BoxDynError> {
        match self.0 {
            Some(number) => <f64 as Encode<'_, Any>>::encode_by_ref(&number, buffer),
            None => <Option<f32> as Encode<'_, Any>>::encode_by_ref(&None, buffer),
        }
    }
}

/// Whether the whole transaction may simply be run again: a deadlock, a serialisation failure or too long a rest on
/// Postgres, a lock that another connection held for too long on SQLite.
pub fn may_retry(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| matches!(code.as_ref(), "40P01" | "40001" | "25P03" | "5" | "6" | "261" | "517"))
}

/// Whether the table that a statement names is not there, or its schema: not whatever else keeps it from being read.
pub(crate) fn is_absent(error: &sqlx::Error) -> bool {
    let Some(error) = error.as_database_error() else { return false };
    // SQLite has one code for every fault of a statement.
    matches!(error.code().as_deref(), Some("42P01" | "3F000")) || error.message().starts_with("no such table")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_is_the_same_table_on_both() {
        let text = "CREATE TABLE TEXTS (id TEXT PRIMARY KEY, raw BLOB, x TEXT AS (CAST(id AS TEXT)))";
        assert_eq!(Backend::Sqlite.ddl(text), Some(format!("{text} WITHOUT ROWID")));
        let postgres = "CREATE TABLE TEXTS (id TEXT COLLATE \"C\" PRIMARY KEY, raw BYTEA, x TEXT COLLATE \"C\" AS (CAST(id AS TEXT)))";
        assert_eq!(Backend::Postgres.ddl(text).as_deref(), Some(postgres));
    }

    #[test]
    fn a_marked_definition_is_for_its_backend_alone() {
        assert_eq!(Backend::Sqlite.ddl("[postgres]CREATE INDEX a"), None);
        assert_eq!(Backend::Postgres.ddl("[postgres]CREATE INDEX a").as_deref(), Some("CREATE INDEX a"));
        assert_eq!(Backend::Sqlite.ddl("[sqlite]CREATE INDEX b").as_deref(), Some("CREATE INDEX b"));
    }
}
