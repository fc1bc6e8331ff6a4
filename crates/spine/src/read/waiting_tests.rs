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
const BOUNDS: Bounds = Bounds { lane_rows_max: 5, rows_max: 8 };
const READ_ROWS: usize = 3;
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
        Self { waiting, claims, table, fresh, running, projected: 0, sequence: 0, now: 1_000, has_looked }
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

    fn read_on(&mut self, (lane, place): (String, Place)) {
        let of = || self.table.iter().filter(|row| row.lane == lane);
        let rows = of().filter(|row| self.is_due(row) && place.is_before(row)).take(READ_ROWS).cloned();
        let rows: Vec<Work> = rows.collect();
        let next = of().filter(|row| !self.is_due(row)).map(|row| row.at).min().unwrap_or(i64::MAX);
        let next = if rows.len() < READ_ROWS { next } else { i64::MAX };
        self.waiting.read(&lane, rows, (READ_ROWS, next), &self.claims);
    }

    fn turn(&mut self) {
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
            self.read_on(wants);
        }
        let rows: usize = self.waiting.lanes.values().map(|lane| lane.rows.len()).sum();
        assert_eq!(rows, self.waiting.count);
        assert!(self.waiting.lanes.values().all(|lane| lane.rows.len() < BOUNDS.lane_rows_max + READ_ROWS));
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
            let oldest = self.table.iter().find(|other| other.entity == row.entity).unwrap();
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

fn row(entity: &str, lane: &str, sequence: u64) -> Work {
    let (entity, key, lane) = (entity.to_owned(), sequence.to_string(), lane.to_owned());
    Work { entity, key, lane, at: 0, body: String::new(), part: 0, sequence, traceparent: None }
}

#[test]
fn lanes_take_turns_and_a_full_one_costs_the_others_nothing() {
    let (mut waiting, mut claims) = (Waiting::default(), Claims::default());
    for sequence in 0..30 {
        waiting.put(row(&format!("a{sequence}"), "a", sequence), 0);
    }
    waiting.put(row("b", "b", 30), 0);
    waiting.put(row("c", "c", 31), 0);
    let limits = WorkLimits { in_flight_max: 4, per_lane_max: 2, confirms: false };
    let first = waiting.pass(&mut claims, limits, 0, 3);
    let lanes = |pass: &Pass| pass.taken.iter().map(|row| row.lane.clone()).collect::<Vec<_>>();
    assert_eq!(lanes(&first), ["a", "a", "b"]);
    assert_eq!(
        lanes(&waiting.pass(&mut claims, limits, 0, 1)),
        ["c"],
        "the next turn is that of the lane behind"
    );
    assert!(
        waiting.pass(&mut claims, limits, 0, 9).taken.is_empty(),
        "a is full, and the others have nothing"
    );
}

#[test]
fn lanes_that_must_be_read_take_turns_too() {
    let (mut waiting, mut claims) = (Waiting::default(), Claims::default());
    let found = ["a", "b", "c"].map(|lane| Found { lane: lane.into(), first: 0, next: i64::MAX });
    waiting.found(found.into(), 0);
    let mut begun = String::new();
    while begun.len() < 6 {
        let pass = waiting.pass(&mut claims, WorkLimits { in_flight_max: 9, ..LIMITS }, 0, 1);
        pass.taken.iter().for_each(|row| begun.push_str(&row.lane));
        if let Some((lane, _)) = pass.wants {
            let rows = (0..3).map(|number| row(&format!("{lane}{number}"), &lane, number)).collect();
            waiting.read(&lane, rows, (4, i64::MAX), &claims);
        }
    }
    assert_eq!(begun, "abcabc");
}

#[test]
fn what_was_put_a_moment_ago_brings_its_trace_also_where_the_table_gave_the_row_before() {
    let (mut waiting, mut claims) = (Waiting::default(), Claims::default());
    waiting.found(vec![Found { lane: "a".into(), first: 0, next: i64::MAX }], 0);
    waiting.read("a", vec![row("x", "a", 1)], (2, i64::MAX), &claims);
    let traceparent = Some("00-1-2-01".to_owned());
    waiting.put(Work { traceparent: traceparent.clone(), ..row("x", "a", 1) }, 0);
    let limits = WorkLimits { in_flight_max: 4, per_lane_max: 2, confirms: false };
    let taken = waiting.pass(&mut claims, limits, 0, 4).taken;
    assert_eq!(taken.iter().map(|row| row.traceparent.clone()).collect::<Vec<_>>(), [traceparent]);
}
