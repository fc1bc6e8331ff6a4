//! The model test: random operations against the real suite, compared with a hundred lines that say what must be.
//!
//! The seed is printed; `SEED=…` repeats a run.

mod below;
mod expected;

use crate::shop;
use conversation::{Close, Owner, PersonReply, Release, TakeOver, Thread};
use events::tenant::Settings;
use events::thread::ReleasedTo;
use events::{Content, ContentKind, Sealed, ThreadEvent};
use expected::{Customer, Operation, Who, draw, draw_with_faults};
use ground::Server;
use identity::erase::{Step, Subject};
use integration::{Outside, Place, World, address, count, effort, eventually, on_each, settings};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use runtime::Role;
use serde_json::json;
use simulators::Fault;
use spine::keys::{Owner as KeyOwner, Period, SealKey};
use spine::{Clock, new_id};
use std::time::{Duration, Instant};
use uuid::Uuid;

const OPERATIONS: usize = 30;
/// For how many minutes runs with faults below the suite begin, each with a seed of its own; one at least.
const MINUTES_WITH_FAULTS: (usize, usize) = (0, 60);
const CUSTOMERS: usize = 3;
const IDLE_S: u32 = 1_800;
/// After the worst of faults a lease is taken again and a platform's next try is due.
const SETTLED_WITHIN: Duration = Duration::from_secs(45);

struct Run {
    world: Option<World>,
    outside: Outside,
    agents: Vec<Uuid>,
    customers: Vec<Customer>,
    written: usize,
    done: Vec<(usize, Operation)>,
}

impl Run {
    fn world(&self) -> &World {
        self.world.as_ref().expect("it runs")
    }

    fn user(customer: usize) -> String {
        format!("u-{customer}")
    }

    async fn thread(&self, customer: usize) -> Option<Uuid> {
        let keys = &self.world().spine.keys;
        let account = self.outside.shop.to_string();
        let (tenant, user) = (self.world().tenant(), Self::user(customer));
        // A connection may have been cut a moment ago.
        let found =
            eventually("the register", async || keys.find_thread(tenant, &account, &user, None).await.ok());
        found.await.map(|found| found.thread)
    }

    /// Does it to the suite and to the model.
    async fn operate(&mut self, customer: usize, operation: Operation) {
        self.done.push((customer, operation));
        match operation {
            Operation::Write => self.write(customer).await,
            Operation::Redeliver => {
                for body in &self.customers[customer].bodies {
                    self.post(body).await;
                }
            }
            Operation::FailNext => {
                let fault =
                    if self.written.is_multiple_of(2) { Fault::status(500) } else { Fault::TakenThenCut };
                self.outside.partner.faults().user(&Self::user(customer), fault, 1);
            }
            Operation::Idle => {
                self.world().pass(&self.outside, IDLE_S + 60);
                self.customers.iter_mut().for_each(|customer| customer.apply(operation));
            }
            Operation::Erase => self.erase(customer).await,
            Operation::Restart => {
                let world = self.world.take().expect("it runs").again(&Role::ALL).await;
                world.is_reached_by(&self.outside);
                self.world = Some(world);
            }
            Operation::Fault(fault) => below::breaks(self.world.as_mut().expect("it runs"), fault).await,
            wish => self.decide(customer, wish).await,
        }
        self.customers[customer].apply(operation);
    }

    async fn write(&mut self, customer: usize) {
        self.written += 1;
        let text = format!("退货运费谁承担？{}", self.written);
        let sent_at = self.world().spine.log.clock().now() / 1_000;
        let (id, user) = (format!("m-{}", self.written), Self::user(customer));
        let body = json!({ "id": id, "user": user, "text": text, "sent_at": sent_at }).to_string();
        self.post(&body).await;
        self.customers[customer].texts.push(text);
        self.customers[customer].bodies.push(body);
    }

    /// A platform comes again with what was refused a moment after a fault.
    async fn post(&self, body: &str) {
        let taken = async || (self.outside.partner.post_raw(body).await == Some(202)).then_some(());
        eventually("the message to be taken", taken).await;
    }

    async fn erase(&mut self, customer: usize) {
        let Some(thread) = self.thread(customer).await else { return };
        let erasures = self.world().identity.clone().expect("all roles run").erasures;
        let ask = async || erasures.ask(self.world().tenant(), Subject::Thread(thread), "model").await.ok();
        let asked = eventually("the erasure to be asked for", ask).await;
        eventually("the erasure", async || {
            let erasure = erasures.get(asked.id).await.ok()??;
            (erasure.step == Step::Done).then_some(())
        })
        .await;
    }

    /// What an agent does. The law refuses what the model says has no effect.
    async fn decide(&mut self, customer: usize, wish: Operation) {
        let Some(thread) = self.thread(customer).await else { return };
        let before = self.customers[customer].clone();
        let world = self.world();
        let (tenure, seen, n) = {
            let look = |state: &Thread| (state.tenure(), state.last_message(), state.last_number());
            world.spine.log.read::<Thread, _>(&address(thread), look).await.unwrap()
        };
        let owner = match before.open {
            Some(Who::Agent(who)) => self.agents[who],
            _ => self.agents[0],
        };
        let content = self.content(thread).await;
        let (at, message) = (world.spine.log.clock().now(), new_id());
        let decided = world
            .decide(thread, "model", |state| match wish {
                Operation::TakeOver(who) => {
                    conversation::take_over(state, &TakeOver { agent: self.agents[who], from: None }, at)
                }
                Operation::Answer => {
                    let content = content.clone();
                    let reply = PersonReply { message, agent: owner, tenure, seen, content };
                    conversation::reply_by_person(state, &reply, at)
                }
                Operation::Release => {
                    conversation::release(state, &Release { by: Some(owner), tenure, to: ReleasedTo::Ai }, at)
                }
                _ => conversation::close(state, &Close::ByAgent { n, agent: owner, seen }, at),
            })
            .await;
        let possible = match (wish, before.open) {
            (_, None) => matches!(wish, Operation::Close) && n > 0,
            (Operation::TakeOver(who), Some(Who::Agent(has))) => who == has,
            (Operation::TakeOver(_) | Operation::Release, Some(Who::Ai)) => true,
            (_, Some(Who::Ai)) => false,
            _ => true,
        };
        assert_eq!(decided.is_ok(), possible, "{wish:?} on {before:?}: {decided:?}\n{:?}", self.done);
    }

