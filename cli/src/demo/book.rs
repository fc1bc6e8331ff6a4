//! The simulators' side of the comparison: per customer, what they wrote and what reached them.

use super::cast::{Channel, Player, leaves_unknown};
use super::script::Expect;
use simulators::Micros;
use simulators::ledger::{Received, Sent};
use std::collections::HashMap;

/// Everything that happened outside, by customer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Book {
    pub(crate) customers: Vec<Customer>,
}

/// One customer's record.
#[derive(Clone, Debug)]
pub(crate) struct Customer {
    pub(crate) name: String,
    pub(crate) channel: Channel,
    /// The dialogue's id; none for who only opened the widget.
    pub(crate) dialogue: Option<String>,
    /// In the order of writing.
    pub(crate) wrote: Vec<Line>,
    /// In the order of arrival.
    pub(crate) reached: Vec<Reached>,
    /// How many answers to the suite's calls were lost on purpose.
    pub(crate) lost_answers: usize,
    /// Turns of the dialogue that were never written, since the way to the suite broke.
    pub(crate) unsaid: usize,
}

/// Something that the customer wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// What the platform calls the message.
    pub(crate) provider: String,
    pub(crate) text: String,
    pub(crate) departed: Micros,
    /// When the suite first said that it has it.
    pub(crate) acknowledged: Option<Micros>,
    pub(crate) deliveries: u32,
    /// Of these, those that the suite refused or did not answer.
    pub(crate) refused: u32,
    pub(crate) expect: Option<Expect>,
}

/// Something that reached the customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reached {
    /// The suite's id of the message and of the part, where the channel carries one.
    pub(crate) id: Option<String>,
    pub(crate) text: String,
    pub(crate) at: Micros,
    pub(crate) repeated: bool,
}

impl Book {
    /// From the ledger's lines and the cast. A customer's lines are in the order of their turns.
    pub(crate) fn of(players: &[Player], sent: Vec<Sent>, received: Vec<Received>) -> Self {
        let mut wrote: HashMap<String, Vec<Sent>> = HashMap::new();
        sent.into_iter().for_each(|sent| wrote.entry(sent.user.clone()).or_default().push(sent));
        let mut reached: HashMap<String, Vec<Reached>> = HashMap::new();
        for Received { user, id, text, at, repeated, .. } in received {
            reached.entry(user).or_default().push(Reached { id, text, at, repeated });
        }
        let customers = players.iter().map(|player| {
            let turns = player.dialogue.as_ref().map_or(&[][..], |dialogue| &dialogue.turns);
            let wrote = wrote.remove(&player.name).unwrap_or_default();
            let unsaid = turns.len().saturating_sub(wrote.len());
            let expects = turns.iter().map(|turn| turn.expect.clone()).chain(std::iter::repeat(None));
            Customer {
                name: player.name.clone(),
                channel: player.channel,
                dialogue: player.dialogue.as_ref().map(|dialogue| dialogue.id.clone()),
                wrote: wrote.into_iter().zip(expects).map(|(sent, expect)| line(sent, expect)).collect(),
                reached: reached.remove(&player.name).unwrap_or_default(),
                lost_answers: usize::from(player.fault.is_some_and(leaves_unknown)),
                unsaid,
            }
        });
        Self { customers: customers.collect() }
    }

    /// All lines with the channel they were written on.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (&Customer, &Line)> {
        self.customers.iter().flat_map(|customer| customer.wrote.iter().map(move |line| (customer, line)))
    }

    /// Whether all that was written has an expectation, so that leads and answers can be told from it.
    pub(crate) fn is_scripted(&self) -> bool {
        self.lines().all(|(_, line)| line.expect.is_some())
    }
}

fn line(sent: Sent, expect: Option<Expect>) -> Line {
    Line {
        provider: sent.provider,
        text: sent.text,
        departed: sent.at,
        acknowledged: sent.acknowledged,
        deliveries: sent.deliveries,
        refused: sent.refused,
        expect,
    }
}
