//! Reading documents out of a text, with everything that is wrong with their form.

use crate::aliases::repeats_too_much;
use crate::document::{AccountSpec, AgentSpec, Body, Document, KnowledgeSpec, TenantSpec, Wrong};
use crate::mistakes::{placeholders, typed};
use crate::nesting::nests_too_deeply;
use serde::Deserialize;
use std::collections::HashMap;
use yaml_serde::Value;

const KINDS: &str = "Tenant, Account, Agent, Knowledge";

/// What a text says.
#[derive(Debug, Default)]
pub struct Parsed {
    /// Those whose form is right.
    pub documents: Vec<Document>,
    pub wrong: Vec<Wrong>,
    /// Whether a document of the kind Tenant is among the wrong ones: then nobody knows which tenants there are.
    pub lacks_tenants: bool,
}

/// Reads all documents. `is_tenant_name` says whether a text can name a tenant, which the log decides. `tenant` is whose those are that name none and follow no document of the kind Tenant.
pub fn parse(text: &str, tenant: Option<&str>, is_tenant_name: fn(&str) -> bool) -> Parsed {
    let mut parsed = Parsed::default();
    // First what needs no parser, which is slow for what nests deeply.
    if nests_too_deeply(text) {
        let reason = "it nests more brackets than can be read";
        parsed.wrong.push(Wrong::new(1, "", reason, "close the brackets, or put texts in several documents"));
        parsed.lacks_tenants = true;
        return parsed;
    }
    if repeats_too_much(text) {
        let reason = "with all aliases written out the documents are far larger than the text";
        parsed.wrong.push(Wrong::new(1, "", reason, "write out what is repeated, or use fewer aliases"));
        parsed.lacks_tenants = true;
        return parsed;
    }
    let mut last_tenant = tenant.map(str::to_owned);
    for (place, part) in yaml_serde::Deserializer::from_str(text).enumerate() {
        let place = place + 1;
        let value = match Value::deserialize(part) {
            Ok(Value::Null) => continue,
            Ok(value) => value,
            Err(error) => {
                // What follows a broken document cannot be told from it.
                let remedy = "mend the YAML or JSON at that place";
                parsed.wrong.push(Wrong::new(place, "", error.to_string(), remedy));
                parsed.lacks_tenants = true;
                break;
            }
        };
        let field = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let is_tenant = field("kind").as_deref() == Some("Tenant");
        if is_tenant {
            last_tenant = field("name").or(last_tenant);
        }
        let read = document(place, value, last_tenant.as_deref())
            .and_then(|document| named(document, is_tenant_name));
        match read {
            Ok(document) => parsed.documents.push(document),
            Err(found) => {
                parsed.lacks_tenants |= is_tenant;
                parsed.wrong.extend(found);
            }
        }
    }
    parsed.wrong.extend(repeated(&parsed.documents));
    if parsed.documents.is_empty() && parsed.wrong.is_empty() {
        let remedy = format!("begin with `kind: …`, one of {KINDS}");
        parsed.wrong.push(Wrong::new(1, "", "there is no document", remedy));
    }
    parsed
}

fn document(place: usize, mut value: Value, last_tenant: Option<&str>) -> Result<Document, Vec<Wrong>> {
    let remedy = format!("write one of {KINDS}");
    let one = |path: &str, reason: String, remedy: &str| vec![Wrong::new(place, path, reason, remedy)];
    let Value::Mapping(fields) = &mut value else {
        return Err(one("", "the document is no mapping".into(), "begin it with `kind: …`"));
    };
    let Some(kind) = fields.remove("kind") else {
        return Err(one("kind", "missing field `kind`".into(), &remedy));
    };
    let unfilled = placeholders(place, &value);
    if !unfilled.is_empty() {
        return Err(unfilled);
    }
    let (body, own) = match kind.as_str().unwrap_or_default() {
        "Tenant" => {
            let spec: TenantSpec = typed(place, value)?;
            let own = Some(spec.name.clone());
            (Body::Tenant(spec), own)
        }
        "Account" => {
            let mut spec: AccountSpec = typed(place, value)?;
            let own = spec.tenant.take();
            (Body::Account(spec), own)
        }
        "Agent" => {
            let mut spec: AgentSpec = typed(place, value)?;
            let own = spec.tenant.take();
            (Body::Agent(spec), own)
        }
        "Knowledge" => {
            let mut spec: KnowledgeSpec = typed(place, value)?;
            let own = spec.tenant.take();
            (Body::Knowledge(spec), own)
        }
        other => return Err(one("kind", format!("unknown kind `{other}`"), &remedy)),
    };
    let Some(tenant) = own.or(last_tenant.map(str::to_owned)) else {
        let remedy = "add `tenant: …`, or put a document of the kind Tenant before it";
        return Err(one("tenant", "nothing says whose this is".into(), remedy));
    };
    Ok(Document { place, tenant, body })
}

fn named(document: Document, is_tenant_name: fn(&str) -> bool) -> Result<Document, Vec<Wrong>> {
    if is_tenant_name(&document.tenant) {
        return Ok(document);
    }
    let path = if matches!(document.body, Body::Tenant(_)) { "name" } else { "tenant" };
    let reason = format!("`{}` cannot name a tenant", document.tenant);
    let remedy = "use at most 40 lower case letters, digits and dashes";
    Err(vec![Wrong::new(document.place, path, reason, remedy)])
}

