//! What is held, asked for and let go.

use super::*;

const HOUR_US: i64 = 3_600_000_000;

fn work(entity: &str, lane: &str) -> Work {
    let (entity, lane) = (entity.to_owned(), lane.to_owned());
    let (key, body) = (String::new(), String::new());
    Work { entity, key, lane, at: 0, body, part: 0, sequence: 1, traceparent: None }
}

#[test]
fn another_copy_of_a_row_that_is_taken_is_known_and_what_was_put_anew_is_not_it() {
    let (mut claims, row) = (Claims::default(), work("a", "one"));
    assert!(!claims.has(&row));
    assert!(claims.take(&row) && claims.has(&row));
    let position = Position { generation: 1, part: 0, sequence: 5 };
    claims.give_back("send", row.clone(), Ok(Done::At(position)), 0);
    claims.settle(&BTreeMap::new(), 1);
    assert!(claims.has(&row) && claims.asked().is_empty(), "its result is not projected yet");
    assert!(
        !claims.has(&Work { sequence: 2, ..row.clone() })
            && !claims.has(&Work { key: "k".into(), ..row.clone() })
    );
    claims.settle(&BTreeMap::from([(0, 5)]), 1);
    let asked = [(row.entity.clone(), row.key.clone())];
    assert_eq!(claims.asked(), asked, "a result may leave its row");
    claims.settle(&BTreeMap::from([(0, 5)]), 2);
    assert!(
        claims.has(&row) && claims.asked() == asked,
        "nothing of its entity begins before the table answers"
    );
    assert!(claims.answered(vec![row.clone()], 2).is_empty() && claims.has(&row), "it is no use at once");
    claims.settle(&BTreeMap::from([(0, 5)]), 2 + STANDS_FOR_US);
    assert_eq!(claims.answered(vec![row.clone()], 2 + STANDS_FOR_US).len(), 1);
    assert!(!claims.has(&row) && claims.asked().is_empty() && claims.take(&row));
    claims.give_back("send", row.clone(), Ok(Done::At(position)), 0);
    claims.settle(&BTreeMap::from([(0, 5)]), 3);
    let anew = Work { sequence: 2, ..row.clone() };
    assert!(
        claims.answered(vec![anew], 3).is_empty() && !claims.has(&row),
        "what was put anew comes in its turn"
    );
    assert!(claims.take(&row));
    claims.give_back("send", row.clone(), Ok(Done::At(position)), 1);
    claims.settle(&BTreeMap::new(), PROJECTED_WITHIN_US + 1);
    assert_eq!(claims.asked(), asked, "its result is in a part that another replica reads");
}

#[test]
fn what_is_put_anew_is_gone_no_more_and_what_is_gone_waits_for_nothing() {
    let position = Position { generation: 1, part: 0, sequence: 5 };
    let (mut claims, row) = (Claims::default(), work("a", "one"));
    assert!(claims.take(&row));
    claims.gone("a", None);
    claims.put(&row);
    claims.give_back("send", row.clone(), Ok(Done::At(position)), 0);
    claims.settle(&BTreeMap::from([(0, 5)]), 1);
    assert_eq!(claims.asked().len(), 1, "it may stand");
    assert!(claims.answered(Vec::new(), 1).is_empty() && claims.take(&row));
    claims.give_back("send", row.clone(), Ok(Done::Again { after_ms: 60_000 }), 1);
    claims.settle(&BTreeMap::new(), 2);
    assert!(claims.asked().is_empty());
    claims.gone("a", Some(""));
    claims.settle(&BTreeMap::new(), 3);
    assert_eq!(claims.asked().len(), 1, "what follows of its entity does not wait for a minute");
}

#[test]
fn failures_of_entities_of_which_nothing_is_taken_are_forgotten() {
    let mut claims = Claims::default();
    for entity in ["a", "b"] {
        let row = work(entity, "one");
        assert!(claims.take(&row));
        claims.give_back("send", row, Err(Error::Other("a platform says no".into())), 0);
    }
    claims.settle(&BTreeMap::new(), HOUR_US);
    claims.answered(vec![work("a", "one")], HOUR_US);
    assert!(claims.failures.contains_key("a") && !claims.failures.contains_key("b"));
    claims.forget_others();
    assert!(claims.failures.is_empty());
}

#[test]
fn what_is_known_to_be_gone_is_not_asked_for_also_where_that_was_heard_before_its_work_ended() {
    let position = Position { generation: 1, part: 0, sequence: 5 };
    for (is_early, key) in [(true, Some("")), (false, None)] {
        let (mut claims, row) = (Claims::default(), work("a", "one"));
        assert!(claims.take(&row));
        claims.gone("a", Some("another"));
        if is_early {
            claims.gone("a", key);
        }
        claims.give_back("send", row.clone(), Ok(Done::At(position)), 0);
        if !is_early {
            claims.gone("a", key);
        }
        claims.settle(&BTreeMap::from([(0, 5)]), 1);
        assert!(!claims.has(&row) && claims.asked().is_empty());
    }
}

#[test]
fn a_clock_that_goes_back_an_hour_makes_nothing_wait_for_an_hour() {
    let (mut claims, nowhere) = (Claims::default(), BTreeMap::new());
    let (again, lane) = (work("a", "one"), work("b", "two"));
    let now = 10 * HOUR_US;
    claims.settle(&nowhere, now);
    assert!(claims.take(&again) && claims.take(&lane));
    claims.give_back("send", again.clone(), Ok(Done::Again { after_ms: 2_000 }), now);
    let waits = claims.give_back("send", lane.clone(), Ok(Done::LanePaused { after_ms: 2_000 }), now);
    assert_eq!(waits.map(|row| row.entity), Some(lane.entity.clone()));
    let back = now - HOUR_US;
    claims.settle(&nowhere, back + 1_000_000);
    assert!(
        claims.asked().is_empty() && !claims.take(&again) && !claims.has_room("two", 1, back),
        "they wait as long as before"
    );
    assert_eq!(claims.first_unpaused(), Some(back + 2_000_000 + 1_000_000));
    claims.settle(&nowhere, back + 3_100_000);
    assert_eq!(claims.asked().len(), 1);
    assert_eq!(claims.answered(vec![again.clone()], back + 3_100_000).len(), 1);
    assert!(claims.take(&again) && claims.has_room("two", 1, back + 3_100_000) && claims.take(&lane));
}
