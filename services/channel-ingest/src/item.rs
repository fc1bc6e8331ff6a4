//! One item of a request becomes a decision on its thread.

use crate::accounts::Ready;
use crate::channels::contract::{Item, Kind, Media};
use conversation::{Beginning, Decision, Echo, Gone, Inbound, Rejection, Thread, TouchOpen, Visit};
use events::thread::OpenedBy;
use events::{Content, ContentKind, Micros, Sealed};
use spine::keys::{Contact, Keys, Owner, Period, SealKey};
use spine::{Address, Cause, Decided, Entity, Error, Log, Refused};
use unicode_segmentation::UnicodeSegmentation;
use uuid::Uuid;

/// The retention class of what customers and agents write.
pub(crate) const CLASS: &str = "message";
/// Tries when the person is erased between finding the thread and writing to it.
const FINDS_MAX: u32 = 3;

/// What became of an item.
#[derive(Debug)]
pub(crate) enum Taken {
    /// It stands in the log, or needed no event.
    Settled(Option<Decided>),
    /// It cannot be taken now and waits in quarantine. With `blocks` everything that follows it in its thread waits
    /// behind it, since a newer release will take them all; otherwise it is refused alone.
    Refused { thread: Uuid, why: String, blocks: bool },
}

/// An item, where it came from, and when.
pub(crate) struct Arrival<'a> {
    pub(crate) ready: &'a Ready,
    pub(crate) item: &'a Item,
    /// The journalled request; none for what the widget's socket brought.
    pub(crate) raw: Option<String>,
    pub(crate) cause: Cause,
    pub(crate) received_at: Micros,
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
    let mut began = None;
    let mut thread = Uuid::nil();
    for _ in 0..FINDS_MAX {
        let (address, new) = match known {
            Some(address) => (address.clone(), false),
            None => {
                let found = find(keys, arrival).await?;
                (Address::of(&arrival.ready.tenant, Thread::KIND, found.thread)?, found.new)
            }
        };
        thread = address.uuid().unwrap_or_default();
        if new {
            log.assume_new::<Thread>(&address);
            began = Some(beginning(keys, arrival, &address).await?);
        }
        match decide(log, keys, arrival, &address, began.clone()).await {
            Ok(decided) => return Ok(Taken::Settled(decided)),
            Err(Refused::Failed(error @ Error::UnknownEvent { .. })) => {
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
            Err(Refused::Rejected(rejection)) => {
                return match is_moot(&rejection) {
                    true => Ok(Taken::Settled(None)),
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
        class: CLASS,
        period: &Period::quarter(arrival.received_at),
    };
    keys.thread_for(&contact).await
}

/// A refusal that means there is nothing to do: a receipt of a message that is forgotten, a tap with no
/// conversation open.
fn is_moot(rejection: &Rejection) -> bool {
    matches!(
        rejection,
        Rejection::NoSuchMessage { .. } | Rejection::NotOpen | Rejection::Settled { .. } | Rejection::Unknown
    )
}

async fn decide(
    log: &Log,
    keys: &Keys,
    arrival: &Arrival<'_>,
    address: &Address,
    began: Option<Beginning>,
) -> Result<Option<Decided>, Refused<Rejection>> {
    let Arrival { item, received_at: at, raw, .. } = arrival;
    let (at, provider) = (*at, item.item_id.clone());
    let sent_at = item.sent_at.unwrap_or(at);
    let thread = address.uuid().unwrap_or_default();
    let message = Uuid::new_v5(&thread, item.item_id.as_bytes());
    // One item decides once, from whatever delivery and however often.
    let cause = |purpose| Cause { id: message, purpose, ..arrival.cause.clone() };
    let visit = |by| Visit {
        by,
        provider: provider.clone(),
        touch: item.touch.clone(),
        window: item.window,
        sent_at,
        began: began.clone(),
    };
    let append = |purpose, decision: Box<dyn Fn(&Thread) -> Decision + Send + Sync>| async move {
        log.transact(address, &cause(purpose), move |state: &Thread| decision(state)).await.map(Some)
    };
    match &item.kind {
        Kind::Message { .. } | Kind::Unsupported { .. } => {
            let inbound = Inbound {
                message,
                provider: provider.clone(),
                content: content(keys, arrival, address).await?,
                sent_at,
                order: item.order,
                window: item.window,
                raw: raw.clone(),
                touch: item.touch.clone(),
                began: began.clone(),
            };
            append("receive", Box::new(move |state| conversation::receive(state, &inbound, at))).await
        }
        Kind::Follow => {
            let visit = visit(OpenedBy::Follow);
            append("open", Box::new(move |state| conversation::open(state, &visit, at))).await
        }
        Kind::Scan => {
            let visit = visit(OpenedBy::Scan);
            append("open", Box::new(move |state| conversation::open(state, &visit, at))).await
        }
        Kind::Menu { .. } => {
            let touch = TouchOpen {
                provider: provider.clone(),
                touch: item.touch.clone().unwrap_or_default(),
                window: item.window,
                sent_at,
            };
            append("touch", Box::new(move |state| conversation::touch(state, &touch, at))).await
        }
        Kind::Unfollow => {
            let gone = Gone { provider: provider.clone(), sent_at };
            append("leave", Box::new(move |state| conversation::unreachable(state, &gone, at))).await
        }
        Kind::Receipt { of, state: receipt } => {
            let (of, receipt) = (of.clone(), *receipt);
            let decision = move |state: &Thread| {
                let ours = Uuid::try_parse(&of).ok().or_else(|| state.message_of(&of));
                ours.map_or(Ok(vec![]), |ours| conversation::receipt(state, ours, receipt, Some(&of), at))
            };
            append("receipt", Box::new(decision)).await
        }
        Kind::Echo { of } => {
            let echo = Echo {
                ours: of.as_deref().and_then(|of| Uuid::try_parse(of).ok()),
                message,
                provider: provider.clone(),
                content: content(keys, arrival, address).await?,
                sent_at,
                raw: raw.clone(),
            };
            append("echo", Box::new(move |state| conversation::echo(state, &echo, at))).await
        }
        Kind::Desk { .. } | Kind::Aside { .. } => Ok(None),
        Kind::Privacy { .. } => Err(Refused::Failed(Error::Other(
            "a privacy demand waits for an operator: erase the person".into(),
        ))),
    }
}

fn seal_key(arrival: &Arrival<'_>, thread: Uuid) -> SealKey {
    SealKey {
        tenant: arrival.ready.tenant.clone(),
        owner: Owner::thread(thread),
        class: CLASS.into(),
        period: Period::quarter(arrival.received_at),
    }
}

async fn beginning(keys: &Keys, arrival: &Arrival<'_>, address: &Address) -> Result<Beginning, Error> {
    let key = seal_key(arrival, address.uuid().unwrap_or_default());
    let subject = address.subject();
    let contact = keys.seal(&key, &subject, "began.contact", &arrival.item.external_user).await?;
    let name = match &arrival.item.nickname {
        Some(name) => Some(Sealed(keys.seal(&key, &subject, "began.name", name).await?)),
        None => None,
    };
    let channel = arrival.ready.channel.name.into();
    Ok(Beginning { account: arrival.ready.account.id, channel, contact: Sealed(contact), name })
}

async fn content(keys: &Keys, arrival: &Arrival<'_>, address: &Address) -> Result<Content, Error> {
    let item = arrival.item;
    let key = seal_key(arrival, address.uuid().unwrap_or_default());
    let subject = address.subject();
    let text = item.text.as_deref().filter(|text| !text.trim().is_empty());
    let kind = match &item.kind {
        Kind::Message { content, .. } => *content,
        Kind::Echo { .. } => item.media.as_ref().map_or(ContentKind::Text, |media| media.kind),
        _ => ContentKind::Unsupported,
    };
    let media = item.media.as_ref().and_then(|Media { id, url, .. }| url.clone().or_else(|| id.clone()));
    Ok(Content {
        kind,
        length: text.map_or(0, |text| u32::try_from(text.graphemes(true).count()).unwrap_or(u32::MAX)),
        language: text.map_or_else(String::new, |text| language(text).into()),
        text: match text {
            Some(text) => Some(Sealed(keys.seal(&key, &subject, "content.text", text).await?)),
            None => None,
        },
        media: match media {
            Some(media) => Some(Sealed(keys.seal(&key, &subject, "content.media", &media).await?)),
            None => None,
        },
    })
}

/// `zh` when a Han character is in it, else `en` when a Latin letter is, else undecided.
pub(crate) fn language(text: &str) -> &'static str {
    let han = |c: char| matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}');
    if text.chars().any(han) {
        "zh"
    } else if text.chars().any(|c| c.is_ascii_alphabetic()) {
        "en"
    } else {
        ""
    }
}
