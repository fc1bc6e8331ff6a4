//! The operator's routes on the admin port: what the commands ask of a running suite.

mod keys;
mod log;
mod models;
mod quarantine;
mod replay;
mod stream;

pub(crate) use replay::routes as replay;

use crate::run::Started;
use axum::Router;
use spine::Spine;

/// All routes; the caller puts the service credential before them.
pub(crate) fn routes(spine: &Spine, started: &Started) -> Router {
    let own = models::routes(spine.readers.clone())
        .merge(quarantine::routes(started.ingest.clone()))
        .merge(keys::routes(spine.keys.clone()))
        .merge(log::routes());
    let own = match &started.identity {
        Some(identity) => own.merge(identity::admin_routes(identity.clone())),
        None => own,
    };
    match &started.console {
        Some(console) => own.merge(console::admin_routes(console.clone())),
        None => own,
    }
}
