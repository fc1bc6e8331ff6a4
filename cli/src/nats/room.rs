//! The room on the disk of nats-server's store.

use crate::disk;
use std::path::Path;
use std::time::Duration;

/// How often the disk is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Waits until the disk of the store was full and has room again. A stream that once had no room for a message takes
/// none any more, however much room there is, until its server is started anew.
pub(super) async fn again(store: &Path) {
    let mut was_full = false;
    loop {
        match disk::free(store) {
            Some(free) if free < disk::FULL_BELOW && !was_full => {
                was_full = true;
                tracing::error!(
                    nats.store = %store.display(),
                    disk.free_bytes = free,
                    "the disk is full: no message is taken until there is room"
                );
            }
            Some(free) if was_full && free >= disk::ROOM_FROM => return,
            _ => {}
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
