//! How soon the services are ready after nats-server is, when the log is long.

use crate::figure::{Figure, progress};
use crate::filled::filled;
use crate::places::Places;
use integration::{Server, World};
use runtime::Role;
use std::time::Instant;

const READY_S_MAX: f64 = 0.3;
/// Starts of which the middle one is told.
const STARTS: usize = 5;

pub(crate) async fn measure(messages: u64) -> anyhow::Result<Vec<Figure>> {
    let places = Places::new()?;
    let filled = filled(&places.place(None).await, messages).await?;
    let (mut place, mut server, mut clock) = {
        filled.outside.stop.cancel();
        filled.world.stop().await
    };
    let (mut servers, mut services) = (Vec::new(), Vec::new());
    progress("starting again and again");
    for _ in 0..STARTS {
        drop(server);
        let began = Instant::now();
        server = Server::start_in(&place.folder.join("nats")).await;
        servers.push(began.elapsed().as_secs_f64());
        let began = Instant::now();
        let world = World::on(place, server, &Role::ALL, clock).await;
        services.push(began.elapsed().as_secs_f64());
        (place, server, clock) = world.stop().await;
    }
    for times in [&mut servers, &mut services] {
        times.sort_by(f64::total_cmp);
    }
    let name = format!("ready after nats-server is, all roles, {messages} messages");
    Ok(vec![
        Figure::at_most(&name, services[STARTS / 2], "s", READY_S_MAX),
        Figure::stated("nats-server itself, from its start on the same log", servers[STARTS / 2], "s"),
    ])
}
