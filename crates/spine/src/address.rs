//! Where an entity lives in the log: its subject and its part.

use crate::error::Error;
use std::fmt;
use std::sync::Arc;
use uuid::Uuid;

/// Parts of a generation. Fixed for the generation's life; eight also on a laptop, since fewer would hide
/// ordering faults and eight streams give parallel fsync.
pub const PARTS: u8 = 8;

/// The generation that is written to.
pub const GENERATION: u32 = 1;

const TENANT_LENGTH_MAX: usize = 40;
const ID_LENGTH_MAX: usize = 64;

/// One entity's place: `log.<generation>.<part>.<tenant>.<kind>.<id>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    pub generation: u32,
    pub part: u8,
    pub tenant: Arc<str>,
    pub kind: Arc<str>,
    pub id: Arc<str>,
}

impl Address {
    /// The address of the entity `id`, in the part of `key`: what belongs to a thread passes the thread's
    /// id, so that all of it arrives in one order; everything else passes its own id.
    ///
    /// # Errors
    /// When the tenant or the id would not be one token of a subject.
    pub fn new(tenant: &str, kind: &str, id: &str, key: &str) -> Result<Self, Error> {
        check_tenant(tenant)?;
        check_token("id", id, ID_LENGTH_MAX)?;
        check_token("kind", kind, ID_LENGTH_MAX)?;
        Ok(Self {
            generation: GENERATION,
            part: part_of(tenant, key),
            tenant: tenant.into(),
            kind: kind.into(),
            id: id.into(),
        })
    }

    /// The address of an entity that is its own key.
    ///
    /// # Errors
    /// As [`Address::new`].
    pub fn of(tenant: &str, kind: &str, id: Uuid) -> Result<Self, Error> {
        let id = id.to_string();
        Self::new(tenant, kind, &id, &id)
    }

    /// Reads a subject back.
    ///
    /// # Errors
    /// When the subject is not one of the log's.
    pub fn parse(subject: &str) -> Result<Self, Error> {
        let foreign = || Error::Subject { subject: subject.into() };
        let mut tokens = subject.split('.');
        let mut next = || tokens.next().ok_or_else(foreign);
        if next()? != "log" {
            return Err(foreign());
        }
        let generation = next()?.parse().map_err(|_| foreign())?;
        let part = next()?.parse().map_err(|_| foreign())?;
        let (tenant, kind, id) = (next()?.into(), next()?.into(), next()?.into());
        if tokens.next().is_some() {
            return Err(foreign());
        }
        Ok(Self { generation, part, tenant, kind, id })
    }

    /// The subject that all of the entity's events are appended to.
    pub fn subject(&self) -> String {
        self.to_string()
    }

    /// The stream that holds the subject.
    pub fn stream(&self) -> String {
        stream_name(self.generation, self.part)
    }

    /// The id as the random UUID that most entities have.
    pub fn uuid(&self) -> Option<Uuid> {
        Uuid::try_parse(&self.id).ok()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { generation, part, tenant, kind, id } = self;
        write!(f, "log.{generation}.{part}.{tenant}.{kind}.{id}")
    }
}

/// The stream of one part.
pub fn stream_name(generation: u32, part: u8) -> String {
    format!("LOG_{generation}_{part}")
}

/// The part of a key: FNV-1a (64 bits) over tenant, a zero byte, and key, modulo [`PARTS`].
/// Fixed for ever by golden vectors, since a change would split entities.
pub fn part_of(tenant: &str, key: &str) -> u8 {
    let bytes = tenant.bytes().chain([0]).chain(key.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    // The high half is mixed in because FNV's low bits alone depend on the last bytes most.
    ((hash ^ (hash >> 32)) % u64::from(PARTS)) as u8
}

/// Whether a name can be a tenant: lower case letters, digits and dashes, at most 40.
///
/// # Errors
/// Names the field and what is allowed.
pub fn check_tenant(tenant: &str) -> Result<(), Error> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if tenant.is_empty() || tenant.len() > TENANT_LENGTH_MAX || !tenant.chars().all(allowed) {
        return Err(Error::Name { field: "tenant", value: tenant.into() });
    }
    Ok(())
}

fn check_token(field: &'static str, value: &str, length_max: usize) -> Result<(), Error> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if value.is_empty() || value.len() > length_max || !value.chars().all(allowed) {
        return Err(Error::Name { field, value: value.into() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_reads_back_as_its_address() {
        let address = Address::new("demo", "lead", "0b0e-1", "0b0e").unwrap();
        assert_eq!(Address::parse(&address.subject()).unwrap(), address);
    }

    #[test]
    fn parts_are_fixed_for_ever() {
        let golden = [("demo", "a"), ("demo", "b"), ("shop-2", "0190b3c2-7a4e-4f1e-9a51-2f6f0b1d8c11")];
        assert_eq!(golden.map(|(tenant, key)| part_of(tenant, key)), [7, 6, 5]);
    }

    #[test]
    fn random_keys_spread_over_all_parts() {
        let mut counts = [0_u32; PARTS as usize];
        for number in 0..8_000_u128 {
            let key = Uuid::new_v5(&Uuid::NAMESPACE_OID, &number.to_be_bytes()).to_string();
            counts[usize::from(part_of("demo", &key))] += 1;
        }
        assert!(counts.iter().all(|count| (800..1_200).contains(count)), "{counts:?}");
    }

    #[test]
    fn what_is_no_token_is_refused() {
        assert!(Address::new("De mo", "thread", "x", "x").is_err());
        assert!(Address::new("demo", "thread", "a.b", "x").is_err());
        assert!(Address::parse("log.1.2.demo.thread").is_err());
        assert!(Address::parse("leads.1.2.demo.thread.x").is_err());
    }
}
