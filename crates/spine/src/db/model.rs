//! Read models: tables that follow from the log, in numbered slots of which one is live.

use super::connect::{Durability, Target};
use super::store::Store;
use super::{Database, catalog, check_name, tables};
use crate::error::Error;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a read model is, in this release.
#[derive(Clone, Copy, Debug)]
pub struct ModelSpec {
    /// Service and view, such as `routing_queue`: lower case letters, digits and underscores, at most 40.
    pub name: &'static str,
    /// Raised with every change of `schema` and of what the projector makes of an event; the new version fills
    /// a slot of its own.
    pub version: u32,
    /// One statement each, in the words of [`super::Backend::ddl`].
    pub schema: &'static [&'static str],
}

/// One filling of a read model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Slot {
    pub version: u32,
    /// From 0, one more for each rebuild of the version.
    pub number: u32,
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.version, self.number)
    }
}

/// Which slot answers queries, and which one did before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer {
    pub live: Slot,
    pub previous: Option<Slot>,
}

/// Whether a slot was the live one when it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// It answers queries, and its due rows are worked on.
    Live,
    /// It fills beside `live`: workers are off until it has caught up and [`Database::switch`] makes it live.
    Behind { live: Slot },
}

/// A read model's slot, open. Cheap to clone.
#[derive(Clone)]
pub struct Model {
    pub spec: ModelSpec,
    pub slot: Slot,
    pub liveness: Liveness,
    pub store: Store,
}

/// What a slot is to its model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotState {
    Live,
    /// What [`Database::switch_back`] goes back to.
    Previous,
    /// Neither; it may be dropped unless it is being filled.
    Beside,
}

/// One row of [`Database::models`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub name: String,
    pub slot: Slot,
    pub state: SlotState,
}

impl Database {
    /// Opens the slot that this release works on. That is the live slot if its version is the spec's. A model
    /// without any is made and becomes live, empty. Where another version is live, it is the newest slot of the
    /// spec's version, made if there is none, and the live one stays live until [`Database::switch`].
    ///
    /// # Errors
    /// [`Error::SchemaChanged`] when the slot was made with other tables under the same version.
    pub async fn live(&self, spec: &ModelSpec) -> Result<Model, Error> {
        check_name(spec.name)?;
        let mut catalog = self.catalog().await?;
        let pointer = catalog.pointer(spec.name).await?;
        let newest = newest_of(&catalog.slots().await?, spec);
        let slot = match pointer {
            Some(pointer) if pointer.live.version == spec.version => pointer.live,
            // What this version read before another one went live, which its other replicas may be reading still.
            Some(Pointer { previous: Some(previous), .. }) if previous.version == spec.version => previous,
            // A slot that was left half filled goes on where its position stands.
            _ => newest.unwrap_or(Slot { version: spec.version, number: 0 }),
        };
        let store = self.open_slot(spec, slot).await?;
        let liveness = match pointer {
            None => {
                catalog.point(spec.name, Pointer { live: slot, previous: None }).await?;
                Liveness::Live
            }
            Some(pointer) if pointer.live == slot => Liveness::Live,
            Some(pointer) => Liveness::Behind { live: pointer.live },
        };
        catalog.finish().await?;
        Ok(Model { spec: *spec, slot, liveness, store })
    }

    /// Makes a new, empty slot of the spec's version beside the live one.
    ///
    /// # Errors
    /// When the model has no live slot yet.
    pub async fn beside(&self, spec: &ModelSpec) -> Result<Model, Error> {
        check_name(spec.name)?;
        let mut catalog = self.catalog().await?;
        let Some(pointer) = catalog.pointer(spec.name).await? else {
            return Err(Error::Other(format!(
                "the model {} was never started, so nothing is beside it",
                spec.name
            )));
        };
        let newest = newest_of(&catalog.slots().await?, spec);
        let number = newest.map_or(0, |slot| slot.number + 1);
        let slot = Slot { version: spec.version, number };
        let store = self.open_slot(spec, slot).await?;
        catalog.finish().await?;
        Ok(Model { spec: *spec, slot, liveness: Liveness::Behind { live: pointer.live }, store })
    }