    async fn content(&self, thread: Uuid) -> Content {
        let keys = &self.world().spine.keys;
        let key = SealKey {
            tenant: self.world().tenant().into(),
            owner: KeyOwner::thread(thread),
            class: "message".into(),
            period: Period::quarter(self.world().spine.log.clock().now()),
        };
        let subject = address(thread).subject();
        let seal = async || keys.seal(&key, &subject, "content.text", "人工答复").await.ok();
        let sealed = eventually("the register", seal).await;
        let (kind, language) = (ContentKind::Text, "zh".to_owned());
        Content { kind, text: Some(Sealed(sealed)), media: None, length: 4, language }
    }

    /// Waits until the suite rests where the model says, and tells what it does not agree with.
    async fn compare(&self) {
        for (number, customer) in self.customers.iter().enumerate() {
            let said = async || self.say(number).await;
            let wanted = self.want(customer);
            let waiting = async {
                loop {
                    let found = said().await;
                    if found == wanted {
                        return;
                    }
                    tokio::time::sleep(std::time::Duration::from_millis(25)).await;
                }
            };
            if tokio::time::timeout(SETTLED_WITHIN, waiting).await.is_err() {
                panic!("customer {number}: {:?} is not {wanted:?} after {:?}", said().await, self.done);
            }
        }
    }

    /// Texts, conversations, the owner, answers that arrived, and whether anything is on its way.
    fn want(&self, customer: &Customer) -> (Vec<String>, u32, Option<Owner>, usize, bool) {
        let owner = customer.open.map(|who| match who {
            Who::Ai => Owner::Ai,
            Who::Agent(who) => Owner::Agent(self.agents[who]),
        });
        (customer.texts.clone(), customer.conversations, owner, customer.answers, false)
    }

    async fn say(&self, number: usize) -> (Vec<String>, u32, Option<Owner>, usize, bool) {
        let all = self.outside.ledger.all_received();
        let own = all.iter().filter(|one| one.user == Self::user(number) && !one.repeated).count();
        let Some(thread) = self.thread(number).await else { return (vec![], 0, None, own, false) };
        let opened = |event: &ThreadEvent| matches!(event, ThreadEvent::Opened { .. });
        let conversations = count(&self.world().history(thread).await, opened);
        let look = |state: &Thread| (state.owner(), state.pending().next().is_some());
        let (owner, pending) =
            self.world().spine.log.read::<Thread, _>(&address(thread), look).await.unwrap();
        let texts = self.world().texts(thread).await;
        (texts, u32::try_from(conversations).unwrap(), owner, own, pending)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn random_operations_leave_the_suite_where_the_model_says() {
    let seed = seed();
    println!("SEED={seed}");
    on_each(async |place: Place| {
        let world = World::start(&place, &Role::ALL).await;
        play(world, seed, draw).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn random_operations_and_faults_below_leave_the_suite_where_the_model_says() {
    let first = seed();
    let (minutes, began) = (effort(MINUTES_WITH_FAULTS) as u64, Instant::now());
    for (run, seed) in (1_usize..).zip(first..) {
        println!("SEED={seed}, run {run}");
        on_each(async |place: Place| {
            let server = match place.is_sqlite() {
                true => Server::start_in(&place.folder.join("nats")).await,
                false => Server::three().await,
            };
            let world = World::on(place, server, &Role::ALL, Clock::system()).await;
            play(world, seed, draw_with_faults).await;
        })
        .await;
        if began.elapsed().as_secs() >= minutes * 60 {
            return;
        }
    }
}

fn seed() -> u64 {
    let given = std::env::vars().find(|(name, _)| name == "SEED").and_then(|(_, seed)| seed.parse().ok());
    given.unwrap_or_else(|| rand::rng().random_range(0..1 << 53))
}

async fn play(world: World, seed: u64, draw: fn(&mut StdRng) -> Operation) {
    let mut dice = StdRng::seed_from_u64(seed);
    // Deadlines that no slow machine meets; idle conversations end as the model says.
    let long = 24 * 3_600_000;
    let settings = Settings {
        answer_deadline_ms: long,
        wait_deadline_ms: long,
        idle_close_ms: u64::from(IDLE_S) * 1_000,
        ..settings()
    };
    let outside = world.furnish_with(&settings, &shop()).await;
    let agents = vec![world.agent("小美", 50).await, world.agent("小强", 50).await];
    let customers = vec![Customer::default(); CUSTOMERS];
    let mut run = Run { world: Some(world), outside, agents, customers, written: 0, done: Vec::new() };
    for _ in 0..OPERATIONS {
        let (customer, operation) = (dice.random_range(0..CUSTOMERS), draw(&mut dice));
        run.operate(customer, operation).await;
        run.compare().await;
    }
    let world = run.world.take().expect("it runs");
    world.every_model_equals_the_log().await;
    assert!(world.parked().await.is_empty());
    world.stop().await;
}
