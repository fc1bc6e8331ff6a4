//! A running suite as the commands see it: where it is, and what it can be asked.

mod client;
mod file;
mod stream;
mod words;

pub(crate) use client::Suite;
pub(crate) use file::{RunFile, write};
pub(crate) use words::words;
