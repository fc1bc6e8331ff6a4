//! Tests of the choice: each reason, the order, and never above capacity.

use super::*;
use proptest::prelude::*;

const NOON: Micros = 1_700_000_000_000_000;

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn agent(number: u128) -> Agent {
    Agent {
        id: id(number),
        presence: Presence::Online,
        capacity: 2,
        load: 0,
        last_at: 0,
        skills: vec![],
        channels: vec![],
        queues: vec![],
    }
}

fn waiting(number: u128) -> Waiting {
    Waiting {
        thread: id(1_000 + number),
        tenure: 1,
        n: 1,
        since: NOON + number as Micros,
        class: Class { queue: "sales".into(), channel: "widget".into(), language: "zh".into() },
        last_agent: None,
        gave_back: None,
    }
}

/// Agent 1 is fit; says what was told against agent 2.
fn told(second: Agent, waiting: Waiting) -> String {
    let first = Agent { load: u32::from(second.last_at == 1), ..agent(1) };
    let choices = plan(vec![waiting], &mut [first, second], NOON + 1_000);
    assert_eq!(choices[0].agent, id(1), "{choices:?}");
    assert_eq!(choices[0].candidates[0], Candidate { agent: id(1), against: None });
    choices[0].candidates[1].against.clone().unwrap()
}

fn some(text: &str) -> Vec<String> {
    vec![text.into()]
}

#[test]
fn each_reason_against_an_agent_is_told() {
    let knows = Waiting { last_agent: Some(id(1)), ..waiting(1) };
    let gave = Waiting { gave_back: Some(id(2)), ..waiting(1) };
    let cases = [
        (agent(2), knows, "knows_customer_less"),
        (Agent { load: 1, ..agent(2) }, waiting(1), "busier"),
        (Agent { last_at: 7, ..agent(2) }, waiting(1), "served_later"),
        (agent(2), waiting(1), "tie"),
        (Agent { load: 2, ..agent(2) }, waiting(1), "full"),
        (agent(2), gave, "gave_back"),
        (Agent { skills: some("en"), ..agent(2) }, waiting(1), "language"),
        (Agent { channels: some("mail"), ..agent(2) }, waiting(1), "channel"),
        (Agent { queues: some("care"), ..agent(2) }, waiting(1), "queue"),
        (Agent { presence: Presence::Away, ..agent(2) }, waiting(1), "away"),
        (Agent { presence: Presence::Offline, ..agent(2) }, waiting(1), "offline"),
    ];
    for (second, waiting, expected) in cases {
        assert_eq!(told(second, waiting), expected);
    }
}

#[test]
fn the_last_agent_comes_before_a_less_loaded_one() {
    let returning = Waiting { last_agent: Some(id(2)), ..waiting(1) };
    let choices = plan(vec![returning], &mut [agent(1), Agent { load: 1, ..agent(2) }], NOON);
    assert_eq!(choices[0].agent, id(2));
}

#[test]
fn load_counts_against_capacity() {
    let large = Agent { capacity: 10, load: 3, ..agent(2) };
    let choices = plan(vec![waiting(1)], &mut [Agent { load: 1, ..agent(1) }, large], NOON);
    assert_eq!(choices[0].agent, id(2));
}

#[test]
fn a_free_agent_goes_to_the_oldest() {
    let only = Agent { capacity: 1, ..agent(1) };
    let choices = plan(vec![waiting(1), waiting(2)], &mut [only], NOON);
    assert_eq!(choices.iter().map(|choice| choice.waiting.thread).collect::<Vec<_>>(), [id(1_001)]);
}

#[test]
fn whoever_nobody_can_serve_holds_nobody_up() {
    let foreign = Class { queue: "care".into(), ..waiting(1).class };
    let first = Waiting { class: foreign, ..waiting(1) };
    let sales = Agent { queues: some("sales"), ..agent(1) };
    let choices = plan(vec![first, waiting(2)], &mut [sales], NOON);
    assert_eq!(choices.iter().map(|choice| choice.waiting.thread).collect::<Vec<_>>(), [id(1_002)]);
}

