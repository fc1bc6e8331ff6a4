//! Rows of agents: profile, presence, and whether they left. An agent's events are all of one part.

use events::Micros;
use events::agent::{AgentEvent, Presence, Profile};
use laws::agent::Agent;
use spine::{Error, Recorded};
use sqlx::AnyConnection;

/// Writes an agent's message into the table.
pub(crate) async fn apply(tx: &mut AnyConnection, record: &Recorded) -> Result<(), Error> {
    let id = record.address.id.to_string();
    for event in record.events::<Agent>()? {
        match event {
            AgentEvent::Registered { profile, at } | AgentEvent::Changed { profile, at } => {
                put(tx, record, profile, *at).await?;
            }
            AgentEvent::Presented { presence, at } => present(tx, &id, *presence, *at).await?,
            AgentEvent::Left { at } => {
                present(tx, &id, Presence::Offline, *at).await?;
                sqlx::query("UPDATE agents SET gone = 1 WHERE agent = $1")
                    .bind(id.clone())
                    .execute(&mut *tx)
                    .await
                    .map_err(Error::database("an agent leaves"))?;
            }
        }
    }
    Ok(())
}

async fn put(tx: &mut AnyConnection, record: &Recorded, profile: &Profile, at: Micros) -> Result<(), Error> {
    let list = |values: &[String]| serde_json::to_string(values).map_err(Error::Unwritable);
    sqlx::query(
        "INSERT INTO agents (agent, tenant, name, capacity, skills, channels, queues, presence, since, gone)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 'offline', $8, 0)
         ON CONFLICT (agent) DO UPDATE SET name = excluded.name, capacity = excluded.capacity,
         skills = excluded.skills, channels = excluded.channels, queues = excluded.queues, gone = 0",
    )
    .bind(record.address.id.to_string())
    .bind(record.address.tenant.to_string())
    .bind(profile.name.clone())
    .bind(i64::from(profile.capacity))
    .bind(list(&profile.skills)?)
    .bind(list(&profile.channels)?)
    .bind(list(&profile.queues)?)
    .bind(at)
    .execute(tx)
    .await
    .map_err(Error::database("put an agent"))?;
    Ok(())
}

async fn present(tx: &mut AnyConnection, id: &str, presence: Presence, at: Micros) -> Result<(), Error> {
    sqlx::query("UPDATE agents SET presence = $1, since = $2 WHERE agent = $3")
        .bind(presence.as_ref().to_owned())
        .bind(at)
        .bind(id.to_owned())
        .execute(tx)
        .await
        .map_err(Error::database("put an agent's presence"))?;
    Ok(())
}
