//! Scripted conversations, each with what it counts as, worked out by hand.

use crate::model::Counted;
use crate::suite::Suite;
use crate::talk::{MS, Talk};
use events::lead::DetailKind;
use events::thread::{HandoverReason, OpenedBy, ReleasedTo};
use proto::v1::HandoverReason as Told;
use uuid::Uuid;

/// A moment that begins no hour and no half hour.
pub(crate) const START: i64 = 1_760_000_123_456_789;
pub(crate) const ACCOUNTS: [(Uuid, &str); 3] =
    [(Uuid::from_u128(1), "widget"), (Uuid::from_u128(2), "wechat_oa"), (Uuid::from_u128(3), "widget")];
const MINUTE: i64 = 60_000 * MS;
const SCENES: u32 = 14;
/// How often each scene is played, each time with other times.
const ROUNDS: u32 = 4;
/// Scenes, and one second conversation per round.
pub(crate) const CONVERSATIONS: usize = (ROUNDS * (SCENES + 1)) as usize;

/// Plays everything and tells what it counts as.
pub(crate) async fn play_all(suite: &Suite) -> Vec<Counted> {
    for (account, channel) in ACCOUNTS {
        suite.configure(account, channel).await;
    }
    let mut all = Vec::new();
    for round in 0..ROUNDS {
        for scene in 0..SCENES {
            let place = round * SCENES + scene;
            let (account, channel) = ACCOUNTS[place as usize % 3];
            let talk = Talk::new(suite, account, channel);
            let at = START + i64::from(place) * 17 * MINUTE;
            all.extend(play(&talk, scene, at, i64::from(round)).await);
        }
    }
    all
}

/// Plays one scene at `t`; `r` makes the rounds differ.
pub(crate) async fn play(talk: &Talk, scene: u32, t: i64, r: i64) -> Vec<Counted> {
    match scene {
        0..=4 => vec![by_the_ai(talk, scene, t, r).await],
        5..=8 => vec![by_people(talk, scene, t, r).await],
        9..=12 => vec![without_an_end(talk, scene, t, r).await],
        _ => twice(talk, t, r).await,
    }
}

async fn by_the_ai(talk: &Talk, scene: u32, t: i64, r: i64) -> Counted {
    let wrote = Counted { wrote: true, ..blank(talk, 1, t) };
    match scene {
        0 => {
            talk.writes(t).await;
            let answer = talk.ai_decides(t + 300 * MS).await;
            talk.is_sent(answer, t + (500 + 10 * r) * MS + 999).await;
            talk.closes_idle(t + 30 * MINUTE).await;
            Counted { response_ms: Some(500 + 10 * r), resolved: true, ..wrote }
        }
        // A greeting answers nobody, even when it leaves late; the answer counts from the first word on.
        1 => {
            talk.visits(OpenedBy::Widget, t).await;
            let greeting = talk.ai_decides(t + 10 * MS).await;
            talk.writes(t + 5_000 * MS).await;
            talk.is_sent(greeting, t + 5_100 * MS).await;
            talk.ai_answers(t + 6_200 * MS).await;
            talk.ai_closes(t + 9_000 * MS).await;
            Counted { response_ms: Some(1_200), resolved: true, ..wrote }
        }
        // Refused by the platform, sent again by the suite.
        2 => {
            talk.writes(t).await;
            let answer = talk.ai_decides(t + 200 * MS).await;
            talk.is_refused(answer, t + 600 * MS).await;
            talk.is_sent_again(answer, t + (2_500 + r) * MS).await;
            talk.closes_idle(t + 30 * MINUTE).await;
            Counted { response_ms: Some(2_500 + r), resolved: true, ..wrote }
        }
        // A name alone is no lead; two details are one.
        3 => {
            talk.writes(t).await;
            talk.ai_answers(t + 250 * MS).await;
            talk.tells(DetailKind::Name, t + 300 * MS).await;
            if r > 0 {
                talk.tells(DetailKind::Phone, t + 400 * MS).await;
                talk.tells(DetailKind::Wechat, t + 500 * MS).await;
            }
            talk.closes_idle(t + 30 * MINUTE).await;
            Counted { response_ms: Some(250), lead: r > 0, resolved: true, ..wrote }
        }
        // Forgotten afterwards: the numbers stay.
        _ => {
            talk.writes(t).await;
            talk.ai_answers(t + 750 * MS).await;
            talk.tells(DetailKind::Email, t + 800 * MS).await;
            talk.ai_closes(t + 900 * MS).await;
            talk.is_forgotten(t + 40 * MINUTE).await;
            Counted { response_ms: Some(750), lead: true, resolved: true, ..wrote }
        }
    }
}

