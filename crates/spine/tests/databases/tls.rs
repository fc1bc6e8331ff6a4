//! Postgres over TLS, as most managed ones ask for.

use ground::on_each;
use spine::db::{Database, DatabaseSettings, Migration};

const NOTHING: [Migration; 1] = [Migration::portable(1, "CREATE TABLE nothing (id BIGINT PRIMARY KEY)")];

/// The place's database with more in its address.
fn settings(url: &str, more: &str, place: &ground::Place) -> DatabaseSettings {
    let mut settings = DatabaseSettings::new(Some(format!("{url}?{more}")), &place.folder);
    // A certificate that nobody trusts stays so.
    settings.limits.acquire_ms_max = 2_000;
    settings
}

#[tokio::test]
async fn postgres_is_reached_over_tls_and_only_by_a_certificate_that_is_trusted() {
    on_each(async |place| {
        let Some(url) = &place.url else { return };
        let authority = std::env::vars().find(|(name, _)| name == "TEST_DATABASE_CA").unwrap().1;
        for more in ["sslmode=require", &format!("sslmode=verify-full&sslrootcert={authority}")] {
            let database = Database::open(settings(url, more, &place)).await.unwrap();
            let store = database.state("tls", &NOTHING).await.unwrap();
            let encrypted: bool =
                sqlx::query_scalar("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
                    .fetch_one(store.reads())
                    .await
                    .unwrap();
            assert!(encrypted, "{more}");
            database.close().await;
        }
        assert!(Database::open(settings(url, "sslmode=verify-full", &place)).await.is_err());
    })
    .await;
}
