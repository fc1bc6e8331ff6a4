//! One item of a request becomes a decision on its thread.

mod asked;
mod sealing;

use crate::accounts::Ready;
use crate::evidence;
use crate::privacy;
use asked::{acted, echoed, message_of, nothing_but_evidence, received};
use channels::contract::{Item, Kind};
use conversation::{Beginning, Rejection, Thread, content};
use events::Micros;
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
    /// It stands in the log of the thread, or needed no event.
    Settled { thread: Option<Uuid>, decided: Option<Decided> },
    /// Its person was erased since they sent it, or in the known thread: nothing is made of it, and its request goes with
    /// the erased thread.
    Erased { thread: Uuid },
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

impl Arrival<'_> {
    /// Where the key register looks whether its person was erased since.
    pub(crate) fn journalled(&self) -> Option<Request> {
        self.place.map(|place| Request { sequence: place.sequence, received_at: self.received_at })
    }
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
                    return Ok(Taken::Erased { thread: found.thread });
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
                if known.is_some() {
                    return Ok(Taken::Erased { thread });
                }
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
                    false => Ok(Taken::Refused { thread, why: why(&rejection), blocks: false }),
                };
            }
            Err(Refused::Failed(error)) => return Err(error),
        }
    }
    Ok(Taken::Refused { thread, why: "the person is being erased".into(), blocks: false })
}

/// Why an item is refused, with what helps where something does.
fn why(rejection: &Rejection) -> String {
    match rejection {
        Rejection::TooOld { .. } => {
            format!("{rejection}: `tributary reingest --late` takes it, once more if it was taken before")
        }
        _ => rejection.to_string(),
    }
}

async fn find(keys: &Keys, arrival: &Arrival<'_>) -> Result<spine::keys::Found, Error> {
    let account = arrival.ready.account.id.to_string();
    let contact = Contact {
        tenant: &arrival.ready.tenant,
        account: &account,
        external_user: &arrival.item.external_user,
        class: content::CLASS,
        period: &Period::quarter(arrival.received_at),
        journalled: arrival.journalled(),
    };
    keys.thread_for(&contact).await
}

/// A receipt names a message that is not known here while one is on its way.
const NOT_KNOWN_YET: Rejection = Rejection::NoSuchMessage { message: Uuid::nil() };

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
