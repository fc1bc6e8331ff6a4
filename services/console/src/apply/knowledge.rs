//! Planning a tenant's knowledge: thousands of entries, read and compared many at a time.

use super::change::{Action, Change, Difference, listed};
use super::step::Step;
use super::{ENTITIES_MAX, Failure, IN_FLIGHT_MAX, Planned, id_of};
use crate::state::App;
use documents::{Body, Document, EntrySpec, Wrong};
use events::knowledge::Entry;
use futures::stream::{self, StreamExt, TryStreamExt};
use laws::knowledge::Knowledge;
use spine::{Address, Entity, Error};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use unicode_segmentation::UnicodeSegmentation;

const KIND: &str = "Knowledge";
/// Characters of an entry's name. This and the next bounds are those of the AI's reader of files.
const SLUG_MAX: usize = 128;
/// Graphemes of a question or variant.
const QUESTION_MAX: usize = 500;
const VARIANTS_MAX: usize = 100;
/// Graphemes of an answer.
const ANSWER_MAX: usize = 8_000;

/// All documents of a tenant are one list.
#[derive(Default)]
struct List {
    entries: Vec<Entry>,
    prune: bool,
}

pub(super) async fn plan(app: &App, documents: &[Document]) -> Result<Vec<Planned>, Failure> {
    let lists = lists(documents).map_err(Failure::Wrong)?;
    let mut planned = Vec::new();
    for (tenant, list) in lists {
        let listed: BTreeSet<String> = list.entries.iter().map(|entry| entry.slug.clone()).collect();
        let one = |entry: Entry| plan_entry(app, tenant, entry);
        let entries: Vec<Planned> =
            stream::iter(list.entries).map(one).buffered(IN_FLIGHT_MAX).try_collect().await?;
        planned.extend(entries);
        if list.prune {
            planned.extend(plan_removals(app, tenant, &listed).await?);
        }
    }
    Ok(planned)
}

fn lists(documents: &[Document]) -> Result<BTreeMap<&str, List>, Vec<Wrong>> {
    let mut lists: BTreeMap<&str, List> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut seen = HashMap::new();
    for document in documents {
        let Body::Knowledge(spec) = &document.body else { continue };
        let list = lists.entry(&document.tenant).or_default();
        list.prune |= spec.prune;
        for (number, written) in spec.entries.iter().enumerate() {
            let at = |field: &str| format!("entries[{number}].{field}");
            match entry(written) {
                Ok(entry) => {
                    let own = (document.place, at("slug"));
                    if let Some((place, path)) = seen.insert((&document.tenant, entry.slug.clone()), own) {
                        let reason = format!(
                            "`{}` stands in document {place} at {path} and again in document {}",
                            entry.slug, document.place
                        );
                        wrong.push(Wrong::new(document.place, &at("slug"), reason, "give each its own"));
                    }
                    list.entries.push(entry);
                }
                Err(mistakes) => {
                    wrong.extend(mistakes.into_iter().map(|(field, reason, remedy)| {
                        Wrong::new(document.place, &at(field), reason, remedy)
                    }))
                }
            }
        }
    }
    let count: usize = lists.values().map(|list| list.entries.len()).sum();
    if count > ENTITIES_MAX {
        let reason = format!("{count} entries; at most {ENTITIES_MAX} are taken at once");
        wrong.push(Wrong::new(1, "entries", reason, "apply them in several parts"));
    }
    if wrong.is_empty() { Ok(lists) } else { Err(wrong) }
}

type Mistake = (&'static str, String, &'static str);

