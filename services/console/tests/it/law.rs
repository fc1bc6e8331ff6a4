//! The list says of a thread what its law says, whatever happened in whatever order.

use crate::shop::{ANNA, BOB, Customer};
use crate::world::{World, on_each};
use conversation::{Close, Decision, Owner, Thread};
use events::thread::{HandoverReason, ReleasedTo, TransferredTo};
use sqlx::Row;
use uuid::Uuid;

const THREADS: usize = 12;
const STEPS: usize = 40;

/// A small generator (SplitMix64), so that a failure can be run again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }
}

/// Tries something; what the law refuses did not happen.
async fn attempt(world: &World, customer: &Customer, decide: impl Fn(&Thread) -> Decision) {
    world.decide(customer, |thread| Ok(decide(thread).unwrap_or_default())).await;
}

async fn step(world: &World, customer: &Customer, dice: &mut Dice, written: &mut Vec<Uuid>) {
    let known = (!written.is_empty()).then(|| written[dice.roll(written.len() as u64) as usize]);
    match dice.roll(14) {
        0..4 => written.push(world.writes(customer, "问").await),
        4..9 => talk(world, customer, dice, known).await,
        _ => pass_on(world, customer, dice).await,
    }
}

async fn talk(world: &World, customer: &Customer, dice: &mut Dice, known: Option<Uuid>) {
    let at = world.spine.log.clock().now();
    let agent = if dice.roll(2) == 0 { ANNA } else { BOB };
    let content = world.content(customer, "字").await;
    let (message, provider) = (spine::new_id(), spine::new_id().to_string());
    let kind = dice.roll(5);
    attempt(world, customer, |thread| match kind {
        0 => {
            let (tenure, seen) = (thread.tenure(), known.or(thread.last_message()));
            let (content, citations) = (content.clone(), vec![]);
            let reply = conversation::AiReply {
                message,
                tenure,
                seen,
                content,
                citations,
                confidence: None,
                worded_by: None,
            };
            conversation::reply_by_ai(thread, &reply, at)
        }
        1 | 2 => {
            let (tenure, content) = (thread.tenure(), content.clone());
            let reply = conversation::PersonReply { message, agent, tenure, seen: known, content };
            conversation::reply_by_person(thread, &reply, at)
        }
        3 => {
            let (content, raw) = (content.clone(), None);
            let (ours, provider) = (None, provider.clone());
            let echo = conversation::Echo { ours, message, provider, content, sent_at: at, raw };
            conversation::echo(thread, &echo, at)
        }
        _ => {
            let (message, provider) = (known.unwrap_or(message), provider.clone());
            let recall = conversation::Recall { message, provider, sent_at: at };
            conversation::recall(thread, &recall, at)
        }
    })
    .await;
}

async fn pass_on(world: &World, customer: &Customer, dice: &mut Dice) {
    let at = world.spine.log.clock().now();
    let agent = if dice.roll(2) == 0 { ANNA } else { BOB };
    let to = if dice.roll(2) == 0 { ReleasedTo::Ai } else { ReleasedTo::Queue };
    let kind = dice.roll(7);
    let (took, provider) = (dice.roll(2) == 0, spine::new_id().to_string());
    attempt(world, customer, |thread| {
        let tenure = thread.tenure();
        match kind {
            0 => {
                let (reason, queue) = (HandoverReason::Anger, "default".into());
                let hand_over = conversation::HandOver { tenure, reason, queue, notice: None };
                conversation::hand_over(thread, &hand_over, at)
            }
            1 => conversation::take_over(thread, &conversation::TakeOver { agent, from: None }, at),
            2 => conversation::release(thread, &conversation::Release { by: None, tenure, to }, at),
            3 => {
                let to = TransferredTo::Agent(BOB);
                conversation::transfer(thread, &conversation::Transfer { by: ANNA, tenure, to }, at)
            }
            4 | 5 => {
                let word =
                    conversation::DeskWord { took, provider: provider.clone(), sent_at: at, began: None };
                conversation::desk(thread, &word, at)
            }
            _ => {
                let n = thread.open_number().unwrap_or(1);
                let close = Close::ByAgent { n, agent, seen: thread.last_message() };
                conversation::close(thread, &close, at)
            }
        }
    })
    .await;
}

/// Open number, owner and agent, tenure, what awaits, the customer's last message.
type State = (Option<i32>, Option<(String, Option<String>)>, i32, i32, Option<String>);

/// What the law says.
fn state(thread: &Thread) -> State {
    let owner = thread.owner().map(|owner| match owner {
        Owner::Ai => ("ai".to_owned(), None),
        Owner::Queue => ("queue".to_owned(), None),
        Owner::Outside => ("outside".to_owned(), None),
        Owner::Desk => ("desk".to_owned(), None),
        Owner::Agent(agent) => ("agent".to_owned(), Some(agent.to_string())),
    });
    let open = thread.open_number().map(|n| n as i32);
    let last = thread.last_message().map(|message| message.to_string());
    (open, owner, thread.tenure() as i32, thread.awaiting().len() as i32, last)
}

#[tokio::test]
async fn after_any_history_the_list_says_what_the_law_says() {
    on_each(async |world| {
        let mut dice = Dice(20_261_126);
        let mut customers = Vec::new();
        for _ in 0..THREADS {
            let customer = world.customer();
            let mut written = vec![world.writes(&customer, "你好").await];
            for _ in 0..STEPS {
                step(&world, &customer, &mut dice, &mut written).await;
            }
            customers.push(customer);
        }
        world.caught_up().await;
        let model = world.reader().model();
        for customer in &customers {
            let row = sqlx::query(
                "SELECT c.n, c.is_open, c.owner, c.agent, c.tenure, c.awaiting, c.seen_last, t.n AS last
                 FROM threads t JOIN conversation_list c ON c.thread = t.thread AND c.n = t.n
                 WHERE t.thread = $1",
            )
            .bind(customer.id.to_string())
            .fetch_one(model.store.reads())
            .await
            .unwrap();
            let open = (row.get::<i32, _>("is_open") == 1).then(|| row.get::<i32, _>("n"));
            let owner = open.map(|_| (row.get("owner"), row.get("agent")));
            let law = world.spine.log.read::<Thread, _>(&customer.address, state).await.unwrap();
            // A conversation in which nobody wrote yet has no last message of its own.
            let seen = row.get::<Option<String>, _>("seen_last").or(law.4.clone());
            assert_eq!((open, owner, row.get("tenure"), row.get("awaiting"), seen), law);
        }
        world.verified().await;
        world.stop().await;
    })
    .await;
}
