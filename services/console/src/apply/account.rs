//! Planning a channel account: its secrets are compared by opening what stands.

use super::change::Difference;
use super::step::Step;
use super::{Failure, Planned, id_of};
use crate::state::App;
use channels::form::{Field, Shape, optional};
use directory::{QUEUE_SETTING, is_queue};
use documents::{AccountSpec, Body, Document, Scalar, Wrong, check_name};
use events::Sealed;
use events::account::Setup;
use laws::account::Account;
use spine::keys::{Opened, Owner, Period, SealKey};
use spine::{Address, Entity, Error};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// What every account may have beside what its channel asks for: the face that customers see, and where its
/// conversations wait.
const SETTINGS_OF_OTHERS: &[Field] = &[
    optional("persona", Shape::Text),
    optional(
        QUEUE_SETTING,
        Shape::Own { fits: is_queue, words: "1 to 40 letters, digits, dashes and underscores" },
    ),
];

/// `documents` are all that are planned with this one.
pub(super) async fn plan(
    app: &App,
    documents: &[Document],
    document: &Document,
    spec: &AccountSpec,
) -> Result<Planned, Failure> {
    let wrong = faults(document.place, spec);
    if !wrong.is_empty() {
        return Err(Failure::Wrong(wrong));
    }
    let id = id_of(&document.tenant, Account::KIND, &spec.slug);
    let address = Address::of(&document.tenant, Account::KIND, id)?;
    let look = |account: &Account| (account.setup.clone(), account.disabled);
    let (known, disabled) = app.log().read::<Account, _>(&address, look).await?;
    // Of two that have one slug, by two commands at once, one must be taken out of use, and the other then goes on.
    match other_of(documents, document, &spec.slug) {
        Some(_) if known.is_none() => return Err(taken(document, &spec.slug)),
        Some(other) if other.disabled => {}
        _ if known.is_some() && spec.disabled => {}
        _ => check_slug(app, document, (&spec.slug, id), known.is_some()).await?,
    }
    if let Some(known) = known.as_ref().filter(|known| known.channel != spec.channel) {
        let reason = format!("the account is one of the channel `{}`", known.channel);
        return Err(Wrong::new(document.place, "channel", reason, "give the new account another slug").into());
    }
    let mut setup = Setup {
        channel: spec.channel.clone(),
        slug: spec.slug.clone(),
        name: spec.title.clone().unwrap_or_else(|| spec.slug.clone()),
        settings: texts(&spec.settings),
        secrets: BTreeMap::new(),
    };
    let mut difference = plain_difference(known.as_ref(), &setup);
    if disabled != spec.disabled {
        let before = known.as_ref().map(|_| disabled.to_string());
        difference.field("disabled", before, Some(spec.disabled.to_string()));
    }
    let mut fresh = Vec::new();
    let old = known.as_ref().map(|known| known.secrets.clone()).unwrap_or_default();
    let mut same_secrets = old.len() == spec.secrets.len();
    for (name, wanted) in &spec.secrets {
        match old.get(name) {
            Some(sealed) if opens_to(app, &address, (name, sealed), &wanted.0).await? => {
                setup.secrets.insert(name.clone(), sealed.clone());
            }
            before => {
                difference.secret(name, before.is_some(), true);
                fresh.push((name.clone(), wanted.0.clone()));
                same_secrets = false;
            }
        }
    }
    for name in old.keys().filter(|name| !spec.secrets.contains_key(*name)) {
        difference.secret(name, true, false);
        same_secrets = false;
    }
    let needed = known.is_none() || !difference.is_empty();
    let change = difference.of("Account", &document.tenant, &spec.slug, known.is_some());
    let disabled = spec.disabled;
    let step = needed.then(|| Step::Account {
        address,
        setup: Box::new(setup),
        same_secrets,
        secrets: fresh,
        disabled,
    });
    Ok(Planned { change, step })
}

