//! What is due: effects and timers as rows, written and removed by the projecting transaction.

use crate::db::Bulk;
use crate::error::Error;
use crate::read::start;
use crate::read::work::Work;
use crate::record::Recorded;
use sqlx::AnyConnection;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;

tokio::task_local! {
    /// What the running batch does to due rows, for the workers of this process once it is committed.
    static TOLD: RefCell<Vec<(&'static str, Told)>>;
}

/// What became of a row.
#[derive(Debug)]
pub(crate) enum Told {
    Put(Work),
    /// It is in the table no more; without a key all of the entity.
    Gone {
        entity: String,
        key: Option<String>,
    },
}

/// Runs the projecting of a batch and collects what it does to due rows.
pub(super) async fn collect<T>(projecting: impl Future<Output = T>) -> (T, Vec<(&'static str, Told)>) {
    let collecting = async {
        let done = projecting.await;
        (done, TOLD.with(RefCell::take))
    };
    TOLD.scope(RefCell::default(), collecting).await
}

static PUT: Bulk = Bulk::new(
    "INSERT INTO due (kind, entity, key, lane, at, part, sequence, body)",
    8,
    "ON CONFLICT (kind, entity, key) DO UPDATE SET at = excluded.at, body = excluded.body, lane = excluded.lane,
     part = excluded.part, sequence = excluded.sequence",
);
static REMOVE: Bulk = Bulk::new("DELETE FROM due WHERE (kind, entity, key) IN (", 3, ")");
static REMOVE_ALL: Bulk = Bulk::new("DELETE FROM due WHERE (kind, entity) IN (", 2, ")");

/// Something to be done for an entity at a time. The same (kind, entity, key) is one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// What is to be done, such as `send`.
    pub kind: &'static str,
    /// The subject of the entity; of one entity one row of a kind is worked on at a time, oldest first.
    pub entity: String,
    pub key: String,
    /// What the work is paced by, such as a channel account: many rows of one lane delay no other lane.
    pub lane: String,
    /// Not before this time, microseconds.
    pub at: i64,
    /// What the worker needs besides, as JSON; never personal data in clear.
    pub body: String,
}

/// What a batch does to the due rows, gathered first and written in few statements. What is put and removed
/// within the same batch never touches the database.
#[derive(Debug, Default)]
pub struct DueChanges {
    rows: BTreeMap<(&'static str, String, String), Change>,
    /// All rows of a kind of an entity, removed before the others are put.
    cleared: BTreeMap<(&'static str, String), ()>,
}

#[derive(Debug)]
enum Change {
    Put { due: Box<Due>, part: u8, sequence: u64, traceparent: Option<String> },
    Remove,
}

impl DueChanges {
    /// The row stands after the batch, at its new time and with its new body. What is due as soon as its message is
    /// stored is due from the server's time on, so that it does not wait for the clock of who wrote it: that may have
    /// been ahead.
    pub fn put(&mut self, record: &Recorded, mut due: Due) {
        if due.at <= record.meta.at {
            due.at = due.at.min(record.stored_at);
        }
        let key = (due.kind, due.entity.clone(), due.key.clone());
        let (part, sequence) = (record.position.part, record.position.sequence);
        let traceparent = record.meta.traceparent.clone();
        self.rows.insert(key, Change::Put { due: Box::new(due), part, sequence, traceparent });
    }

    /// The row stands after the batch, made due by a message that may be older than the batch. Where that is older than
    /// its kind of effect, there is none.
    pub fn put_of(&mut self, due: Due, part: u8, sequence: u64) {
        let key = (due.kind, due.entity.clone(), due.key.clone());
        let change = match start::allows(due.kind, part, sequence) {
            true => Change::Put { due: Box::new(due), part, sequence, traceparent: None },
            false => Change::Remove,
        };
        self.rows.insert(key, change);
    }

    /// The row is gone after the batch.
    pub fn remove(&mut self, kind: &'static str, entity: &str, key: &str) {
        self.rows.insert((kind, entity.into(), key.into()), Change::Remove);
    }

    /// All rows of the kind of this entity are gone after the batch.
    pub fn remove_all(&mut self, kind: &'static str, entity: &str) {
        self.rows.retain(|(known, of, _), _| !(*known == kind && of == entity));
        self.cleared.insert((kind, entity.into()), ());
    }

    /// Writes the changes.
    ///
    /// # Errors
    /// Database errors.
    pub async fn write(self, tx: &mut AnyConnection) -> Result<(), Error> {
        let cleared: Vec<(&'static str, String)> = self.cleared.into_keys().collect();
        REMOVE_ALL
            .write(tx, &cleared, |query, (kind, entity)| query.bind(*kind).bind(entity.clone()))
            .await?;
        let (mut put, mut removed) = (Vec::new(), Vec::new());
        for (key, change) in self.rows {
            match change {
                Change::Put { due, part, sequence, traceparent }
                    if start::allows(due.kind, part, sequence) =>
                {
                    put.push((due, part, sequence, traceparent));
                }
                // It is older than its kind of effect.
                Change::Put { .. } => {}
                Change::Remove => removed.push(key),
            }
        }
        REMOVE
            .write(tx, &removed, |query, (kind, entity, key)| {
                query.bind(*kind).bind(entity.clone()).bind(key.clone())
            })
            .await?;
        PUT.write(tx, &put, |query, (due, part, sequence, _)| {
            query
                .bind(due.kind)
                .bind(due.entity.clone())
                .bind(due.key.clone())
                .bind(due.lane.clone())
                .bind(due.at)
                .bind(i32::from(*part))
                .bind(i64::try_from(*sequence).unwrap_or(i64::MAX))
                .bind(due.body.clone())
        })
        .await?;
        in_order(&mut put);
        // Outside of a live batch nobody collects.
        let _ = TOLD.try_with(|told| {
            let all = cleared.into_iter().map(|(kind, entity)| (kind, Told::Gone { entity, key: None }));
            let one =
                removed.into_iter().map(|(kind, entity, key)| (kind, Told::Gone { entity, key: Some(key) }));
            let put = put.into_iter().map(|(due, part, sequence, traceparent)| {
                let Due { kind, entity, key, lane, at, body } = *due;
                (kind, Told::Put(Work { entity, key, lane, at, body, part, sequence, traceparent }))
            });
            told.borrow_mut().extend(all.chain(one).chain(put));
        });
        Ok(())
    }
}

/// A row to put, with the part, sequence and trace of its message.
type Put = (Box<Due>, u8, u64, Option<String>);

/// As the table gives them out, and not by their keys: of an entity the oldest is worked on first.
fn in_order(put: &mut [Put]) {
    put.sort_by_key(|(due, _, sequence, _)| (due.at, *sequence));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_batch_puts_is_handed_over_as_its_messages_came_whatever_their_keys_are() {
        let put = |key: &str, at: i64, sequence: u64| -> Put {
            let (entity, key, lane) = ("e".to_owned(), key.to_owned(), String::new());
            (Box::new(Due { kind: "send", entity, key, lane, at, body: String::new() }), 0, sequence, None)
        };
        let mut rows = vec![put("0", 7, 6), put("a", 9, 4), put("f", 7, 5)];
        in_order(&mut rows);
        assert_eq!(rows.iter().map(|(due, ..)| due.key.as_str()).collect::<Vec<_>>(), ["f", "0", "a"]);
    }
}
