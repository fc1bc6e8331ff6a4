//! The world of a journey: a real nats-server, a real database, the real services, the outside simulated.

mod look;
mod place;
mod process;
mod server;
mod setup;
mod world;

pub use look::{Order, address, count, sent_messages};
pub use place::{Place, on_each};
pub use process::Process;
pub use server::Server;
pub use setup::{account, account_state, knowledge, settings};
pub use world::{CREDENTIAL, Outside, World};

use std::future::Future;
use std::time::Duration;

/// How long a journey waits for what must happen.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `look` finds something.
///
/// # Panics
/// After [`PATIENCE`], naming what was waited for.
pub async fn eventually<T, Fut>(what: &str, mut look: impl FnMut() -> Fut) -> T
where
    Fut: Future<Output = Option<T>>,
{
    let waiting = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    match tokio::time::timeout(PATIENCE, waiting).await {
        Ok(found) => found,
        Err(_) => panic!("waited {} s in vain for {what}", PATIENCE.as_secs()),
    }
}