#[test]
fn what_was_given_back_is_offered_again_after_a_pause() {
    let gave = Waiting { gave_back: Some(id(1)), ..waiting(0) };
    assert!(plan(vec![gave.clone()], &mut [agent(1)], NOON + GAVE_BACK_US - 1).is_empty());
    assert_eq!(plan(vec![gave], &mut [agent(1)], NOON + GAVE_BACK_US).len(), 1);
}

#[test]
fn an_agent_without_a_language_among_their_skills_serves_all_and_an_undecided_one_fits_all() {
    let returns = Agent { skills: some("returns"), ..agent(1) };
    assert_eq!(returns.unfit(&waiting(1).class), None);
    let english = Agent { skills: some("en"), ..agent(1) };
    assert_eq!(english.unfit(&Class { language: String::new(), ..waiting(1).class }), None);
}

#[test]
fn a_hundred_colleagues_leave_only_the_nearest_in_the_log() {
    let mut agents: Vec<Agent> = (1..=100).map(agent).collect();
    let choices = plan(vec![waiting(1)], &mut agents, NOON);
    assert_eq!(choices[0].candidates.len(), CANDIDATES_MAX);
}

fn any_agent() -> impl Strategy<Value = Agent> {
    let list = |of: &'static [&'static str]| proptest::sample::subsequence(of, 0..=of.len());
    let (lists, numbers) = (
        (list(&["zh", "en", "vip"]), list(&["widget", "mail"]), list(&["sales", "care"])),
        (1..40_u128, 0..5_u32, 0..5_u32, 0..9_i64, 0..4_u8),
    );
    (lists, numbers).prop_map(|((skills, channels, queues), (number, capacity, load, last_at, presence))| {
        let own = |list: Vec<&str>| list.into_iter().map(str::to_owned).collect();
        let presence = match presence {
            0 => Presence::Away,
            1 => Presence::Offline,
            _ => Presence::Online,
        };
        let (skills, channels, queues) = (own(skills), own(channels), own(queues));
        Agent { id: id(number), presence, capacity, load, last_at, skills, channels, queues }
    })
}

fn any_waiting() -> impl Strategy<Value = Waiting> {
    let class = (prop_oneof!["sales", "care"], prop_oneof!["widget", "mail"], prop_oneof!["zh", "en", ""])
        .prop_map(|(queue, channel, language)| Class { queue, channel, language });
    (class, 0..99_u128, proptest::option::of(1..40_u128), proptest::option::of(1..40_u128)).prop_map(
        |(class, number, last, gave)| Waiting {
            class,
            last_agent: last.map(id),
            gave_back: gave.map(id),
            ..waiting(number)
        },
    )
}

proptest! {
    #[test]
    fn nobody_gets_more_than_their_capacity_or_what_they_do_not_serve(
        mut agents in proptest::collection::vec(any_agent(), 0..8),
        queue in proptest::collection::vec(any_waiting(), 0..20),
    ) {
        agents.sort_by_key(|agent| agent.id);
        agents.dedup_by_key(|agent| agent.id);
        let before = agents.clone();
        let choices = plan(queue.clone(), &mut agents, NOON);
        for agent in &before {
            let given: Vec<_> = choices.iter().filter(|choice| choice.agent == agent.id).collect();
            prop_assert!(given.len() <= agent.free() as usize);
            for choice in given {
                let fresh = Agent { load: 0, capacity: 1, ..agent.clone() };
                prop_assert_eq!(fresh.against(&choice.waiting, NOON), None);
            }
        }
        // Whoever goes on waiting would find nobody: no agent idles beside a customer they could serve.
        let served: Vec<_> = choices.iter().map(|choice| &choice.waiting).collect();
        for waiting in queue.iter().filter(|waiting| !served.contains(waiting)) {
            for agent in &agents {
                prop_assert!(agent.against(waiting, NOON).is_some());
            }
        }
    }
}