/// Everything that the document alone says wrongly.
fn faults(place: usize, spec: &AccountSpec) -> Vec<Wrong> {
    let mut wrong: Vec<Wrong> = check_name(place, "slug", &spec.slug).err().into_iter().collect();
    let Some(channel) = channels::find(&spec.channel) else {
        let reason = format!("`{}` is no channel", spec.channel);
        let remedy = format!("write one of {}", channels::names());
        wrong.push(Wrong::new(place, "channel", reason, remedy));
        return wrong;
    };
    let found = channel.faults(SETTINGS_OF_OTHERS, &texts(&spec.settings), &texts(&spec.secrets));
    wrong.extend(found.into_iter().map(|fault| Wrong::new(place, &fault.path, fault.reason, fault.remedy)));
    wrong
}

fn texts(map: &BTreeMap<String, Scalar>) -> BTreeMap<String, String> {
    map.iter().map(|(name, value)| (name.clone(), value.0.clone())).collect()
}

fn plain_difference(known: Option<&Setup>, wanted: &Setup) -> Difference {
    let mut difference = Difference::default();
    let old = |field: fn(&Setup) -> &String| known.map(field).cloned();
    difference.field("channel", old(|known| &known.channel), Some(wanted.channel.clone()));
    difference.field("title", old(|known| &known.name), Some(wanted.name.clone()));
    let nothing = BTreeMap::new();
    let before = known.map_or(&nothing, |known| &known.settings);
    let names: BTreeSet<&String> = before.keys().chain(wanted.settings.keys()).collect();
    for name in names {
        let (from, to) = (before.get(name).cloned(), wanted.settings.get(name).cloned());
        difference.field(&format!("settings.{name}"), from, to);
    }
    difference
}

/// A slug is in webhook addresses and therefore one account's in the whole suite, also of one that is out of use: only an
/// account that had the slug already is not held up by such a one.
async fn check_slug(
    app: &App,
    document: &Document,
    (slug, id): (&str, Uuid),
    is_known: bool,
) -> Result<(), Failure> {
    let store = app.store();
    let of_use = if is_known { " AND disabled = 0" } else { "" };
    let text = format!("SELECT account FROM accounts WHERE slug = $1 AND account <> $2{of_use}");
    let holder: Option<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(text))
        .bind(slug)
        .bind(id.to_string())
        .fetch_optional(store.reads())
        .await
        .map_err(Error::database("find an account"))?;
    holder.map_or(Ok(()), |_| Err(taken(document, slug)))
}

/// Another tenant's account of that slug among the documents.
fn other_of<'d>(documents: &'d [Document], document: &Document, slug: &str) -> Option<&'d AccountSpec> {
    documents.iter().filter(|other| other.tenant != document.tenant).find_map(|other| match &other.body {
        Body::Account(spec) if spec.slug == slug => Some(spec),
        _ => None,
    })
}

fn taken(document: &Document, slug: &str) -> Failure {
    let reason = format!("`{slug}` is another account's slug");
    Wrong::new(document.place, "slug", reason, "choose another, unique in the suite").into()
}

async fn opens_to(
    app: &App,
    address: &Address,
    (name, sealed): (&String, &Sealed),
    wanted: &str,
) -> Result<bool, Error> {
    let opened = app.keys().open_text(sealed.as_str(), &address.subject(), &format!("secret.{name}")).await?;
    Ok(opened == Opened::Text(wanted.to_owned()))
}

/// A secret under the tenant's own key.
pub(super) async fn seal(
    app: &App,
    address: &Address,
    name: &str,
    text: &str,
    at: i64,
) -> Result<Sealed, Error> {
    let key = SealKey {
        tenant: address.tenant.clone(),
        owner: Owner::tenant(&address.tenant),
        class: "secret".into(),
        period: Period::quarter(at),
    };
    let sealed = app.keys().seal(&key, &address.subject(), &format!("secret.{name}"), text).await?;
    Ok(Sealed(sealed))
}
