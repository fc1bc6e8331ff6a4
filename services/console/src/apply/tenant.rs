//! Planning a tenant.

use super::change::Difference;
use super::step::Step;
use super::{Failure, Planned};
use crate::state::App;
use documents::{Document, TenantSpec};
use events::tenant::Settings;
use laws::tenant::Tenant;
use spine::{Address, Entity};

pub(super) async fn plan(app: &App, document: &Document, spec: &TenantSpec) -> Result<Planned, Failure> {
    // A tenant is its own id.
    let address = Address::new(&document.tenant, Tenant::KIND, &document.tenant, &document.tenant)?;
    let known = app.log().read::<Tenant, _>(&address, |tenant| tenant.configured.clone()).await?;
    let name = spec.title.clone().unwrap_or_else(|| spec.name.clone());
    let mut difference = Difference::default();
    difference.field("title", known.as_ref().map(|known| known.0.clone()), Some(name.clone()));
    settings(&mut difference, known.as_ref().map(|known| &known.1), &spec.settings);
    let needed = known.is_none() || !difference.is_empty();
    let change = difference.of("Tenant", &document.tenant, &spec.name, known.is_some());
    let step = needed.then(|| Step::Tenant { address, name, settings: Box::new(spec.settings.clone()) });
    Ok(Planned { change, step })
}

/// Compares field by field as the log writes them, so that a new setting needs no line here.
fn settings(difference: &mut Difference, known: Option<&Settings>, wanted: &Settings) {
    let fields = |settings: &Settings| {
        let value = serde_json::to_value(settings).unwrap_or_default();
        value.as_object().cloned().unwrap_or_default()
    };
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let known = known.map(fields).unwrap_or_default();
    let usual = fields(&Settings::default());
    for (name, value) in fields(wanted) {
        let before = known.get(&name);
        // Of a new tenant only what it chose is told.
        if before.is_some() || usual.get(&name) != Some(&value) {
            difference.field(&format!("settings.{name}"), before.map(text), Some(text(&value)));
        }
    }
}