async fn by_people(talk: &Talk, scene: u32, t: i64, r: i64) -> Counted {
    let wrote = Counted { wrote: true, ..blank(talk, 1, t) };
    talk.writes(t).await;
    match scene {
        // The notice of the handover is no answer.
        5 => {
            talk.is_handed_over(HandoverReason::Anger, t + 1_000 * MS).await;
            talk.is_assigned(t + (4_000 + 100 * r) * MS).await;
            talk.anna_answers(t + 10_000 * MS).await;
            talk.anna_closes(t + 20_000 * MS).await;
            let (response_ms, waiting_ms) = (Some(10_000), Some(3_000 + 100 * r));
            Counted { response_ms, waiting_ms, reasons: vec![Told::Anger], ..wrote }
        }
        // Taken from the AI without a queue: not the AI's alone, whoever closes it.
        6 => {
            talk.ai_answers(t + 300 * MS).await;
            talk.anna_takes_over(t + 2_000 * MS).await;
            match r % 2 {
                0 => talk.anna_closes(t + 3_000 * MS).await,
                _ => talk.closes_idle(t + 60 * MINUTE).await,
            }
            Counted { response_ms: Some(300), ..wrote }
        }
        // The AI's answer was withdrawn before it left.
        7 => {
            let late = talk.ai_decides(t + 200 * MS).await;
            talk.anna_takes_over(t + 300 * MS).await;
            talk.starts(late, t + 400 * MS).await;
            let answer = talk.anna_decides(t + 5_000 * MS).await;
            talk.is_sent(answer, t + (5_500 + r) * MS).await;
            talk.anna_closes(t + 9_000 * MS).await;
            Counted { response_ms: Some(5_500 + r), ..wrote }
        }
        _ => {
            talk.is_answered_outside(t + 7_000 * MS).await;
            talk.closes_idle(t + 60 * MINUTE).await;
            Counted { response_ms: Some(7_000), ..wrote }
        }
    }
}

async fn without_an_end(talk: &Talk, scene: u32, t: i64, r: i64) -> Counted {
    let silent = blank(talk, 1, t);
    match scene {
        9 => {
            talk.visits(OpenedBy::Follow, t).await;
            silent
        }
        10 => {
            talk.sends_unsupported(t).await;
            silent
        }
        // The customer left, which is no solution.
        11 => {
            talk.writes(t).await;
            talk.ai_answers(t + 400 * MS).await;
            talk.leaves(t + 5_000 * MS).await;
            Counted { wrote: true, response_ms: Some(400), ..silent }
        }
        // Waits still, or gave the AI another try: no wait that ended with an agent.
        _ => {
            talk.writes(t).await;
            talk.is_handed_over(HandoverReason::WantsPerson, t + 1_000 * MS).await;
            if r % 2 == 1 {
                talk.anna_takes_over(t + 2_000 * MS).await;
                talk.anna_passes_on(t + 3_000 * MS).await;
            }
            let waiting_ms = (r % 2 == 1).then_some(1_000);
            Counted { wrote: true, waiting_ms, reasons: vec![Told::WantsPerson], ..silent }
        }
    }
}

/// Two conversations of one thread. In the second, two handovers and three waits.
async fn twice(talk: &Talk, t: i64, r: i64) -> Vec<Counted> {
    talk.writes(t).await;
    talk.ai_answers(t + 100 * MS).await;
    talk.ai_closes(t + 200 * MS).await;
    let first = Counted { wrote: true, response_ms: Some(100), resolved: true, ..blank(talk, 1, t) };
    let t = t + 120 * MINUTE;
    talk.writes(t).await;
    talk.is_handed_over(HandoverReason::Deadline, t + 30_000 * MS).await;
    talk.anna_takes_over(t + 32_000 * MS).await;
    talk.anna_gives_back(ReleasedTo::Queue, t + 40_000 * MS).await;
    talk.is_assigned(t + 45_000 * MS).await;
    talk.anna_answers(t + 50_000 * MS).await;
    talk.anna_gives_back(ReleasedTo::Ai, t + 60_000 * MS).await;
    talk.writes(t + 61_000 * MS).await;
    talk.is_handed_over(HandoverReason::Unknown, t + 62_000 * MS).await;
    talk.is_assigned(t + (62_500 + r) * MS).await;
    talk.anna_closes(t + 70_000 * MS).await;
    let second = Counted {
        wrote: true,
        response_ms: Some(50_000),
        waiting_ms: Some(2_000 + 5_000 + 500 + r),
        reasons: vec![Told::Unknown, Told::Deadline],
        ..blank(talk, 2, t)
    };
    vec![first, second]
}

fn blank(talk: &Talk, n: u32, opened_at: i64) -> Counted {
    Counted {
        thread: talk.thread.to_string(),
        n,
        account: talk.account.to_string(),
        channel: talk.channel.clone(),
        opened_at,
        wrote: false,
        lead: false,
        response_ms: None,
        waiting_ms: None,
        resolved: false,
        reasons: vec![],
    }
}
