//! What a channel's accounts are set up with: which settings and secrets there are, which are needed, and their form.
//!
//! The adapters read them; whoever writes an account down checks them here first, without knowing an adapter. A test
//! beside the adapters holds the two together.

mod shape;
#[cfg(test)]
mod tests;

pub use shape::{Shape, is_queue};

use std::collections::BTreeMap;

/// The settings and secrets of one channel's accounts.
#[derive(Debug)]
pub struct Form {
    /// The channel's name, as `Setup::channel` has it.
    pub channel: &'static str,
    /// Beside those that every account has.
    settings: &'static [Field],
    secrets: &'static [Field],
}

/// One setting or secret.
#[derive(Debug)]
struct Field {
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

const fn needed(name: &'static str, shape: Shape) -> Field {
    Field { name, need: Need::Always, shape }
}

const fn optional(name: &'static str, shape: Shape) -> Field {
    Field { name, need: Need::Never, shape }
}

const fn unless(name: &'static str, (setting, value): (&'static str, &'static str), shape: Shape) -> Field {
    Field { name, need: Need::Unless(setting, value), shape }
}

/// What every account may have.
const COMMON: &[Field] = &[
    optional("persona", Shape::Text),
    optional("queue", Shape::Queue),
    optional("rate_per_second", Shape::Number { min: 1 }),
    optional("text_max", Shape::Number { min: 1 }),
];

const FORMS: &[Form] = &[
    Form {
        channel: "http",
        settings: &[needed("callback_url", Shape::Address), optional("timeout_ms", Shape::Number { min: 1 })],
        secrets: &[
            needed("webhook_secret", Shape::SigningKey),
            optional("webhook_secret_previous", Shape::SigningKey),
        ],
    },
    Form {
        channel: "wechat_oa",
        settings: &[
            needed("app_id", Shape::Text),
            optional("api_base", Shape::Address),
            optional("kf_account", Shape::Text),
            optional("label_ai", Shape::OneOf(&["true", "false"])),
            optional("mode", Shape::OneOf(&["safe", "compat", "plain"])),
            optional("timeout_ms", Shape::Number { min: 1 }),
            optional("tolerance_s", Shape::Number { min: 0 }),
        ],
        secrets: &[
            needed("app_secret", Shape::Text),
            needed("token", Shape::Text),
            unless("encoding_aes_key", ("mode", "plain"), Shape::AesKey),
            optional("encoding_aes_key_previous", Shape::AesKey),
        ],
    },
    Form {
        channel: "widget",
        settings: &[optional("origins", Shape::Origins)],
        secrets: &[needed("widget_secret", Shape::Secret), optional("identity_secret", Shape::Secret)],
    },
];

/// The channels that an account can be of.
pub fn channels() -> impl Iterator<Item = &'static str> {
    FORMS.iter().map(|form| form.channel)
}

/// The form of the channel's accounts; none when there is no such channel.
pub fn of(channel: &str) -> Option<&'static Form> {
    FORMS.iter().find(|form| form.channel == channel)
}

impl Form {
    /// Everything that is wrong with an account's settings and secrets; nothing when it can be used.
    pub fn faults(
        &self,
        settings: &BTreeMap<String, String>,
        secrets: &BTreeMap<String, String>,
    ) -> Vec<Fault> {
        let of_settings: Vec<&Field> = self.settings.iter().chain(COMMON).collect();
        let of_secrets: Vec<&Field> = self.secrets.iter().collect();
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
                reason: format!("the channel `{}` knows no `{name}` among its {part}", self.channel),
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
