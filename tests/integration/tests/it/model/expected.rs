//! What must be of each customer, whatever happens: the model that the suite is compared with.

use rand::Rng;
use rand::rngs::StdRng;

/// What must be of one customer.
#[derive(Clone, Debug, Default)]
pub(super) struct Customer {
    /// What they wrote since they were last erased, with the bodies to deliver again.
    pub(super) texts: Vec<String>,
    pub(super) bodies: Vec<String>,
    pub(super) conversations: u32,
    pub(super) open: Option<Who>,
    /// Whether a person owes them an answer.
    waits: bool,
    /// Over all their threads: an answer that arrived is not taken back.
    pub(super) answers: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Ai,
    Agent(usize),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Operation {
    Write,
    Redeliver,
    FailNext,
    TakeOver(usize),
    Answer,
    Release,
    Close,
    Idle,
    Erase,
    Restart,
    /// What must change nothing.
    Fault(Fault),
}

/// What breaks below the suite.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// Every stream's leader steps down; where there is one server alone, it is killed.
    Leader,
    /// Another holder has taken every lease, for a moment.
    Leases,
    Database,
    /// The suite's clock is another for a moment, by so many minutes.
    Clock(i64),
}

impl Customer {
    /// The model: what an operation of the customer or on their thread changes.
    pub(super) fn apply(&mut self, operation: Operation) {
        let agent = matches!(self.open, Some(Who::Agent(_)));
        match operation {
            Operation::Write => {
                self.conversations += u32::from(self.open.is_none());
                if self.open.get_or_insert(Who::Ai) == &Who::Ai {
                    self.answers += 1;
                } else {
                    self.waits = true;
                }
            }
            Operation::TakeOver(who) if self.open == Some(Who::Ai) => self.open = Some(Who::Agent(who)),
            Operation::Answer if agent => {
                self.answers += 1;
                self.waits = false;
            }
            Operation::Release if agent => {
                self.open = Some(Who::Ai);
                // What came while the agent had it, and was not answered, the AI answers.
                self.answers += usize::from(std::mem::take(&mut self.waits));
            }
            Operation::Close if agent => (self.open, self.waits) = (None, false),
            Operation::Idle => (self.open, self.waits) = (None, false),
            Operation::Erase => *self = Self { answers: self.answers, ..Self::default() },
            _ => {}
        }
    }
}

/// With what breaks below the suite; one operation in seven.
pub(super) fn draw_with_faults(dice: &mut StdRng) -> Operation {
    if !dice.random_ratio(1, 7) {
        return draw(dice);
    }
    Operation::Fault(match dice.random_range(0..5) {
        0 => Fault::Leader,
        1 => Fault::Leases,
        2 => Fault::Database,
        // Long enough for every promise to be late, and too short for a conversation to be idle.
        3 => Fault::Clock(20),
        _ => Fault::Clock(-60),
    })
}

pub(super) fn draw(dice: &mut StdRng) -> Operation {
    match dice.random_range(0..100) {
        0..38 => Operation::Write,
        38..46 => Operation::Redeliver,
        46..54 => Operation::FailNext,
        54..66 => Operation::TakeOver(dice.random_range(0..2)),
        66..76 => Operation::Answer,
        76..82 => Operation::Release,
        82..89 => Operation::Close,
        89..92 => Operation::Idle,
        92..96 => Operation::Erase,
        _ => Operation::Restart,
    }
}
