//! A worker's memory against a table: whatever is put, taken, tried again, moved or missed, of each entity the oldest row
//! goes first, and every row goes.

use super::super::claims::Claims;
use super::super::work::Done;
use super::*;
use crate::error::Error;
use crate::position::Position;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Few enough that memory overflows and stretches end in the middle of things.
const BOUNDS: Bounds = Bounds { lane_rows_max: 5, rows_max: 8, read_rows: 3, read_rows_full: 2 };
const LIMITS: WorkLimits = WorkLimits { in_flight_max: 4, per_lane_max: 3, confirms: false };
const SOON: i64 = 10;

#[derive(Clone, Debug)]
enum Step {
    /// A message makes something due for an entity, so much later than now.
    Put {
        entity: u8,
        later: i64,
    },
    /// Another process does, for an entity that only it puts rows of.
    PutElsewhere {
        entity: u8,
    },
    /// Two rows are committed while a lane is read, and heard of later: one was decided before the last of those that are known.
    PutMeanwhile {
        entity: u8,
    },
    /// A row is gone without having been worked on.
    Withdrawn {
        which: usize,
    },
    /// The worker hears of commits and begins what it can.
    Turn,
    /// A piece of work ends.
    Ends {
        which: usize,
        how: u8,
    },
    Look,
    Tick,
    Passes {
        time: i64,
    },
    /// It hears that it may have missed something.
    Missed,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0_u8..6, prop_oneof![4 => Just(0_i64), 1 => 1_i64..40]).prop_map(|(entity, later)| Step::Put { entity, later }),
        1 => (6_u8..8).prop_map(|entity| Step::PutElsewhere { entity }),
        1 => (0_u8..6).prop_map(|entity| Step::PutMeanwhile { entity }),
        1 => any::<usize>().prop_map(|which| Step::Withdrawn { which }),
        5 => Just(Step::Turn),
        1 => Just(Step::Tick),
        4 => (any::<usize>(), 0_u8..8).prop_map(|(which, how)| Step::Ends { which, how }),
        1 => Just(Step::Look),
        2 => prop_oneof![4 => 1_i64..20, 1 => Just(200_000_i64), 1 => Just(11_000_000)].prop_map(|time| Step::Passes { time }),
        1 => Just(Step::Missed),
    ];
    prop::collection::vec(step, 1..200)
}

/// A worker with a table of its own.
struct World {
    waiting: Waiting,
    claims: Claims,
    /// In the order of a lane, and what of it is handed over at the next turn.
    table: Vec<Work>,
    fresh: Vec<Work>,
    /// Of which entities something is put while a lane is read.
    meanwhile: Vec<u8>,
    /// The last row that was heard of.
    heard: u64,
    running: Vec<Work>,
    /// The parts' positions, where each result makes one.
    projected: u64,
    sequence: u64,
    now: i64,
    has_looked: bool,
}

impl World {
    fn new() -> Self {
        let waiting = Waiting::bounded(BOUNDS);
        let (table, fresh, running) = (Vec::new(), Vec::new(), Vec::new());
        let (claims, has_looked) = (Claims::default(), false);
        let (meanwhile, heard, projected, sequence, now) = (Vec::new(), 0, 0, 0, 1_000);
        Self {
            waiting,
            claims,
            table,
            fresh,
            meanwhile,
            heard,
            running,
            projected,
            sequence,
            now,
            has_looked,
        }
    }

    fn put(&mut self, entity: u8, later: i64, is_told: bool) {
        self.sequence += 1;
        let (key, lane) = (format!("{:05}", 99_999 - self.sequence), format!("lane {}", entity % 3));
        let (at, entity) = (self.now + later, format!("entity {entity}"));
        let (body, traceparent) = (String::new(), None);
        let row = Work { entity, key, lane, at, body, part: 0, sequence: self.sequence, traceparent };
        self.table.push(row.clone());
        self.table.sort_by_key(Place::of);
        if is_told {
            self.fresh.push(row);
        }
    }

    fn is_due(&self, row: &Work) -> bool {
        row.at <= self.now + SOON
    }

    fn look(&mut self) {
        let lanes: BTreeSet<&String> = self.table.iter().map(|row| &row.lane).collect();
        let found = lanes.into_iter().map(|lane| {
            let of = || self.table.iter().filter(|row| row.lane == *lane);
            let first = of().map(|row| row.at).min().unwrap();
            let next = of().filter(|row| !self.is_due(row)).map(|row| row.at).min().unwrap_or(i64::MAX);
            Found { lane: lane.clone(), first, next }
        });
        let found = found.collect();
        self.waiting.found(found, self.now + SOON);
        self.has_looked = true;
    }

    /// False when the table is ahead of what was heard.
    fn read_on(&mut self, (lane, place): (String, Place)) -> bool {
        for entity in std::mem::take(&mut self.meanwhile) {
            self.put(entity, -30, true);
            self.put(entity, 0, true);
        }
        let read_rows = self.waiting.read_rows();
        let of = || self.table.iter().filter(|row| row.lane == lane);
        let rows = of().filter(|row| self.is_due(row) && place.is_before(row)).take(read_rows).cloned();
        let rows: Vec<Work> = rows.collect();
        let next = of().filter(|row| !self.is_due(row)).map(|row| row.at).min().unwrap_or(i64::MAX);
        let next = if rows.len() < read_rows { next } else { i64::MAX };
        let heard = BTreeMap::from([(0, self.heard)]);
        self.waiting.read(&lane, Read { rows, limit: read_rows, next, heard: &heard }, &self.claims)
    }

