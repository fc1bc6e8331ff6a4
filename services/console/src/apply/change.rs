//! What an apply changes, told in words.

use serde::Serialize;
use unicode_segmentation::UnicodeSegmentation;
use utoipa::ToSchema;

/// Graphemes of a value that are told.
const TOLD_MAX: usize = 80;
/// Told in place of a secret.
const HIDDEN: &str = "***";

/// What happens to an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Created,
    Changed,
    Unchanged,
    Removed,
}

/// One entity and what happens to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Change {
    /// `Tenant`, `Account`, `Agent` or `Knowledge`.
    pub kind: &'static str,
    pub tenant: String,
    /// The entity's own stable name.
    pub name: String,
    pub id: String,
    pub action: Action,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldChange>,
}

/// A field that changes; secrets are told as `***`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldChange {
    pub field: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// What an apply did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Report {
    pub dry_run: bool,
    pub summary: Summary,
    /// Everything but what stays as it is.
    pub changes: Vec<Change>,
    /// Where the writes stand in the log; joined with commas they are an `at_least`.
    pub positions: Vec<String>,
}

/// How many entities of each kind of change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Summary {
    pub created: usize,
    pub changed: usize,
    pub unchanged: usize,
    pub removed: usize,
}

impl Report {
    pub(super) fn add(&mut self, change: Change) {
        let count = match change.action {
            Action::Created => &mut self.summary.created,
            Action::Changed => &mut self.summary.changed,
            Action::Unchanged => &mut self.summary.unchanged,
            Action::Removed => &mut self.summary.removed,
        };
        *count += 1;
        if change.action != Action::Unchanged {
            self.changes.push(change);
        }
    }
}

/// The fields that differ between two states.
#[derive(Default)]
pub(super) struct Difference {
    fields: Vec<FieldChange>,
}

impl Difference {
    pub(super) fn field(&mut self, field: &str, from: Option<String>, to: Option<String>) {
        if from != to {
            let told = |value: Option<String>| value.map(|value| cut(&value));
            self.fields.push(FieldChange { field: field.into(), from: told(from), to: told(to) });
        }
    }

    pub(super) fn secret(&mut self, name: &str, was_there: bool, is_there: bool) {
        let told = |there: bool| there.then(|| HIDDEN.to_owned());
        let field = format!("secrets.{name}");
        self.fields.push(FieldChange { field, from: told(was_there), to: told(is_there) });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The change of an entity that was there or was not.
    pub(super) fn of(self, kind: &'static str, tenant: &str, name: &str, was_there: bool) -> Change {
        let action = match (was_there, self.is_empty()) {
            (false, _) => Action::Created,
            (true, true) => Action::Unchanged,
            (true, false) => Action::Changed,
        };
        let id = match kind {
            "Tenant" => tenant.to_owned(),
            _ => super::id_of(tenant, &kind.to_lowercase(), name).to_string(),
        };
        Change { kind, tenant: tenant.into(), name: name.into(), id, action, fields: self.fields }
    }
}

fn cut(value: &str) -> String {
    match value.grapheme_indices(true).nth(TOLD_MAX) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

/// A list as one value.
pub(super) fn listed(items: &[String]) -> Option<String> {
    (!items.is_empty()).then(|| items.join(", "))
}
