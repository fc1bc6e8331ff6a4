//! The operator's routes on the admin port: what the commands ask of a running suite.

mod models;
mod quarantine;
mod stream;

use crate::run::Started;
use axum::Router;
use spine::Spine;

/// All routes; the caller puts the service credential before them.
pub(crate) fn routes(spine: &Spine, started: &Started) -> Router {
    models::routes(spine.readers.clone()).merge(quarantine::routes(started.ingest.clone()))
}
