//! A tenant: its name and what it chooses.

use events::tenant::{Settings, TenantEvent};
use spine::Entity;
use std::convert::Infallible;
use strum::VariantNames;

/// The state of a tenant.
#[derive(Debug, Default)]
pub struct Tenant {
    pub configured: Option<(String, Settings)>,
}

impl Entity for Tenant {
    type Event = TenantEvent;
    const KIND: &'static str = "tenant";
    const EVENTS: &'static [&'static str] = TenantEvent::VARIANTS;

    fn evolve(&mut self, event: &TenantEvent) {
        let TenantEvent::Configured { name, settings, .. } = event;
        self.configured = Some((name.clone(), settings.clone()));
    }
}

/// Sets the tenant's name and choices.
///
/// # Errors
/// Never.
pub fn configure(
    state: &Tenant,
    name: &str,
    settings: &Settings,
    at: i64,
) -> Result<Vec<TenantEvent>, Infallible> {
    let same = state.configured.as_ref().is_some_and(|known| known.0 == name && known.1 == *settings);
    let event = || TenantEvent::Configured { name: name.into(), settings: settings.clone(), at };
    Ok(if same { Vec::new() } else { vec![event()] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_settings_again_change_nothing() {
        let mut state = Tenant::default();
        let settings = Settings::default();
        for event in configure(&state, "店", &settings, 1).unwrap() {
            state.evolve(&event);
        }
        assert_eq!(configure(&state, "店", &settings, 2).unwrap(), []);
        let changed = Settings { confidence_min: 700, ..settings };
        assert_eq!(configure(&state, "店", &changed, 2).unwrap().len(), 1);
    }
}
