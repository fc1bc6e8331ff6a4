//! Where a reader is: a generation, a part and a sequence.

use crate::address::{GENERATION, PARTS};
use crate::error::Error;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// One message's place in the log, written `1.3:4711`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    pub generation: u32,
    pub part: u8,
    pub sequence: u64,
}

impl Position {
    /// One position for each part, from the last sequences that [`crate::Log::ends`] answers.
    pub fn of_ends(ends: [u64; PARTS as usize]) -> Vec<Self> {
        (0..PARTS).zip(ends).map(|(part, sequence)| Self { generation: GENERATION, part, sequence }).collect()
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}:{}", self.generation, self.part, self.sequence)
    }
}

impl FromStr for Position {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parse = || {
            let (place, sequence) = text.split_once(':')?;
            let (generation, part) = place.split_once('.')?;
            Some(Self {
                generation: generation.parse().ok()?,
                part: part.parse().ok()?,
                sequence: sequence.parse().ok()?,
            })
        };
        parse().ok_or_else(|| Error::Name { field: "position", value: text.into() })
    }
}

impl Serialize for Position {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_reads_back_as_written() {
        let position = Position { generation: 1, part: 3, sequence: 4711 };
        assert_eq!(position.to_string(), "1.3:4711");
        assert_eq!("1.3:4711".parse::<Position>().unwrap(), position);
        assert!("1.3".parse::<Position>().is_err());
    }
}
