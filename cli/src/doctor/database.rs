//! The database: reachable, new enough, its stores readable, its write-ahead logs short.

use super::disk::MAKE_ROOM;
use super::{Finding, nats, register};
use runtime::Common;
use spine::Clock;
use sqlx::{AnyConnection, Connection, Row};
use std::path::{Path, PathBuf};

const CHECK: &str = "database";
const POSTGRES_MIN: i64 = 140_000;
/// What all roles in one process open at most: four connections to write and four to read for each of seven read models,
/// six state stores and the key register, and two that look after schemas.
const CONNECTIONS_TOGETHER: i64 = 114;
/// The same of seven processes, of which each has its own leases, starts of effects and keys.
const CONNECTIONS_APART: i64 = 270;
/// What Postgres keeps for its administrators unless it is told otherwise.
const RESERVED: i64 = 3;
const MIB: u64 = 1024 * 1024;
/// SQLite cuts its write-ahead log at 8 MiB unless a reader keeps it from doing so.
const WAL_WARN: u64 = 256 * MIB;

pub(super) async fn check(common: &Common, findings: &mut Vec<Finding>) {
    sqlx::any::install_default_drivers();
    match &common.database_url {
        Some(url) => postgres(url.expose(), findings).await,
        None => match elsewhere(common).await {
            Some(finding) => findings.push(finding),
            None => sqlite(&common.data, findings).await,
        },
    }
}

/// A suite that ran on the folder, and left no register in it, has it in Postgres.
async fn elsewhere(common: &Common) -> Option<Finding> {
    let (data, register) = (&common.data, common.data.join("keys").join("keys.db"));
    let ran = data.join("run.json").exists() || data.join("keys").join("master.key").exists();
    // A start that was refused leaves an empty one.
    let lost =
        !register.exists() || (register::rows(common).await.is_none() && tables(&register).await.is_ok());
    (ran && lost).then(|| {
        Finding::fail(
            CHECK,
            "a suite ran on this folder and its key register is not here: its database is Postgres, or keys/keys.db is \
             lost",
            "give --database-url (DATABASE_URL) as `run` was given it, or restore keys/keys.db from a backup",
        )
    })
}

async fn postgres(url: &str, findings: &mut Vec<Finding>) {
    let mut connection = match AnyConnection::connect(url).await {
        Ok(connection) => connection,
        Err(error) => {
            let remedy = "check --database-url, the server and the network between here and there";
            findings.push(Finding::fail(CHECK, format!("Postgres cannot be reached: {error}"), remedy));
            return;
        }
    };
    if let Err(error) = look_at(&mut connection, findings).await {
        findings.push(Finding::fail(
            CHECK,
            format!("Postgres does not answer: {error}"),
            "look into its log",
        ));
    }
    let _closed = connection.close().await;
}

/// Whether the server takes as many connections as the suite may open under load.
fn connections(max: i64) -> Finding {
    let needs = format!(
        "Postgres takes {max} connections; under load one process opens up to {CONNECTIONS_TOGETHER}, seven up to \
         {CONNECTIONS_APART}"
    );
    match max {
        max if max - RESERVED < CONNECTIONS_TOGETHER => Finding::warn(
            CHECK,
            needs,
            "raise max_connections (and restart Postgres): what gets no connection in time waits and is tried again",
        ),
        _ => Finding::ok(CHECK, needs),
    }
}

