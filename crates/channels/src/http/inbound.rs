//! Requests of a partner system: signature, then items.

use super::{item, keys};
use crate::contract::{Account, Cause, Item, ItemFault, RawRequest, Refusal, Reply, Verified, Webhook};
use crate::standard_webhooks::{self as standard, Fault, Headers};
use crate::text::mend_json;
use bytes::Bytes;
use events::Micros;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// One request holds at most so many items; the rest of the room is the sender's to split.
const ITEMS_MAX: usize = 1000;
const BODY_MAX_BYTES: usize = 4 << 20;

/// The adapter of the generic channel.
pub struct Http;

impl Webhook for Http {
    fn handshake(&self, _: &Account, _: &RawRequest, _: Micros) -> Result<Reply, Refusal> {
        Err(Refusal::NoHandshake)
    }

    fn verify<'r>(
        &self,
        account: &Account,
        request: &'r RawRequest,
        at: Micros,
    ) -> Result<Verified<'r>, Refusal> {
        if request.body.len() > BODY_MAX_BYTES {
            return Err(Refusal::TooLarge);
        }
        let headers = Headers {
            id: request.header(standard::ID),
            timestamp: request.header(standard::TIMESTAMP),
            signature: request.header(standard::SIGNATURE),
        };
        match standard::verify(&keys(account)?, headers, &request.body, at.div_euclid(1_000_000)) {
            Ok(()) => Ok(Verified::proven(request)),
            Err(Fault::Missing(name)) => Err(Refusal::Missing(name)),
            Err(Fault::Signature) => Err(Refusal::Signature),
            Err(Fault::Stale) => Err(Refusal::Stale),
        }
    }

    fn items(&self, account: &Account, request: Verified<'_>) -> Vec<Result<Item, ItemFault>> {
        let body = &request.request().body;
        match split(&mended(body)) {
            Ok(items) => items.into_iter().map(|raw| item::read(account, raw.get())).collect(),
            Err(words) => {
                let cause = Cause::Unreadable(words);
                vec![Err(ItemFault { cause, external_user: None, raw: Bytes::clone(body) })]
            }
        }
    }

    fn alone(&self, request: Verified<'_>, number: usize) -> Option<Bytes> {
        let mended = mended(&request.request().body);
        let items = split(&mended).ok()?;
        Some(Bytes::copy_from_slice(items.get(number)?.get().as_bytes()))
    }

    fn accepted(&self) -> Reply {
        Reply { status: 202, content_type: "application/json", body: r#"{"status":"accepted"}"#.into() }
    }

    fn headers_kept(&self) -> &'static [&'static str] {
        &[standard::ID, standard::TIMESTAMP]
    }
}

fn mended(body: &Bytes) -> Cow<'_, str> {
    mend_json(body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body))
}

#[derive(Deserialize)]
struct Many<'b> {
    #[serde(borrow)]
    items: Vec<&'b RawValue>,
    /// Only an item has one of these; its `items` are a field of the partner's own. A batch may have an `id`.
    user: Option<IgnoredAny>,
    text: Option<IgnoredAny>,
    media: Option<IgnoredAny>,
}

/// The items of a body, not looked into, so that one which is wrong inside leaves the others alone.
fn split(body: &str) -> Result<Vec<&RawValue>, &'static str> {
    let items = match body.trim_start().chars().next() {
        Some('[') => serde_json::from_str(body).map_err(|_| "it is no JSON")?,
        Some('{') => match serde_json::from_str::<Many<'_>>(body) {
            Ok(Many { items, user: None, text: None, media: None }) => items,
            _ => vec![serde_json::from_str(body).map_err(|_| "it is no JSON")?],
        },
        _ => return Err("it is no JSON object or list"),
    };
    match items.len() {
        0 => Err("it has no items"),
        count if count > ITEMS_MAX => Err("it has more than 1000 items"),
        _ => Ok(items),
    }
}
