//! A running suite as the commands see it: where it is, and what it can be asked.

mod client;
mod file;
mod stream;

pub(crate) use client::{Suite, words};
pub(crate) use file::{RunFile, write};
