//! What a channel's accounts are set up with: which settings and secrets there are, which are needed, and their form.
//!
//! Each channel's folder says what its own accounts have; whoever writes an account down checks it by that.

mod shape;
#[cfg(test)]
mod tests;

pub use shape::{Shape, address};

use crate::contract::Channel;
use std::collections::BTreeMap;

/// The settings and secrets of one channel's accounts.
#[derive(Debug)]
pub struct Form {
    /// Beside those that every account has.
    pub settings: &'static [Field],
    pub secrets: &'static [Field],
}

/// One setting or secret.
#[derive(Debug)]
pub struct Field {
    name: &'static str,
    need: Need,
    shape: Shape,
}

/// Whether an account can do without.
#[derive(Clone, Copy, Debug)]
enum Need {
    Always,
    Never,
    /// Unless that setting has that value.
    Unless(&'static str, &'static str),
}

/// What is wrong with an account. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Such as `settings.callback_url`.
    pub path: String,
    pub reason: String,
    pub remedy: String,
}

/// A field that no account can do without.
pub const fn needed(name: &'static str, shape: Shape) -> Field {
    Field { name, need: Need::Always, shape }
}

/// A field that may be left out.
pub const fn optional(name: &'static str, shape: Shape) -> Field {
    Field { name, need: Need::Never, shape }
}

/// A field that may be left out only where that setting has that value.
pub const fn unless(
    name: &'static str,
    (setting, value): (&'static str, &'static str),
    shape: Shape,
) -> Field {
    Field { name, need: Need::Unless(setting, value), shape }
}

/// What [`Channel::capabilities_of`] reads of every account.
const COMMON: &[Field] =
    &[optional("rate_per_second", Shape::Number { min: 1 }), optional("text_max", Shape::Number { min: 1 })];

impl Channel {
    /// Everything that is wrong with an account's settings and secrets; nothing when it can be used. `others` are the
    /// settings that every account may have for the sake of others than its channel.
    pub fn faults(
        &self,
        others: &[Field],
        settings: &BTreeMap<String, String>,
        secrets: &BTreeMap<String, String>,
    ) -> Vec<Fault> {
        let of_settings: Vec<&Field> = self.form.settings.iter().chain(COMMON).chain(others).collect();
        let of_secrets: Vec<&Field> = self.form.secrets.iter().collect();
        let mut faults = self.faults_in(("settings", &of_settings), settings, settings);
        faults.extend(self.faults_in(("secrets", &of_secrets), secrets, settings));
        faults
    }

    fn faults_in(
        &self,
        (part, fields): (&str, &[&Field]),
        given: &BTreeMap<String, String>,
        settings: &BTreeMap<String, String>,
    ) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut names: Vec<&str> = fields.iter().map(|field| field.name).collect();
        names.sort_unstable();
        for name in given.keys().filter(|name| !names.contains(&name.as_str())) {
            faults.push(Fault {
                path: format!("{part}.{name}"),
                reason: format!("the channel `{}` knows no `{name}` among its {part}", self.name),
                remedy: format!("write one of {}, or remove it", names.join(", ")),
            });
        }
        for field in fields {
            let value = given.get(field.name).map(|value| value.trim()).filter(|value| !value.is_empty());
            let fault = match value {
                None if field.need.is_there(settings) => Some("is missing".to_owned()),
                None => None,
                Some(value) => field.shape.fault(value).map(|expected| format!("is not {expected}")),
            };
            if let Some(fault) = fault {
                faults.push(Fault {
                    path: format!("{part}.{}", field.name),
                    reason: format!("`{}` {fault}", field.name),
                    remedy: format!("write {}", field.shape.words()),
                });
            }
        }
        faults
    }
}

impl Need {
    fn is_there(self, settings: &BTreeMap<String, String>) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Unless(setting, value) => settings.get(setting).is_none_or(|given| given.trim() != value),
        }
    }
}
