//! Lead capture: what a conversation taught us about a customer, from contact details to a qualified lead.

pub mod evaluate;
pub mod extract;
pub mod qualify;
pub mod service;
