//! Who plays: one customer per dialogue on one of three channels, visitors who stay silent, and what goes wrong for
//! whom. The same seed gives the same cast.

use super::script::Dialogue;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use simulators::Fault;

/// Customers that one kind of fault is planned for: faults make waits, and a load run is about load.
const FAULTS_MAX: usize = 3;

/// The channels that are played, by their names in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Channel {
    Wechat,
    Http,
    Widget,
}

impl Channel {
    pub(crate) const ALL: [Self; 3] = [Self::Wechat, Self::Http, Self::Widget];

    /// The channel's name in the suite.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Wechat => "wechat_oa",
            Self::Http => "http",
            Self::Widget => "widget",
        }
    }

    /// Whether the channel can prove that a message arrived, so that no outcome stays unknown.
    pub(crate) fn has_proof(self) -> bool {
        self != Self::Wechat
    }
}

/// One customer.
#[derive(Clone, Debug)]
pub(crate) struct Player {
    /// Unique in all runs: the platform's name of the person.
    pub(crate) name: String,
    pub(crate) channel: Channel,
    /// Who says nothing only opens the widget.
    pub(crate) dialogue: Option<Dialogue>,
    /// What goes wrong with the first message to them.
    pub(crate) fault: Option<Fault>,
    /// Decides what is delivered twice or out of order.
    pub(crate) seed: u64,
}

/// What the cast is made from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Casting {
    pub(crate) seed: u64,
    /// Of all visitors of the widget, how many open it and never write; below 1.
    pub(crate) silent: f64,
    /// Tells this run's people from those of other runs.
    pub(crate) run: u64,
}

/// The cast, in the order of their entrances. Of ten dialogues two are on the official account, whose pace is the
/// slowest, four on HTTP, four on the widget.
pub(crate) fn cast(dialogues: Vec<Dialogue>, casting: Casting) -> Vec<Player> {
    let mut rng = StdRng::seed_from_u64(casting.seed);
    let mut numbers = [0_usize; 3];
    let mut player = |dialogue: Option<Dialogue>, place: usize, seed: u64| {
        let channel = match (&dialogue, place % 5) {
            (Some(_), 0) => Channel::Wechat,
            (Some(_), 1 | 3) => Channel::Http,
            _ => Channel::Widget,
        };
        let number = &mut numbers[channel as usize];
        let fault = dialogue.as_ref().and_then(|_| fault(channel, *number));
        *number += 1;
        Player { name: name(channel, casting.run, place), channel, dialogue, fault, seed }
    };
    let mut players: Vec<Player> = dialogues
        .into_iter()
        .enumerate()
        .map(|(place, dialogue)| player(Some(dialogue), place, rng.random()))
        .collect();
    let writing = players.iter().filter(|player| player.channel == Channel::Widget).count();
    let first = players.len();
    players
        .extend((0..silent(writing, casting.silent)).map(|place| player(None, first + place, rng.random())));
    players.shuffle(&mut rng);
    players
}

/// How many silent visitors make `share` of all visitors, beside those who write.
fn silent(writing: usize, share: f64) -> usize {
    let share = share.clamp(0.0, 0.9);
    (writing as f64 * share / (1.0 - share)).round() as usize
}

/// Names as the platform gives them: an openid has 28 characters.
fn name(channel: Channel, run: u64, place: usize) -> String {
    match channel {
        Channel::Wechat => format!("oDemo{:0>14}_{:0>8}", base36(run), base36(place as u64)),
        Channel::Http => format!("partner-{}-{place}", base36(run)),
        Channel::Widget => format!("visitor-{}-{place}", base36(run)),
    }
}

fn base36(mut number: u64) -> String {
    let mut digits = Vec::new();
    loop {
        digits.push(char::from_digit((number % 36) as u32, 36).unwrap_or('0'));
        number /= 36;
        if number == 0 {
            return digits.iter().rev().collect();
        }
    }
}

fn fault(channel: Channel, number: usize) -> Option<Fault> {
    let fault = match (channel, number % 8) {
        (Channel::Wechat, 1) => Fault::TakenThenCut,
        (Channel::Wechat, 3) | (Channel::Http, 1) => Fault::Late { ms: 800 },
        (Channel::Wechat, 4) => Fault::Code(-1),
        (Channel::Wechat, 6) => Fault::Hang,
        (Channel::Http, 2) => Fault::TakenThenCut,
        (Channel::Http, 4) => Fault::status(503),
        (Channel::Http, 5) => Fault::Status { status: 429, retry_after_s: Some(1) },
        (Channel::Http, 6) => Fault::Hang,
        _ => return None,
    };
    (number / 8 < FAULTS_MAX).then_some(fault)
}

/// Whether nobody can know what became of a call with that fault.
pub(crate) fn leaves_unknown(fault: Fault) -> bool {
    match fault {
        Fault::TakenThenCut | Fault::Cut | Fault::Hang => true,
        Fault::Status { status, .. } => status >= 500,
        Fault::Code(_) | Fault::Late { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::{RETAIL, read};
    use super::*;

    fn retail(seed: u64) -> Vec<Player> {
        cast(read(RETAIL).unwrap(), Casting { seed, silent: 0.3, run: 1_700_000_000_000_000 })
    }

    #[test]
    fn three_visitors_in_ten_stay_silent() {
        let players = retail(1);
        let widget: Vec<&Player> =
            players.iter().filter(|player| player.channel == Channel::Widget).collect();
        let silent = widget.iter().filter(|player| player.dialogue.is_none()).count();
        assert_eq!((silent, widget.len()), (10, 34));
    }

    #[test]
    fn every_dialogue_is_played_once_and_names_are_unique_and_sound() {
        let players = retail(1);
        let dialogues: std::collections::HashSet<&str> =
            players.iter().filter_map(|player| Some(player.dialogue.as_ref()?.id.as_str())).collect();
        let names: std::collections::HashSet<&str> =
            players.iter().map(|player| player.name.as_str()).collect();
        assert_eq!((dialogues.len(), names.len()), (60, players.len()));
        let wechat = players.iter().filter(|player| player.channel == Channel::Wechat);
        assert!(wechat.clone().all(|player| player.name.len() == 28));
        assert_eq!(wechat.count(), 12);
        assert!(players.iter().all(|player| player.name.len() + "-message-99".len() <= 64));
    }

    #[test]
    fn a_seed_gives_the_same_cast() {
        let order =
            |seed| retail(seed).into_iter().map(|player| (player.name, player.seed)).collect::<Vec<_>>();
        assert_eq!(order(3), order(3));
        assert_ne!(order(3), order(4));
    }
}