    /// Which slot is live and which one was before. Replicas ask again now and then, since another may switch.
    ///
    /// # Errors
    /// Database and file errors.
    pub async fn pointer(&self, name: &str) -> Result<Option<Pointer>, Error> {
        self.catalog().await?.pointer(name).await
    }

    /// Makes the model's slot live and keeps what was live as previous. Again changes nothing.
    ///
    /// # Errors
    /// Database and file errors; the pointer is then the old one or the new one.
    pub async fn switch(&self, model: &Model) -> Result<Pointer, Error> {
        let mut catalog = self.catalog().await?;
        let pointer = match catalog.pointer(model.spec.name).await? {
            Some(pointer) if pointer.live == model.slot => pointer,
            before => Pointer { live: model.slot, previous: before.map(|pointer| pointer.live) },
        };
        catalog.point(model.spec.name, pointer).await?;
        catalog.finish().await?;
        Ok(pointer)
    }

    /// Makes the previous slot live again.
    ///
    /// # Errors
    /// When there is none.
    pub async fn switch_back(&self, name: &str) -> Result<Pointer, Error> {
        let mut catalog = self.catalog().await?;
        let pointer = catalog.pointer(name).await?;
        let Some(Pointer { live, previous: Some(previous) }) = pointer else {
            return Err(Error::Other(format!("the model {name} has no previous slot to go back to")));
        };
        let pointer = Pointer { live: previous, previous: Some(live) };
        catalog.point(name, pointer).await?;
        catalog.finish().await?;
        Ok(pointer)
    }

    /// Deletes a slot that is not live; if it is the previous one, there is no way back any more. Its
    /// store is closed.
    ///
    /// # Errors
    /// When the slot is live.
    pub async fn drop_model(&self, name: &str, slot: Slot) -> Result<(), Error> {
        check_name(name)?;
        let mut catalog = self.catalog().await?;
        if let Some(pointer) = catalog.pointer(name).await? {
            if pointer.live == slot {
                return Err(Error::Other(format!(
                    "slot {slot} of the model {name} is live and is not dropped"
                )));
            }
            if pointer.previous == Some(slot) {
                catalog.point(name, Pointer { previous: None, ..pointer }).await?;
            }
        }
        // A store that stayed open would be taken for that of the next slot of the same number.
        self.close_store(&self.target(name, slot)).await;
        catalog.delete(name, slot).await?;
        catalog.finish().await
    }

    /// All slots of all models.
    ///
    /// # Errors
    /// Database and file errors.
    pub async fn models(&self) -> Result<Vec<Place>, Error> {
        let mut catalog = self.catalog().await?;
        let mut places = Vec::new();
        for (name, slot) in catalog.slots().await? {
            let state = match catalog.pointer(&name).await? {
                Some(pointer) if pointer.live == slot => SlotState::Live,
                Some(pointer) if pointer.previous == Some(slot) => SlotState::Previous,
                _ => SlotState::Beside,
            };
            places.push(Place { name, slot, state });
        }
        Ok(places)
    }

    async fn open_slot(&self, spec: &ModelSpec, slot: Slot) -> Result<Store, Error> {
        let store = self.store(self.target(spec.name, slot), Durability::Derived).await?;
        tables::create(&store, spec).await?;
        Ok(store)
    }
}

impl Database {
    fn target(&self, name: &str, slot: Slot) -> Target {
        match self.backend() {
            super::Backend::Sqlite => {
                Target::File(catalog::file_of(&self.inner.folder.join("models"), name, slot))
            }
            super::Backend::Postgres => Target::Schema(catalog::schema_of(name, slot)),
        }
    }
}

fn newest_of(slots: &[(String, Slot)], spec: &ModelSpec) -> Option<Slot> {
    let same = |(name, slot): &&(String, Slot)| name == spec.name && slot.version == spec.version;
    slots.iter().filter(same).map(|(_, slot)| *slot).max()
}
