//! Requests of the platform: handshake, signature, envelope.

use super::item;
use super::settings::{self, Mode};
use crate::contract::{Account, Cause, Item, ItemFault, RawRequest, Refusal, Reply, Verified, Webhook};
use crate::wechat::{Document, query, signature};
use events::Micros;
use std::borrow::Cow;

/// The platform's bodies are a few kilobytes, in compat mode three times as long.
const BODY_MAX_BYTES: usize = 1 << 20;
const ECHO_MAX_BYTES: usize = 1024;
const ENVELOPES_MAX: usize = 8;

/// The adapter of official accounts.
pub struct OfficialAccount;

/// The values that each signature covers, and the signature.
struct Signed {
    signature: String,
    timestamp: String,
    nonce: String,
}

impl Webhook for OfficialAccount {
    fn handshake(&self, account: &Account, request: &RawRequest, at: Micros) -> Result<Reply, Refusal> {
        let signed = signed(&request.query, "signature")?;
        check(account, &signed, &[], at)?;
        let echo = query::value(&request.query, "echostr").ok_or(Refusal::Missing("echostr"))?;
        if echo.len() > ECHO_MAX_BYTES {
            return Err(Refusal::TooLarge);
        }
        Ok(Reply { status: 200, content_type: "text/plain; charset=utf-8", body: echo })
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
        if settings::mode(account)? == Mode::Plain {
            check(account, &signed(&request.query, "signature")?, &[], at)?;
        } else {
            let signed = signed(&request.query, "msg_signature")?;
            let mut refusal = Refusal::Missing("Encrypt");
            for envelope in envelopes(&request.body) {
                match check(account, &signed, &[&envelope], at) {
                    Ok(()) => return Ok(Verified::proven(request)),
                    Err(why) => refusal = why,
                }
            }
            return Err(refusal);
        }
        Ok(Verified::proven(request))
    }

    fn items(&self, account: &Account, request: Verified<'_>) -> Vec<Result<Item, ItemFault>> {
        // A push holds one message.
        let body = &request.request().body;
        vec![read(account, body).map_err(|(cause, external_user)| ItemFault {
            cause,
            external_user,
            raw: body.clone(),
        })]
    }

    fn accepted(&self) -> Reply {
        // Exactly this word stops the platform's redelivery and its notice of failure to the user; it stays in
        // clear in every mode.
        Reply { status: 200, content_type: "text/plain; charset=utf-8", body: "success".into() }
    }
}

type Unread = (Cause, Option<String>);

fn read(account: &Account, body: &[u8]) -> Result<Item, Unread> {
    let plain = open(account, body).map_err(|cause| (cause, None))?;
    let document = Document::parse(&plain).map_err(|words| (Cause::Unreadable(words), None))?;
    item::read(account, &document).map_err(|cause| (cause, document.get("FromUserName").map(str::to_owned)))
}

/// The body that the platform wrote. In compat mode the clear fields beside the envelope are signed by nothing and
/// are not looked at.
fn open<'b>(account: &Account, body: &'b [u8]) -> Result<Cow<'b, [u8]>, Cause> {
    if settings::mode(account)? == Mode::Plain {
        return Ok(Cow::Borrowed(body));
    }
    let receiver = settings::app_id(account)?;
    let keys = settings::keys(account)?;
    let mut last = Cause::Missing("Encrypt");
    for envelope in envelopes(body) {
        for key in &keys {
            match key.open(&envelope, receiver) {
                Ok(plain) => return Ok(Cow::Owned(plain)),
                Err(fault) => last = Cause::Envelope(fault.words()),
            }
        }
    }
    Err(last)
}

fn signed(query: &str, name: &'static str) -> Result<Signed, Refusal> {
    let value = |name: &'static str| query::value(query, name).ok_or(Refusal::Missing(name));
    Ok(Signed { signature: value(name)?, timestamp: value("timestamp")?, nonce: value("nonce")? })
}

fn check(account: &Account, signed: &Signed, covered: &[&str], at: Micros) -> Result<(), Refusal> {
    let mut parts = vec![settings::token(account)?, &signed.timestamp, &signed.nonce];
    parts.extend_from_slice(covered);
    if !signature::verify(&signed.signature, &parts) {
        return Err(Refusal::Signature);
    }
    let tolerance = settings::tolerance_s(account);
    let stamped: i64 = signed.timestamp.parse().map_err(|_| Refusal::Stale)?;
    if tolerance > 0 && (at / 1_000_000).abs_diff(stamped) > tolerance {
        return Err(Refusal::Stale);
    }
    Ok(())
}

/// What may be the base64 text of the envelope, found without parsing: nothing has been verified yet. In compat mode
/// a user's own words stand in clear beside it and may look like one, so there can be several.
fn envelopes(body: &[u8]) -> Vec<Cow<'_, str>> {
    let Ok(body) = std::str::from_utf8(body) else { return Vec::new() };
    let is_json = body.trim_start_matches('\u{feff}').trim_start().starts_with('{');
    let mark = if is_json { "\"Encrypt\"" } else { "<Encrypt>" };
    let value = if is_json { json_value } else { xml_value };
    body.split(mark).skip(1).take(ENVELOPES_MAX).filter_map(value).collect()
}

fn json_value(behind: &str) -> Option<Cow<'_, str>> {
    let value = behind.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    let (value, _) = value.split_once('"')?;
    // JSON may escape the slash, and nothing else that base64 has.
    Some(if value.contains('\\') { value.replace("\\/", "/").into() } else { value.into() })
}

fn xml_value(behind: &str) -> Option<Cow<'_, str>> {
    let (inner, _) = behind.split_once("</Encrypt>")?;
    let inner = inner.trim();
    let section = inner.strip_prefix("<![CDATA[").and_then(|inner| inner.strip_suffix("]]>"));
    Some(section.unwrap_or(inner).into())
}
