//! How much memory a rebuild takes as the log grows: it must not grow with it.

use crate::figure::{Figure, progress};
use crate::filled::filled;
use crate::memory::Served;
use crate::places::Places;
use crate::process::{resident_mb, resident_peak_mb};
use crate::rebuild::MODEL;

/// One figure for each length of the log.
pub(crate) async fn measure(lengths: &[u64]) -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for messages in lengths {
        let places = Places::new()?;
        let place = places.place(None).await;
        let filled = filled(&place, *messages).await?;
        filled.outside.stop.cancel();
        // The server goes with what is returned.
        drop(filled.world.stop().await);
        progress(&format!("rebuilding {messages} messages in a process of its own"));
        let mut served = Served::start(&place.folder)?;
        let before = resident_mb(served.pid());
        served.rebuild(MODEL)?;
        let peak = resident_peak_mb(served.pid());
        served.stop()?;
        let name = format!("{messages} messages, all roles in one process");
        figures.push(Figure::stated(
            &format!("resident at the most with a rebuild of {MODEL}, {name}"),
            peak,
            "MB",
        ));
        figures.push(Figure::stated(&format!("resident just before, {name}"), before, "MB"));
    }
    Ok(figures)
}
