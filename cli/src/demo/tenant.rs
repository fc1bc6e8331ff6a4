//! The demo tenant as documents for `apply`: what `demo/demo.yaml` says, with its secrets and knowledge in place.

use super::secrets::{self, Values};
use anyhow::{Context, bail};
use yaml_serde::{Mapping, Value};

/// The documents with placeholders.
pub(crate) const DOCUMENTS: &str = include_str!("../../demo/demo.yaml");
const KNOWLEDGE: &str = include_str!("../../demo/knowledge.yaml");
/// Stands in the documents where the knowledge goes.
const KNOWLEDGE_PLACE: &str = "${file:knowledge.yaml}";

/// The tenant's name in the log.
pub(crate) const TENANT: &str = "demo";

/// Where the outside of the demo's accounts is.
#[derive(Clone, Debug)]
pub(crate) struct Outside {
    /// The platform's API.
    pub(crate) wechat_api: String,
    /// The partner's callback.
    pub(crate) callback: String,
}

/// One account of the demo, as far as its outside must know it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) slug: String,
    pub(crate) settings: Values,
    pub(crate) secrets: Values,
}

/// The tenant, ready to be applied.
#[derive(Clone, Debug)]
pub(crate) struct Demo {
    documents: Vec<Mapping>,
}

impl Demo {
    /// With the secrets that [`DOCUMENTS`] asks for.
    ///
    /// # Errors
    /// When a secret is missing, or the documents are not as they should be.
    pub(crate) fn with(values: &Values) -> anyhow::Result<Self> {
        let text = secrets::filled(DOCUMENTS, values)?;
        let knowledge = format!("\n{KNOWLEDGE}");
        let text = text.replace(KNOWLEDGE_PLACE, &knowledge);
        let documents = yaml_serde::Deserializer::from_str(&text)
            .map(|document| {
                serde::Deserialize::deserialize(document).context("a document of the demo is broken")
            })
            .collect::<anyhow::Result<_>>()?;
        Ok(Self { documents })
    }

    /// Points the accounts at another outside.
    pub(crate) fn point_at(&mut self, outside: &Outside) {
        for document in &mut self.documents {
            let setting = match document.get("channel").and_then(Value::as_str) {
                Some("wechat_oa") => ("api_base", &outside.wechat_api),
                Some("http") => ("callback_url", &outside.callback),
                _ => continue,
            };
            if let Some(Value::Mapping(settings)) = document.get_mut("settings") {
                settings.insert(setting.0.into(), setting.1.as_str().into());
            }
        }
    }

    /// The account on a channel.
    ///
    /// # Errors
    /// When the documents have none.
    pub(crate) fn account(&self, channel: &str) -> anyhow::Result<Account> {
        let of_channel =
            |document: &&Mapping| document.get("channel").and_then(Value::as_str) == Some(channel);
        let Some(document) = self.documents.iter().find(of_channel) else {
            bail!("the demo has no {channel} account")
        };
        let slug =
            document.get("slug").and_then(Value::as_str).context("an account of the demo has no slug")?;
        Ok(Account {
            slug: slug.into(),
            settings: words(document, "settings"),
            secrets: words(document, "secrets"),
        })
    }

    /// A setting of the tenant that is a text.
    pub(crate) fn phrase(&self, name: &str) -> Option<&str> {
        let of_tenant = |document: &&Mapping| document.get("kind").and_then(Value::as_str) == Some("Tenant");
        self.documents.iter().find(of_tenant)?.get("settings")?.get(name)?.as_str()
    }

    /// The documents as one file.
    ///
    /// # Errors
    /// Never for documents that were read.
    pub(crate) fn to_yaml(&self) -> anyhow::Result<String> {
        let documents: Result<Vec<String>, _> = self.documents.iter().map(yaml_serde::to_string).collect();
        Ok(documents?.join("---\n"))
    }
}

fn words(document: &Mapping, field: &str) -> Values {
    let Some(Value::Mapping(words)) = document.get(field) else { return Values::new() };
    let word = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    };
    words.iter().filter_map(|(name, value)| Some((name.as_str()?.to_owned(), word(value)?))).collect()
}

/// The demo tenant as text to apply, with what a person needs to write to it.
pub(crate) struct Documents {
    pub(crate) text: String,
    /// `whsec_…` of the generic channel.
    pub(crate) webhook_secret: String,
    pub(crate) http_slug: String,
}

impl Documents {
    /// With the secrets of the data folder, which are made when they are missing.
    ///
    /// # Errors
    /// When the folder cannot be read or written.
    pub(crate) fn of(data: &std::path::Path) -> anyhow::Result<Self> {
        let values = secrets::Store::of(data).values_for(DOCUMENTS, rand::random)?;
        let demo = Demo::with(&values)?;
        let account = demo.account("http")?;
        let webhook_secret =
            account.secrets.get("webhook_secret").cloned().context("the demo has no webhook secret")?;
        Ok(Self { text: demo.to_yaml()?, webhook_secret, http_slug: account.slug })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demo() -> Demo {
        let mut count = 0;
        let value = |name: String| {
            count += 1;
            (name, secrets::value(|| [count; 32]))
        };
        Demo::with(&secrets::names(DOCUMENTS).unwrap().into_iter().map(value).collect()).unwrap()
    }

    #[test]
    fn the_demo_has_a_tenant_two_agents_three_accounts_and_its_knowledge() {
        let demo = demo();
        let kinds: Vec<&str> =
            demo.documents.iter().filter_map(|document| document.get("kind")?.as_str()).collect();
        let count = |kind| kinds.iter().filter(|found| **found == kind).count();
        assert_eq!((count("Tenant"), count("Agent"), count("Account"), count("Knowledge")), (1, 2, 3, 1));
        let entries = demo.documents.iter().find_map(|document| document.get("entries")?.as_sequence());
        assert_eq!(entries.unwrap().len(), 140);
        assert!(demo.phrase("handover_notice").is_some());
    }

    #[test]
    fn accounts_point_where_they_are_told_and_nothing_of_the_placeholders_is_left() {
        let mut demo = demo();
        demo.point_at(&Outside { wechat_api: "http://a".into(), callback: "http://b".into() });
        assert_eq!(demo.account("wechat_oa").unwrap().settings["api_base"], "http://a");
        assert_eq!(demo.account("http").unwrap().settings["callback_url"], "http://b");
        let yaml = demo.to_yaml().unwrap();
        assert!(!yaml.contains("${"));
        let again: Result<Vec<Mapping>, _> =
            yaml_serde::Deserializer::from_str(&yaml).map(serde::Deserialize::deserialize).collect();
        assert_eq!(again.unwrap(), demo.documents);
    }

    #[test]
    fn secrets_have_the_forms_that_the_channels_want() {
        let demo = demo();
        assert_eq!(demo.account("wechat_oa").unwrap().secrets["encoding_aes_key"].len(), 43);
        assert!(demo.account("http").unwrap().secrets["webhook_secret"].starts_with("whsec_"));
        assert!(demo.account("widget").unwrap().secrets["widget_secret"].len() >= 16);
    }
}
