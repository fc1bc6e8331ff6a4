//! A world whose log holds many messages that every reader has read, made before anything is measured.

use crate::figure::progress;
use crate::stored;
use events::tenant::Settings;
use ground::{Limits, Syncing};
use integration::{Outside, Place, Server, World, knowledge, settings};
use runtime::Role;
use spine::Clock;
use std::time::Duration;
use uuid::Uuid;

/// No log of ours takes longer to be read by all roles.
const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(3 * 3_600);
/// Nobody's conversation is closed while the log is filled and looked at.
const IDLE_CLOSE_MS: u64 = 30 * 24 * 3_600 * 1_000;

/// The world, its outside and some of the log's threads.
pub(crate) struct Filled {
    pub(crate) world: World,
    pub(crate) outside: Outside,
    pub(crate) threads: Vec<Uuid>,
}

/// Fills a log with about so many messages, by a server that syncs them now and then, and lets all roles read it on one
/// that syncs each append, as the suite wants it.
pub(crate) async fn filled(place: &Place, messages: u64) -> anyhow::Result<Filled> {
    let nats = place.folder.join("nats");
    let limits = Limits { syncing: Syncing::ByDefault, ..Limits::default() };
    let server = Server::start_in_with(&nats, limits).await;
    let world = World::on(place.clone(), server, &[], Clock::system()).await;
    let settings = Settings { idle_close_ms: IDLE_CLOSE_MS, ..settings() };
    let entries = [knowledge("return-freight", "退货运费谁承担", "质量问题退货，运费由我们承担。")];
    let outside = world.furnish_with(&settings, &entries).await;
    progress(&format!("filling a log with {messages} messages"));
    let threads = stored::fill(&world, messages).await?;
    let ends = world.spine.log.ends().await?;
    let (place, server, clock) = world.stop().await;
    drop(server);
    progress("all roles read it");
    let server = Server::start_in(&nats).await;
    // It was killed before it synced, so what it acknowledged may be missing.
    let kept = server.log().await.ends().await?;
    anyhow::ensure!(kept == ends, "the log ends at {kept:?} and not at {ends:?}");
    let world = World::on_within(CAUGHT_UP_WITHIN, place, server, &Role::ALL, clock).await;
    crate::lag::caught_up(&world).await?;
    world.is_reached_by(&outside);
    Ok(Filled { world, outside, threads })
}