    fn turn(&mut self) {
        self.heard = self.sequence;
        for row in std::mem::take(&mut self.fresh) {
            if self.has_looked && !self.claims.has(&row) {
                self.waiting.put(row, self.now + SOON);
            }
        }
        self.claims.settle(&BTreeMap::from([(0, self.projected)]), self.now);
        let is_asked = |row: &&Work| self.claims.asked().contains(&(row.entity.clone(), row.key.clone()));
        let standing: Vec<Work> = self.table.iter().filter(is_asked).cloned().collect();
        for row in self.claims.answered(standing, self.now) {
            if self.has_looked {
                self.waiting.put(row, self.now + SOON);
            }
        }
        if !self.has_looked {
            self.look();
        }
        loop {
            let room = LIMITS.in_flight_max - self.running.len();
            let pass = self.waiting.pass(&mut self.claims, LIMITS, self.now, room);
            for row in pass.taken {
                self.begins(row);
            }
            let Some(wants) = pass.wants else { break };
            if !self.read_on(wants) {
                break;
            }
        }
        let rows: usize = self.waiting.lanes.values().map(|lane| lane.rows.len()).sum();
        assert_eq!(rows, self.waiting.count);
        assert!(self.waiting.lanes.values().all(|lane| lane.rows.len() < BOUNDS.rows_max + BOUNDS.read_rows));
        assert!(self.running.len() <= LIMITS.in_flight_max);
    }

    fn begins(&mut self, row: Work) {
        assert!(row.at <= self.now, "{row:?} is not due");
        assert!(self.running.iter().all(|other| other.entity != row.entity), "two of {} at once", row.entity);
        let in_lane = self.running.iter().filter(|other| other.lane == row.lane).count();
        assert!(in_lane < LIMITS.per_lane_max);
        // What was withdrawn may begin still; it finds itself moot. Of what nobody hands over no order is promised.
        let is_handed_over = !matches!(&*row.entity, "entity 6" | "entity 7");
        if is_handed_over && self.table.iter().any(|known| known.sequence == row.sequence) {
            // What was committed a moment ago and is not heard of yet comes later, with all that was committed with it.
            let is_known = |other: &&Work| other.sequence <= self.heard.max(row.sequence);
            let oldest = self.table.iter().filter(is_known).find(|other| other.entity == row.entity).unwrap();
            assert_eq!(oldest.sequence, row.sequence, "{row:?} began before {oldest:?}");
        }
        self.running.push(row);
    }

    fn ends(&mut self, which: usize, how: u8) {
        if self.running.is_empty() {
            return;
        }
        let row = self.running.swap_remove(which % self.running.len());
        let result = match how {
            0 => Ok(Done::Again { after_ms: 0 }),
            1 => Ok(Done::LanePaused { after_ms: 0 }),
            2 => Err(Error::Other("a platform says no".into())),
            how => {
                // 7 leaves its row, as an attempt that failed for now.
                if how != 7 {
                    self.table.retain(|known| known.sequence != row.sequence);
                }
                // Of others it is not heard that their row is gone.
                if how == 4 {
                    self.claims.gone(&row.entity, Some(&row.key));
                }
                self.projected += 1;
                // Part 1 is read by another replica.
                let part = u8::from(how == 6);
                let position = Position { generation: 1, part, sequence: self.projected };
                Ok(if how == 3 { Done::Nothing } else { Done::At(position) })
            }
        };
        if let Some(row) = self.claims.give_back("send", row, result, self.now) {
            self.waiting.put(row, self.now + SOON);
        }
    }

    fn does(&mut self, step: Step) {
        match step {
            Step::Put { entity, later } => self.put(entity, later, true),
            Step::PutElsewhere { entity } => self.put(entity, 0, false),
            Step::PutMeanwhile { entity } => self.meanwhile.push(entity),
            Step::Withdrawn { which } if !self.table.is_empty() => {
                self.table.remove(which % self.table.len());
            }
            Step::Withdrawn { .. } => {}
            Step::Turn => self.turn(),
            Step::Ends { which, how } => self.ends(which, how),
            // Before the first turn nothing was looked at.
            Step::Look => {
                if self.has_looked {
                    self.look();
                }
            }
            Step::Tick => self.waiting.come_due(self.now + SOON),
            Step::Passes { time } => self.now += time,
            Step::Missed => {
                self.waiting.clear();
                self.fresh.clear();
                self.has_looked = false;
            }
        }
    }
}

proptest! {
    #[test]
    fn of_each_entity_the_oldest_row_goes_first_and_every_row_goes(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            world.does(step);
        }
        // Longer than the longest wait after a failure.
        world.now += 60_000_000;
        for _ in 0..2_000 {
            if world.table.is_empty() {
                break;
            }
            world.now += 11_000_000;
            world.does(Step::Tick);
            world.turn();
            world.does(Step::Look);
            world.turn();
            while !world.running.is_empty() {
                world.ends(0, 5);
            }
        }
        prop_assert!(world.table.is_empty(), "left: {:?}", world.table);
    }
}
