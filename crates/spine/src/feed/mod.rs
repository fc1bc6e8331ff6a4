//! LEADS: the public stream of lead events, fed from the log by one writer that resumes from its own last message.

pub mod erase;
pub mod page;
mod place;
pub mod publish;
pub mod read;

pub use place::{Break, Place};

use crate::address::GENERATION;
use crate::error::Error;
use crate::position::Position;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// The stream.
pub const STREAM: &str = "LEADS";

/// How far the log is read: the last sequence of each part, written `1.0:12,1.3:4711`. A part that is not named
/// is unread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Positions(pub BTreeMap<u8, u64>);

impl Positions {
    /// The last sequence of the part that is read; 0 for none.
    pub fn of(&self, part: u8) -> u64 {
        self.0.get(&part).copied().unwrap_or(0)
    }

    /// The part is read up to here.
    pub fn reach(&mut self, position: Position) {
        self.0.insert(position.part, position.sequence);
    }
}

impl fmt::Display for Positions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (part, sequence)) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma}{}", Position { generation: GENERATION, part: *part, sequence: *sequence })?;
        }
        Ok(())
    }
}

impl FromStr for Positions {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut positions = Self::default();
        for position in text.split(',').filter(|position| !position.is_empty()) {
            positions.reach(position.parse()?);
        }
        Ok(positions)
    }
}

/// Where one message of the feed comes from: a message of the log and the place among what it makes, written
/// `1.3:4711#0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    pub position: Position,
    pub index: u32,
}

impl Source {
    /// The id of the message in the feed: the same whenever and by whomever it is made.
    pub fn id(self) -> Uuid {
        Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{STREAM}\0{self}").as_bytes())
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.position, self.index)
    }
}

impl FromStr for Source {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parse = || {
            let (position, index) = text.split_once('#')?;
            Some(Self { position: position.parse().ok()?, index: index.parse().ok()? })
        };
        parse().ok_or_else(|| Error::Name { field: "source", value: text.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_and_sources_read_back_as_written() {
        let positions: Positions = "1.0:12,1.3:4711".parse().unwrap();
        assert_eq!((positions.of(0), positions.of(3), positions.of(7)), (12, 4711, 0));
        assert_eq!(positions.to_string(), "1.0:12,1.3:4711");
        assert_eq!("".parse::<Positions>().unwrap(), Positions::default());
        let source: Source = "1.3:4711#2".parse().unwrap();
        assert_eq!(source.to_string(), "1.3:4711#2");
        assert!("1.3:4711".parse::<Source>().is_err());
    }

    #[test]
    fn an_id_is_fixed_for_ever() {
        let source: Source = "1.3:4711#0".parse().unwrap();
        assert_eq!(source.id().to_string(), "988782ff-24cd-5ba2-a306-67f2fc08fc52");
        assert_ne!(source.id(), Source { index: 1, ..source }.id());
    }
}
