//! Deciding to forget the person: after it the law refuses everything.

use crate::{Decision, Thread};
use events::{Micros, ThreadEvent};
use uuid::Uuid;

/// Forgets the person, also in a thread that did not begin yet: a first message that is just being taken in
/// must not follow the erasure. A second erasure does nothing.
///
/// # Errors
/// None; it always succeeds.
pub fn erase(thread: &Thread, erasure: Uuid, at: Micros) -> Decision {
    if thread.is_erased() { Ok(vec![]) } else { Ok(vec![ThreadEvent::Erased { erasure, at }]) }
}
