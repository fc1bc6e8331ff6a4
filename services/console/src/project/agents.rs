//! The people who answer, for their names.

use events::AgentEvent;
use events::agent::{Presence, Profile};
use laws::agent::Agent;
use spine::{Error, Recorded};
use sqlx::AnyConnection;

pub(super) async fn apply(tx: &mut AnyConnection, record: &Recorded) -> Result<(), Error> {
    for event in record.events::<Agent>()? {
        match event {
            AgentEvent::Registered { profile, .. } | AgentEvent::Changed { profile, .. } => {
                put(tx, record, profile).await?;
            }
            AgentEvent::Presented { presence, .. } => {
                let text = "UPDATE agents SET presence = $2 WHERE agent = $1";
                update(tx, record, text, *presence).await?;
            }
            AgentEvent::Left { .. } => {
                let text = "UPDATE agents SET presence = $2, has_left = 1 WHERE agent = $1";
                update(tx, record, text, Presence::Offline).await?;
            }
        }
    }
    Ok(())
}

async fn put(tx: &mut AnyConnection, record: &Recorded, profile: &Profile) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO agents (agent, tenant, name, profile, presence, has_left) VALUES ($1, $2, $3, $4, $5, 0)
         ON CONFLICT (agent) DO UPDATE SET name = excluded.name, profile = excluded.profile, has_left = 0",
    )
    .bind(record.address.id.to_string())
    .bind(record.address.tenant.to_string())
    .bind(profile.name.clone())
    .bind(serde_json::to_string(profile).map_err(Error::Unwritable)?)
    .bind(Presence::Offline.as_ref().to_owned())
    .execute(tx)
    .await
    .map_err(Error::database("put an agent"))?;
    Ok(())
}

async fn update(
    tx: &mut AnyConnection,
    record: &Recorded,
    text: &'static str,
    presence: Presence,
) -> Result<(), Error> {
    sqlx::query(text)
        .bind(record.address.id.to_string())
        .bind(presence.as_ref().to_owned())
        .execute(tx)
        .await
        .map_err(Error::database("change an agent"))?;
    Ok(())
}
