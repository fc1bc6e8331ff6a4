//! The platform's error codes as failure classes.
//!
//! Source: the tables of global return codes of the official-account documentation, as the public SDKs carry them.

use crate::contract::SendOutcome;
use events::Micros;
use events::thread::FailureClass;

const DAY_S: i64 = 24 * 3600;
const BEIJING_S: i64 = 8 * 3600;

/// What a code means for the next attempt. Unknown codes are final: the platform did not take the message, and
/// repeating what it does not explain may get the account banned.
pub fn class_of(code: i64) -> FailureClass {
    match code {
        -1 => FailureClass::Retryable,
        40001 | 40014 | 42001 => FailureClass::TokenStale,
        45009 | 45011 => FailureClass::RateLimited,
        45015 | 45047 => FailureClass::WindowClosed,
        40003 | 43004 | 43019 | 48002 | 50002 | 50005 => FailureClass::Unreachable,
        87014 => FailureClass::Rejected,
        40002
        | 40013
        | 40125
        | 40164
        | 41001
        | 41002
        | 41004
        | 48001
        | 48004
        | 48006
        | 50001
        | 61450..=61457 => FailureClass::Configuration,
        _ => FailureClass::Permanent,
    }
}

/// The failure that a code is, with the time after which another attempt makes sense.
pub(super) fn failure(code: i64, at: Micros) -> SendOutcome {
    let retry_after_ms = match code {
        // The daily quota is counted in the platform's own day.
        45009 => {
            let beijing_s = at.div_euclid(1_000_000) + BEIJING_S;
            Some((DAY_S - beijing_s.rem_euclid(DAY_S)).unsigned_abs() * 1000)
        }
        45011 => Some(60_000),
        _ => None,
    };
    SendOutcome::Failed { class: class_of(code), retry_after_ms, code: Some(code) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_daily_quota_is_back_at_midnight_in_beijing() {
        let noon_utc = 43_200 * 1_000_000;
        let SendOutcome::Failed { retry_after_ms, .. } = failure(45009, noon_utc) else {
            panic!("not failed")
        };
        assert_eq!(retry_after_ms, Some(4 * 3600 * 1000));
    }

    #[test]
    fn each_code_of_the_table_has_its_class() {
        use FailureClass::*;
        for (class, codes) in [
            (Retryable, &[-1][..]),
            (TokenStale, &[40001, 40014, 42001]),
            (RateLimited, &[45009, 45011]),
            (WindowClosed, &[45015, 45047]),
            (Unreachable, &[40003, 43004, 43019, 48002, 50005]),
            (Rejected, &[87014]),
            (Configuration, &[40002, 40013, 41002, 41004, 40164, 48001, 48004, 61450, 61452, 61457]),
            (Permanent, &[40004, 40007, 40008, 40033, 44002, 44004, 45002, 45162, 47001, 99999]),
        ] {
            for code in codes {
                assert_eq!(class_of(*code), class, "{code}");
            }
        }
    }
}