/// The same entity in two documents: one of them would win by chance.
fn repeated(documents: &[Document]) -> Vec<Wrong> {
    let mut seen = HashMap::new();
    let mut wrong = Vec::new();
    for document in documents {
        let tenant = document.tenant.as_str();
        let (kind, name, path, in_use) = match &document.body {
            Body::Tenant(spec) => ("tenant", spec.name.as_str(), "name", false),
            Body::Account(spec) => ("account", spec.slug.as_str(), "slug", !spec.disabled),
            Body::Agent(spec) => ("agent", spec.name.as_str(), "name", false),
            Body::Knowledge(_) => continue,
        };
        let mut before = seen.insert((kind, tenant, name), document.place);
        // In webhook addresses, so of those in use there is one in the whole suite.
        if in_use {
            before = before.or(seen.insert((kind, "", name), document.place));
        }
        if let Some(before) = before {
            let reason = format!(
                "the {kind} `{name}` stands in document {before} and again in document {}",
                document.place
            );
            wrong.push(Wrong::new(document.place, path, reason, "remove one of the two"));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Parsed {
        super::parse(text, None, |name| !name.is_empty())
    }

    fn wrong(text: &str) -> Vec<(usize, String)> {
        let wrong = parse(text).wrong;
        assert!(wrong.iter().all(|wrong| !wrong.remedy.is_empty()), "{wrong:?}");
        wrong.into_iter().map(|wrong| (wrong.document, wrong.path)).collect()
    }

    fn at(document: usize, path: &str) -> (usize, String) {
        (document, path.into())
    }

    #[test]
    fn all_wrong_fields_of_all_documents_are_told() {
        let text = "
kind: Tenant
name: shop
settings: {confidence_mini: 700, idle_close_ms: soon}
---
kind: Agent
capcity: 3
skils: [zh]
capacity: many
---
kind: Knowledge
entries:
  - {slug: a, question: q, answer: 5}
  - {slug: b, qestion: q, answer: a}
";
        let told = [
            at(1, "settings.confidence_mini"),
            at(1, "settings.idle_close_ms"),
            at(2, "capcity"),
            at(2, "skils"),
            at(2, "capacity"),
            at(2, "name"),
            at(3, "entries[0].answer"),
            at(3, "entries[1].qestion"),
            at(3, "entries[1].question"),
        ];
        let (mut found, mut told) = (wrong(text), told.to_vec());
        found.sort();
        told.sort();
        assert_eq!(found, told);
    }

    #[test]
    fn a_document_after_a_wrong_tenant_is_that_tenants() {
        let parsed = parse("kind: Tenant\nname: shop\nx: 1\n---\nkind: Agent\nname: anna\n");
        assert_eq!((parsed.documents[0].tenant.as_str(), parsed.lacks_tenants), ("shop", true));
        assert_eq!(wrong("kind: Agent\nname: bob\n"), [at(1, "tenant")]);
    }

    #[test]
    fn a_placeholder_that_nobody_filled_is_told_by_its_name() {
        let text = "kind: Account\ntenant: shop\nslug: ${SLUG}\nchannel: http\nsecrets:\n  \
                    webhook_secret: whsec_${WEBHOOK_SECRET}\n";
        assert_eq!(wrong(text), [at(1, "secrets.webhook_secret"), at(1, "slug")]);
        let reason = &parse(text).wrong[0].reason;
        assert!(reason.contains("${WEBHOOK_SECRET}") && !reason.contains("whsec_"), "{reason}");
        // What customers read may say anything.
        let text =
            "kind: Knowledge\ntenant: shop\nentries: [{slug: a, question: q, answer: 'echo ${HOME}'}]\n";
        assert_eq!(wrong(text), []);
        assert_eq!(wrong("kind: Knowledge\ntenant: shop\nentries: ${file:k.yaml}\n"), [at(1, "entries")]);
    }

    #[test]
    fn a_text_that_is_out_of_proportion_is_refused() {
        let (words, names) = ("x,".repeat(3000), "*a,".repeat(3000));
        let text = format!("kind: Knowledge\ntenant: shop\na: &a [{words}]\nentries: [{names}]\n");
        assert_eq!(wrong(&text), [at(1, "")]);
        assert_eq!(wrong(&format!("{}*", "[ ".repeat(100_000))), [at(1, "")]);
        // As people use them.
        let text = "kind: Knowledge\ntenant: shop\nentries:\n- {slug: a, question: q, answer: &a text}\n\
                    - {slug: b, question: r, answer: *a}\n";
        assert_eq!(wrong(text), []);
    }

    #[test]
    fn what_stands_twice_names_both_places() {
        let text = "kind: Agent\ntenant: shop\nname: a\n---\nkind: Agent\ntenant: shop\nname: a\n";
        let found = parse(text).wrong;
        assert_eq!(found[0].reason, "the agent `a` stands in document 1 and again in document 2");
    }

    #[test]
    fn one_slug_is_no_account_of_two_tenants() {
        let account = |tenant: &str| format!("kind: Account\ntenant: {tenant}\nslug: web\nchannel: http\n");
        let found = parse(&format!("{}---\n{}", account("one"), account("two"))).wrong;
        assert_eq!(found[0].reason, "the account `web` stands in document 1 and again in document 2");
        let disabled = |tenant: &str| format!("{}disabled: true\n", account(tenant));
        assert_eq!(wrong(&format!("{}---\n{}", account("one"), disabled("two"))), []);
        assert_eq!(wrong(&format!("{}---\n{}", account("one"), disabled("one"))), [at(2, "slug")]);
        let agent = |tenant: &str| format!("kind: Agent\ntenant: {tenant}\nname: a\n");
        assert_eq!(wrong(&format!("{}---\n{}", agent("one"), agent("two"))), []);
    }
}
