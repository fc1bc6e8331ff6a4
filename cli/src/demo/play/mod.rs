//! The play: every customer writes their turns and waits for answers, all at once, at the pace of the stage.

mod mouth;

use super::book::Book;
use super::cast::Player;
use super::script::{Kind, Turn};
use super::stage::Stage;
use mouth::Mouth;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use simulators::widget::Visitor;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// How long a customer waits for an answer before they write on.
const ANSWER_WITHIN_MS: u64 = 15_000;
/// How long they wait once an answer did not come: the notice that people answer may be what was lost.
const ANSWER_AGAIN_WITHIN_MS: u64 = 500;
/// Messages that a customer writes in one go, where nobody's answer stands between them.
const BURST_MAX: usize = 3;
/// A play that takes longer says how far it is.
const PROGRESS_EVERY: Duration = Duration::from_secs(2);

/// What remains when all turns are written.
pub(crate) struct Played {
    /// Browsers that are still open.
    pub(crate) visitors: Vec<Visitor>,
    /// Turns after which no answer came in time, while the AI had the conversation.
    pub(crate) unanswered: usize,
}

/// Plays all customers to the end of their turns.
pub(crate) async fn play(stage: &Arc<Stage>, players: &[Player]) -> Played {
    let mut acts = JoinSet::new();
    let total: usize = players.iter().map(turns).sum();
    for player in players {
        let (stage, player) = (Arc::clone(stage), player.clone());
        acts.spawn(async move { act(&stage, &player).await });
    }
    let mut played = Played { visitors: Vec::new(), unanswered: 0 };
    let mut progress = tokio::time::interval_at(tokio::time::Instant::now() + PROGRESS_EVERY, PROGRESS_EVERY);
    let (mut revoked, mut told) = (false, String::new());
    loop {
        let (written, answered) = stage.ledger.counts();
        if !revoked && written * 2 >= total {
            // Another system of the same owner asks for a token by force: the suite's own is dead from now on.
            stage.platform.revoke_tokens();
            revoked = true;
        }
        tokio::select! {
            ended = acts.join_next() => match ended {
                Some(Ok((visitor, unanswered))) => {
                    played.visitors.extend(visitor);
                    played.unanswered += unanswered;
                }
                // The turns that were not said are missing in the book, which the comparison tells.
                Some(Err(error)) => eprintln!("a customer left the stage: {error}"),
                None => return played,
            },
            _ = progress.tick() => {
                let words = format!(
                    "{written} of {total} messages written, {answered} answers arrived; {} customers have more to \
                     write or wait for an answer",
                    acts.len()
                );
                if words != told {
                    eprintln!("{words}");
                    told = words;
                }
            }
        }
    }
}

fn turns(player: &Player) -> usize {
    player.dialogue.as_ref().map_or(0, |dialogue| dialogue.turns.len())
}

/// Looks at what reached the browsers since; one whose socket broke opens it again.
pub(crate) async fn look(visitors: &mut [Visitor]) {
    let looks = visitors.iter_mut().map(|visitor| async {
        loop {
            match visitor.reply(1).await {
                Ok(Some(_)) => {}
                Ok(None) => return,
                Err(_) => {
                    if visitor.open().await.is_err() {
                        return;
                    }
                }
            }
        }
    });
    futures::future::join_all(looks).await;
}

/// The book of what happened so far.
pub(crate) fn book(stage: &Stage, players: &[Player]) -> Book {
    Book::of(players, stage.ledger.all_sent(), stage.ledger.all_received())
}

/// One customer, from the first word to the last.
async fn act(stage: &Stage, player: &Player) -> (Option<Visitor>, usize) {
    let mut rng = StdRng::seed_from_u64(player.seed);
    stage.pace.turn(1).await;
    let Ok(mut mouth) = Mouth::open(stage, player).await else { return (None, 0) };
    let turns: &[Turn] = player.dialogue.as_ref().map_or(&[], |dialogue| &dialogue.turns);
    let (mut next, mut with_people, mut unanswered) = (0, false, 0);
    while next < turns.len() {
        let burst = burst(&turns[next..], with_people, &mut rng);
        stage.pace.turn(burst).await;
        while let Some(text) = mouth.hear(1).await {
            with_people |= text == stage.notice;
        }
        let texts: Vec<&str> = turns[next..next + burst].iter().map(|turn| turn.text.as_str()).collect();
        if !mouth.say(stage, &texts, &mut rng).await {
            break;
        }
        next += burst;
        if with_people {
            continue;
        }
        let patience_ms = if unanswered == 0 { ANSWER_WITHIN_MS } else { ANSWER_AGAIN_WITHIN_MS };
        match mouth.hear(patience_ms).await {
            Some(text) => with_people |= text == stage.notice,
            None => unanswered += 1,
        }
    }
    (mouth.into_visitor(), unanswered)
}

/// How many turns are written in one go: one, unless nothing is expected of any of them.
fn burst(turns: &[Turn], with_people: bool, rng: &mut StdRng) -> usize {
    let free = |turn: &&Turn| match &turn.expect {
        None => true,
        Some(expect) => with_people && expect.kind == Kind::None,
    };
    let free = turns.iter().take_while(free).count();
    rng.random_range(1..=BURST_MAX).clamp(1, free.max(1))
}

#[cfg(test)]
mod tests {
    use super::super::script::{RETAIL, read};
    use super::*;

    #[test]
    fn a_turn_that_expects_an_answer_is_written_alone() {
        let mut rng = StdRng::seed_from_u64(1);
        for dialogue in read(RETAIL).unwrap() {
            for next in 0..dialogue.turns.len() {
                assert_eq!(burst(&dialogue.turns[next..], false, &mut rng), 1);
                let some = burst(&dialogue.turns[next..], true, &mut rng);
                let silent = |turn: &Turn| turn.expect.as_ref().unwrap().kind == Kind::None;
                assert!(some == 1 || dialogue.turns[next..next + some].iter().all(silent));
            }
        }
    }

    #[test]
    fn turns_that_expect_nothing_come_in_bursts_up_to_the_end() {
        let turn = || Turn { text: "a".into(), expect: None };
        let turns: Vec<Turn> = std::iter::repeat_with(turn).take(5).collect();
        let mut rng = StdRng::seed_from_u64(1);
        let sizes: Vec<usize> = (0..50).map(|_| burst(&turns, false, &mut rng)).collect();
        assert!((1..=BURST_MAX).all(|size| sizes.contains(&size)));
        assert!((0..50).all(|_| burst(&turns[4..], false, &mut rng) == 1));
    }
}
