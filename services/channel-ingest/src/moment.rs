//! When something happened: the platform's word, unless it cannot be.

use events::Micros;

/// How far the platform's clock may be ahead of ours. What is said to be later would stand behind everything for ever.
const AHEAD_US_MAX: Micros = 5 * 60 * 1_000_000;

/// The platform's time, or the time of receipt where the platform tells none or one that is to come.
pub(crate) fn told_at(sent_at: Option<Micros>, received_at: Micros) -> Micros {
    sent_at.filter(|sent_at| *sent_at <= received_at.saturating_add(AHEAD_US_MAX)).unwrap_or(received_at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_come_is_the_time_of_receipt() {
        let at = 1_767_225_600_000_000;
        let hour = 3_600_000_000;
        assert_eq!(told_at(None, at), at);
        assert_eq!(told_at(Some(at - hour), at), at - hour);
        assert_eq!(told_at(Some(at + AHEAD_US_MAX), at), at + AHEAD_US_MAX);
        assert_eq!(told_at(Some(at + AHEAD_US_MAX + 1), at), at);
        assert_eq!(told_at(Some(Micros::MAX), at), at);
    }
}
