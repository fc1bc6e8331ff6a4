//! Properties of the law that hold for every history of commands.

mod ask;
mod command;
mod oracle;
mod world;

use command::{Command, any_command};
use proptest::prelude::*;
use world::World;

fn config() -> ProptestConfig {
    ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    /// Each command is decided, folded and decided again on the way; the whole history is judged at the end
    /// by an oracle that knows the events and not the state.
    #[test]
    fn every_history_keeps_the_law(commands in prop::collection::vec(any_command(), 1..160)) {
        let mut world = World::default();
        for command in &commands {
            world.run(command);
        }
        oracle::judge(&world.history);
        world.check_fold();
    }

    #[test]
    fn nothing_follows_an_erasure(
        before in prop::collection::vec(any_command(), 0..60),
        after in prop::collection::vec(any_command(), 1..20),
    ) {
        let mut world = World::default();
        before.iter().for_each(|command| world.run(command));
        world.run(&Command::Erase);
        let length = world.history.len();
        after.iter().for_each(|command| world.run(command));
        prop_assert_eq!(world.history.len(), length);
    }
}

/// Guards the test itself: histories in which nothing happens would prove nothing.
#[test]
fn random_histories_meet_every_event_and_most_refusals() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let strategy = prop::collection::vec(any_command(), 160);
    let (mut events, mut refusals) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
    for _ in 0..600 {
        let commands = strategy.new_tree(&mut runner).unwrap().current();
        let mut world = World::default();
        commands.iter().for_each(|command| world.run(command));
        events.extend(world.history.iter().map(oracle::name));
        refusals.extend(world.refusals);
    }
    let missing: Vec<_> = <conversation::Thread as spine::Entity>::EVENTS
        .iter()
        .filter(|name| !events.contains(**name))
        .collect();
    assert!(missing.is_empty(), "never happened: {missing:?}");
    assert!(refusals.len() >= 18, "only {refusals:?}");
}
