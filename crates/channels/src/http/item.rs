//! One item of the generic protocol.
//!
//! Required: `id` (text, 1 to 200 characters), `user` (likewise: what the partner calls the person), `sent_at` (RFC
//! 3339 text, or milliseconds since 1970 as a number). `kind` is `message` if left out, else `follow`, `unfollow`,
//! `scan`, `receipt` or `echo`; an item of any other is set aside. A message or echo needs `text` or `media`
//! (`{"kind": "image|voice|video|file|location|link", "url": ...}` or `"id"`); a receipt needs `of` (our message id)
//! and `state` (`delivered` or `read`). Optional: `name`, `order` (a whole number),
//! `touch` (`source`, `medium`, `campaign`, `scene`, `page`), and for an echo `of`. Unknown fields are passed over.
//!
//! `identity` (`login`, `phone`, `email`) is what the partner vouches for: its own id of the signed-in user, and a phone
//! (E.164) or e-mail address that the person proved to own. What somebody typed into a form does not belong there. Threads of
//! one login, phone or address become one customer, on whatever channel.
//!
//! Identity: kind and `id`, hashed under the tenant's key, since partners put numbers of people into ids.

use crate::contract::{Account, Cause, Evidence, Item, ItemFault, Kind, Media};
use crate::proven;
use crate::text::{clean, clean_line};
use bytes::Bytes;
use events::customer::EvidenceKind;
use events::thread::{ReceiptState, Touch};
use events::{ContentKind, Micros};
use hmac::{Hmac, Mac};
use serde_json::{Map, Value};
use sha2::Sha256;

const KINDS: &str = "message, follow, unfollow, scan, receipt or echo";
const ID_MAX_CHARS: usize = 200;
const NAME_MAX_CHARS: usize = 128;
const EVIDENCE_MAX_CHARS: usize = 320;
/// The years 2000 to 2100 in milliseconds: a time outside is in another unit.
const TIMES_MS: std::ops::Range<i64> = 946_684_800_000..4_102_444_800_000;

type Fields = Map<String, Value>;

/// The identity of an item of that kind and partner's id.
pub fn item_id(account: &Account, kind: &str, id: &str) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(&*account.identity_key).expect("a key of any length fits HMAC");
    for part in ["http item", kind, id] {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part.as_bytes());
    }
    let digest = mac.finalize().into_bytes();
    format!("http:{}", digest[..16].iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

pub(super) fn read(account: &Account, raw: &str) -> Result<Item, ItemFault> {
    let fault = |cause, external_user| ItemFault {
        cause,
        external_user,
        raw: Bytes::copy_from_slice(raw.as_bytes()),
    };
    let fields: Fields =
        serde_json::from_str(raw).map_err(|_| fault(Cause::Unreadable("it is no object"), None))?;
    item(account, &fields).map_err(|cause| fault(cause, name(&fields, "user").ok()))
}

fn item(account: &Account, fields: &Fields) -> Result<Item, Cause> {
    let id = name(fields, "id")?;
    let external_user = name(fields, "user")?;
    let sent_at = sent_at(fields)?;
    let kind_name = text(fields, "kind")?.unwrap_or("message");
    Ok(Item {
        external_user,
        item_id: item_id(account, kind_name, &id),
        kind: kind(fields, kind_name)?,
        text: text(fields, "text")?.map(clean).filter(|text| !text.is_empty()),
        media: media(fields)?,
        sent_at: Some(sent_at),
        order: order(fields)?,
        nickname: text(fields, "name")?.map(|name| clean_line(name, NAME_MAX_CHARS)),
        touch: touch(fields)?,
        window: None,
        evidence: evidence(fields)?,
    })
}

fn kind(fields: &Fields, name: &str) -> Result<Kind, Cause> {
    match name {
        "message" => Ok(Kind::Message { content: content(fields)? }),
        "echo" => {
            content(fields)?;
            let of = text(fields, "of")?.map(|of| clean_line(of, ID_MAX_CHARS));
            Ok(Kind::Echo { of: of.filter(|of| !of.is_empty()) })
        }
        "follow" => Ok(Kind::Follow),
        "unfollow" => Ok(Kind::Unfollow),
        "scan" => Ok(Kind::Scan),
        "receipt" => Ok(Kind::Receipt { of: self::name(fields, "of")?, state: state(fields)? }),
        _ => Err(Cause::Field { field: "kind", expected: KINDS }),
    }
}

/// The content of what somebody wrote: text that can be seen, or media, must be there.
fn content(fields: &Fields) -> Result<ContentKind, Cause> {
    if let Some(media) = media(fields)? {
        return Ok(media.kind);
    }
    match text(fields, "text")? {
        Some(text) if clean(text).trim().is_empty() => {
            Err(Cause::Field { field: "text", expected: "something to read, and there is no media" })
        }
        Some(_) => Ok(ContentKind::Text),
        None => Err(Cause::Missing("text")),
    }
}

fn state(fields: &Fields) -> Result<ReceiptState, Cause> {
    match text(fields, "state")? {
        Some("delivered") => Ok(ReceiptState::Delivered),
        Some("read") => Ok(ReceiptState::Read),
        Some(_) => Err(Cause::Field { field: "state", expected: "delivered or read" }),
        None => Err(Cause::Missing("state")),
    }
}

fn media(fields: &Fields) -> Result<Option<Media>, Cause> {
    let fault = |expected| Cause::Field { field: "media", expected };
    let media = match fields.get("media") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(media)) => media,
        Some(_) => return Err(fault("an object")),
    };
    let kind = match media.get("kind").and_then(Value::as_str) {
        Some("image") => ContentKind::Image,
        Some("voice") => ContentKind::Voice,
        Some("video") => ContentKind::Video,
        Some("file") => ContentKind::File,
        Some("location") => ContentKind::Location,
        Some("link") => ContentKind::Link,
        _ => return Err(fault("of a known kind")),
    };
    let part = |name| media.get(name).and_then(Value::as_str).map(|part| clean_line(part, 2048));
    match (part("id"), part("url")) {
        (None, None) => Err(fault("an object with url or id")),
        (id, url) => Ok(Some(Media { kind, id, url })),
    }
}

