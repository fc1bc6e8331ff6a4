//! Declarative documents: what a tenant, its accounts, agents and knowledge are to be, applied as a difference.
//!
//! An entity's id follows from its tenant, kind and name, so applying the same document again finds the same
//! entities and changes nothing.

mod account;
mod agent;
mod change;
mod knowledge;
mod step;
mod tenant;
mod whose;

pub use change::{Action, Change, FieldChange, Report, Summary};
pub use documents::Wrong;

use crate::state::App;
use documents::{Body, Document, Parsed};
use futures::StreamExt;
use futures::stream::{self, TryStreamExt};
use spine::address::check_tenant;
use spine::{Error, Position};
use std::collections::BTreeMap;
use std::time::Duration;
use step::Step;
use uuid::Uuid;

/// Namespace of the ids that names become. Never changed.
const NAMES: Uuid = Uuid::from_u128(0x6f3c_1d52_9a0b_4e6e_8a57_1d0c_55ce_0a03);
/// Entities that are read or appended to at a time.
const IN_FLIGHT_MAX: usize = 64;
/// Entities of one text at most.
const ENTITIES_MAX: usize = 50_000;

/// How long an apply waits for the tables to reach the log's end.
const CATCH_UP_PATIENCE: Duration = Duration::from_secs(15);

/// How documents are applied.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The tenant of documents that name none and follow no document of the kind Tenant.
    pub tenant: Option<String>,
    /// Only tell what would change.
    pub dry_run: bool,
}

/// Why nothing was applied, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The text says something that cannot be; nothing was appended.
    #[error("{} of the documents' statements are wrong", .0.len())]
    Wrong(Vec<Wrong>),
    /// The machine failed; what was appended before stands, and applying again does the rest.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<Wrong> for Failure {
    fn from(wrong: Wrong) -> Self {
        Self::Wrong(vec![wrong])
    }
}

/// The id of the entity of that kind and name.
pub fn id_of(tenant: &str, kind: &str, name: &str) -> Uuid {
    Uuid::new_v5(&NAMES, format!("{tenant}\0{kind}\0{name}").as_bytes())
}

/// What one entity needs, and how to get there.
struct Planned {
    change: Change,
    step: Option<Step>,
}

/// Compares YAML or JSON documents with the log's states and appends the difference, with the actor `operator`.
///
/// # Errors
/// [`Failure::Wrong`] names everything that is wrong, with its path and what mends it, before anything is
/// appended.
pub async fn apply(app: &App, text: &str, options: &Options) -> Result<Report, Failure> {
    let parsed = documents::parse(text, options.tenant.as_deref(), |name| check_tenant(name).is_ok());
    if parsed.documents.iter().any(Document::asks_tables) {
        caught_up(app).await?;
    }
    let planned = plan(app, parsed).await?;
    let mut report = Report { dry_run: options.dry_run, ..Report::default() };
    let mut steps = Vec::new();
    for Planned { change, step } in planned {
        report.add(change);
        steps.extend(step);
    }
    if !options.dry_run {
        report.positions = execute(app, steps).await?;
    }
    Ok(report)
}

/// Waits until the tables hold what is in the log now, so that what the last apply wrote is not missed.
async fn caught_up(app: &App) -> Result<(), Error> {
    let ends = Position::of_ends(app.log().ends().await?);
    app.inner.reader.wait_for(&ends, CATCH_UP_PATIENCE).await
}

/// Plans what can be planned, so that everything wrong is told at once.
async fn plan(app: &App, parsed: Parsed) -> Result<Vec<Planned>, Failure> {
    let Parsed { documents, mut wrong, lacks_tenants } = parsed;
    let mut planned = Vec::new();
    if !lacks_tenants {
        wrong.extend(whose::unknown(app, &documents).await?);
    }
    for document in &documents {
        let result = match &document.body {
            Body::Tenant(spec) => tenant::plan(app, document, spec).await,
            Body::Account(spec) => account::plan(app, &documents, document, spec).await,
            Body::Agent(spec) => agent::plan(app, document, spec).await,
            // All documents of a tenant's knowledge are one list.
            Body::Knowledge(_) => continue,
        };
        match result {
            Ok(one) => planned.push(one),
            Err(Failure::Wrong(more)) => wrong.extend(more),
            Err(failed) => return Err(failed),
        }
    }
    match knowledge::plan(app, &documents).await {
        Ok(more) => planned.extend(more),
        Err(Failure::Wrong(more)) => wrong.extend(more),
        Err(failed) => return Err(failed),
    }
    wrong.sort_by_key(|wrong| wrong.document);
    if wrong.is_empty() { Ok(planned) } else { Err(Failure::Wrong(wrong)) }
}

/// Appends, many at a time, and says up to where a reader must come to see all of it.
async fn execute(app: &App, steps: Vec<Step>) -> Result<Vec<String>, Error> {
    let request = spine::new_id();
    // A tenant comes before what is its own, which settings and texts may rest on.
    let (first, rest): (Vec<_>, Vec<_>) = steps.into_iter().partition(Step::is_of_tenant);
    let mut reached: BTreeMap<u8, Position> = BTreeMap::new();
    for steps in [first, rest] {
        let positions: Vec<Position> = stream::iter(steps)
            .map(|step| step.take(app, request))
            .buffer_unordered(IN_FLIGHT_MAX)
            .try_collect()
            .await?;
        for position in positions {
            let known = reached.entry(position.part).or_insert(position);
            *known = (*known).max(position);
        }
    }
    Ok(reached.values().filter(|position| position.sequence > 0).map(Position::to_string).collect())
}
