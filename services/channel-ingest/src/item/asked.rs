//! What an item asks of the law of its thread.

use super::{Arrival, NOT_KNOWN_YET};
use crate::moment::told_at;
use channels::contract::Kind;
use conversation::{Beginning, Decision, DeskWord, Echo, Gone, Inbound, Stage, Thread, TouchOpen, Visit};
use events::thread::OpenedBy;
use events::{Content, Micros};
use spine::{Address, Error};
use uuid::Uuid;

/// The purpose under which the log keeps that an operator had a message taken whatever its age.
const LATE: &str = "receive_late";

/// Whether a call to the platform has begun whose outcome is not known.
fn sends_now(thread: &Thread) -> bool {
    thread.pending().any(|pending| matches!(pending.stage, Stage::Started { .. } | Stage::Unknown { .. }))
}

/// What is asked of the law, and for which purpose.
pub(super) type Asked = (&'static str, Box<dyn Fn(&Thread) -> Decision + Send + Sync>);

/// Our id of the item, the same for each of its deliveries.
pub(super) fn message_of(arrival: &Arrival<'_>, address: &Address) -> Uuid {
    Uuid::new_v5(&address.uuid().unwrap_or_default(), arrival.item.item_id.as_bytes())
}

pub(super) fn received(
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

pub(super) fn echoed(arrival: &Arrival<'_>, message: Uuid, content: Content, of: Option<&str>) -> Asked {
    let (item, at) = (arrival.item, arrival.received_at);
    let of = of.map(str::to_owned);
    let echo = Echo {
        ours: None,
        message,
        provider: item.item_id.clone(),
        content,
        sent_at: told_at(item.sent_at, at),
        raw: arrival.place.map(|place| place.to_string()),
    };
    let decide = move |state: &Thread| {
        let Some(of) = &of else { return conversation::echo(state, &echo, at) };
        match ours(state, of) {
            Some(ours) => conversation::echo(state, &Echo { ours: Some(ours), ..echo.clone() }, at),
            // It is of a message of ours, so nobody answered elsewhere, whichever it is.
            None if sends_now(state) => Err(NOT_KNOWN_YET),
            None => Ok(vec![]),
        }
    };
    ("echo", Box::new(decide))
}

/// The message of ours that a platform names: by our id, by the id of one of its parts, or by the platform's own.
fn ours(thread: &Thread, of: &str) -> Option<Uuid> {
    let part_of = || {
        let (message, part) = of.rsplit_once('-')?;
        part.parse::<u16>().ok().and_then(|_| Uuid::try_parse(message).ok())
    };
    // The platform's own first: it may be a UUID, too.
    thread.message_of(of).or_else(|| Uuid::try_parse(of).ok()).or_else(part_of)
}

/// What the customer or the platform did without writing; none when it is no part of a conversation.
pub(super) fn acted(arrival: &Arrival<'_>, began: Option<Beginning>) -> Result<Option<Asked>, Error> {
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
            let decide = move |state: &Thread| match self::ours(state, &of) {
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

pub(super) fn nothing_but_evidence() -> Asked {
    ("identify", Box::new(|_| Ok(Vec::new())))
}
