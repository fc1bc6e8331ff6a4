//! From the moment that a conversation waits for people to the moment that it has its agent, as the log stamps both.

use crate::audit::each_event;
use crate::figure::{Figure, percentile, progress};
use crate::schedule::Schedule;
use crate::suite::{Suite, Wanted};
use events::ThreadEvent;
use simulators::http::Item;
use std::collections::HashMap;
use std::time::Duration;

const PER_SECOND: f64 = 100.0;
const P99_MS_MAX: f64 = 20.0;
/// Each can have a thousand conversations, which is more than come.
const AGENTS: usize = 5;
const WISH: &str = "转人工";
const QUIET_WITHIN: Duration = Duration::from_secs(120);

pub(crate) async fn measure(smoke: bool) -> anyhow::Result<Vec<Figure>> {
    let suite = Suite::start(Wanted { agents: AGENTS, ..Wanted::plain(smoke) }).await?;
    let schedule = Schedule::new(PER_SECOND, Duration::from_secs(if smoke { 1 } else { 30 }));
    progress(&format!("{PER_SECOND} new customers a second who ask for a person"));
    let outside = &suite.outside;
    schedule
        .run(|turn| {
            let outside = outside.clone();
            async move {
                let name = format!("waiting-{}", turn.number);
                outside.partner.post(&[Item { id: name.clone(), user: name, text: WISH.into() }]).await
            }
        })
        .await;
    suite.until_quiet(QUIET_WITHIN).await?;
    let mut waiting: HashMap<String, i64> = HashMap::new();
    let mut waits = Vec::new();
    each_event(&suite, |thread, event| match event {
        ThreadEvent::HandedOver { at, .. } => {
            waiting.insert(thread.to_owned(), *at);
        }
        ThreadEvent::Assigned { at, .. } => {
            waits.extend(waiting.remove(thread).map(|since| (at - since) as f64 / 1_000.0));
        }
        _ => {}
    })
    .await?;
    waits.sort_by(f64::total_cmp);
    let without = schedule.count() - waits.len();
    let name = format!("a waiting conversation gets its agent, {PER_SECOND} new a second");
    Ok(vec![
        Figure::stated(&format!("{name}, p50"), percentile(&waits, 0.5), "ms"),
        Figure::at_most(&format!("{name}, p99"), percentile(&waits, 0.99), "ms", P99_MS_MAX),
        Figure::at_most(&format!("{name}, without one"), without as f64, "conversations", 0.0),
    ])
}
