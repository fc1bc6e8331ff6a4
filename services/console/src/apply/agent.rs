//! Planning an agent.

use super::change::{Difference, listed};
use super::step::Step;
use super::{Failure, Planned, id_of};
use crate::state::App;
use documents::{AgentSpec, Document, Wrong, check_name};
use events::agent::{Presence, Profile};
use laws::agent::Agent;
use spine::{Address, Entity};

/// Conversations that one person can have at the same time.
const CAPACITY_MAX: u32 = 1_000;

pub(super) async fn plan(app: &App, document: &Document, spec: &AgentSpec) -> Result<Planned, Failure> {
    let wrong = faults(document.place, spec);
    if !wrong.is_empty() {
        return Err(Failure::Wrong(wrong));
    }
    let id = id_of(&document.tenant, Agent::KIND, &spec.name);
    let address = Address::of(&document.tenant, Agent::KIND, id)?;
    let look = |agent: &Agent| (agent.profile.clone(), agent.presence, agent.left);
    let (known, presence, left) = app.log().read::<Agent, _>(&address, look).await?;
    let profile = Profile {
        slug: Some(spec.name.clone()),
        name: spec.title.clone().unwrap_or_else(|| spec.name.clone()),
        capacity: spec.capacity,
        skills: spec.skills.clone(),
        channels: spec.channels.clone(),
        queues: spec.queues.clone(),
    };
    let mut difference = Difference::default();
    let old = |field: fn(&Profile) -> Option<String>| known.as_ref().and_then(field);
    // Those of before this field have none; the next apply writes it.
    if known.is_some() {
        difference.field("name", old(|known| known.slug.clone()), profile.slug.clone());
    }
    difference.field("title", old(|known| Some(known.name.clone())), Some(profile.name.clone()));
    let capacity = Some(profile.capacity.to_string());
    difference.field("capacity", old(|known| Some(known.capacity.to_string())), capacity);
    difference.field("skills", old(|known| listed(&known.skills)), listed(&profile.skills));
    difference.field("channels", old(|known| listed(&known.channels)), listed(&profile.channels));
    difference.field("queues", old(|known| listed(&known.queues)), listed(&profile.queues));
    if let Some(wanted) = spec.presence.filter(|_| !spec.left) {
        let word = |presence: Presence| Some(presence.as_ref().to_owned());
        difference.field("presence", word(presence), word(wanted));
    }
    if left != spec.left {
        let before = known.as_ref().map(|_| left.to_string());
        difference.field("left", before, Some(spec.left.to_string()));
    }
    let needed = known.is_none() || !difference.is_empty();
    let change = difference.of("Agent", &document.tenant, &spec.name, known.is_some());
    let step = needed.then_some(Step::Agent { address, profile, presence: spec.presence, left: spec.left });
    Ok(Planned { change, step })
}

/// Everything that the document alone says wrongly.
fn faults(place: usize, spec: &AgentSpec) -> Vec<Wrong> {
    let mut wrong: Vec<Wrong> = check_name(place, "name", &spec.name).err().into_iter().collect();
    if spec.capacity > CAPACITY_MAX {
        let reason = format!("{} is above {CAPACITY_MAX}", spec.capacity);
        wrong.push(Wrong::new(place, "capacity", reason, "write a smaller number"));
    }
    if spec.left && spec.presence.is_some_and(|presence| presence != Presence::Offline) {
        let reason = "who has left is offline";
        wrong.push(Wrong::new(place, "presence", reason, "leave it out, or take `left` away"));
    }
    for (number, channel) in spec.channels.iter().enumerate() {
        if channels::find(channel).is_none() {
            let remedy = format!("write one of {}", channels::names());
            let reason = format!("`{channel}` is no channel");
            wrong.push(Wrong::new(place, &format!("channels[{number}]"), reason, remedy));
        }
    }
    for (number, queue) in spec.queues.iter().enumerate() {
        if !directory::is_queue(queue) {
            let remedy = "use 1 to 40 letters, digits, dashes and underscores";
            let reason = format!("`{queue}` cannot be a queue");
            wrong.push(Wrong::new(place, &format!("queues[{number}]"), reason, remedy));
        }
    }
    wrong
}
