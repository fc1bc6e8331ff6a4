//! A channel account: how it is set up, and whether it is in use.

use events::account::{AccountEvent, Setup};
use spine::Entity;
use std::convert::Infallible;
use strum::VariantNames;

/// The state of a channel account.
#[derive(Debug, Default)]
pub struct Account {
    pub setup: Option<Setup>,
    pub disabled: bool,
}

impl Entity for Account {
    type Event = AccountEvent;
    const KIND: &'static str = "account";
    const EVENTS: &'static [&'static str] = AccountEvent::VARIANTS;

    fn evolve(&mut self, event: &AccountEvent) {
        match event {
            AccountEvent::Configured { setup, .. } => {
                self.setup = Some(setup.clone());
                self.disabled = false;
            }
            AccountEvent::Disabled { .. } => self.disabled = true,
        }
    }
}

/// Sets the account up. `same_secrets` tells that the sealed secrets, which differ at each sealing, hold what
/// is set already; then nothing changes unless another field does.
///
/// # Errors
/// Never.
pub fn configure(
    state: &Account,
    setup: &Setup,
    same_secrets: bool,
    at: i64,
) -> Result<Vec<AccountEvent>, Infallible> {
    let unchanged = state.setup.as_ref().is_some_and(|known| {
        same_secrets
            && !state.disabled
            && (&known.channel, &known.slug, &known.name, &known.settings)
                == (&setup.channel, &setup.slug, &setup.name, &setup.settings)
    });
    Ok(if unchanged { Vec::new() } else { vec![AccountEvent::Configured { setup: setup.clone(), at }] })
}

/// Takes the account out of use.
///
/// # Errors
/// Never.
pub fn disable(state: &Account, at: i64) -> Result<Vec<AccountEvent>, Infallible> {
    let idle = state.setup.is_none() || state.disabled;
    Ok(if idle { Vec::new() } else { vec![AccountEvent::Disabled { at }] })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup(name: &str) -> Setup {
        Setup {
            channel: "http".into(),
            slug: "shop".into(),
            name: name.into(),
            settings: Default::default(),
            secrets: Default::default(),
        }
    }

    #[test]
    fn the_same_setup_again_changes_nothing() {
        let mut state = Account::default();
        for event in configure(&state, &setup("a"), false, 1).unwrap() {
            state.evolve(&event);
        }
        assert_eq!(configure(&state, &setup("a"), true, 2).unwrap(), []);
        assert_eq!(configure(&state, &setup("b"), true, 2).unwrap().len(), 1);
        assert_eq!(configure(&state, &setup("a"), false, 2).unwrap().len(), 1);
    }

    #[test]
    fn a_disabled_account_is_configured_again() {
        let mut state = Account { setup: Some(setup("a")), disabled: false };
        for event in disable(&state, 1).unwrap() {
            state.evolve(&event);
        }
        assert_eq!(disable(&state, 2).unwrap(), []);
        assert_eq!(configure(&state, &setup("a"), true, 2).unwrap().len(), 1);
    }
}
