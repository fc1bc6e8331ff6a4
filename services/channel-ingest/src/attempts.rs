//! How often a message is tried, and how long it waits in between.

/// Attempts before a failure that might pass is final: with the waits between them, a platform may be away for nine
/// minutes.
pub(crate) const ATTEMPTS_MAX: u32 = 16;
const RETRY_MS_MIN: u64 = 500;
/// The longest wait of our own.
pub(crate) const RETRY_MS_MAX: u64 = 60_000;
/// The longest wait that a platform may ask for: a quota is back after a day at most.
pub(crate) const RETRY_AFTER_MS_MAX: u64 = 24 * 3_600_000;

/// How long to wait after an attempt. A platform that asks for less than we would wait does not use up the attempts sooner.
pub(crate) fn delay_ms(attempt: u32, retry_after_ms: Option<u64>) -> u64 {
    retry_after_ms.unwrap_or(0).max(backoff_ms(attempt)).min(RETRY_AFTER_MS_MAX)
}

/// The wait after an attempt whose platform named none.
pub(crate) fn backoff_ms(attempt: u32) -> u64 {
    RETRY_MS_MIN.saturating_mul(1 << attempt.saturating_sub(1).min(10)).min(RETRY_MS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_between_attempts_grows_to_a_bound() {
        assert_eq!(backoff_ms(1), RETRY_MS_MIN);
        assert_eq!(backoff_ms(3), RETRY_MS_MIN * 4);
        assert_eq!(backoff_ms(40), RETRY_MS_MAX);
    }

    #[test]
    fn a_platform_may_ask_for_a_longer_wait_and_not_for_a_shorter_one() {
        assert_eq!(delay_ms(1, None), RETRY_MS_MIN);
        assert_eq!(delay_ms(1, Some(30_000)), 30_000);
        assert_eq!(delay_ms(1, Some(u64::MAX)), RETRY_AFTER_MS_MAX);
        let in_all: u64 = (1..ATTEMPTS_MAX).map(|attempt| delay_ms(attempt, Some(0))).sum();
        assert!(in_all > 9 * 60_000, "{in_all}");
    }
}
