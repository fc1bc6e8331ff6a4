//! One item of a request becomes a decision on its thread.

mod sealing;

use crate::accounts::Ready;
use crate::evidence;
use crate::moment::told_at;
use crate::privacy;
use channels::contract::{Item, Kind};
use conversation::{
    Beginning, Decision, DeskWord, Echo, Gone, Inbound, Rejection, Stage, Thread, TouchOpen, Visit, content,
};
use events::thread::OpenedBy;
use events::{Content, Micros};
use sealing::{beginning, seal};
use spine::journal::Place;
use spine::keys::{Contact, Keys, Owner, Period, Request};
use spine::{Address, Cause, Decided, Entity, Error, Log, Refused};
use uuid::Uuid;

/// Tries when the person is erased between finding the thread and writing to it.
const FINDS_MAX: u32 = 3;

/// What became of an item.
#[derive(Debug)]
pub(crate) enum Taken {
    /// It stands in the log of the thread, or needed no event, as that of somebody who was erased since.
    Settled { thread: Option<Uuid>, decided: Option<Decided> },
    /// A receipt of a message whose sending is still under way: the platform was faster than its own answer.
    Early { thread: Uuid },
    /// An echo that may be of a send under way, or a person's: it is taken by itself once the outcome tells.
    Rests { thread: Uuid, why: String },
    /// It cannot be taken now and waits in quarantine. With `blocks` everything that follows it in its thread waits
    /// behind it, since a newer release will take them all; otherwise it is refused alone.
    Refused { thread: Uuid, why: String, blocks: bool },
    /// A newer release wrote in the thread what this one does not know.
    Newer { thread: Uuid, error: Error },
}

/// An item, where it came from, and when.
pub(crate) struct Arrival<'a> {
    pub(crate) ready: &'a Ready,
    pub(crate) item: &'a Item,
    /// Where the request is journalled; none for what the widget's socket brought.
    pub(crate) place: Option<Place>,
    pub(crate) cause: Cause,
    pub(crate) received_at: Micros,
    /// An operator says that a message of the customer is no redelivery, however old it is.
    pub(crate) late: bool,
}

/// Decides an item on its thread: the `known` one, or the one that is found or made for the contact.
///
/// # Errors
/// What passes by itself: the caller tries again and lets nothing overtake meanwhile.
pub(crate) async fn take(
    log: &Log,
    keys: &Keys,
    arrival: &Arrival<'_>,
    known: Option<&Address>,
) -> Result<Taken, Error> {
    if let Kind::Privacy { demand, scope } = &arrival.item.kind {
        return privacy::demanded(keys, arrival, (*demand, scope)).await;
    }
    let mut began = None;
    let mut thread = Uuid::nil();
    for _ in 0..FINDS_MAX {
        let (address, new) = match known {
            Some(address) => (address.clone(), false),
            None => {
                let found = find(keys, arrival).await?;
                if found.erased {
                    return Ok(Taken::Settled { thread: Some(found.thread), decided: None });
                }
                (Address::of(&arrival.ready.tenant, Thread::KIND, found.thread)?, found.new)
            }
        };
        thread = address.uuid().unwrap_or_default();
        if new {
            log.assume_new::<Thread>(&address);
            began = Some(beginning(keys, arrival, &address).await?);
        }
        match decide_at_any_age(log, keys, arrival, &address, began.clone()).await {
            Ok(decided) => return Ok(Taken::Settled { thread: Some(thread), decided }),
            Err(Refused::Failed(error @ Error::UnknownEvent { .. })) => {
                return Ok(Taken::Newer { thread, error });
            }
            Err(Refused::Failed(error @ Error::Unreadable { .. })) => {
                return Ok(Taken::Refused { thread, why: error.to_string(), blocks: true });
            }
            // The key vanished under it: the person was erased, and who writes again is a new thread.
            Err(Refused::Failed(Error::Gone { .. }) | Refused::Rejected(Rejection::Erased)) => {
                keys.forget(&arrival.ready.tenant, &Owner::thread(thread));
            }
            Err(Refused::Rejected(Rejection::Unknown)) if began.is_none() => {
                // The thread was found but never began: its first writer died in between.
                began = Some(beginning(keys, arrival, &address).await?);
            }
            Err(Refused::Rejected(NOT_KNOWN_YET)) => return Ok(Taken::Early { thread }),
            Err(Refused::Rejected(rejection))
                if matches!(rejection, Rejection::InFlight { .. } | Rejection::Unresolved { .. })
                    && matches!(arrival.item.kind, Kind::Echo { .. }) =>
            {
                return Ok(Taken::Rests { thread, why: rejection.to_string() });
            }
            Err(Refused::Rejected(rejection)) => {
                return match is_moot(&rejection) {
                    true => Ok(Taken::Settled { thread: Some(thread), decided: None }),
                    // Too old, a flood, a bad id: no later item needs this one first.
                    false => Ok(Taken::Refused { thread, why: rejection.to_string(), blocks: false }),
                };
            }
            Err(Refused::Failed(error)) => return Err(error),
        }
    }
    Ok(Taken::Refused { thread, why: "the person is being erased".into(), blocks: false })
}

