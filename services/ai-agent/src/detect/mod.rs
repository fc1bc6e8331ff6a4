//! Owns what is noticed before any reply: who asks for a person, who is angry, what is only small talk.
//!
//! Rules over words in context, no model: each cue stands in a table that a service team can read (`person.txt`,
//! `anger.txt`), with the phrases beside which it means something else.

mod anger;
mod contact;
mod person;
mod smalltalk;

pub use anger::{Anger, NEGATIVE_LEVEL, anger};
pub use contact::only_leaves_contact;
pub use person::{declines_person, wants_person};
pub use smalltalk::{Smalltalk, smalltalk};
