//! Threads for what others wait for in milliseconds: they go before all other threads of the process.
//!
//! A webhook has to be acknowledged while the pipeline behind it may take every core, and nobody waits for a projection
//! as they wait for that. So the program's other threads tell the kernel that they may wait, and what takes requests in
//! runs on threads that do not. Without [`begin`], as in tests, everything runs where it is started.

use std::future::Future;
use std::sync::OnceLock;
use tokio::runtime::{Handle, Runtime};
use tokio::task::JoinHandle;

/// The niceness of the other threads: they get a third of what somebody in front gets of a core that both want. More would
/// starve them beside other programs of the machine.
const BEHIND: i32 = 5;

/// What is in front is short and bounded; more threads would only take from what is behind.
const THREADS_MAX: usize = 4;

static FRONT: OnceLock<Runtime> = OnceLock::new();

/// Starts the threads in front. To be called before any thread calls [`give_way`]: threads inherit what it did, and the
/// kernel takes it back for nobody.
///
/// # Errors
/// When the process cannot start threads.
pub fn begin() -> std::io::Result<()> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let front = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.div_ceil(2).min(THREADS_MAX))
        .thread_name("front")
        .enable_all()
        .build()?;
    // Another call has begun already, then.
    let _ = FRONT.set(front);
    Ok(())
}

/// Lets the calling thread, and every thread and process that it starts, wait for those in front.
pub fn give_way() {
    // Where the kernel does not let it, all threads are equal.
    let _ = rustix::process::setpriority_process(None, BEHIND);
}

/// Where what is in front runs; here, where nobody began.
pub fn handle() -> Handle {
    FRONT.get().map_or_else(Handle::current, |front| front.handle().clone())
}

/// Runs the future in front. Whoever is no longer waited for runs on: see [`tokio::task::JoinSet::spawn_on`] for what must
/// end with its owner.
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    handle().spawn(future)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_front_waits_for_nobody_whoever_spawns_it() {
        let own = || rustix::process::getpriority_process(None).unwrap();
        begin().unwrap();
        let before = own();
        let behind = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .on_thread_start(give_way)
            .build()
            .unwrap();
        let (front, back) = behind.block_on(async {
            let mut tasks = tokio::task::JoinSet::new();
            tasks.spawn(async move { (spawn(async move { own() }).await.unwrap(), own()) });
            tasks.join_next().await.unwrap().unwrap()
        });
        assert_eq!((front, back), (before, BEHIND.max(before)));
    }
}
