//! Planning an agent.

use super::change::{Difference, listed};
use super::document::{AgentSpec, Document, Wrong, check_name};
use super::step::Step;
use super::{Failure, Planned, id_of};
use crate::state::App;
use events::agent::Profile;
use laws::agent::Agent;
use spine::{Address, Entity};

/// Conversations that one person can have at the same time.
const CAPACITY_MAX: u32 = 1_000;

pub(super) async fn plan(app: &App, document: &Document, spec: &AgentSpec) -> Result<Planned, Failure> {
    check_name(document.place, "name", &spec.name)?;
    if spec.capacity > CAPACITY_MAX {
        let reason = format!("{} is above {CAPACITY_MAX}", spec.capacity);
        return Err(Wrong::new(document.place, "capacity", reason, "write a smaller number").into());
    }
    let id = id_of(&document.tenant, Agent::KIND, &spec.name);
    let address = Address::of(&document.tenant, Agent::KIND, id)?;
    let look = |agent: &Agent| (agent.profile.clone(), agent.presence, agent.left);
    let (known, presence, left) = app.log().read::<Agent, _>(&address, look).await?;
    let profile = Profile {
        name: spec.title.clone().unwrap_or_else(|| spec.name.clone()),
        capacity: spec.capacity,
        skills: spec.skills.clone(),
        channels: spec.channels.clone(),
        queues: spec.queues.clone(),
    };
    let mut difference = Difference::default();
    let old = |field: fn(&Profile) -> Option<String>| known.as_ref().and_then(field);
    difference.field("title", old(|known| Some(known.name.clone())), Some(profile.name.clone()));
    let capacity = Some(profile.capacity.to_string());
    difference.field("capacity", old(|known| Some(known.capacity.to_string())), capacity);
    difference.field("skills", old(|known| listed(&known.skills)), listed(&profile.skills));
    difference.field("channels", old(|known| listed(&known.channels)), listed(&profile.channels));
    difference.field("queues", old(|known| listed(&known.queues)), listed(&profile.queues));
    if let Some(wanted) = spec.presence {
        let word = |presence: events::agent::Presence| Some(presence.as_ref().to_owned());
        difference.field("presence", word(presence), word(wanted));
    }
    if left {
        difference.field("left", Some("true".into()), Some("false".into()));
    }
    let needed = known.is_none() || !difference.is_empty();
    let change = difference.of("Agent", &document.tenant, &spec.name, known.is_some());
    let step = needed.then_some(Step::Agent { address, profile, presence: spec.presence });
    Ok(Planned { change, step })
}
