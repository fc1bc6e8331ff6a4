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

/// Sets the account up, to be in use. See [`set`].
///
/// # Errors
/// Never.
pub fn configure(
    state: &Account,
    setup: &Setup,
    same_secrets: bool,
    at: i64,
) -> Result<Vec<AccountEvent>, Infallible> {
    set(state, setup, same_secrets, false, at)
}

/// Sets the account up, and takes it out of use or back into it. `same_secrets` tells that the sealed secrets, which
/// differ at each sealing, hold what is set already; then nothing changes unless another field does.
///
/// # Errors
/// Never.
pub fn set(
    state: &Account,
    setup: &Setup,
    same_secrets: bool,
    disabled: bool,
    at: i64,
) -> Result<Vec<AccountEvent>, Infallible> {
    let same = state.setup.as_ref().is_some_and(|known| {
        same_secrets
            && (&known.channel, &known.slug, &known.name, &known.settings)
                == (&setup.channel, &setup.slug, &setup.name, &setup.settings)
    });
    // What is configured is in use, so a change of a disabled account disables it again in the same message.
    let configured = AccountEvent::Configured { setup: setup.clone(), at };
    Ok(match (same, state.disabled, disabled) {
        (true, true, true) | (true, false, false) => Vec::new(),
        (true, false, true) => vec![AccountEvent::Disabled { at }],
        (false, _, true) => vec![configured, AccountEvent::Disabled { at }],
        (_, _, false) => vec![configured],
    })
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

    #[test]
    fn an_account_is_taken_out_and_back_whatever_else_changes() {
        let mut state = Account::default();
        let mut becomes = |name: &str, same: bool, disabled: bool| {
            let events = set(&state, &setup(name), same, disabled, 1).unwrap();
            events.iter().for_each(|event| state.evolve(event));
            assert_eq!(set(&state, &setup(name), true, disabled, 2), Ok(vec![]), "again changes nothing");
            assert_eq!(state.disabled, disabled);
            events.len()
        };
        assert_eq!(becomes("a", false, true), 2, "a new one that is not in use");
        assert_eq!(becomes("a", true, false), 1);
        assert_eq!(becomes("a", true, true), 1);
        assert_eq!(becomes("b", true, true), 2, "it stays out of use");
    }
}
