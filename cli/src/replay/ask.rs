//! What a replay is asked for, as the command sends it to the suite.

use serde::{Deserialize, Serialize};
use spine::Position;
use spine::log::codec;
use std::str::FromStr;
use uuid::Uuid;

/// A replay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ask {
    pub(crate) what: What,
    /// Needed only where values are opened of a range.
    #[serde(default)]
    pub(crate) tenant: Option<String>,
    /// As things stood there; without it as they stand now.
    #[serde(default)]
    pub(crate) as_of: Option<Moment>,
    /// Whether to go on with what is appended from now on.
    #[serde(default)]
    pub(crate) follow: bool,
    /// Events shown at most.
    pub(crate) limit: u64,
    /// Of a range, the events of this kind of entity alone.
    #[serde(default)]
    pub(crate) kind: Option<String>,
    /// Whether sealed values are shown.
    #[serde(default)]
    pub(crate) opening: Option<Opening>,
}

/// What is replayed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    /// A thread, or one conversation of it.
    Conversation {
        thread: Uuid,
        n: Option<u32>,
    },
    Customer {
        id: Uuid,
    },
    /// A lead's id is its thread's, a dash, a number.
    Lead {
        id: String,
    },
    /// Everything from a moment on, of one part when it is a position.
    Range {
        from: Moment,
        until: Option<Moment>,
    },
}

/// A place in the log: of one part by its sequence, of all by their time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Moment {
    Position(Position),
    /// The last message stored at or before it, microseconds since the Unix epoch.
    TimeUs(i64),
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Position(position) => position.fmt(f),
            Self::TimeUs(time) => f.write_str(&codec::rfc3339(*time)),
        }
    }
}

/// Who looks at personal data, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Opening {
    pub(crate) role: String,
    pub(crate) reason: String,
}

/// Why nothing lies between the two, if that is so.
pub(crate) fn disorder(from: Moment, until: Moment) -> Option<String> {
    match (from, until) {
        (Moment::Position(from), Moment::Position(until))
            if (from.generation, from.part) != (until.generation, until.part) =>
        {
            Some(format!(
                "{from} and {until} are in different parts, which have no common order: name two times"
            ))
        }
        (Moment::TimeUs(_), Moment::Position(_)) => {
            Some("the range begins with a time, so end it with a time, or leave its end out".into())
        }
        (Moment::Position(first), Moment::Position(last)) if first.sequence > last.sequence => {
            Some(format!("the range ends before it begins: write {until} {from}"))
        }
        (Moment::TimeUs(first), Moment::TimeUs(last)) if first > last => {
            Some(format!("the range ends before it begins: write {until} {from}"))
        }
        _ => None,
    }
}

/// The id of a thread or a customer as a command takes it.
pub(crate) fn id(text: &str) -> Result<Uuid, String> {
    Uuid::try_parse(text).map_err(|_| {
        "an id is wanted, a UUID such as 44c08611-17fd-41a8-9777-b2e72d8b0393: `tributary replay range` shows the \
         ids of what is in the log"
            .into()
    })
}

/// The id of a lead.
pub(crate) fn lead_id(text: &str) -> Result<String, String> {
    let sound = text
        .rsplit_once('-')
        .is_some_and(|(thread, number)| Uuid::try_parse(thread).is_ok() && number.parse::<u32>().is_ok());
    match sound {
        true => Ok(text.to_owned()),
        false => Err("a lead's id is wanted: its thread's (a UUID), a dash, a number, such as \
                      44c08611-17fd-41a8-9777-b2e72d8b0393-1"
            .into()),
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(position) = text.parse::<Position>() {
            return Ok(Self::Position(position));
        }
        if let Ok(zoned) = text.parse::<jiff::ZonedDateTime>() {
            return Ok(Self::TimeUs(zoned.timestamp().as_microsecond()));
        }
        if let Ok(time) = text.parse::<jiff::Timestamp>() {
            return Ok(Self::TimeUs(time.as_microsecond()));
        }
        if let Ok(civil) = text.parse::<jiff::civil::DateTime>() {
            return Err(zoneless(civil));
        }
        Err("write a position such as 1.3:4711, or a time with its zone such as 2026-11-26T10:32:07+08:00"
            .into())
    }
}

