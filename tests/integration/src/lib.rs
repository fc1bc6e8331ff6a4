//! The world of a journey: a real nats-server, a real database, the real services, the outside simulated.

mod look;
mod outside;
mod process;
mod setup;
mod site;
mod split;
mod world;

pub use ground::{PATIENCE, Place, Server, effort, eventually, everywhere, on_each};
pub use look::{Order, address, count, sent_messages};
pub use outside::Outside;
pub use process::Process;
pub use setup::{account, account_state, knowledge, settings};
pub use site::{Site, binary};
pub use split::{Split, Which};
pub use world::{CREDENTIAL, World};
