//! Copies of what exists once: streams with their sequences and times, and the rows of stores.
//!
//! A stream is copied by the server's own snapshot, since nothing else keeps sequences, times and the gaps that expiry
//! and erasure left. A store is copied as rows in lines of JSON, which either database can take in.

pub mod rows;
pub mod stream;

pub use rows::{Saved, StoreName};
pub use stream::{State, Stored};

/// Takes the bytes of a copy, in order.
pub type Sink<'a> = &'a mut (dyn FnMut(&[u8]) -> std::io::Result<()> + Send);
/// Gives the bytes of a copy: fills what it is given and says how much; 0 at the end.
pub type Source<'a> = &'a mut (dyn FnMut(&mut [u8]) -> std::io::Result<usize> + Send);
