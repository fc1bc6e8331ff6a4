//! A process of a role, as these tests start and stop it.

use ground::Place;
use spine::keys::KeySettings;
use spine::read::start::Wishes;
use spine::{Log, Projector, Reader, Readers, Spine};
use std::sync::Arc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// A process of a role with one reader.
pub(crate) struct Running {
    pub(crate) spine: Spine,
    pub(crate) reader: Reader,
    pub(crate) ends: CancellationToken,
    pub(crate) tasks: JoinSet<()>,
}

impl Running {
    pub(crate) async fn start(
        place: &Place,
        log: Log,
        release: impl Projector + 'static,
        wishes: Wishes,
    ) -> Self {
        let mut spine = place.spine(log, KeySettings::default()).await;
        spine.readers = Readers::wishing(wishes);
        let reader = spine.reader(Arc::new(release)).await.unwrap();
        let (ends, mut tasks) = (CancellationToken::new(), JoinSet::new());
        {
            let (spine, ends) = (spine.clone(), ends.clone());
            tasks.spawn(async move { spine.tail.run(&spine.log, &ends).await.unwrap() });
        }
        {
            let (reader, ends) = (reader.clone(), ends.clone());
            tasks.spawn(async move { reader.run(&ends).await.unwrap() });
        }
        Self { spine, reader, ends, tasks }
    }

    /// Ends cleanly, as a process that is told to.
    pub(crate) async fn stop(mut self) {
        self.ends.cancel();
        while self.tasks.join_next().await.is_some() {}
        self.reader.let_go().await.unwrap();
        self.spine.database.close().await;
    }
}
