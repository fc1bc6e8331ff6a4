//! How long somebody in a queue will probably wait: a pure estimate from who serves it and for how long.

/// For how long an agent holds a conversation where no history says so, in microseconds. An assumption.
pub const HELD_US_DEFAULT: i64 = 5 * 60 * 1_000_000;

/// Who serves a queue now, and what its history says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Service {
    /// Conversations that the agents online can hold at the same time.
    pub(crate) capacity: u32,
    /// Of these, how many they could still take.
    pub(crate) free: u32,
    /// Conversations let go in the time looked at.
    pub(crate) freed: u64,
    /// For how long these were held together.
    pub(crate) held_us: i64,
}

/// The expected wait at `position` (from 1), in milliseconds: the number of conversations that have to end
/// first, over the pace at which busy agents end them. None while nobody serves the queue.
pub(crate) fn expected_ms(position: u32, service: Service) -> Option<i64> {
    if service.capacity == 0 {
        return None;
    }
    let ahead = i128::from(position.saturating_sub(service.free));
    let held = match service.freed {
        0 => i128::from(HELD_US_DEFAULT),
        freed => i128::from(service.held_us) / i128::from(freed),
    };
    i64::try_from(ahead * held / i128::from(service.capacity) / 1_000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUSY: Service = Service { capacity: 4, free: 0, freed: 10, held_us: 10 * 60_000_000 };

    #[test]
    fn each_place_waits_for_one_more_conversation_to_end() {
        assert_eq!(expected_ms(1, BUSY), Some(15_000));
        assert_eq!(expected_ms(4, BUSY), Some(60_000));
        assert_eq!(expected_ms(8, BUSY), Some(120_000));
    }

    #[test]
    fn whoever_finds_a_free_agent_waits_for_nothing() {
        let two_free = Service { free: 2, ..BUSY };
        assert_eq!(expected_ms(2, two_free), Some(0));
        assert_eq!(expected_ms(3, two_free), Some(15_000));
    }

    #[test]
    fn where_nobody_serves_there_is_nothing_to_expect() {
        assert_eq!(expected_ms(1, Service { capacity: 0, ..BUSY }), None);
    }

    #[test]
    fn a_queue_without_history_is_estimated_from_an_assumption() {
        let new = Service { capacity: 1, ..Service::default() };
        assert_eq!(expected_ms(1, new), Some(HELD_US_DEFAULT / 1_000));
    }
}