/// The same clock time is another instant in each zone, so it is never guessed.
fn zoneless(civil: jiff::civil::DateTime) -> String {
    let here = civil.to_zoned_datetime(jiff::tz::TimeZone::system());
    let here = here.map(|zoned| zoned.strftime("%Y-%m-%dT%H:%M:%S%.f%:z").to_string());
    match here {
        Ok(here) => {
            format!("the time names no zone: write {here} for the zone of this machine, or {civil}Z for UTC")
        }
        Err(_) => format!("the time names no zone: write {civil}+08:00 or {civil}Z"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_and_a_time_with_a_zone_are_moments() {
        let position = Position { generation: 1, part: 3, sequence: 4711 };
        assert_eq!("1.3:4711".parse(), Ok(Moment::Position(position)));
        let same =
            ["2026-11-26T10:32:07+08:00", "2026-11-26T02:32:07Z", "2026-11-26T10:32:07+08:00[Asia/Shanghai]"];
        let instants: Vec<Moment> = same.iter().map(|text| text.parse().unwrap()).collect();
        assert!(instants.iter().all(|instant| *instant == instants[0]), "{instants:?}");
        assert_eq!(instants[0].to_string(), "2026-11-26T02:32:07Z");
    }

    #[test]
    fn a_time_without_a_zone_is_refused_with_the_remedy() {
        let refusal = "2026-11-26T10:32:07".parse::<Moment>().unwrap_err();
        assert!(refusal.contains("no zone") && refusal.contains("2026-11-26T10:32:07Z"), "{refusal}");
        assert!("yesterday".parse::<Moment>().unwrap_err().contains("1.3:4711"));
    }

    #[test]
    fn a_range_ends_behind_its_beginning_and_in_the_same_order() {
        let wrong = |from: &str, until: &str| disorder(from.parse().unwrap(), until.parse().unwrap());
        assert_eq!(wrong("1.0:3", "1.0:5"), None);
        assert_eq!(wrong("1.0:3", "2026-11-26T10:00:00Z"), None);
        assert!(wrong("1.0:5", "1.0:3").unwrap().contains("write 1.0:3 1.0:5"));
        assert!(wrong("1.0:5", "1.1:9").unwrap().contains("different parts"));
        assert!(wrong("2026-11-26T10:00:00Z", "2026-11-26T09:00:00Z").unwrap().contains("before it begins"));
        assert!(wrong("2026-11-26T10:00:00Z", "1.0:3").unwrap().contains("begins with a time"));
    }

    #[test]
    fn an_id_that_is_none_is_refused_with_what_one_looks_like() {
        assert!(id("xx").unwrap_err().contains("UUID"));
        let thread = Uuid::from_u128(7);
        assert_eq!(id(&thread.to_string()), Ok(thread));
        assert_eq!(lead_id(&format!("{thread}-1")), Ok(format!("{thread}-1")));
        assert!(lead_id(&thread.to_string()).unwrap_err().contains("a number"));
    }

    #[test]
    fn what_is_asked_travels_as_json() {
        let ask = Ask {
            what: What::Conversation { thread: Uuid::from_u128(7), n: Some(2) },
            tenant: None,
            as_of: Some("1.3:4711".parse().unwrap()),
            follow: false,
            limit: 10,
            kind: None,
            opening: Some(Opening { role: "supervisor".into(), reason: "complaint 12".into() }),
        };
        let text = serde_json::to_string(&ask).unwrap();
        assert!(text.contains(r#""position":"1.3:4711""#), "{text}");
        assert_eq!(serde_json::from_str::<Ask>(&text).unwrap(), ask);
    }
}
