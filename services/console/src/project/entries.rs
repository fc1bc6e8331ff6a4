//! Which knowledge entries a tenant has, so that an apply can remove what is listed no more.

use events::KnowledgeEvent;
use laws::knowledge::Knowledge;
use spine::db::Bulk;
use spine::{Error, Recorded};
use sqlx::AnyConnection;
use std::collections::BTreeMap;

static PUT: Bulk = Bulk::new(
    "INSERT INTO entries (entry, tenant, slug, removed)",
    4,
    "ON CONFLICT (entry) DO UPDATE SET removed = excluded.removed,
     slug = CASE WHEN excluded.slug = '' THEN entries.slug ELSE excluded.slug END",
);

pub(super) async fn apply(tx: &mut AnyConnection, records: &[&Recorded]) -> Result<(), Error> {
    let mut rows = BTreeMap::new();
    for record in records {
        for event in record.events::<Knowledge>()? {
            let row = rows.entry(&record.address.id).or_insert((&record.address.tenant, "", 0));
            match event {
                KnowledgeEvent::Written { entry, .. } => (row.1, row.2) = (entry.slug.as_str(), 0),
                KnowledgeEvent::Removed { .. } => row.2 = 1,
            }
        }
    }
    let rows: Vec<_> = rows.into_iter().collect();
    PUT.write(tx, &rows, |query, (entry, (tenant, slug, removed))| {
        query.bind(entry.to_string()).bind(tenant.to_string()).bind((*slug).to_owned()).bind(*removed)
    })
    .await?;
    Ok(())
}
