//! What may be asked of a thread, at random.

use conversation::Proof;
use events::Micros;
use events::thread::{ReceiptState, ReleasedTo};
use proptest::prelude::*;

/// How far the asker's tenure is from the one that holds: 0 is fresh.
pub(crate) type Staleness = i8;

/// A message of ours: the next to be sent, or one counted from the end of the history.
pub(crate) type Which = Option<usize>;

/// A message of the customer, counted from the last; `None` when nothing was seen.
pub(crate) type Seen = Option<usize>;

#[derive(Clone, Debug)]
pub(crate) enum Command {
    Pass(Micros),
    Receive { i: u32, touch: bool, left: Option<u32>, supported: bool },
    Visit { i: u32, touch: bool },
    Menu { i: u32 },
    Edit { i: u32, of: Seen },
    Recall { i: u32, of: Seen },
    Gone { i: u32 },
    Identify { i: u32 },
    Echo { i: u32, ours: Which, is_ours: bool },
    Desk { i: u32, took: bool },
    AiReply { stale: Staleness, seen: Seen, all: bool, again: bool },
    PersonReply { agent: u8, stale: Staleness, seen: Seen, again: bool },
    Notify,
    Resend { of: Which, by: u8 },
    HandOver { stale: Staleness, notice: bool },
    Expire { message: Seen },
    Assign { agent: u8, stale: Staleness },
    TakeOver { agent: u8, from: Option<u8> },
    OpenByAgent { agent: u8 },
    Release { by: Option<u8>, stale: Staleness, to: ReleasedTo },
    TransferToAgent { by: u8, stale: Staleness, to: u8 },
    TransferToQueue { by: u8, stale: Staleness },
    CloseByAgent { agent: u8, seen: Seen, earlier: bool },
    CloseByAi { stale: Staleness, seen: Seen },
    CloseIdle { age: Micros },
    CloseUnreachable,
    Start { which: Which, skip: u32, proof: Proof },
    Sent { which: Which, back: u32 },
    Failed { which: Which, back: u32, retry: bool, class: u8 },
    Lost { which: Which, back: u32 },
    GiveUp { which: Which },
    Cancel { which: Which },
    Receipt { which: Which, state: ReceiptState },
    Erase,
}

const SECOND: Micros = 1_000_000;

fn agent() -> impl Strategy<Value = u8> {
    0..3_u8
}

fn stale() -> impl Strategy<Value = Staleness> {
    prop_oneof![8 => Just(0), 1 => Just(-1), 1 => Just(-2), 1 => Just(1)]
}

fn which() -> impl Strategy<Value = Which> {
    prop_oneof![4 => Just(None), 1 => (0..6_usize).prop_map(Some)]
}

fn seen() -> impl Strategy<Value = Seen> {
    prop_oneof![6 => Just(Some(0)), 2 => (1..4_usize).prop_map(Some), 1 => Just(None)]
}

fn back() -> impl Strategy<Value = u32> {
    prop_oneof![4 => Just(0), 1 => Just(1)]
}

fn proof() -> impl Strategy<Value = Proof> {
    prop_oneof![Just(Proof::IdempotencyKey), Just(Proof::Receipt), Just(Proof::Echo), Just(Proof::None)]
}

fn id() -> impl Strategy<Value = u32> {
    0..150_u32
}

/// Any command; sending and its outcomes come often, erasure seldom.
pub(crate) fn any_command() -> impl Strategy<Value = Command> {
    prop_oneof![12 => of_customer(), 14 => of_writers(), 8 => of_owners(), 40 => of_sender(), 8 => of_time()]
}

fn of_time() -> impl Strategy<Value = Command> {
    let short = (0..90_i64).prop_map(|seconds| Command::Pass(seconds * SECOND));
    let long = (1..200_i64).prop_map(|hours| Command::Pass(hours * 3_600 * SECOND));
    prop_oneof![200 => short, 20 => long, 1 => Just(Command::Erase)]
}

