//! What waits in memory.

use super::claims::Claims;
use super::waiting::{LANE_ROWS_MAX, READ_AGAIN_AFTER, ROWS_MAX, Waiting};
use super::work::{Done, Work};
use crate::position::Position;

const LIVE: &[u8] = &[0];

fn row(lane: &str, number: u64) -> Work {
    Work {
        entity: format!("{lane}-{number}"),
        key: String::new(),
        lane: lane.into(),
        at: 0,
        body: String::new(),
        part: 0,
        sequence: number,
        traceparent: None,
    }
}

fn rows(lane: &str, numbers: std::ops::Range<u64>) -> Vec<Work> {
    numbers.map(|number| row(lane, number)).collect()
}

/// Of a table in which nothing is due.
fn of_nothing() -> Waiting {
    let mut waiting = Waiting::default();
    waiting.looked_at_all();
    waiting
}

fn next(waiting: &mut Waiting, claims: &mut Claims) -> Option<String> {
    waiting.next(claims, 2, (LIVE, 0), |_| {}).map(|row| row.entity)
}

fn many() -> u64 {
    LANE_ROWS_MAX as u64
}

#[test]
fn lanes_take_turns_and_a_full_one_waits() {
    let (mut waiting, mut claims) = (of_nothing(), Claims::default());
    rows("a", 0..4).into_iter().chain(rows("b", 0..1)).for_each(|row| {
        waiting.add(row);
    });
    let begun: Vec<String> = std::iter::from_fn(|| next(&mut waiting, &mut claims)).collect();
    assert_eq!(begun, ["a-0", "b-0", "a-1"]);
    claims.give_back("send", &row("a", 0), Ok(Done::Nothing), 0);
    assert_eq!(next(&mut waiting, &mut claims).as_deref(), Some("a-2"));
}

#[test]
fn of_an_entity_that_is_taken_nothing_begins_and_the_next_one_does() {
    let (mut waiting, mut claims) = (of_nothing(), Claims::default());
    let again = Work { sequence: 7, ..row("a", 0) };
    [row("a", 0), again.clone(), row("a", 1)].into_iter().for_each(|row| {
        waiting.add(row);
    });
    assert_eq!(next(&mut waiting, &mut claims).as_deref(), Some("a-0"));
    assert_eq!(next(&mut waiting, &mut claims).as_deref(), Some("a-1"));
    let done = Position { generation: 1, part: 0, sequence: 9 };
    claims.give_back("send", &row("a", 0), Ok(Done::At(done)), 0);
    claims.settle(&[(0, 9)].into(), 1);
    let taken = waiting.next(&mut claims, 2, (LIVE, 1), |_| {}).map(|row| row.sequence);
    assert_eq!((taken, waiting.is_empty()), (Some(7), true));
}

#[test]
fn what_is_not_due_or_of_others_goes_and_its_time_is_told() {
    let (mut waiting, mut claims, mut told) = (of_nothing(), Claims::default(), Vec::new());
    waiting.add(Work { at: 50, ..row("a", 0) });
    waiting.add(Work { part: 3, ..row("a", 1) });
    assert!(waiting.next(&mut claims, 2, (LIVE, 10), |at| told.push(at)).is_none());
    assert_eq!((told, waiting.is_empty()), (vec![50], true));
}

#[test]
fn a_deep_lane_waits_in_the_table_and_what_is_put_later_waits_behind_it() {
    let (mut waiting, mut claims) = (of_nothing(), Claims::default());
    rows("a", 0..many() + 1).into_iter().for_each(|row| {
        waiting.add(row);
    });
    assert_eq!(waiting.in_table().collect::<Vec<_>>(), ["a"]);
    assert_eq!(waiting.wants(&claims, 2), None, "it has enough");
    waiting.read_lane("a", rows("a", 1..3), true);
    waiting.add(row("a", 9_999));
    std::thread::sleep(READ_AGAIN_AFTER);
    assert_eq!(waiting.wants(&claims, 2), Some(("a".into(), LANE_ROWS_MAX)));
    let begun: Vec<String> = std::iter::from_fn(|| next(&mut waiting, &mut claims)).collect();
    assert_eq!(begun, ["a-1", "a-2"]);
    assert_eq!(waiting.wants(&claims, 2), None, "none of it may begin");
    claims.give_back("send", &row("a", 1), Ok(Done::Nothing), 0);
    claims.settle(&[].into(), 1);
    assert!(waiting.wants(&claims, 2).is_some());
    waiting.read_lane("a", rows("a", 3..4), false);
    assert_eq!(waiting.in_table().count(), 0);
    waiting.add(row("a", 4));
    assert_eq!(next(&mut waiting, &mut claims).as_deref(), Some("a-3"));
}

