//! Whether the master key is the one that the key register was made with, found out as a start finds it out.

use runtime::Common;
use spine::Clock;
use spine::db::{Database, DatabaseSettings};
use spine::keys::{KeySettings, Keys};
use sqlx::{AnyConnection, Connection, Row};

/// Rows of the register by name.
pub(crate) type Rows = Vec<(String, Vec<u8>)>;

/// What the register proves a master key by, read beside whoever has it open. None when there is no register, or when
/// it cannot be read, which is told as a finding of the database.
pub(super) async fn rows(common: &Common) -> Option<Rows> {
    sqlx::any::install_default_drivers();
    let (url, text) = match &common.database_url {
        Some(url) => (url.expose().to_owned(), "SELECT name, value FROM keys.register"),
        None => {
            let path = common.data.join("keys").join("keys.db");
            (super::database::read_only(&path), "SELECT name, value FROM register")
        }
    };
    let mut connection = AnyConnection::connect(&url).await.ok()?;
    let read = sqlx::query(text).fetch_all(&mut connection).await;
    let _closed = connection.close().await;
    let rows: Rows = read.ok()?.iter().map(|row| (row.get(0), row.get(1))).collect();
    (!rows.is_empty()).then_some(rows)
}

/// Opens a register of our own that holds these rows, in a folder that is gone afterwards: a look changes nothing.
///
/// # Errors
/// [`spine::Error::MasterKey`] when the key does not open it; when no folder can be made.
pub(crate) async fn opens(rows: &Rows, master: &str) -> Result<(), spine::Error> {
    let folder = tempfile::tempdir().map_err(|source| spine::Error::File {
        path: std::env::temp_dir().display().to_string(),
        action: "make a folder",
        source,
    })?;
    let database = Database::open(DatabaseSettings::new(None, folder.path())).await?;
    let open = async |master: String| {
        let settings = KeySettings { master: Some(master.into()), ..KeySettings::default() };
        Keys::open(&database, settings, Clock::system()).await
    };
    // Its tables are made with a key of its own.
    let made = open("0".repeat(64)).await?;
    for (name, value) in rows {
        sqlx::query("UPDATE register SET value = $2 WHERE name = $1")
            .bind(name.clone())
            .bind(value.clone())
            .execute(made.store().write())
            .await
            .map_err(spine::Error::database("copy the register's proof"))?;
    }
    drop(made);
    open(master.to_owned()).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_key_that_the_register_was_made_with_opens_it() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(DatabaseSettings::new(None, folder.path())).await.unwrap();
        let key = "ab".repeat(32);
        let settings = KeySettings { master: Some(key.clone().into()), ..KeySettings::default() };
        let keys = Keys::open(&database, settings, Clock::system()).await.unwrap();
        let text = "SELECT name, value FROM register";
        let rows = sqlx::query(text).fetch_all(keys.store().reads()).await.unwrap();
        let rows: Rows = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        opens(&rows, &key).await.unwrap();
        let other = opens(&rows, &"cd".repeat(32)).await.unwrap_err();
        assert!(matches!(other, spine::Error::MasterKey { .. }), "{other}");
    }
}
