//! Visitors of a website: sockets of the widget that open, write or stay silent, break and resume.

pub mod shop;
pub mod visitor;

pub use shop::Shop;
pub use visitor::{Seen, Site, Visitor};