fn of_customer() -> impl Strategy<Value = Command> {
    let left = prop_oneof![6 => Just(None), 1 => (1..4_u32).prop_map(Some)];
    let receive = (id(), any::<bool>(), left, prop::bool::weighted(0.9))
        .prop_map(|(i, touch, left, supported)| Command::Receive { i, touch, left, supported });
    prop_oneof![
        40 => receive,
        2 => (id(), any::<bool>()).prop_map(|(i, touch)| Command::Visit { i, touch }),
        1 => id().prop_map(|i| Command::Menu { i }),
        1 => (id(), seen()).prop_map(|(i, of)| Command::Edit { i, of }),
        1 => (id(), seen()).prop_map(|(i, of)| Command::Recall { i, of }),
        1 => id().prop_map(|i| Command::Gone { i }),
        1 => id().prop_map(|i| Command::Identify { i }),
        2 => (id(), which(), any::<bool>()).prop_map(|(i, ours, is_ours)| Command::Echo { i, ours, is_ours }),
        2 => (id(), any::<bool>()).prop_map(|(i, took)| Command::Desk { i, took }),
    ]
}

fn of_writers() -> impl Strategy<Value = Command> {
    let again = || prop::bool::weighted(0.1);
    prop_oneof![
        8 => (stale(), seen(), any::<bool>(), again())
            .prop_map(|(stale, seen, all, again)| Command::AiReply { stale, seen, all, again }),
        5 => (agent(), stale(), seen(), again())
            .prop_map(|(agent, stale, seen, again)| Command::PersonReply { agent, stale, seen, again }),
        1 => Just(Command::Notify),
        3 => (0..3_usize, 0..5_u8).prop_map(|(of, by)| Command::Resend { of: Some(of), by }),
    ]
}

fn of_owners() -> impl Strategy<Value = Command> {
    let by = || prop::option::of(agent());
    let to = prop_oneof![Just(ReleasedTo::Ai), Just(ReleasedTo::Queue)];
    prop_oneof![
        2 => (stale(), any::<bool>()).prop_map(|(stale, notice)| Command::HandOver { stale, notice }),
        1 => seen().prop_map(|message| Command::Expire { message }),
        2 => (agent(), stale()).prop_map(|(agent, stale)| Command::Assign { agent, stale }),
        2 => (agent(), by()).prop_map(|(agent, from)| Command::TakeOver { agent, from }),
        1 => agent().prop_map(|agent| Command::OpenByAgent { agent }),
        4 => (by(), stale(), to).prop_map(|(by, stale, to)| Command::Release { by, stale, to }),
        1 => (agent(), stale(), agent()).prop_map(|(by, stale, to)| Command::TransferToAgent { by, stale, to }),
        1 => (agent(), stale()).prop_map(|(by, stale)| Command::TransferToQueue { by, stale }),
        1 => (agent(), seen(), any::<bool>())
            .prop_map(|(agent, seen, earlier)| Command::CloseByAgent { agent, seen, earlier }),
        1 => (stale(), seen()).prop_map(|(stale, seen)| Command::CloseByAi { stale, seen }),
        1 => (0..600_i64).prop_map(|seconds| Command::CloseIdle { age: seconds * SECOND }),
        1 => Just(Command::CloseUnreachable),
    ]
}

fn of_sender() -> impl Strategy<Value = Command> {
    let state = prop_oneof![Just(ReceiptState::Delivered), Just(ReceiptState::Read)];
    prop_oneof![
        12 => (which(), back(), proof()).prop_map(|(which, skip, proof)| Command::Start { which, skip, proof }),
        6 => (which(), back()).prop_map(|(which, back)| Command::Sent { which, back }),
        3 => (which(), back(), any::<bool>(), 0..8_u8)
            .prop_map(|(which, back, retry, class)| Command::Failed { which, back, retry, class }),
        3 => (which(), back()).prop_map(|(which, back)| Command::Lost { which, back }),
        2 => which().prop_map(|which| Command::GiveUp { which }),
        1 => which().prop_map(|which| Command::Cancel { which }),
        2 => (which(), state).prop_map(|(which, state)| Command::Receipt { which, state }),
    ]
}
