//! The decisions on a customer, each with its happy case, its rejections and its repetition.

use super::*;

const A: Uuid = Uuid::from_u128(1);
const B: Uuid = Uuid::from_u128(2);
const THREAD_A: Uuid = Uuid::from_u128(11);
const THREAD_B: Uuid = Uuid::from_u128(12);

fn appeared(thread: Uuid) -> Customer {
    let mut state = Customer::Unknown;
    take(&mut state, appear(&Customer::Unknown, thread, Uuid::nil(), "http", 1));
    state
}

fn take(state: &mut Customer, decided: Result<Vec<CustomerEvent>, Rejection>) {
    decided.unwrap().iter().for_each(|event| state.evolve(event));
}

fn threads(state: &Customer) -> Vec<Uuid> {
    state.known().unwrap().threads.iter().copied().collect()
}

#[test]
fn a_merged_and_split_customer_is_as_before() {
    let (mut a, mut b) = (appeared(THREAD_A), appeared(THREAD_B));
    let decided = merge(&a, B, &[THREAD_B], EvidenceKind::Unionid, 2);
    take(&mut a, decided);
    let decided = absorb(&b, B, A, 2);
    take(&mut b, decided);
    assert_eq!(threads(&a), [THREAD_A, THREAD_B]);
    assert_eq!(b.known().unwrap_err(), Rejection::Absorbed { into: A });
    let decided = split(&a, B, 3);
    take(&mut a, decided);
    let decided = restore(&b, A, &[THREAD_B], 3);
    take(&mut b, decided);
    assert_eq!((threads(&a), threads(&b)), (vec![THREAD_A], vec![THREAD_B]));
    assert_eq!(split(&a, B, 4), Err(Rejection::NotMerged { from: B }));
}

#[test]
fn whom_a_person_parted_only_a_person_merges_again() {
    let mut a = appeared(THREAD_A);
    let decided = merge(&a, B, &[THREAD_B], EvidenceKind::VerifiedEmail, 2);
    take(&mut a, decided);
    let decided = split(&a, B, 3);
    take(&mut a, decided);
    let late = merge(&a, B, &[THREAD_B], EvidenceKind::VerifiedEmail, 4);
    assert_eq!(late, Err(Rejection::GivenBack { from: B }));
    let decided = merge(&a, B, &[THREAD_B], EvidenceKind::Person, 5);
    take(&mut a, decided);
    assert_eq!(threads(&a), [THREAD_A, THREAD_B]);
}

#[test]
fn each_decision_again_changes_nothing() {
    let mut a = appeared(THREAD_A);
    assert_eq!(appear(&a, THREAD_A, Uuid::nil(), "http", 2), Ok(vec![]));
    let decided = touch(&a, THREAD_A, 1, &Touch::default(), 2);
    take(&mut a, decided);
    assert_eq!(touch(&a, THREAD_A, 1, &Touch::default(), 3), Ok(vec![]));
    let decided = merge(&a, B, &[THREAD_B], EvidenceKind::Login, 3);
    take(&mut a, decided);
    assert_eq!(merge(&a, B, &[THREAD_B], EvidenceKind::Login, 4), Ok(vec![]));
}

#[test]
fn an_erased_customer_takes_nothing() {
    let mut a = appeared(THREAD_A);
    let decided = erase(&a, Uuid::nil(), 2);
    take(&mut a, decided);
    assert_eq!(touch(&a, THREAD_A, 1, &Touch::default(), 3), Err(Rejection::Erased));
    assert_eq!(erase(&a, Uuid::nil(), 3), Ok(vec![]));
}

#[test]
fn a_restored_customer_remembers_what_it_knew() {
    let mut b = appeared(THREAD_B);
    let decided = touch(&b, THREAD_B, 1, &Touch::default(), 2);
    take(&mut b, decided);
    let decided = evidence(&b, THREAD_B, EvidenceKind::Login, Sealed("v1.x".into()), 2);
    take(&mut b, decided);
    let decided = absorb(&b, B, A, 3);
    take(&mut b, decided);
    assert_eq!(touch(&b, THREAD_B, 1, &Touch::default(), 4), Ok(vec![]));
    assert_eq!(touch(&b, THREAD_B, 2, &Touch::default(), 4), Err(Rejection::Absorbed { into: A }));
    let decided = restore(&b, A, &[THREAD_B], 4);
    take(&mut b, decided);
    assert_eq!(touch(&b, THREAD_B, 1, &Touch::default(), 5), Ok(vec![]));
    let again = evidence(&b, THREAD_B, EvidenceKind::Login, Sealed("v1.y".into()), 5);
    assert_eq!(again, Ok(vec![]));
}

#[test]
fn two_customers_do_not_go_on_as_each_other() {
    let mut a = appeared(THREAD_A);
    let decided = merge(&a, B, &[THREAD_B], EvidenceKind::Unionid, 2);
    take(&mut a, decided);
    assert_eq!(absorb(&a, A, B, 3), Err(Rejection::Claims { other: B }));
}

#[test]
fn nobody_is_merged_with_themselves() {
    assert_eq!(absorb(&appeared(THREAD_A), A, A, 2), Err(Rejection::Same));
}
