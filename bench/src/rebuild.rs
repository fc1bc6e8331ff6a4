//! Rebuilding a read model from the log, against a bulk load of the same rows into the same schema.

use crate::exchange::Customer;
use crate::figure::{Figure, progress};
use crate::scan;
use conversation::Thread;
use integration::{Place, World};
use rand::Rng;
use runtime::Role;
use spine::db::{Store, tables};
use spine::{Address, Entity};
use sqlx::any::AnyTypeInfoKind;
use sqlx::{AnyConnection, AssertSqlSafe, Column, Row, ValueRef};
use std::time::Instant;
use tokio::task::JoinSet;
use uuid::Uuid;

/// The read model whose rows are the conversations and their transcripts.
const MODEL: &str = "console";
/// Writers that fill the log, and customers who talk to each of them at the same time.
const WRITERS: u64 = 128;
const TALKING: usize = 20;
/// A question, its answer, the start of the delivery and its end.
const MESSAGES_OF_EXCHANGE: u64 = 4;
/// After so many questions a customer is gone.
const EXCHANGES_MAX: u32 = 10;
/// Rows of one statement of the bulk load.
const ROWS: usize = 64;
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
enum Order {
    /// As the log brings them, which is the order that a rebuild has to write them in.
    Arrival,
    /// As the table keeps them, which writes every page once.
    Key,
}

enum Value {
    Null,
    Number(i64),
    Real(f64),
    Text(String),
    Bytes(Vec<u8>),
}

/// Fills a log with customers' exchanges, rebuilds the console's model from it, then loads the same rows in bulk.
pub(crate) async fn measure(messages: u64) -> anyhow::Result<Vec<Figure>> {
    let folder = tempfile::tempdir()?;
    let world = World::start(&Place { folder: folder.path().into(), url: None }, &[Role::Console]).await;
    progress(&format!("filling a log with {messages} messages"));
    fill(&world, messages).await?;
    world.settle().await;
    let events: u64 = world.spine.log.ends().await?.iter().sum();
    let reader = world.spine.readers.find(MODEL).ok_or_else(|| anyhow::anyhow!("no model {MODEL}"))?;
    progress("reading it");
    let scanned = scan::measure(&world).await?;
    progress("rebuilding");
    let started = Instant::now();
    reader.rebuild(|_, _| {}).await?;
    let rebuilt = started.elapsed().as_secs_f64();
    progress("loading the same rows in bulk");
    let loaded = bulk_load(&world, &reader.model().store, Order::Arrival).await?;
    let sorted = bulk_load(&world, &reader.model().store, Order::Key).await?;
    world.stop().await;
    let name = format!("rebuild of {MODEL}, {events} messages, SQLite, sealing on");
    Ok(vec![
        Figure::of_limit(&name, events as f64 / rebuilt, events as f64 / loaded, "/s", 0.6),
        Figure::stated("raw read of the same log", scanned, "/s"),
        Figure::stated("bulk load of the same rows, sorted by their keys", events as f64 / sorted, "/s"),
    ])
}

/// Customers who write in turns, as they do who come and go: some thousand talk at the same time.
async fn fill(world: &World, messages: u64) -> anyhow::Result<()> {
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let (log, keys) = (world.spine.log.clone(), world.spine.keys.clone());
        let (tenant, share) = (world.tenant(), messages / WRITERS);
        writers.spawn(async move {
            let mut talking: Vec<(Uuid, Address, u32)> = Vec::new();
            for _ in 0..share / MESSAGES_OF_EXCHANGE {
                if talking.len() < TALKING {
                    let thread = spine::new_id();
                    let address = Address::of(tenant, Thread::KIND, thread)?;
                    log.assume_new::<Thread>(&address);
                    talking.push((thread, address, 0));
                }
                let place = rand::rng().random_range(0..talking.len());
                let (thread, address, exchanges) = &mut talking[place];
                let customer = Customer { log: &log, keys: &keys, address, thread: *thread };
                let message = customer.writes(*exchanges == 0).await?;
                customer.is_answered(message).await?;
                *exchanges += 1;
                if *exchanges == EXCHANGES_MAX {
                    talking.swap_remove(place);
                }
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = writers.join_next().await {
        ended??;
    }
    Ok(())
}

/// Seconds to write all rows of the model into an empty slot of the same schema and settings.
async fn bulk_load(world: &World, from: &Store, order: Order) -> anyhow::Result<f64> {
    let reader = world.spine.readers.find(MODEL).ok_or_else(|| anyhow::anyhow!("no model {MODEL}"))?;
    let empty = world.spine.database.beside(&reader.model().spec).await?;
    let mut source = from.connection().await?;
    let mut seconds = 0.0;
    empty.store.set_filling(true).await?;
    for table in
        tables(&mut source).await?.into_iter().filter(|table| !OWN_TABLES.contains(&table.name.as_str()))
    {
        // Reading is no part of the load, so it is done before the clock runs.
        let (columns, rows) = read(&mut source, &table.name, order).await?;
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

async fn read(
    source: &mut AnyConnection,
    table: &str,
    order: Order,
) -> anyhow::Result<(Vec<String>, Vec<Vec<Value>>)> {
    let arrival = ARRIVALS.iter().find(|(name, _)| order == Order::Arrival && *name == table);
    let sorted = arrival.map_or_else(String::new, |(_, columns)| format!(" ORDER BY {columns}"));
    let rows = sqlx::query(AssertSqlSafe(format!("SELECT * FROM {table}{sorted}"))).fetch_all(source).await?;
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
