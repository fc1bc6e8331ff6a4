//! What health says of what the process stands on: whether NATS is connected, what it forbids the roles, and the disk.

use super::assemble::Foundation;
use super::roles::Started;
use crate::disk;
use runtime::{Health, Role, State, Tasks};
use spine::Nats;
use std::path::Path;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A refusal is shown for so long after the last one: the server may have been told otherwise meanwhile.
const DENIED_FOR: Duration = Duration::from_secs(600);

/// Says so until `stop`.
pub(super) fn foundation(tasks: &mut Tasks, base: &Foundation, started: &Started, stop: &CancellationToken) {
    let (nats, health, stop) = (base.spine.log.nats().clone(), base.health.clone(), stop.clone());
    let (connections, folder) = (started.connections.clone(), base.spine.database.folder().to_owned());
    tasks.spawn("watch", async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = tell(&health, (&nats, &connections), &folder) => {}
        }
        Ok(())
    });
}

/// Only notes, since an outage takes all replicas down together.
async fn tell(health: &Health, (shared, roles): (&Nats, &[(Role, Nats)]), folder: &Path) {
    loop {
        let state = match disk::is_full(folder) {
            false => State::Ready,
            true => State::not_ready(format!("the disk of {} is full: make room", folder.display())),
        };
        health.note("disk", state);
        let state = match shared.is_connected() {
            true => State::Ready,
            false => State::not_ready("nats-server does not answer"),
        };
        health.note("nats", state);
        // What all roles share, such as the tail, goes over the connection of one of them.
        health.note("nats permissions", allowed(shared));
        for (role, nats) in roles {
            health.note(&format!("nats permissions of {role}"), allowed(nats));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn allowed(nats: &Nats) -> State {
    nats.denied(DENIED_FOR)
        .map_or(State::Ready, |denial| State::not_ready(spine::Error::from(denial).to_string()))
}
