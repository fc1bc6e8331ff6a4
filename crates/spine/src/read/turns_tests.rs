//! Whose turn it is, and how much of the table memory takes.

use super::super::claims::Claims;
use super::super::work::Done;
use super::*;

const LIMITS: WorkLimits = WorkLimits { in_flight_max: 4, per_lane_max: 3, confirms: false };

fn row(entity: &str, lane: &str, sequence: u64) -> Work {
    let (entity, key, lane) = (entity.to_owned(), sequence.to_string(), lane.to_owned());
    Work { entity, key, lane, at: 0, body: String::new(), part: 0, sequence, traceparent: None }
}

/// All that is in the table is heard of.
fn read(waiting: &mut Waiting, lane: &str, rows: Vec<Work>, limit: usize, claims: &Claims) {
    let heard = BTreeMap::new();
    assert!(waiting.read(lane, Read { rows, limit, next: i64::MAX, heard: &heard }, claims));
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
            read(&mut waiting, &lane, rows, 4, &claims);
        }
    }
    assert_eq!(begun, "abcabc");
}

#[test]
fn a_lane_whose_rows_may_not_begin_is_read_behind_the_others() {
    let (mut waiting, mut claims) = (Waiting::default(), Claims::default());
    for sequence in 0..99 {
        let held = row(&format!("a{sequence}"), "a", sequence);
        assert!(claims.take(&held));
        claims.give_back("send", held, Ok(Done::Again { after_ms: 60_000 }), 0);
    }
    let found = ["a", "b"].map(|lane| Found { lane: lane.into(), first: 0, next: i64::MAX });
    waiting.found(found.into(), 0);
    let mut lanes = Vec::new();
    while lanes.len() < 4 {
        let pass = waiting.pass(&mut claims, LIMITS, 0, 1);
        if pass.taken.iter().any(|row| row.lane == "b") {
            break;
        }
        let (lane, _) = pass.wants.unwrap();
        let first = u64::try_from(lanes.len()).unwrap() * 3;
        let rows = (first..first + 3).map(|number| row(&format!("{lane}{number}"), &lane, number)).collect();
        read(&mut waiting, &lane, rows, 3, &claims);
        lanes.push(lane);
    }
    assert_eq!(lanes, ["a", "b"]);
}

#[test]
fn a_lane_that_is_always_ahead_of_what_was_heard_keeps_no_other_waiting() {
    let (mut waiting, mut claims) = (Waiting::default(), Claims::default());
    let found = ["a", "b"].map(|lane| Found { lane: lane.into(), first: 0, next: i64::MAX });
    waiting.found(found.into(), 0);
    let heard = BTreeMap::from([(0, 100)]);
    let mut begun = String::new();
    for number in 0..4 {
        let pass = waiting.pass(&mut claims, WorkLimits { in_flight_max: 9, ..LIMITS }, 0, 9);
        pass.taken.iter().for_each(|row| begun.push_str(&row.lane));
        let (lane, _) = pass.wants.unwrap();
        let rows = [number, 101].map(|sequence| row(&format!("{lane}{sequence}"), &lane, sequence)).into();
        let is_whole = waiting.read(&lane, Read { rows, limit: 9, next: i64::MAX, heard: &heard }, &claims);
        assert!(!is_whole);
    }
    assert!(begun.starts_with("ab"), "{begun}");
}

#[test]
fn many_deep_lanes_fill_memory_to_its_bound_and_not_beyond_a_few_rows_of_each() {
    let (mut waiting, mut claims) = (Waiting::default(), Claims::default());
    let found = (0..300).map(|lane| Found { lane: format!("{lane:03}"), first: 0, next: i64::MAX });
    waiting.found(found.collect(), 0);
    let mut begun = 0;
    while begun < 600 {
        let pass = waiting.pass(&mut claims, WorkLimits { in_flight_max: 999, ..LIMITS }, 0, 1);
        begun += pass.taken.len();
        if let Some((lane, reach)) = pass.wants {
            let first = reach.sequence + 1;
            let limit = waiting.read_rows();
            let rows = first..first + u64::try_from(limit).unwrap();
            let rows = rows.map(|number| row(&format!("{lane} {number}"), &lane, number)).collect();
            read(&mut waiting, &lane, rows, limit, &claims);
        }
    }
    let bounds = Bounds::default();
    assert!(
        waiting.count < bounds.rows_max + bounds.read_rows + 300 * bounds.read_rows_full,
        "{}",
        waiting.count
    );
}

#[test]
fn what_was_put_a_moment_ago_brings_its_trace_also_where_the_table_gave_the_row_before() {
    let (mut waiting, mut claims) = (Waiting::default(), Claims::default());
    waiting.found(vec![Found { lane: "a".into(), first: 0, next: i64::MAX }], 0);
    read(&mut waiting, "a", vec![row("x", "a", 1)], 2, &claims);
    let traceparent = Some("00-1-2-01".to_owned());
    waiting.put(Work { traceparent: traceparent.clone(), ..row("x", "a", 1) }, 0);
    let limits = WorkLimits { in_flight_max: 4, per_lane_max: 2, confirms: false };
    let taken = waiting.pass(&mut claims, limits, 0, 4).taken;
    assert_eq!(taken.iter().map(|row| row.traceparent.clone()).collect::<Vec<_>>(), [traceparent]);
}
