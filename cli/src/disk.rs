//! The room on the disk of a folder.

use std::path::Path;

const MIB: u64 = 1024 * 1024;
/// With less, a disk is called full: nats-server and databases refuse what is written any moment.
pub(crate) const FULL_BELOW: u64 = 32 * MIB;
/// From here on it has room again.
pub(crate) const ROOM_FROM: u64 = 2 * FULL_BELOW;

/// What may still be written, in bytes; none where that cannot be told.
pub(crate) fn free(folder: &Path) -> Option<u64> {
    let about = rustix::fs::statvfs(folder).ok()?;
    Some(about.f_bavail.saturating_mul(about.f_frsize))
}

/// Whether the disk of a folder is full.
pub(crate) fn is_full(folder: &Path) -> bool {
    free(folder).is_some_and(|free| free < FULL_BELOW)
}
