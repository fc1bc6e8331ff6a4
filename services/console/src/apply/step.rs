//! One append of an apply.

use crate::state::App;
use events::account::Setup;
use events::agent::{Presence, Profile};
use events::knowledge::Entry;
use events::tenant::Settings;
use laws::account::Account;
use laws::agent::Agent;
use laws::knowledge::Knowledge;
use laws::tenant::Tenant;
use spine::{Address, Cause, Decided, Error, Position, Refused};
use uuid::Uuid;

const ACTOR: &str = "operator";

/// What is decided on which entity.
pub(super) enum Step {
    Tenant {
        address: Address,
        name: String,
        settings: Box<Settings>,
    },
    /// The secrets are sealed already; those that did not change are the ones that stand.
    Account {
        address: Address,
        setup: Box<Setup>,
        same_secrets: bool,
        secrets: Vec<(String, String)>,
        disabled: bool,
    },
    Agent {
        address: Address,
        profile: Profile,
        presence: Option<Presence>,
        left: bool,
    },
    Write {
        address: Address,
        entry: Box<Entry>,
    },
    Remove {
        address: Address,
    },
}

impl Step {
    pub(super) fn is_of_tenant(&self) -> bool {
        matches!(self, Self::Tenant { .. })
    }

    /// Decides it because of `request`.
    pub(super) async fn take(self, app: &App, request: Uuid) -> Result<Position, Error> {
        let (log, at) = (app.log(), app.now());
        let cause = |purpose| Cause::new(request, purpose, ACTOR);
        Ok(match self {
            Self::Tenant { address, name, settings } => position(
                log.transact(&address, &cause("apply"), |state: &Tenant| {
                    laws::tenant::configure(state, &name, &settings, at)
                })
                .await,
            )?,
            Self::Account { address, mut setup, same_secrets, secrets, disabled } => {
                for (name, text) in secrets {
                    let sealed = super::account::seal(app, &address, &name, &text, at).await?;
                    setup.secrets.insert(name, sealed);
                }
                position(
                    log.transact(&address, &cause("apply"), |state: &Account| {
                        laws::account::set(state, &setup, same_secrets, disabled, at)
                    })
                    .await,
                )?
            }
            Self::Agent { address, profile, left: true, .. } => position(
                log.transact(&address, &cause("apply"), |state: &Agent| {
                    laws::agent::retire(state, &profile, at)
                })
                .await,
            )?,
            Self::Agent { address, profile, presence, left: false } => {
                let decided = log
                    .transact(&address, &cause("apply"), |state: &Agent| {
                        laws::agent::profile(state, &profile, at)
                    })
                    .await;
                let mut reached = position(decided)?;
                if let Some(presence) = presence {
                    let decided = log
                        .transact(&address, &cause("apply_presence"), |state: &Agent| {
                            laws::agent::present(state, presence, at)
                        })
                        .await;
                    reached = position(decided)?;
                }
                reached
            }
            Self::Write { address, entry } => position(
                log.transact(&address, &cause("apply"), |state: &Knowledge| {
                    laws::knowledge::write(state, &entry, at)
                })
                .await,
            )?,
            Self::Remove { address } => position(
                log.transact(&address, &cause("apply_remove"), |state: &Knowledge| {
                    laws::knowledge::remove(state, at)
                })
                .await,
            )?,
        })
    }
}

fn position<R: std::fmt::Display>(decided: Result<Decided, Refused<R>>) -> Result<Position, Error> {
    match decided {
        Ok(decided) => Ok(decided.position()),
        Err(Refused::Failed(error)) => Err(error),
        Err(Refused::Rejected(rejection)) => {
            Err(Error::Other(format!("the law refused an apply: {rejection}")))
        }
    }
}