async fn find(keys: &Keys, arrival: &Arrival<'_>) -> Result<spine::keys::Found, Error> {
    let account = arrival.ready.account.id.to_string();
    let contact = Contact {
        tenant: &arrival.ready.tenant,
        account: &account,
        external_user: &arrival.item.external_user,
        class: content::CLASS,
        period: &Period::quarter(arrival.received_at),
        journalled: arrival
            .place
            .map(|place| Request { sequence: place.sequence, received_at: arrival.received_at }),
    };
    keys.thread_for(&contact).await
}

/// The purpose under which the log keeps that an operator had a message taken whatever its age.
const LATE: &str = "receive_late";

/// A receipt names a message that is not known here while one is on its way.
const NOT_KNOWN_YET: Rejection = Rejection::NoSuchMessage { message: Uuid::nil() };

/// Whether a call to the platform has begun whose outcome is not known.
fn sends_now(thread: &Thread) -> bool {
    thread.pending().any(|pending| matches!(pending.stage, Stage::Started { .. } | Stage::Unknown { .. }))
}

/// A refusal that means there is nothing to do: a receipt of a message that is forgotten, a tap with no
/// conversation open.
pub(crate) fn is_moot(rejection: &Rejection) -> bool {
    let known = *rejection != NOT_KNOWN_YET;
    known
        && matches!(
            rejection,
            Rejection::NoSuchMessage { .. }
                | Rejection::NotOpen
                | Rejection::Settled { .. }
                | Rejection::Unknown
        )
}

/// Decides the item; one that is too old for it is decided anew where an operator says so.
async fn decide_at_any_age(
    log: &Log,
    keys: &Keys,
    arrival: &Arrival<'_>,
    address: &Address,
    began: Option<Beginning>,
) -> Result<Option<Decided>, Refused<Rejection>> {
    let is_message = matches!(arrival.item.kind, Kind::Message { .. } | Kind::Unsupported { .. });
    match decide(log, keys, arrival, address, (began.clone(), None)).await {
        Err(Refused::Rejected(Rejection::TooOld { .. })) if arrival.late && is_message => {
            let now = log.clock().now();
            decide(log, keys, arrival, address, (began, Some(now))).await
        }
        decided => decided,
    }
}

/// `late` is the time at which a message of the customer is taken whatever its age.
async fn decide(
    log: &Log,
    keys: &Keys,
    arrival: &Arrival<'_>,
    address: &Address,
    (began, late): (Option<Beginning>, Option<Micros>),
) -> Result<Option<Decided>, Refused<Rejection>> {
    let message = message_of(arrival, address);
    let asked = match &arrival.item.kind {
        Kind::Message { .. } | Kind::Unsupported { .. } => {
            let content = seal(keys, arrival, address).await?;
            Some(received(arrival, message, content, (began, late)))
        }
        Kind::Echo { of } => {
            let content = seal(keys, arrival, address).await?;
            Some(echoed(arrival, message, content, of.as_deref()))
        }
        _ => acted(arrival, began)?,
    };
    let evidence =
        evidence::seal(keys, &arrival.ready.account, address, &arrival.item.evidence, arrival.received_at)
            .await?;
    let (purpose, decision) = match asked {
        Some(asked) => asked,
        None if evidence.is_empty() => return Ok(None),
        None => nothing_but_evidence(),
    };
    // One item decides once, from whatever delivery and however often; with other evidence it is another item.
    let proven = evidence.iter().map(|found| found.provider.as_str()).collect::<Vec<_>>().join(" ");
    let id = if proven.is_empty() { message } else { Uuid::new_v5(&message, proven.as_bytes()) };
    let cause = Cause { id, purpose, ..arrival.cause.clone() };
    let at = late.unwrap_or(arrival.received_at);
    let decide = |state: &Thread| evidence::with(state, decision(state), &evidence, at);
    log.transact(address, &cause, decide).await.map(Some)
}