async fn look_at(connection: &mut AnyConnection, findings: &mut Vec<Finding>) -> Result<(), sqlx::Error> {
    let number: String = sqlx::query_scalar("SELECT current_setting('server_version_num')")
        .fetch_one(&mut *connection)
        .await?;
    let version: String =
        sqlx::query_scalar("SELECT current_setting('server_version')").fetch_one(&mut *connection).await?;
    findings.push(match number.parse::<i64>().unwrap_or_default() < POSTGRES_MIN {
        true => Finding::fail(CHECK, format!("Postgres {version} is too old"), "use version 14 or later"),
        false => Finding::ok(CHECK, format!("Postgres {version} answers")),
    });
    let room: String =
        sqlx::query_scalar("SELECT current_setting('max_connections')").fetch_one(&mut *connection).await?;
    findings.push(connections(room.parse().unwrap_or_default()));
    let clock = Clock::system();
    let before = clock.now();
    let theirs: i64 =
        sqlx::query_scalar("SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)")
            .fetch_one(&mut *connection)
            .await?;
    findings.push(nats::skew("Postgres", theirs - (before + clock.now()) / 2));
    let catalog: Option<String> = sqlx::query_scalar("SELECT CAST(to_regclass('tributary.live') AS TEXT)")
        .fetch_one(&mut *connection)
        .await?;
    if catalog.is_none() {
        findings.push(Finding::ok(CHECK, "it holds no models yet; the first start makes them"));
        return Ok(());
    }
    let rows = sqlx::query("SELECT name, version, slot FROM tributary.live ORDER BY name")
        .fetch_all(&mut *connection)
        .await?;
    let models: Vec<String> = rows
        .iter()
        .map(|row| format!("{}@{}.{}", row.get::<String, _>(0), row.get::<i64, _>(1), row.get::<i64, _>(2)))
        .collect();
    findings.push(Finding::ok(CHECK, format!("live models: {}", models.join(", "))));
    Ok(())
}

async fn sqlite(data: &Path, findings: &mut Vec<Finding>) {
    let files: Vec<PathBuf> =
        ["keys", "state", "models"].iter().flat_map(|folder| stores(&data.join(folder))).collect();
    if files.is_empty() {
        findings.push(Finding::ok(CHECK, "SQLite; there are no files yet, the first start makes them"));
        return;
    }
    let mut read = 0;
    for path in &files {
        match tables(path).await {
            Ok(_) => read += 1,
            Err(error) => {
                let found = format!("{} cannot be read: {error}", path.display());
                let is_model = path.parent().and_then(Path::file_name).is_some_and(|name| name == "models");
                let remedy = match is_model {
                    // What was written is whole; there is no room for what reading takes.
                    _ if crate::disk::is_full(data) => MAKE_ROOM,
                    true => "stop the suite, delete the file: it is filled anew from the log",
                    false => "restore it from a backup",
                };
                findings.push(Finding::fail(CHECK, found, remedy));
            }
        }
    }
    findings.push(Finding::ok(CHECK, format!("SQLite; {read} of {} files can be read", files.len())));
    models(&data.join("models"), &files, findings);
    findings.push(wal(&files));
}

fn stores(folder: &Path) -> Vec<PathBuf> {
    let Ok(files) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<PathBuf> = files
        .flatten()
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|e| e == "db"))
        .collect();
    found.sort();
    found
}

/// The address of a SQLite file for reading alone.
pub(super) fn read_only(path: &Path) -> String {
    let plain = path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    format!("sqlite://{plain}?mode=ro")
}

/// How many tables a file has, read beside whoever has it open.
async fn tables(path: &Path) -> Result<i64, sqlx::Error> {
    let mut connection = AnyConnection::connect(&read_only(path)).await?;
    let count = sqlx::query_scalar("SELECT COUNT(*) FROM sqlite_master").fetch_one(&mut connection).await;
    let _closed = connection.close().await;
    count
}

