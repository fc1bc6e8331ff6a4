//! Where a lead stands in the log: its id is its thread's, a dash and the number of the conversation it began in.

use spine::{Address, Entity, Error};
use uuid::Uuid;

/// The id of the lead that began in conversation `n` of the thread.
pub(crate) fn lead_id(thread: Uuid, n: u32) -> String {
    format!("{thread}-{n}")
}

/// The thread and the number in a lead's id.
pub(crate) fn parse(lead: &str) -> Option<(Uuid, u32)> {
    let (thread, n) = lead.rsplit_once('-')?;
    Some((thread.parse().ok()?, n.parse().ok()?))
}

/// Where the lead stands: beside its thread.
///
/// # Errors
/// When the id is not a lead's, or the tenant's name is not allowed.
pub(crate) fn address_of(tenant: &str, lead: &str) -> Result<Address, Error> {
    let (thread, _) = parse(lead).ok_or_else(|| Error::Name { field: "lead", value: lead.into() })?;
    Address::new(tenant, laws::lead::Lead::KIND, lead, &thread.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lead_stands_beside_its_thread() {
        let thread = Uuid::from_u128(77);
        let lead = lead_id(thread, 3);
        assert_eq!(parse(&lead), Some((thread, 3)));
        assert_eq!(
            address_of("demo", &lead).unwrap().part,
            Address::of("demo", "thread", thread).unwrap().part
        );
        assert!(parse("x-1").is_none() && address_of("demo", "x").is_err());
    }
}
