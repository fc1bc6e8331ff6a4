//! Asks a language model behind an OpenAI-compatible endpoint, and takes nothing from it that the knowledge does not hold.
//!
//! The model sees a customer's words with long numbers, e-mail addresses and names behind words such as 微信 blacked out,
//! what was said before, and a few entries of knowledge. What it says is read by [`read`], which trusts none of it: an
//! answer has to name the entries that it rests on, and every number, address and link in it has to stand in them. How
//! long, how often and how much is asked is bounded in [`endpoint`]; an endpoint that fails again and again is left alone
//! for a while.

pub mod endpoint;
mod grounds;
mod mask;
mod question;
mod read;
mod rest;
mod units;

pub use endpoint::{Endpoint, Problem, Settings, WAIT_MAX, WAIT_MIN};
pub use mask::mask;
pub use question::{Before, Passage, Question};
pub use read::{Reply, Unusable, read};
