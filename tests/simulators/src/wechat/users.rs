//! The people of an app: who follows, and what we may still send to whom.

use crate::Micros;
use std::collections::HashMap;

/// How many messages and how long, after an action of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    pub count: u32,
    pub seconds: i64,
}

/// After a message of the person.
pub const AFTER_MESSAGE: Allowance = Allowance { count: 5, seconds: 48 * 3600 };
/// After following, scanning, tapping a menu.
pub const AFTER_TAP: Allowance = Allowance { count: 3, seconds: 60 };

#[derive(Clone, Debug, Default)]
struct Person {
    known: bool,
    follows: bool,
    unionid: Option<String>,
    muted: bool,
    until: Micros,
    left: u32,
    wrote_at: Option<Micros>,
    typing: bool,
}

/// All people that the app has met.
#[derive(Debug, Default)]
pub struct Users(HashMap<String, Person>);

impl Users {
    /// A person did something at `at`. Allowances do not add up: the larger count and the later end count.
    pub fn acted(&mut self, openid: &str, allowance: Option<Allowance>, at: Micros) {
        let person = self.0.entry(openid.to_owned()).or_default();
        (person.known, person.follows) = (true, true);
        person.wrote_at = Some(at);
        let Some(allowance) = allowance else { return };
        let until = at + allowance.seconds * 1_000_000;
        let over = person.until <= at;
        person.left = if over { allowance.count } else { person.left.max(allowance.count) };
        person.until = person.until.max(until);
    }

    /// A person no longer follows.
    pub fn left(&mut self, openid: &str) {
        self.0.entry(openid.to_owned()).or_default().follows = false;
    }

    /// The app and others belong to one owner, for whom the person has one id.
    pub fn bind(&mut self, openid: &str, unionid: &str) {
        self.0.entry(openid.to_owned()).or_default().unionid = Some(unionid.to_owned());
    }

    /// Whether the person follows, and the id that a bound account is told while they do; or the code that says why
    /// not.
    pub fn info(&self, openid: &str) -> Result<(bool, Option<&str>), i64> {
        let person = self.0.get(openid).filter(|person| person.known).ok_or(40003)?;
        Ok((person.follows, person.unionid.as_deref().filter(|_| person.follows)))
    }

    /// A follower switched receiving off or on.
    pub fn mute(&mut self, openid: &str, muted: bool) {
        self.0.entry(openid.to_owned()).or_default().muted = muted;
    }

    /// Closes the window of a person, as if it had run out.
    pub fn close(&mut self, openid: &str) {
        self.0.entry(openid.to_owned()).or_default().until = 0;
    }

    /// Takes one message off the allowance, or the code that says why not.
    pub fn spend(&mut self, openid: &str, at: Micros) -> Result<(), i64> {
        let person = self.0.get_mut(openid).filter(|person| person.known).ok_or(40003)?;
        match person {
            Person { follows: false, .. } => Err(43004),
            Person { muted: true, .. } => Err(48002),
            Person { until, .. } if *until <= at => Err(45015),
            Person { left: 0, .. } => Err(45047),
            Person { left, typing, .. } => {
                *left -= 1;
                *typing = false;
                Ok(())
            }
        }
    }

    /// Shows or hides the typing mark, or the code that says why not.
    pub fn type_to(&mut self, openid: &str, on: bool, at: Micros) -> Result<(), i64> {
        let person = self.0.get_mut(openid).filter(|person| person.known).ok_or(40003)?;
        if person.wrote_at.is_none_or(|wrote_at| at - wrote_at > 30_000_000) {
            return Err(45080);
        }
        if on && person.typing {
            return Err(45081);
        }
        person.typing = on;
        Ok(())
    }
}
