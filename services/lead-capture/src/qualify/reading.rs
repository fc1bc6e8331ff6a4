//! Reading one message of a customer: their own details, what they allow, what they want.

use super::intent::{Intent, intents};
use super::reaches;
use crate::extract::{self, Kind};
use events::lead::{Consent, DetailKind};
use std::collections::BTreeSet;

/// Details that are taken from one message at most; a pasted list of contacts is no lead.
const DETAILS_MAX: usize = 10;

/// What one message tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Each value once.
    pub details: Vec<Found>,
    /// What the customer said explicitly about being contacted.
    pub consent: Option<Consent>,
    pub intents: BTreeSet<Intent>,
}

/// A detail of the customer's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub kind: DetailKind,
    /// The canonical value.
    pub value: String,
    /// How it was written: `plain`, or the name of an obfuscation.
    pub form: String,
}

impl Reading {
    /// Whether it makes a lead (留资): there is a detail that reaches the person.
    pub fn reaches(&self) -> bool {
        self.details.iter().any(|detail| reaches(detail.kind))
    }

    /// Whether it tells nothing.
    pub fn is_empty(&self) -> bool {
        self.details.is_empty() && self.consent.is_none() && self.intents.is_empty()
    }
}

/// Reads a message. Any text is accepted.
pub fn read(text: &str) -> Reading {
    let mut details: Vec<Found> = Vec::new();
    for detail in extract::captured(text) {
        let form = name_of(detail.form);
        let mut take = |kind| {
            let known = details.iter().any(|known| known.kind == kind && known.value == detail.norm);
            if !known && details.len() < DETAILS_MAX {
                details.push(Found { kind, value: detail.norm.clone(), form: form.clone() });
            }
        };
        take(kind_of(detail.kind));
        if detail.also_wechat {
            take(DetailKind::Wechat);
        }
    }
    let consent = extract::consent(text).map(|consent| match consent {
        extract::Consent::Given => Consent::Given,
        extract::Consent::Refused => Consent::Refused,
    });
    Reading { details, consent, intents: intents(text).into_iter().collect() }
}

fn kind_of(kind: Kind) -> DetailKind {
    match kind {
        Kind::Phone => DetailKind::Phone,
        Kind::Wechat => DetailKind::Wechat,
        Kind::Qq => DetailKind::Qq,
        Kind::Email => DetailKind::Email,
        Kind::Telegram => DetailKind::Telegram,
        Kind::Name => DetailKind::Name,
        Kind::Address => DetailKind::Address,
        Kind::Company => DetailKind::Company,
    }
}

/// The stored name of a form, as in JSON.
fn name_of(form: extract::Form) -> String {
    match serde_json::to_value(form) {
        Ok(serde_json::Value::String(name)) => name,
        _ => "plain".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_tells_details_consent_and_wishes() {
        let reading = read("我要买两台，可以打给我 13812345678 微信同号");
        let kinds: Vec<(DetailKind, &str)> =
            reading.details.iter().map(|found| (found.kind, found.value.as_str())).collect();
        assert_eq!(kinds, [(DetailKind::Phone, "13812345678"), (DetailKind::Wechat, "13812345678")]);
        assert_eq!(reading.consent, Some(Consent::Given));
        assert_eq!(reading.intents, [Intent::Purchase].into());
        assert!(reading.reaches());
    }

    #[test]
    fn a_name_alone_makes_no_lead() {
        let reading = read("我叫王小明");
        assert_eq!(reading.details.len(), 1);
        assert!(!reading.reaches() && !reading.is_empty());
    }

    #[test]
    fn most_messages_tell_nothing() {
        assert!(read("你好，在吗").is_empty());
    }
}
