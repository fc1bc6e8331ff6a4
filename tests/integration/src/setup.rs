//! What a journey's tenant is made of: settings, accounts, knowledge, agents, written straight to the log.

use events::account::Setup;
use events::agent::{Presence, Profile};
use events::knowledge::Entry;
use events::tenant::Settings;
use events::{AgentEvent, Sealed};
use laws::account::Account;
use laws::agent::Agent;
use laws::knowledge::Knowledge;
use laws::tenant::Tenant;
use spine::keys::{Owner, Period, SealKey};
use spine::{Address, Cause, Entity, Position, Spine, new_id};
use uuid::Uuid;

/// The tenant of all journeys.
pub(crate) const TENANT: &str = "journey";

/// Settings whose deadlines a test can wait for.
pub fn settings() -> Settings {
    Settings { answer_deadline_ms: 3_000, unknown_wait_ms: 1_000, ..Settings::default() }
}

/// A question and its answer.
pub fn knowledge(slug: &str, question: &str, answer: &str) -> Entry {
    Entry {
        slug: slug.into(),
        question: question.into(),
        variants: Vec::new(),
        answer: answer.into(),
        valid_from: None,
        valid_until: None,
    }
}

/// Configures the tenant.
///
/// # Panics
/// When the log does not take it; so do all of this file.
pub(crate) async fn tenant(spine: &Spine, settings: &Settings) -> Position {
    let address = Address::new(TENANT, Tenant::KIND, TENANT, TENANT).expect("a good name");
    let at = spine.log.clock().now();
    let decide = |state: &Tenant| laws::tenant::configure(state, "旅程", settings, at);
    spine.log.transact(&address, &cause(), decide).await.expect("the log takes it").position()
}

/// Sets an account up, its secrets sealed.
pub async fn account(
    spine: &Spine,
    channel: &str,
    slug: &str,
    settings: &[(&str, &str)],
    secrets: &[(&str, &str)],
) -> Uuid {
    let id = new_id();
    let address = Address::of(TENANT, Account::KIND, id).expect("a good name");
    let at = spine.log.clock().now();
    let key = SealKey {
        tenant: TENANT.into(),
        owner: Owner::tenant(TENANT),
        class: "secret".into(),
        period: Period::quarter(at),
    };
    let mut setup = Setup {
        channel: channel.into(),
        slug: slug.into(),
        name: slug.into(),
        settings: settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        secrets: Default::default(),
    };
    for (name, value) in secrets {
        let sealed = spine.keys.seal(&key, &address.subject(), &format!("secret.{name}"), value).await;
        setup.secrets.insert((*name).into(), Sealed(sealed.expect("the register seals")));
    }
    let decide = |state: &Account| laws::account::configure(state, &setup, false, at);
    spine.log.transact(&address, &cause(), decide).await.expect("the log takes it");
    id
}

/// Takes an account out of use, or into use again as it was.
pub async fn account_state(spine: &Spine, id: Uuid, in_use: bool) {
    let address = Address::of(TENANT, Account::KIND, id).expect("a good name");
    let at = spine.log.clock().now();
    let decide = |state: &Account| match (&state.setup, in_use) {
        (Some(setup), true) => laws::account::configure(state, setup, true, at),
        _ => laws::account::disable(state, at),
    };
    spine.log.transact(&address, &cause(), decide).await.expect("the log takes it");
}

/// Writes a knowledge entry.
pub(crate) async fn entry(spine: &Spine, entry: &Entry) -> Position {
    let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, entry.slug.as_bytes());
    let address = Address::of(TENANT, Knowledge::KIND, id).expect("a good name");
    let at = spine.log.clock().now();
    let decide = |state: &Knowledge| laws::knowledge::write(state, entry, at);
    spine.log.transact(&address, &cause(), decide).await.expect("the log takes it").position()
}

/// Registers an agent who is online.
pub(crate) async fn agent(spine: &Spine, name: &str, capacity: u32) -> Uuid {
    let id = new_id();
    let address = Address::of(TENANT, Agent::KIND, id).expect("a good name");
    let at = spine.log.clock().now();
    let profile =
        Profile { slug: None, name: name.into(), capacity, skills: vec![], channels: vec![], queues: vec![] };
    let decide = |_: &Agent| {
        Ok::<_, laws::agent::Rejection>(vec![
            AgentEvent::Registered { profile: profile.clone(), at },
            AgentEvent::Presented { presence: Presence::Online, at },
        ])
    };
    spine.log.transact(&address, &cause(), decide).await.expect("the log takes it");
    id
}

fn cause() -> Cause {
    Cause::new(new_id(), "setup", "journey")
}
