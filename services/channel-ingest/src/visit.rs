//! A visitor opens the widget, or signs in on the shop's site: what their thread learns of it.

use crate::accounts::Ready;
use crate::evidence;
use crate::socket::Sockets;
use channels::contract::Evidence;
use channels::widget::identity::Proven;
use channels::widget::session::{Opening, Session};
use conversation::{Beginning, Decision, Rejection, Thread, Visit, content};
use events::thread::OpenedBy;
use events::{Sealed, ThreadEvent};
use spine::keys::{Contact, Owner, Period, SealKey};
use spine::{Address, Cause, Decided, Entity, Error, Refused, new_id};

/// Tries when the person is erased between finding the thread and opening it.
const FINDS_MAX: u32 = 3;

/// Why nothing is decided in a thread.
enum No {
    Law(Rejection),
    /// It belongs to a login that was not proven now.
    Anothers,
}

/// The thread that was found or made for a visitor.
enum Visited {
    At(Address),
    Anothers,
    /// The person was erased, which this process had not heard of yet.
    Erased,
}

/// The thread that the visitor may see, with a conversation open in it: the one of the browser's token, or a new one
/// when that belongs to another login. A token from before the sign-in does not say so; the thread does.
pub(crate) async fn enter(
    sockets: &Sockets,
    ready: &Ready,
    session: &mut Session,
    opening: Opening,
) -> Result<(Address, Opening), Error> {
    if let Some(address) = visit(sockets, ready, &opening).await? {
        return Ok((address, opening));
    }
    let opening = session.begin_anew(opening);
    let address = visit(sockets, ready, &opening).await?;
    let address = address.ok_or_else(|| Error::Other("the thread of a new visitor is another's".into()))?;
    Ok((address, opening))
}

/// As [`visit_found`], again where the person was just erased: they are somebody new. None when the thread is another's.
async fn visit(sockets: &Sockets, ready: &Ready, opening: &Opening) -> Result<Option<Address>, Error> {
    for _ in 0..FINDS_MAX {
        match visit_found(sockets, ready, opening).await? {
            Visited::At(address) => return Ok(Some(address)),
            Visited::Anothers => return Ok(None),
            Visited::Erased => {}
        }
    }
    Err(Error::Other("the visitor is being erased".into()))
}

/// Finds or makes the visitor's thread and opens a conversation in which nobody has written yet.
async fn visit_found(sockets: &Sockets, ready: &Ready, opening: &Opening) -> Result<Visited, Error> {
    let Sockets { log, keys, .. } = sockets;
    let at = log.clock().now();
    let (visitor, account) = (opening.visitor.to_string(), ready.account.id.to_string());
    let period = Period::quarter(at);
    let contact = Contact {
        tenant: &ready.tenant,
        account: &account,
        external_user: &visitor,
        class: content::CLASS,
        period: &period,
        journalled: None,
    };
    let found = keys.thread_for(&contact).await?;
    let address = Address::of(&ready.tenant, Thread::KIND, found.thread)?;
    if found.new {
        log.assume_new::<Thread>(&address);
    }
    match open_at(sockets, ready, opening, &address).await {
        Ok(_) => Ok(Visited::At(address)),
        Err(Refused::Failed(Error::Gone { .. }) | Refused::Rejected(No::Law(Rejection::Erased))) => {
            keys.forget(&ready.tenant, &Owner::thread(found.thread));
            Ok(Visited::Erased)
        }
        Err(Refused::Rejected(No::Law(_))) => Ok(Visited::At(address)),
        Err(Refused::Rejected(No::Anothers)) => Ok(Visited::Anothers),
        Err(Refused::Failed(error)) => Err(error),
    }
}

async fn open_at(
    Sockets { log, keys, .. }: &Sockets,
    ready: &Ready,
    opening: &Opening,
    address: &Address,
) -> Result<Decided, Refused<No>> {
    let at = log.clock().now();
    let key = SealKey::of_thread(address, content::CLASS, at);
    let visitor = opening.visitor.to_string();
    let contact = keys.seal(&key, &address.subject(), "began.contact", &visitor).await?;
    let began = Beginning {
        account: ready.account.id,
        channel: ready.channel.name.into(),
        contact: Sealed(contact),
        name: None,
    };
    let visit = Visit {
        by: OpenedBy::Widget,
        provider: format!("visit:{}", new_id()),
        touch: opening.touch.clone(),
        window: None,
        sent_at: at,
        began: Some(began),
    };
    let proven = opening.signed_in.as_ref().map_or_else(Vec::new, Proven::evidence);
    let sealed = evidence::seal(keys, &ready.account, address, &proven, at).await?;
    let decide = |thread: &Thread| {
        let anothers = evidence::is_anothers(thread, &ready.account, &proven);
        guarded(anothers, || evidence::with(thread, conversation::open(thread, &visit, at), &sealed, at))
    };
    let cause = Cause::new(new_id(), "visit", "channel-ingest");
    log.transact(address, &cause, decide).await
}

fn guarded(anothers: bool, decide: impl FnOnce() -> Decision) -> Result<Vec<ThreadEvent>, No> {
    if anothers { Err(No::Anothers) } else { decide().map_err(No::Law) }
}

/// What became of a proof of who the visitor is.
pub(crate) enum Proved {
    /// It stands in the log, or nothing of it is new.
    Kept,
    /// The thread belongs to another login.
    Anothers,
    Erased,
}

/// Adds to the thread what the shop proves of its visitor.
///
/// # Errors
/// What passes by itself.
pub(crate) async fn identified(
    sockets: &Sockets,
    ready: &Ready,
    address: &Address,
    proven: &Proven,
) -> Result<Proved, Error> {
    let proven = proven.evidence();
    match identify(sockets, ready, address, &proven).await {
        Err(Refused::Failed(Error::Gone { .. }) | Refused::Rejected(No::Law(Rejection::Erased))) => {
            Ok(Proved::Erased)
        }
        Ok(_) | Err(Refused::Rejected(No::Law(_))) => Ok(Proved::Kept),
        Err(Refused::Rejected(No::Anothers)) => Ok(Proved::Anothers),
        Err(Refused::Failed(error)) => Err(error),
    }
}

async fn identify(
    sockets: &Sockets,
    ready: &Ready,
    address: &Address,
    proven: &[Evidence],
) -> Result<Decided, Refused<No>> {
    let at = sockets.log.clock().now();
    let sealed = evidence::seal(&sockets.keys, &ready.account, address, proven, at).await?;
    let cause = Cause::new(new_id(), "identify", "channel-ingest");
    let decide = |thread: &Thread| {
        let anothers = evidence::is_anothers(thread, &ready.account, proven);
        guarded(anothers, || evidence::with(thread, Ok(Vec::new()), &sealed, at))
    };
    sockets.log.transact(address, &cause, decide).await
}
