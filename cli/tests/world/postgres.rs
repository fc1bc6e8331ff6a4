//! A database of a test's own.

use sqlx::Connection;

/// A fresh database on the Postgres of the tests, if there is one; gone with the value.
pub(crate) struct Postgres {
    server: String,
    name: String,
    pub(crate) url: String,
}

impl Postgres {
    pub(crate) fn fresh() -> Option<Self> {
        let (_, server) = std::env::vars().find(|(name, _)| name == "TEST_DATABASE_URL")?;
        let name = format!("cli_{}", spine::new_id().simple());
        let (base, _) = server.rsplit_once('/').expect("TEST_DATABASE_URL names a database");
        let url = format!("{base}/{name}");
        ask(&server, &format!("CREATE DATABASE {name}"));
        Some(Self { server, name, url })
    }

    /// The one number that a statement gives.
    pub(crate) fn number(&self, statement: &str) -> i64 {
        ask(&self.url, statement).expect("a row")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        ask(&self.server, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

fn ask(url: &str, statement: &str) -> Option<i64> {
    sqlx::any::install_default_drivers();
    let asked = async {
        let mut connection = sqlx::AnyConnection::connect(url).await.expect("Postgres answers");
        let query = sqlx::query_scalar(sqlx::AssertSqlSafe(statement.to_owned()));
        query.fetch_optional(&mut connection).await.expect("it is carried out")
    };
    tokio::runtime::Runtime::new().expect("a runtime").block_on(asked)
}