/// Which filling of each model is live, and how many stand beside.
fn models(folder: &Path, files: &[PathBuf], findings: &mut Vec<Finding>) {
    let mut live = Vec::new();
    if let Ok(found) = std::fs::read_dir(folder) {
        for path in found.flatten().map(|file| file.path()) {
            if path.extension().is_some_and(|ending| ending == "live") {
                let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                let pointer = std::fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
                let pointer: serde_json::Value = pointer.unwrap_or_default();
                let number = |field: &str| {
                    pointer.pointer(&format!("/live/{field}")).and_then(serde_json::Value::as_u64)
                };
                match (number("version"), number("number")) {
                    (Some(version), Some(number)) => live.push(format!("{name}@{version}.{number}")),
                    _ => findings.push(Finding::fail(
                        CHECK,
                        format!("{} does not say which slot of the model is live", path.display()),
                        "stop the suite and delete it with the model's files beside it: they are filled anew from the log",
                    )),
                }
            }
        }
    }
    live.sort();
    let slots = files.iter().filter(|path| path.parent() == Some(folder)).count();
    findings.push(Finding::ok(CHECK, format!("{slots} slots; live models: {}", live.join(", "))));
}

fn wal(files: &[PathBuf]) -> Finding {
    let size = |path: &PathBuf| {
        let wal = PathBuf::from(format!("{}-wal", path.display()));
        std::fs::metadata(wal).map_or(0, |about| about.len())
    };
    let largest = files.iter().map(|path| (size(path), path)).max().unwrap_or((0, &files[0]));
    let all: u64 = files.iter().map(size).sum();
    let found = format!("write-ahead logs take {} MiB, the largest {} MiB", all / MIB, largest.0 / MIB);
    match largest.0 > WAL_WARN {
        true => Finding::warn(
            CHECK,
            format!("{found}, of {}", largest.1.display()),
            "a reader keeps it from being cut: end long queries on it, or start the suite again",
        ),
        false => Finding::ok(CHECK, found),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;

    #[tokio::test]
    async fn a_broken_file_fails_and_says_what_to_do() {
        sqlx::any::install_default_drivers();
        let folder = tempfile::tempdir().unwrap();
        let models = folder.path().join("models");
        std::fs::create_dir(&models).unwrap();
        std::fs::write(
            models.join("routing@1.1.db"),
            "this is no database at all, but long enough to be read",
        )
        .unwrap();
        let mut findings = Vec::new();
        sqlite(folder.path(), &mut findings).await;
        let failed = findings.iter().find(|finding| finding.severity == Severity::Fail).unwrap();
        assert!(failed.remedy.as_deref().unwrap().contains("anew from the log"), "{failed:?}");
    }

    #[derive(clap::Parser)]
    struct Every {
        #[command(flatten)]
        common: Common,
    }

    #[tokio::test]
    async fn a_broken_pointer_fails_and_a_register_elsewhere_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let well = |findings: &[Finding]| findings.iter().all(|finding| finding.severity == Severity::Ok);
        let mut findings = Vec::new();
        let pointer = folder.path().join("console.live");
        std::fs::write(&pointer, r#"{"live":{"version":1,"number":2}}"#).unwrap();
        models(folder.path(), &[], &mut findings);
        assert!(well(&findings), "{findings:?}");
        std::fs::write(&pointer, "half").unwrap();
        models(folder.path(), &[], &mut findings);
        assert!(!well(&findings), "{findings:?}");

        let data = format!("--data={}", folder.path().display());
        let common = <Every as clap::Parser>::try_parse_from(["x", &data]).unwrap().common;
        assert_eq!(elsewhere(&common).await, None);
        std::fs::write(folder.path().join("run.json"), "{}").unwrap();
        assert!(elsewhere(&common).await.unwrap().remedy.unwrap().contains("DATABASE_URL"));
    }

    #[test]
    fn a_postgres_with_its_default_of_a_hundred_connections_is_warned_of() {
        assert_eq!(connections(100).severity, Severity::Warn);
        assert_eq!(connections(116).severity, Severity::Warn);
        assert_eq!(connections(300).severity, Severity::Ok);
    }

    #[tokio::test]
    async fn a_folder_without_files_is_well() {
        let folder = tempfile::tempdir().unwrap();
        let mut findings = Vec::new();
        sqlite(folder.path(), &mut findings).await;
        assert!(findings.iter().all(|finding| finding.severity == Severity::Ok));
    }
}
