//! How many read the feed at a time: each holds a connection here and a consumer in nats-server.

use crate::refusal::Refusal;
use axum::http::StatusCode;
use runtime::Problem;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Readers of one console.
const READERS_MAX: usize = 256;
/// Readers of one tenant at one console, so that none takes all.
const READERS_PER_TENANT_MAX: usize = 16;

/// The places. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Places(Arc<Mutex<HashMap<Arc<str>, usize>>>);

/// A place that is taken, given back when this is dropped.
pub(crate) struct Held {
    places: Places,
    tenant: Arc<str>,
}

impl Places {
    /// Takes a place for the tenant.
    ///
    /// # Errors
    /// 429 when all are taken.
    pub(crate) fn take(&self, tenant: &Arc<str>) -> Result<Held, Refusal> {
        let mut taken = self.lock();
        let all: usize = taken.values().sum();
        let own = taken.get(tenant).copied().unwrap_or(0);
        if all >= READERS_MAX || own >= READERS_PER_TENANT_MAX {
            let busy =
                Problem::new(StatusCode::TOO_MANY_REQUESTS, "busy", "Too many read the feed at a time")
                    .detail(format!("{READERS_PER_TENANT_MAX} of a tenant may, and {READERS_MAX} of all."))
                    .remedy(
                        "One reader that passes the events on is enough; end the others, or try again later.",
                    );
            return Err(busy.into());
        }
        taken.insert(tenant.clone(), own + 1);
        Ok(Held { places: self.clone(), tenant: tenant.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        match taken.get_mut(&self.tenant) {
            Some(own) if *own > 1 => *own -= 1,
            _ => {
                taken.remove(&self.tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_tenant_takes_no_more_than_its_places_and_gives_them_back() {
        let places = Places::default();
        let (shop, other): (Arc<str>, Arc<str>) = ("shop".into(), "other".into());
        let mut held: Vec<Held> =
            (0..READERS_PER_TENANT_MAX).map(|_| places.take(&shop).ok().unwrap()).collect();
        assert_eq!(places.take(&shop).err().unwrap().0.problem.status, 429);
        let _others = places.take(&other).ok().unwrap();
        held.pop();
        held.push(places.take(&shop).ok().unwrap());
        drop(held);
        assert_eq!(places.lock().len(), 1, "nothing is kept of a tenant without readers");
    }

    #[test]
    fn all_tenants_together_take_no_more_than_all_places() {
        let places = Places::default();
        let mut held = Vec::new();
        for tenant in 0..READERS_MAX / READERS_PER_TENANT_MAX {
            let tenant: Arc<str> = format!("t{tenant}").into();
            held.extend((0..READERS_PER_TENANT_MAX).map(|_| places.take(&tenant).ok().unwrap()));
        }
        assert!(places.take(&"one-more".into()).is_err());
    }
}
