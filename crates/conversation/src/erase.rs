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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::*;

    fn erasure() -> ThreadEvent {
        ThreadEvent::Erased { erasure: BOB, at: LATER }
    }

    #[test]
    fn forgetting_leaves_nothing_of_the_person() {
        let thread = given(asked([answered(1)])).when(|t| erase(t, BOB, LATER)).then([erasure()]);
        assert_eq!(thread, Thread::Erased);
        assert_eq!((thread.contact(), thread.next_send(), thread.tenure()), (None, None, 0));
    }

    #[test]
    fn a_thread_that_did_not_begin_is_forgotten_beforehand() {
        given([]).when(|t| erase(t, BOB, LATER)).then([erasure()]);
    }

    #[test]
    fn forgetting_twice_changes_nothing() {
        given([forgotten()]).when(|t| erase(t, BOB, LATER)).then_nothing();
    }
}
