//! What a service gets from the process that it runs in.

use crate::{Health, Metrics, Role, Secret};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The process around a service: where it tells how it is, whom it can ask, and when to stop. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Host {
    pub role: Role,
    pub health: Health,
    pub metrics: Metrics,
    /// What services show each other.
    pub credential: Secret,
    /// Where the other roles answer queries.
    pub peers: Arc<BTreeMap<Role, String>>,
    pub shutdown: CancellationToken,
}
