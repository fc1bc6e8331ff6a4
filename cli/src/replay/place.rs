//! Where in the log a moment is.

use super::ask::Moment;
use anyhow::bail;
use spine::address::GENERATION;
use spine::{Address, Log};

/// Refuses a moment that has not been yet.
pub(super) async fn not_beyond_the_end(log: &Log, moment: Moment) -> anyhow::Result<()> {
    let ends = log.ends().await?;
    match moment {
        Moment::TimeUs(time) if time > log.clock().now() => {
            let last = |(part, end): (usize, &u64)| format!("{GENERATION}.{part}:{end}");
            let ends: Vec<String> = ends.iter().enumerate().map(last).collect();
            bail!("{moment} is still to come; the log ends at {}", ends.join(", "))
        }
        Moment::TimeUs(_) => Ok(()),
        Moment::Position(at) => match ends.get(usize::from(at.part)) {
            Some(end) if at.generation == GENERATION && at.sequence <= *end => Ok(()),
            Some(end) if at.generation == GENERATION => {
                bail!(
                    "{at} is beyond the log's end: part {GENERATION}.{} ends at {GENERATION}.{}:{end}",
                    at.part,
                    at.part
                )
            }
            _ => bail!("{at} is in no part of the log"),
        },
    }
}

/// The last sequence of the entity's part at the moment.
pub(super) async fn sequence(log: &Log, address: &Address, moment: Moment) -> anyhow::Result<u64> {
    match moment {
        Moment::TimeUs(time) => Ok(log.sequences_at(time).await?[usize::from(address.part)]),
        Moment::Position(at) if (at.generation, at.part) == (address.generation, address.part) => {
            Ok(at.sequence)
        }
        Moment::Position(at) => bail!(
            "{at} is in another part of the log than the {} {}, which is in {}.{}: name a position there, or a time",
            address.kind,
            address.id,
            address.generation,
            address.part
        ),
    }
}
