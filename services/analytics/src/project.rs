//! The projector: one bulk read, a fold in memory, one bulk write per batch.

use crate::fold::{Fold, Wanted};
use crate::table;
use conversation::Thread;
use futures::future::BoxFuture;
use laws::lead::Lead;
use spine::db::ModelSpec;
use spine::{Entity, Error, Projector, Recorded};
use sqlx::AnyConnection;
use std::sync::Arc;

/// The projector of analytics. It needs no key.
pub(crate) struct Analytics;

impl Projector for Analytics {
    fn spec(&self) -> ModelSpec {
        table::MODEL
    }

    fn kinds(&self) -> &'static [&'static str] {
        &[Thread::KIND, Lead::KIND, directory::KINDS[0], directory::KINDS[1]]
    }

    fn gathers_for(&self) -> std::time::Duration {
        spine::UNHURRIED
    }

    fn apply<'a>(
        &'a self,
        tx: &'a mut AnyConnection,
        batch: &'a [Arc<Recorded>],
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(apply(tx, batch))
    }
}

async fn apply(tx: &mut AnyConnection, batch: &[Arc<Recorded>]) -> Result<(), Error> {
    for record in batch {
        directory::apply(tx, record).await?;
    }
    let wanted = Wanted::of(batch)?;
    if wanted.is_empty() {
        return Ok(());
    }
    let conversations: Vec<_> = wanted.conversations.into_iter().collect();
    let sent: Vec<_> = wanted.sent.into_iter().collect();
    let mut fold = Fold::onto(table::find(tx, &conversations, &sent).await?);
    for record in batch {
        fold.take_in(record)?;
    }
    let erased: Vec<_> = wanted.erased.into_iter().collect();
    table::write(tx, &fold.into_changed(), &erased).await
}