#[test]
fn a_look_replaces_what_waited_and_one_beside_it_adds_lanes() {
    let (mut waiting, mut claims) = (of_nothing(), Claims::default());
    waiting.add(row("a", 0));
    waiting.read_beside(rows("a", 7..8).into_iter().chain(rows("b", 5..7)).collect());
    let begun: Vec<String> = std::iter::from_fn(|| next(&mut waiting, &mut claims)).collect();
    assert_eq!(begun, ["a-0", "b-5", "a-7", "b-6"]);
    waiting.add(row("a", 9));
    waiting.read(rows("c", 0..2), true);
    assert_eq!(waiting.in_table().collect::<Vec<_>>(), ["c"]);
    waiting.clear();
    assert!(waiting.is_empty());
}

#[test]
fn rows_that_nobody_handed_over_may_be_of_any_lane_and_memory_is_bounded() {
    let mut waiting = of_nothing();
    waiting.add(row("a", 0));
    waiting.missed();
    assert_eq!(waiting.in_table().count(), 1);
    waiting.looked_at_all();
    let lanes = ROWS_MAX / LANE_ROWS_MAX;
    for lane in 0..lanes + 3 {
        rows(&lane.to_string(), 0..many()).into_iter().for_each(|row| {
            waiting.add(row);
        });
    }
    assert_eq!(waiting.wants(&Claims::default(), 2).map(|(_, count)| count), Some(2));
}

#[test]
fn before_the_table_is_known_a_lane_begins_with_what_it_holds() {
    let (mut waiting, claims) = (Waiting::default(), Claims::default());
    waiting.add(row("a", 9));
    assert_eq!(waiting.wants(&claims, 2), Some(("a".into(), LANE_ROWS_MAX)));
    waiting.read_lane("a", rows("a", 1..3), false);
    waiting.add(row("b", 1));
    assert!(waiting.wants(&claims, 2).is_some_and(|(lane, _)| lane == "b"));
}

#[test]
fn what_is_tried_again_and_what_a_look_finds_go_before_what_came_later_of_their_entity() {
    let (mut waiting, mut claims) = (of_nothing(), Claims::default());
    let of = |sequence: u64| Work { sequence, entity: "e".into(), ..row("a", sequence) };
    waiting.add(of(5));
    waiting.read_beside(vec![of(3), of(5)]);
    waiting.add(of(3));
    let sequence = |waiting: &mut Waiting, claims: &mut Claims| {
        waiting.next(claims, 2, (LIVE, 0), |_| {}).map(|row| row.sequence)
    };
    assert_eq!(sequence(&mut waiting, &mut claims), Some(3));
    claims.give_back("send", &of(3), Ok(Done::Again { after_ms: 1 }), 0);
    assert_eq!(sequence(&mut waiting, &mut claims), None);
    let again = claims.settle(&[].into(), 1_001);
    assert_eq!(again.len(), 1);
    assert_eq!(sequence(&mut waiting, &mut claims), None, "the table is not asked yet");
    claims.release("e");
    waiting.replace("a", "e", vec![of(3), of(5)]);
    assert_eq!(sequence(&mut waiting, &mut claims), Some(3));
    let paused = claims.give_back("send", &of(3), Ok(Done::LanePaused { after_ms: 1 }), 0);
    assert!(paused.is_some_and(|row| row.is_same(&of(3))));
    assert_eq!(sequence(&mut waiting, &mut claims), None, "the table is not asked yet");
    claims.release("e");
    waiting.replace("a", "e", vec![of(3), of(5)]);
    assert_eq!(sequence(&mut waiting, &mut claims), None);
    claims.settle(&[].into(), 1_001);
    assert_eq!(sequence(&mut waiting, &mut claims), Some(3));
    claims.give_back("send", &of(3), Ok(Done::Nothing), 2_000);
    assert_eq!(sequence(&mut waiting, &mut claims), Some(5));
}
