//! How the ids of customers follow from those of their threads, and where entities stand in the log.

use spine::{Address, Error};
use uuid::Uuid;

/// The customer who appears in a thread: always the same, so a retry makes no second one, and nobody needs to
/// have read anything to know it.
pub fn customer_of(thread: Uuid) -> Uuid {
    Uuid::new_v5(&thread, b"customer")
}

/// Where the customer stands.
///
/// # Errors
/// When the tenant is not one.
pub fn customer_address(tenant: &str, customer: Uuid) -> Result<Address, Error> {
    Address::of(tenant, "customer", customer)
}

/// Where the thread stands.
///
/// # Errors
/// When the tenant is not one.
pub fn thread_address(tenant: &str, thread: Uuid) -> Result<Address, Error> {
    Address::of(tenant, "thread", thread)
}

/// Where the lead stands: beside its thread.
///
/// # Errors
/// When the id is not a lead's.
pub fn lead_address(tenant: &str, lead: &str) -> Result<Address, Error> {
    let thread = thread_of_lead(lead).ok_or_else(|| Error::Name { field: "lead", value: lead.into() })?;
    Address::new(tenant, "lead", lead, &thread.to_string())
}

/// The thread of a lead: its id is the thread's, a dash and a number.
pub fn thread_of_lead(lead: &str) -> Option<Uuid> {
    let (thread, _) = lead.rsplit_once('-')?;
    Uuid::try_parse(thread).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lead_names_its_thread() {
        let thread = Uuid::from_u128(7);
        assert_eq!(thread_of_lead(&format!("{thread}-2")), Some(thread));
        assert_eq!(thread_of_lead("x-2"), None);
    }

    #[test]
    fn the_customer_of_a_thread_is_fixed_for_ever() {
        let customer = customer_of(Uuid::from_u128(1));
        assert_eq!(customer.to_string(), "3c683990-507f-52ea-8c22-943733f875a8");
    }
}
