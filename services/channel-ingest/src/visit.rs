//! A visitor opens the widget, or signs in on the shop's site: what their thread learns of it.

use crate::accounts::Ready;
use crate::channels::widget::identity::Proven;
use crate::channels::widget::session::Opening;
use crate::evidence;
use crate::item::CLASS;
use crate::socket::Sockets;
use conversation::{Beginning, Thread, Visit};
use events::Sealed;
use events::thread::OpenedBy;
use spine::keys::{Contact, Owner, Period, SealKey};
use spine::{Address, Cause, Entity, Error, new_id};

/// Finds or makes the visitor's thread and opens a conversation in which nobody has written yet.
pub(crate) async fn visit(sockets: &Sockets, ready: &Ready, opening: &Opening) -> Result<Address, Error> {
    let Sockets { log, keys, .. } = sockets;
    let at = log.clock().now();
    let (visitor, account) = (opening.visitor.to_string(), ready.account.id.to_string());
    let period = Period::quarter(at);
    let contact = Contact {
        tenant: &ready.tenant,
        account: &account,
        external_user: &visitor,
        class: CLASS,
        period: &period,
    };
    let found = keys.thread_for(&contact).await?;
    let address = Address::of(&ready.tenant, Thread::KIND, found.thread)?;
    if found.new {
        log.assume_new::<Thread>(&address);
    }
    let key = SealKey {
        tenant: ready.tenant.clone(),
        owner: Owner::thread(found.thread),
        class: CLASS.into(),
        period,
    };
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
    let proven = evidence::seal(keys, &ready.account, &address, &proven, at).await?;
    let decide =
        |thread: &Thread| evidence::with(thread, conversation::open(thread, &visit, at), &proven, at);
    let cause = Cause::new(new_id(), "visit", "channel-ingest");
    match log.transact(&address, &cause, decide).await {
        Ok(_) | Err(spine::Refused::Rejected(_)) => Ok(address),
        Err(spine::Refused::Failed(error)) => Err(error),
    }
}

/// Adds to the thread what the shop proves of its visitor.
pub(crate) async fn identified(
    sockets: &Sockets,
    ready: &Ready,
    address: &Address,
    proven: &Proven,
) -> Result<(), Error> {
    let at = sockets.log.clock().now();
    let proven = evidence::seal(&sockets.keys, &ready.account, address, &proven.evidence(), at).await?;
    let cause = Cause::new(new_id(), "identify", "channel-ingest");
    let decide = |thread: &Thread| evidence::with(thread, Ok(Vec::new()), &proven, at);
    match sockets.log.transact::<Thread, conversation::Rejection>(address, &cause, decide).await {
        Ok(_) | Err(spine::Refused::Rejected(_)) => Ok(()),
        Err(spine::Refused::Failed(error)) => Err(error),
    }
}
