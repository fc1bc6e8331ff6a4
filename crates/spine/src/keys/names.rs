//! What a data key is for: whose, of which retention class, from when.

use crate::address::Address;
use crate::error::Error;
use std::fmt;
use std::sync::Arc;
use uuid::Uuid;

const CLASS_LENGTH_MAX: usize = 40;

/// What kind of owner a key has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OwnerKind {
    Thread,
    Customer,
    /// The tenant itself: what belongs to no single person yet, such as raw requests of a day.
    Tenant,
}

impl OwnerKind {
    /// The stored word. Never changed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Thread => "thread",
            Self::Customer => "customer",
            Self::Tenant => "tenant",
        }
    }

    pub(super) fn parse(word: &str) -> Result<Self, Error> {
        let kinds = [Self::Thread, Self::Customer, Self::Tenant];
        let known = kinds.into_iter().find(|kind| kind.as_str() == word);
        known.ok_or_else(|| {
            Error::Other(format!("the key register holds an owner of the unknown kind {word}"))
        })
    }
}

/// Whose keys they are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    pub kind: OwnerKind,
    pub id: Arc<str>,
}

impl Owner {
    /// One customer identity on one account.
    pub fn thread(id: Uuid) -> Self {
        Self { kind: OwnerKind::Thread, id: id.to_string().into() }
    }

    /// One person over all their threads.
    pub fn customer(id: Uuid) -> Self {
        Self { kind: OwnerKind::Customer, id: id.to_string().into() }
    }

    /// The tenant, for what belongs to nobody else.
    pub fn tenant(tenant: &str) -> Self {
        Self { kind: OwnerKind::Tenant, id: tenant.into() }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.as_str(), self.id)
    }
}

/// The span of time that one key serves: a quarter such as `2026Q4`, or a day such as `2026-11-22`, in UTC. The
/// periods of one retention class are all quarters or all days, so that text order is time order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period(Arc<str>);

impl Period {
    /// The quarter of a time in microseconds since the Unix epoch.
    pub fn quarter(at: i64) -> Self {
        let date = date_of(at);
        Self(format!("{:04}Q{}", date.year(), (date.month() - 1) / 3 + 1).into())
    }

    /// The day of a time in microseconds since the Unix epoch.
    pub fn day(at: i64) -> Self {
        Self(date_of(at).strftime("%Y-%m-%d").to_string().into())
    }

    /// As it is stored: `2026Q4` or `2026-11-22`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn date_of(at: i64) -> jiff::civil::Date {
    let at = jiff::Timestamp::from_microsecond(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    jiff::tz::Offset::UTC.to_datetime(at).date()
}

/// Which data key seals a text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SealKey {
    pub tenant: Arc<str>,
    pub owner: Owner,
    /// The retention class: what expires together.
    pub class: Arc<str>,
    pub period: Period,
}

impl SealKey {
    /// The key of the thread at `address` for what is sealed in the quarter of `at` (microseconds).
    pub fn of_thread(address: &Address, class: &str, at: i64) -> Self {
        Self {
            tenant: address.tenant.clone(),
            owner: Owner::thread(address.uuid().unwrap_or_default()),
            class: class.into(),
            period: Period::quarter(at),
        }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        crate::address::check_tenant(&self.tenant)?;
        check_class(&self.class)
    }
}

pub(super) fn check_class(class: &str) -> Result<(), Error> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if class.is_empty() || class.len() > CLASS_LENGTH_MAX || !class.chars().all(allowed) {
        return Err(Error::Name { field: "retention class", value: class.into() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_its_quarter_and_its_day() {
        let at = "2026-11-22T23:59:59Z".parse::<jiff::Timestamp>().unwrap().as_microsecond();
        assert_eq!((Period::quarter(at).as_str(), Period::day(at).as_str()), ("2026Q4", "2026-11-22"));
        assert_eq!(Period::quarter(0).as_str(), "1970Q1");
    }
}
