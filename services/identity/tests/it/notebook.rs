//! A role that keeps what customers wrote in clear and forgets it when they are erased, as others do.

use conversation::Thread;
use events::ThreadEvent;
use futures::FutureExt;
use futures::future::BoxFuture;
use spine::db::ModelSpec;
use spine::keys::{Keys, Owner};
use spine::{Entity, Error, Projector, Recorded};
use sqlx::AnyConnection;
use std::sync::Arc;

pub(crate) struct Notebook {
    keys: Keys,
}

impl Notebook {
    pub(crate) fn new(keys: Keys) -> Self {
        Self { keys }
    }

    async fn write(&self, tx: &mut AnyConnection, record: &Recorded) -> Result<(), Error> {
        let thread = record.address.uuid().unwrap();
        for event in record.events::<Thread>()? {
            match event {
                ThreadEvent::Received { message, content, .. } => {
                    let Some(sealed) = &content.text else { continue };
                    let subject = record.address.subject();
                    let text = self.keys.open_text(sealed.as_str(), &subject, "content.text").await?.text();
                    sqlx::query("INSERT INTO notes (message, thread, text) VALUES ($1, $2, $3)")
                        .bind(message.to_string())
                        .bind(thread.to_string())
                        .bind(text)
                        .execute(&mut *tx)
                        .await
                        .map_err(Error::database("note"))?;
                }
                ThreadEvent::Erased { .. } => {
                    self.keys.forget(&record.address.tenant, &Owner::thread(thread));
                    sqlx::query("DELETE FROM notes WHERE thread = $1")
                        .bind(thread.to_string())
                        .execute(&mut *tx)
                        .await
                        .map_err(Error::database("forget"))?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl Projector for Notebook {
    fn spec(&self) -> ModelSpec {
        ModelSpec {
            name: "notebook",
            version: 1,
            schema: &["CREATE TABLE notes (message TEXT PRIMARY KEY, thread TEXT NOT NULL, text TEXT)"],
        }
    }

    fn kinds(&self) -> &'static [&'static str] {
        &[Thread::KIND]
    }

    fn apply<'a>(
        &'a self,
        tx: &'a mut AnyConnection,
        batch: &'a [Arc<Recorded>],
    ) -> BoxFuture<'a, Result<(), Error>> {
        async move {
            for record in batch {
                self.write(tx, record).await?;
            }
            Ok(())
        }
        .boxed()
    }
}
