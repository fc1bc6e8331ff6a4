//! What the customer wrote and who they are, sealed under their thread's key.

use super::Arrival;
use channels::contract::{Kind, Media};
use conversation::{Beginning, content};
use events::{Content, ContentKind, Sealed};
use spine::keys::{Keys, SealKey};
use spine::{Address, Error};

pub(super) async fn beginning(
    keys: &Keys,
    arrival: &Arrival<'_>,
    address: &Address,
) -> Result<Beginning, Error> {
    let key = SealKey::of_thread(address, content::CLASS, arrival.received_at);
    let subject = address.subject();
    let contact = keys.seal(&key, &subject, "began.contact", &arrival.item.external_user).await?;
    let name = match &arrival.item.nickname {
        Some(name) => Some(Sealed(keys.seal(&key, &subject, "began.name", name).await?)),
        None => None,
    };
    let channel = arrival.ready.channel.name.into();
    Ok(Beginning { account: arrival.ready.account.id, channel, contact: Sealed(contact), name })
}

pub(super) async fn seal(keys: &Keys, arrival: &Arrival<'_>, address: &Address) -> Result<Content, Error> {
    let item = arrival.item;
    let key = SealKey::of_thread(address, content::CLASS, arrival.received_at);
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
        length: text.map_or(0, content::length),
        language: text.map_or_else(String::new, |text| content::language(text).into()),
        text: match text {
            Some(text) => Some(Sealed(keys.seal(&key, &subject, content::TEXT, text).await?)),
            None => None,
        },
        media: match media {
            Some(media) => Some(Sealed(keys.seal(&key, &subject, "content.media", &media).await?)),
            None => None,
        },
    })
}
