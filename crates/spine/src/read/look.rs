//! What a worker asks its table: which lanes have rows, and the oldest rows of one.

use super::place::Place;
use super::work::Work;
use crate::db::{Bulk, Model};
use crate::error::Error;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};

/// The lanes that have rows of a kind, one step in the index for each, however many rows it has.
pub(super) const LANES: &str = "WITH RECURSIVE lanes (lane) AS (
     SELECT MIN(lane) FROM due WHERE kind = $1
     UNION ALL SELECT (SELECT MIN(due.lane) FROM due WHERE kind = $1 AND due.lane > lanes.lane) FROM lanes
     WHERE lanes.lane IS NOT NULL)";

/// A lane that has rows in the table, of whatever part.
pub(super) struct Found {
    pub(super) lane: String,
    /// When its first row is due.
    pub(super) first: i64,
    /// When its first row is due that is not yet; the end of time where there is none.
    pub(super) next: i64,
}

/// All lanes of the kind; what is due after `until` is not due yet.
pub(super) async fn lanes(model: &Model, kind: &str, until: i64) -> Result<Vec<Found>, Error> {
    let text = format!(
        "{LANES} SELECT lane, (SELECT MIN(at) FROM due WHERE kind = $1 AND due.lane = lanes.lane),
         (SELECT MIN(at) FROM due WHERE kind = $1 AND due.lane = lanes.lane AND at > $2)
         FROM lanes WHERE lane IS NOT NULL"
    );
    let rows = sqlx::query(AssertSqlSafe(text)).bind(kind).bind(until).fetch_all(model.store.reads()).await;
    let found = |row: &AnyRow| Found {
        lane: row.get(0),
        first: row.get::<Option<i64>, _>(1).unwrap_or(i64::MAX),
        next: row.get::<Option<i64>, _>(2).unwrap_or(i64::MAX),
    };
    Ok(rows.map_err(Error::database("look for lanes with work"))?.iter().map(found).collect())
}

fn work(row: &AnyRow) -> Work {
    Work {
        entity: row.get(0),
        key: row.get(1),
        lane: row.get(2),
        at: row.get(3),
        body: row.get(4),
        part: u8::try_from(row.get::<i32, _>(5)).unwrap_or(0),
        sequence: u64::try_from(row.get::<i64, _>(6)).unwrap_or(0),
        traceparent: None,
    }
}

static STANDING: Bulk = Bulk::new(
    "SELECT entity, key, lane, at, body, part, sequence FROM due WHERE (kind, entity, key) IN (",
    3,
    ")",
);

/// Those of the rows, by entity and key, that are in the table.
pub(super) async fn standing(
    model: &Model,
    kind: &'static str,
    rows: &[(String, String)],
) -> Result<Vec<Work>, Error> {
    let mut connection =
        model.store.reads().acquire().await.map_err(Error::database("ask for what is due"))?;
    let bind = |query: crate::db::AnyQuery, (entity, key): &(String, String)| {
        query.bind(kind).bind(entity.clone()).bind(key.clone())
    };
    Ok(STANDING.fetch(&mut connection, rows, bind).await?.iter().map(work).collect())
}

/// Whether this very row is in the table.
pub(super) async fn stands(model: &Model, kind: &str, row: &Work) -> Result<bool, Error> {
    let text = "SELECT COUNT(*) FROM due WHERE kind = $1 AND entity = $2 AND key = $3 AND part = $4 AND sequence = $5";
    let count: i64 = sqlx::query_scalar(text)
        .bind(kind)
        .bind(&row.entity)
        .bind(&row.key)
        .bind(i32::from(row.part))
        .bind(i64::try_from(row.sequence).unwrap_or(i64::MAX))
        .fetch_one(model.store.reads())
        .await
        .map_err(Error::database("ask for what is due"))?;
    Ok(count > 0)
}

/// One lane of a kind, in the parts that are this process's, at least one.
pub(super) struct Asked<'a> {
    pub(super) kind: &'a str,
    pub(super) lane: &'a str,
    pub(super) parts: &'a [u8],
}

impl Asked<'_> {
    /// The oldest `limit` rows after `place` that are due at `until`.
    pub(super) async fn oldest(
        &self,
        model: &Model,
        place: &Place,
        until: i64,
        limit: usize,
    ) -> Result<Vec<Work>, Error> {
        let parts: Vec<String> = self.parts.iter().map(u8::to_string).collect();
        let text = format!(
            "SELECT entity, key, lane, at, body, part, sequence FROM due WHERE kind = $1 AND lane = $2 AND at <= $3
             AND (at, sequence, entity, key) > ($4, $5, $6, $7) AND part IN ({})
             ORDER BY at, sequence, entity, key LIMIT $8",
            parts.join(",")
        );
        let rows = sqlx::query(AssertSqlSafe(text))
            .bind(self.kind)
            .bind(self.lane)
            .bind(until)
            .bind(place.at)
            .bind(i64::try_from(place.sequence).unwrap_or(i64::MAX))
            .bind(&place.entity)
            .bind(&place.key)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(model.store.reads())
            .await
            .map_err(Error::database("read what is due"))?;
        Ok(rows.iter().map(work).collect())
    }

    /// When the first row is due that is not at `until`; the end of time where there is none.
    pub(super) async fn next(&self, model: &Model, until: i64) -> Result<i64, Error> {
        let next: Option<i64> =
            sqlx::query_scalar("SELECT MIN(at) FROM due WHERE kind = $1 AND lane = $2 AND at > $3")
                .bind(self.kind)
                .bind(self.lane)
                .bind(until)
                .fetch_one(model.store.reads())
                .await
                .map_err(Error::database("read what is due next"))?;
        Ok(next.unwrap_or(i64::MAX))
    }
}