/// The entry, or everything that is wrong with it.
fn entry(written: &EntrySpec) -> Result<Entry, Vec<Mistake>> {
    let mut wrong = check_bounds(written);
    let slug = written.slug.0.trim();
    if slug.is_empty() || slug.chars().count() > SLUG_MAX || slug.chars().any(char::is_control) {
        wrong.push(("slug", format!("`{slug}` cannot be a name"), "use 1 to 128 characters"));
    }
    let (question, answer) = (written.question.trim(), written.answer.trim());
    if question.is_empty() {
        wrong.push(("question", "it is empty".into(), "write what customers ask"));
    }
    if answer.is_empty() {
        wrong.push(("answer", "it is empty".into(), "write what the customer shall read"));
    }
    let mut time = |field, text: &Option<String>| {
        instant(field, text.as_deref()).unwrap_or_else(|mistake| {
            wrong.push(mistake);
            None
        })
    };
    let valid_from = time("valid_from", &written.valid_from);
    let valid_until = time("valid_until", &written.valid_until);
    if valid_from.zip(valid_until).is_some_and(|(from, until)| from >= until) {
        wrong.push(("valid_until", "it ends before it begins".into(), "exchange the two"));
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let variants = written.variants.iter().map(|variant| variant.trim().to_owned());
    Ok(Entry {
        slug: slug.into(),
        question: question.into(),
        variants: variants.filter(|variant| !variant.is_empty()).collect(),
        answer: answer.into(),
        valid_from,
        valid_until,
    })
}

fn check_bounds(written: &EntrySpec) -> Vec<Mistake> {
    let remedy = "shorten it, or part the entry in two";
    let mut wrong = Vec::new();
    if written.variants.len() > VARIANTS_MAX {
        wrong.push(("variants", format!("more than {VARIANTS_MAX}"), remedy));
    }
    let questions = written.variants.iter().map(|variant| ("variants", variant, QUESTION_MAX));
    let others = [("question", &written.question, QUESTION_MAX), ("answer", &written.answer, ANSWER_MAX)];
    for (field, text, max) in others.into_iter().chain(questions) {
        let is_told = wrong.iter().any(|(told, ..)| *told == field);
        if !is_told && text.graphemes(true).nth(max).is_some() {
            wrong.push((field, format!("more than {max} characters"), remedy));
        }
    }
    wrong
}

/// A date alone would mean another moment in each zone, so the offset is asked for.
fn instant(field: &'static str, text: Option<&str>) -> Result<Option<i64>, Mistake> {
    let Some(text) = text else { return Ok(None) };
    let wrong = |_| {
        let remedy = "write a time with its offset, such as 2026-03-01T00:00:00+08:00";
        (field, format!("`{text}` is no time"), remedy)
    };
    Ok(Some(text.parse::<jiff::Timestamp>().map_err(wrong)?.as_microsecond()))
}

async fn plan_entry(app: &App, tenant: &str, entry: Entry) -> Result<Planned, Error> {
    let address = Address::of(tenant, Knowledge::KIND, id_of(tenant, Knowledge::KIND, &entry.slug))?;
    let known = app.log().read::<Knowledge, _>(&address, |knowledge| knowledge.entry.clone()).await?;
    let mut difference = Difference::default();
    if let Some(known) = &known {
        let time = |at: Option<i64>| {
            at.map(|at| jiff::Timestamp::from_microsecond(at).unwrap_or_default().to_string())
        };
        let mut field = |name, from, to| difference.field(name, from, to);
        field("question", Some(known.question.clone()), Some(entry.question.clone()));
        field("variants", listed(&known.variants), listed(&entry.variants));
        field("answer", Some(known.answer.clone()), Some(entry.answer.clone()));
        field("valid_from", time(known.valid_from), time(entry.valid_from));
        field("valid_until", time(known.valid_until), time(entry.valid_until));
    }
    let needed = known.as_ref() != Some(&entry);
    let change = difference.of(KIND, tenant, &entry.slug, known.is_some());
    let step = needed.then(|| Step::Write { address, entry: Box::new(entry) });
    Ok(Planned { change, step })
}

/// What the tenant has and the list has not.
async fn plan_removals(app: &App, tenant: &str, listed: &BTreeSet<String>) -> Result<Vec<Planned>, Error> {
    let store = app.store();
    let rows: Vec<(String, String)> =
        sqlx::query_as("SELECT entry, slug FROM entries WHERE tenant = $1 AND removed = 0 ORDER BY slug")
            .bind(tenant)
            .fetch_all(store.reads())
            .await
            .map_err(Error::database("list knowledge"))?;
    let gone = rows.into_iter().filter(|(_, slug)| !listed.contains(slug));
    gone.map(|(id, slug)| {
        let address = Address::new(tenant, Knowledge::KIND, &id, &id)?;
        let (tenant, fields) = (tenant.to_owned(), Vec::new());
        let change = Change { kind: KIND, tenant, name: slug, id, action: Action::Removed, fields };
        Ok(Planned { change, step: Some(Step::Remove { address }) })
    })
    .collect()
}
