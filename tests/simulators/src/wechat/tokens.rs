//! Access tokens, in the two isolated kinds.

use crate::Micros;

const LIFE_S: i64 = 7200;
const OVERLAP_S: i64 = 300;
const FORCED_PER_DAY: usize = 20;
const FORCED_APART_S: i64 = 30;
const SECOND: Micros = 1_000_000;

/// The tokens that an app has been given.
#[derive(Debug, Default)]
pub struct Tokens {
    issued: Vec<Issued>,
    forced: Vec<Micros>,
    count: u64,
}

#[derive(Clone, Debug)]
struct Issued {
    value: String,
    stable: bool,
    ends: Micros,
}

/// Why a token does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stale {
    Unknown,
    Expired,
}

impl Tokens {
    /// What `stable_token` answers: the same token until its last five minutes, then a new one beside it. Forced, the
    /// old one dies at once, at most twenty times a day and thirty seconds apart.
    pub fn stable(&mut self, forced: bool, at: Micros) -> (String, i64) {
        let newest = self.issued.iter().rev().find(|token| token.stable).cloned();
        if forced && self.may_force(at) {
            self.forced.push(at);
            self.issued.retain(|token| !token.stable);
            return self.issue(true, at);
        }
        match newest {
            Some(token) if token.ends - at > OVERLAP_S * SECOND => {
                let left = (token.ends - at) / SECOND;
                (token.value, left)
            }
            _ => self.issue(true, at),
        }
    }

    /// What `token` answers: a new one each time; the one before lives five minutes more.
    pub fn plain(&mut self, at: Micros) -> (String, i64) {
        for token in self.issued.iter_mut().filter(|token| !token.stable) {
            token.ends = token.ends.min(at + OVERLAP_S * SECOND);
        }
        self.issue(false, at)
    }

    /// Whether a token opens.
    pub fn check(&self, value: &str, at: Micros) -> Result<(), Stale> {
        match self.issued.iter().find(|token| token.value == value) {
            None => Err(Stale::Unknown),
            Some(token) if token.ends <= at => Err(Stale::Expired),
            Some(_) => Ok(()),
        }
    }

    /// Another system refreshed by force: no token that was given out opens any more.
    pub fn revoke_all(&mut self) {
        self.issued.clear();
    }

    fn may_force(&self, at: Micros) -> bool {
        let today = self.forced.iter().filter(|forced| at - **forced < 86_400 * SECOND).count();
        let apart = self.forced.last().is_none_or(|last| at - last >= FORCED_APART_S * SECOND);
        today < FORCED_PER_DAY && apart
    }

    fn issue(&mut self, stable: bool, at: Micros) -> (String, i64) {
        self.count += 1;
        let value = format!(
            "{}_token_{:08}_{}",
            if stable { "stable" } else { "plain" },
            self.count,
            "x".repeat(100)
        );
        self.issued.push(Issued { value: value.clone(), stable, ends: at + LIFE_S * SECOND });
        (value, LIFE_S)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Micros = SECOND;

    #[test]
    fn a_stable_token_stays_until_its_last_five_minutes_and_both_live_on() {
        let mut tokens = Tokens::default();
        let (first, life) = tokens.stable(false, 0);
        assert_eq!(life, 7200);
        assert_eq!(tokens.stable(false, 6899 * S), (first.clone(), 301));
        let (second, _) = tokens.stable(false, 6900 * S);
        assert_ne!(first, second);
        assert_eq!(tokens.check(&first, 7199 * S), Ok(()));
        assert_eq!(tokens.check(&first, 7200 * S), Err(Stale::Expired));
        assert_eq!(tokens.check(&second, 7200 * S), Ok(()));
    }

    #[test]
    fn force_kills_the_old_token_within_its_limits_only() {
        let mut tokens = Tokens::default();
        let (first, _) = tokens.stable(false, 0);
        let (second, _) = tokens.stable(true, S);
        assert_eq!(tokens.check(&first, S), Err(Stale::Unknown));
        assert_eq!(tokens.stable(true, 30 * S).0, second);
        assert_ne!(tokens.stable(true, 31 * S).0, second);
        for n in 2..20 {
            tokens.stable(true, n * 31 * S);
        }
        let (last, _) = tokens.stable(false, 700 * S);
        assert_eq!(tokens.stable(true, 800 * S).0, last);
    }

    #[test]
    fn a_plain_token_outlives_the_next_by_five_minutes_and_never_touches_the_other_kind() {
        let mut tokens = Tokens::default();
        let (stable, _) = tokens.stable(false, 0);
        let (first, _) = tokens.plain(0);
        tokens.plain(10 * S);
        assert_eq!(tokens.check(&first, 309 * S), Ok(()));
        assert_eq!(tokens.check(&first, 310 * S), Err(Stale::Expired));
        assert_eq!(tokens.check(&stable, 310 * S), Ok(()));
    }
}