fn nothing_but_evidence() -> Asked {
    ("identify", Box::new(|_| Ok(Vec::new())))
}

/// What is asked of the law, and for which purpose.
type Asked = (&'static str, Box<dyn Fn(&Thread) -> Decision + Send + Sync>);

/// Our id of the item, the same for each of its deliveries.
fn message_of(arrival: &Arrival<'_>, address: &Address) -> Uuid {
    Uuid::new_v5(&address.uuid().unwrap_or_default(), arrival.item.item_id.as_bytes())
}

fn received(
    arrival: &Arrival<'_>,
    message: Uuid,
    content: Content,
    (began, late): (Option<Beginning>, Option<Micros>),
) -> Asked {
    let (item, at) = (arrival.item, arrival.received_at);
    let inbound = Inbound {
        message,
        provider: item.item_id.clone(),
        content,
        sent_at: told_at(item.sent_at, at),
        order: item.order,
        window: item.window,
        raw: arrival.place.map(|place| place.to_string()),
        touch: item.touch.clone(),
        began,
    };
    match late {
        None => ("receive", Box::new(move |state| conversation::receive(state, &inbound, at))),
        Some(now) => {
            // Should it have been taken before, it is another message now: nothing else may be two under one id. It is
            // taken now and not when it came, so that its own id is remembered from now on.
            let message = Uuid::new_v5(&message, &now.to_be_bytes());
            let inbound = Inbound { message, ..inbound };
            (LATE, Box::new(move |state| conversation::receive_late(state, &inbound, now)))
        }
    }
}

fn echoed(arrival: &Arrival<'_>, message: Uuid, content: Content, of: Option<&str>) -> Asked {
    let (item, at) = (arrival.item, arrival.received_at);
    let echo = Echo {
        ours: of.and_then(|of| Uuid::try_parse(of).ok()),
        message,
        provider: item.item_id.clone(),
        content,
        sent_at: told_at(item.sent_at, at),
        raw: arrival.place.map(|place| place.to_string()),
    };
    ("echo", Box::new(move |state| conversation::echo(state, &echo, at)))
}

/// What the customer or the platform did without writing; none when it is no part of a conversation.
fn acted(arrival: &Arrival<'_>, began: Option<Beginning>) -> Result<Option<Asked>, Error> {
    let (item, at) = (arrival.item, arrival.received_at);
    let (provider, sent_at) = (item.item_id.clone(), told_at(item.sent_at, at));
    let (touch, window) = (item.touch.clone(), item.window);
    let visit = |by| -> Asked {
        let visit = Visit {
            by,
            provider: provider.clone(),
            touch: touch.clone(),
            window,
            sent_at,
            began: began.clone(),
        };
        ("open", Box::new(move |state| conversation::open(state, &visit, at)))
    };
    Ok(Some(match &item.kind {
        Kind::Follow => visit(OpenedBy::Follow),
        Kind::Scan => visit(OpenedBy::Scan),
        Kind::Menu => {
            let touch = TouchOpen { provider, touch: touch.unwrap_or_default(), window, sent_at };
            ("touch", Box::new(move |state| conversation::touch(state, &touch, at)))
        }
        Kind::Unfollow => {
            let gone = Gone { provider, sent_at };
            ("leave", Box::new(move |state| conversation::unreachable(state, &gone, at)))
        }
        Kind::Receipt { of, state: receipt } => {
            let (of, receipt) = (of.clone(), *receipt);
            let decide =
                move |state: &Thread| match Uuid::try_parse(&of).ok().or_else(|| state.message_of(&of)) {
                    Some(ours) => conversation::receipt(state, ours, receipt, Some(&of), at),
                    None if sends_now(state) => Err(NOT_KNOWN_YET),
                    None => Ok(vec![]),
                };
            ("receipt", Box::new(decide))
        }
        Kind::Desk { took } => {
            let word = DeskWord { took: *took, provider, sent_at, began };
            ("desk", Box::new(move |state| conversation::desk(state, &word, at)))
        }
        _ => return Ok(None),
    }))
}
