//! A small run in which both sides agree, to be spoilt by the tests.

use super::super::book::{Book, Customer, Line, Reached};
use super::super::cast::Channel;
use super::super::rest::{Figures, Rest, Shown};
use super::super::script::{Expect, Kind, Planted};
use super::super::streams::{Answer, Author, Fate, Notice, Streams, Taken, Thread};
use super::{Check, Difference, Evidence, compare};

/// Both sides.
pub(super) struct World {
    pub(super) book: Book,
    pub(super) streams: Streams,
    pub(super) rest: Rest,
    pub(super) consumer: Vec<Notice>,
    /// Outcomes that a killed suite may have left unknown.
    pub(super) spare: usize,
}

/// A customer per channel with three questions each, the last with a phone number; one visitor who stays silent.
pub(super) fn world() -> World {
    let mut world = World {
        book: Book::default(),
        streams: Streams::default(),
        rest: Rest::default(),
        consumer: Vec::new(),
        spare: 0,
    };
    world.streams.accounts.insert("acc".into(), "demo".into());
    world.streams.entries.insert("entry-id".into(), "ship-time".into());
    for channel in Channel::ALL {
        world.add(channel);
    }
    world.book.customers.push(customer("silent", Channel::Widget, None));
    let lone = Thread { channel: "widget".into(), account: "acc".into(), opened: 1, ..Thread::default() };
    world.streams.threads.insert("thread-silent".into(), lone);
    world.consumer = world.streams.leads.clone();
    let (conversations, opened, leads, leads_rate) = (4, 3, 3, Some(0.75));
    world.rest.figures =
        Figures { conversations, opened, leads, leads_rate, denominator: "conversations".into() };
    world
}

impl World {
    fn add(&mut self, channel: Channel) {
        let name = channel.name();
        let (id, mut customer) = (format!("thread-{name}"), customer(name, channel, Some("d")));
        let mut thread =
            Thread { channel: name.into(), account: "acc".into(), opened: 1, ..Thread::default() };
        let mut shown = Vec::new();
        for number in 0..3 {
            let line = line(number, &phone(channel));
            let message = format!("{name}-m{number}");
            let answer = format!("{name}-r{number}");
            thread.taken.push(taken(channel, &message, &line.provider));
            thread.answers.push(Answer {
                message: answer.clone(),
                by: Author::Ai,
                seen: Some(message.clone()),
                cites: vec!["entry-id".into()],
                fate: Fate::Sent,
            });
            let text = format!("答 {number}");
            shown.push(Shown { message, text: line.text.clone() });
            shown.push(Shown { message: answer.clone(), text: text.clone() });
            let id = channel.has_proof().then_some(answer);
            customer.reached.push(Reached { id, text, at: line.departed + 50, repeated: false });
            customer.wrote.push(line);
        }
        self.streams.leads.push(Notice {
            kind: "lead.created".into(),
            lead: format!("{id}-1"),
            thread: id.clone(),
            details: vec![("phone".into(), phone(channel))],
        });
        self.rest.listed.insert(id.clone());
        self.rest.transcripts.insert(id.clone(), shown);
        self.streams.threads.insert(id, thread);
        self.book.customers.push(customer);
    }

    /// The thread of the customer on a channel.
    pub(super) fn thread(&mut self, channel: Channel) -> &mut Thread {
        self.streams.threads.get_mut(&format!("thread-{}", channel.name())).unwrap()
    }

    pub(super) fn customer(&mut self, channel: Channel) -> &mut Customer {
        self.book.customers.iter_mut().find(|customer| customer.channel == channel).unwrap()
    }

    pub(super) fn shown(&mut self, channel: Channel) -> &mut Vec<Shown> {
        self.rest.transcripts.get_mut(&format!("thread-{}", channel.name())).unwrap()
    }

    pub(super) fn differences(&self) -> Vec<Difference> {
        compare(&Evidence {
            book: &self.book,
            streams: &self.streams,
            rest: &self.rest,
            consumer: Some(&self.consumer),
            accounts: &["demo".to_owned()],
            unknown_spare: self.spare,
        })
    }
}

/// Whether the first difference is of the check, after the world was spoilt.
pub(super) fn sees(check: Check, spoil: impl FnOnce(&mut World)) {
    let mut world = world();
    assert_eq!(world.differences(), []);
    spoil(&mut world);
    let differences = world.differences();
    assert_eq!(differences.first().map(|difference| difference.check), Some(check), "{differences:?}");
}

fn phone(channel: Channel) -> String {
    format!("1380000000{}", channel as usize)
}

fn customer(name: &str, channel: Channel, dialogue: Option<&str>) -> Customer {
    Customer {
        name: name.into(),
        channel,
        dialogue: dialogue.map(str::to_owned),
        wrote: Vec::new(),
        reached: Vec::new(),
        lost_answers: 0,
        unsaid: 0,
    }
}

fn line(number: i64, phone: &str) -> Line {
    let lead = vec![Planted { kind: "phone".into(), norm: phone.into() }];
    let expect = Expect {
        kind: Kind::Answer,
        entry: Some("ship-time".into()),
        reason: None,
        lead: if number == 2 { lead } else { Vec::new() },
    };
    Line {
        provider: (100 + number).to_string(),
        text: format!("问 {number}"),
        departed: number * 100,
        acknowledged: Some(number * 100 + 10),
        deliveries: 1,
        refused: 0,
        expect: Some(expect),
    }
}

fn taken(channel: Channel, message: &str, provider: &str) -> Taken {
    let (provider, order) = match channel {
        Channel::Wechat => (format!("msg:{provider}"), None),
        Channel::Http => ("http:hidden".to_owned(), provider.parse().ok()),
        Channel::Widget => (format!("widget:{provider}"), None),
    };
    Taken { message: message.into(), provider, order }
}
