//! The laws of every entity but the thread: states and decisions, pure, shared by every writer.
//!
//! An entity has one law. What two services write (identity appends `Erased` to a lead) they write under the
//! same functions of this crate.

pub mod access;
pub mod account;
pub mod agent;
pub mod customer;
pub mod knowledge;
pub mod lead;
pub mod tenant;