fn touch(fields: &Fields) -> Result<Option<Touch>, Cause> {
    let touch = match fields.get("touch") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(touch)) => touch,
        Some(_) => return Err(Cause::Field { field: "touch", expected: "an object" }),
    };
    let part = |name| {
        let value = touch.get(name).and_then(Value::as_str)?;
        Some(clean_line(value, NAME_MAX_CHARS)).filter(|value| !value.is_empty())
    };
    let page = part("page").map(|page| page.split(['?', '#']).next().unwrap_or_default().to_owned());
    Ok(Some(Touch {
        source: part("source"),
        medium: part("medium"),
        campaign: part("campaign"),
        scene: part("scene"),
        page,
    }))
}

fn evidence(fields: &Fields) -> Result<Vec<Evidence>, Cause> {
    let fault = |expected| Cause::Field { field: "identity", expected };
    let identity = match fields.get("identity") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(identity)) => identity,
        Some(_) => return Err(fault("an object")),
    };
    let mut found = Vec::new();
    for (name, kind) in [
        ("login", EvidenceKind::Login),
        ("phone", EvidenceKind::VerifiedPhone),
        ("email", EvidenceKind::VerifiedEmail),
    ] {
        let value = match identity.get(name) {
            None | Some(Value::Null) => continue,
            // A login stays as it is, as every id: two that differ are of two people.
            Some(Value::String(value)) if kind == EvidenceKind::Login => value.clone(),
            Some(Value::String(value)) => clean(value).trim().to_owned(),
            Some(_) => return Err(fault("of texts")),
        };
        if value.is_empty() || value.chars().count() > EVIDENCE_MAX_CHARS {
            return Err(fault("of texts of 1 to 320 characters"));
        }
        match kind {
            EvidenceKind::Login if !proven::is_login(&value) => {
                return Err(Cause::Field { field: "identity.login", expected: proven::LOGIN });
            }
            EvidenceKind::VerifiedPhone if !proven::is_phone(&value) => {
                return Err(Cause::Field { field: "identity.phone", expected: proven::PHONE });
            }
            EvidenceKind::VerifiedEmail if !proven::is_email(&value) => {
                return Err(Cause::Field { field: "identity.email", expected: proven::EMAIL });
            }
            _ => found.push(Evidence { kind, value }),
        }
    }
    Ok(found)
}

fn sent_at(fields: &Fields) -> Result<Micros, Cause> {
    let fault = Cause::Field { field: "sent_at", expected: "an RFC 3339 time or milliseconds since 1970" };
    let micros = match fields.get("sent_at") {
        None | Some(Value::Null) => return Err(Cause::Missing("sent_at")),
        Some(Value::String(text)) => text.parse().map(jiff::Timestamp::as_microsecond).ok(),
        Some(Value::Number(number)) => {
            number.as_i64().filter(|ms| TIMES_MS.contains(ms)).map(|ms| ms.saturating_mul(1000))
        }
        Some(_) => None,
    };
    micros.filter(|micros| TIMES_MS.contains(&micros.div_euclid(1000))).ok_or(fault)
}

fn order(fields: &Fields) -> Result<Option<i64>, Cause> {
    match fields.get("order") {
        None | Some(Value::Null) => Ok(None),
        Some(order) => match order.as_i64() {
            Some(order) => Ok(Some(order)),
            None => Err(Cause::Field { field: "order", expected: "a whole number of 64 bits" }),
        },
    }
}

/// A text field that may be left out.
fn text<'f>(fields: &'f Fields, name: &'static str) -> Result<Option<&'f str>, Cause> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Cause::Field { field: name, expected: "text" }),
    }
}

/// A text field that must be there, short and not blank. Ids are text: a number would lose digits on its way. They stay as
/// they are, blanks too: two that differ are of two people, or two messages.
fn name(fields: &Fields, name: &'static str) -> Result<String, Cause> {
    let value = text(fields, name)?.ok_or(Cause::Missing(name))?;
    let is_short = !value.trim().is_empty() && value.chars().count() <= ID_MAX_CHARS;
    if !is_short || value.chars().any(char::is_control) {
        return Err(Cause::Field {
            field: name,
            expected: "text of 1 to 200 characters, without line ends and control characters",
        });
    }
    Ok(value.to_owned())
}
