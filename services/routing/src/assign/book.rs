//! What is on its way: assignments that are decided and not projected yet, so that no agent gets more than
//! their capacity meanwhile.

use super::choose::{Agent, Choice, Waiting};
use events::Micros;
use spine::Position;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use uuid::Uuid;

/// All reservations of this process, by thread.
#[derive(Debug, Default)]
pub(crate) struct Book {
    held: HashMap<Uuid, Reservation>,
}

#[derive(Debug)]
struct Reservation {
    tenant: Arc<str>,
    tenure: u32,
    /// Whose capacity it takes; none when the law refused it and only the thread is left alone for a while.
    agent: Option<Uuid>,
    until: Until,
}

/// When a reservation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// The append is under way.
    Answered,
    /// The tables know the log up to here, and with it the result.
    Projected(Position),
    Time(Micros),
}

impl Book {
    /// Lets go of what the tables know by now.
    pub(crate) fn settle(&mut self, positions: &BTreeMap<u8, u64>, now: Micros) {
        self.held.retain(|_, held| match held.until {
            Until::Answered => true,
            Until::Projected(position) => {
                positions.get(&position.part).is_none_or(|known| *known < position.sequence)
            }
            Until::Time(at) => now < at,
        });
    }

    /// Adds what is on its way to the agents' loads.
    pub(crate) fn burden(&self, agents: &mut [Agent]) {
        for held in self.held.values().filter_map(|held| held.agent) {
            if let Some(agent) = agents.iter_mut().find(|agent| agent.id == held) {
                agent.load += 1;
            }
        }
    }

    /// How many of the tenant's are held.
    pub(crate) fn count(&self, tenant: &str) -> usize {
        self.held.values().filter(|held| &*held.tenant == tenant).count()
    }

    /// Whether this wait of the thread is being dealt with.
    pub(crate) fn holds(&self, waiting: &Waiting) -> bool {
        self.held.get(&waiting.thread).is_some_and(|held| held.tenure >= waiting.tenure)
    }

    /// Reserves the agent for the thread while the append is under way.
    pub(crate) fn reserve(&mut self, tenant: &Arc<str>, choice: &Choice) {
        let (tenure, agent) = (choice.waiting.tenure, Some(choice.agent));
        let reservation = Reservation { tenant: tenant.clone(), tenure, agent, until: Until::Answered };
        self.held.insert(choice.waiting.thread, reservation);
    }

    /// The append ended: the reservation stands until then, and takes the agent's capacity if `taken`.
    pub(crate) fn ended(&mut self, thread: Uuid, taken: bool, until: Until) {
        if let Some(held) = self.held.get_mut(&thread) {
            held.until = until;
            held.agent = held.agent.filter(|_| taken);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assign::choose::Class;
    use events::agent::Presence;

    fn choice(thread: u128) -> Choice {
        let class = Class { queue: "sales".into(), channel: "widget".into(), language: String::new() };
        let thread = Uuid::from_u128(thread);
        let waiting = Waiting { thread, tenure: 1, n: 1, since: 0, class, last_agent: None, gave_back: None };
        Choice { waiting, agent: Uuid::from_u128(1), candidates: vec![] }
    }

    fn load(book: &Book) -> u32 {
        let (skills, channels, queues) = (vec![], vec![], vec![]);
        let id = Uuid::from_u128(1);
        let presence = Presence::Online;
        let mut agents = [Agent { id, presence, capacity: 9, load: 0, last_at: 0, skills, channels, queues }];
        book.burden(&mut agents);
        agents[0].load
    }

    #[test]
    fn what_is_on_its_way_is_load_until_the_tables_know_it() {
        let (mut book, chosen) = (Book::default(), choice(7));
        book.reserve(&"demo".into(), &chosen);
        book.settle(&BTreeMap::new(), 0);
        assert!(book.holds(&chosen.waiting) && load(&book) == 1);
        let position = Position { generation: 1, part: 3, sequence: 12 };
        book.ended(chosen.waiting.thread, true, Until::Projected(position));
        book.settle(&BTreeMap::from([(3, 11)]), 0);
        assert_eq!(load(&book), 1);
        book.settle(&BTreeMap::from([(3, 12)]), 0);
        assert!(!book.holds(&chosen.waiting) && load(&book) == 0);
    }

    #[test]
    fn what_the_law_refused_takes_no_capacity_and_a_later_wait_is_another() {
        let (mut book, chosen) = (Book::default(), choice(7));
        book.reserve(&"demo".into(), &chosen);
        book.ended(chosen.waiting.thread, false, Until::Time(50));
        assert!(book.holds(&chosen.waiting) && load(&book) == 0);
        assert!(!book.holds(&Waiting { tenure: 3, ..chosen.waiting.clone() }));
        book.settle(&BTreeMap::new(), 50);
        assert!(!book.holds(&chosen.waiting));
    }
}
