//! Marks of typing, in passing: plain NATS subjects, never the log, and lost when nobody listens.
//!
//! A visitor's mark goes out as `typing.visitor.<tenant>.<thread>`, an agent's comes in as `typing.agent.<tenant>.<thread>`,
//! each with the payload `1` or `0`. Only channel-ingest may publish the first, only the console the second.

use events::Micros;
use spine::{Address, Log};
use uuid::Uuid;

/// What channel-ingest hears of.
pub(crate) const AGENTS: &str = "typing.agent.*.*";
/// Two marks of one side that say the same are at least so far apart.
const EVERY_US: Micros = 2_000_000;
/// Marks of one side per minute, whatever they say.
const PER_MINUTE_MAX: u32 = 60;

/// Lets through what is worth telling: a change at once, a repetition now and then.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    last: Option<(bool, Micros)>,
    minute: i64,
    told: u32,
}

impl Rate {
    /// Whether the mark is to be told.
    pub(crate) fn allows(&mut self, on: bool, at: Micros) -> bool {
        let minute = at.div_euclid(60_000_000);
        if self.minute != minute {
            (self.minute, self.told) = (minute, 0);
        }
        let news = self.last.is_none_or(|(was, since)| was != on || at - since >= EVERY_US);
        if !news || self.told >= PER_MINUTE_MAX {
            return false;
        }
        self.told += 1;
        self.last = Some((on, at));
        true
    }
}

/// Tells that the visitor types or has stopped. Nothing is told again when this fails.
pub(crate) async fn tell(log: &Log, thread: &Address, on: bool) {
    let subject = format!("typing.visitor.{}.{}", thread.tenant, thread.id);
    let mark = if on { "1" } else { "0" };
    if let Err(error) = log.nats().client().publish(subject, mark.into()).await {
        tracing::debug!(error = &error as &dyn std::error::Error, "a mark of typing is lost");
    }
}

/// Whose thread an agent's mark is for, and what it says.
pub(crate) fn read(subject: &str, payload: &[u8]) -> Option<(Uuid, bool)> {
    let thread = subject.strip_prefix("typing.agent.")?.rsplit('.').next()?.parse().ok()?;
    match payload {
        b"1" => Some((thread, true)),
        b"0" => Some((thread, false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Micros = 1_000_000;

    #[test]
    fn a_change_is_told_at_once_and_a_repetition_now_and_then() {
        let mut rate = Rate::default();
        let told: Vec<bool> =
            [(true, 0), (true, S), (true, 2 * S), (false, 2 * S), (false, 3 * S), (true, 3 * S)]
                .map(|(on, at)| rate.allows(on, at))
                .to_vec();
        assert_eq!(told, [true, false, true, true, false, true]);
    }

    #[test]
    fn nobody_is_flooded_with_changes() {
        let mut rate = Rate::default();
        let told = (0..1_000).filter(|n| rate.allows(n % 2 == 0, i64::from(*n) * 1_000)).count();
        assert_eq!(told, PER_MINUTE_MAX as usize);
        assert!(rate.allows(true, 60 * S));
    }

    #[test]
    fn only_marks_of_agents_are_read() {
        let thread = Uuid::from_u128(7);
        assert_eq!(read(&format!("typing.agent.shop.{thread}"), b"1"), Some((thread, true)));
        assert_eq!(read(&format!("typing.visitor.shop.{thread}"), b"1"), None);
        assert_eq!(read(&format!("typing.agent.shop.{thread}"), b"maybe"), None);
        assert_eq!(read("typing.agent.shop.x", b"1"), None);
    }
}
