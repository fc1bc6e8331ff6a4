//! Pushes as the platform makes them.

use crate::account::{APP, AT, AT_S, OA_KEY, OA_TOKEN, USER, oa, request};
use channels::contract::{Account, Item, ItemFault, RawRequest, Verified, Webhook};
use channels::wechat::{Key, signature};
use channels::wechat_oa::OfficialAccount;

pub(crate) const NONCE: &str = "1029384756";

/// A push in safe mode, as the platform makes it.
pub(crate) fn safe(message: &str, at_s: i64) -> RawRequest {
    sealed(message, at_s, APP)
}

pub(crate) fn sealed(message: &str, at_s: i64, receiver: &str) -> RawRequest {
    let envelope = Key::parse(OA_KEY).unwrap().seal([7; 16], message.as_bytes(), receiver);
    let at = at_s.to_string();
    let signed = signature::sign(&[OA_TOKEN, &at, NONCE, &envelope]);
    let query = format!("timestamp={at}&nonce={NONCE}&encrypt_type=aes&msg_signature={signed}");
    let body = format!("<xml><ToUserName>gh_1</ToUserName><Encrypt><![CDATA[{envelope}]]></Encrypt></xml>");
    request("POST", &query, body.as_bytes())
}

pub(crate) fn read_one(account: &Account, request: &RawRequest) -> Result<Item, ItemFault> {
    let mut items = OfficialAccount.items(account, Verified::journalled(request));
    assert_eq!(items.len(), 1);
    items.remove(0)
}

pub(crate) fn read(message: &str) -> Result<Item, ItemFault> {
    let account = oa("safe");
    let request = safe(message, AT_S);
    OfficialAccount.verify(&account, &request, AT).unwrap();
    read_one(&account, &request)
}

pub(crate) fn push(fields: &str) -> String {
    format!("<xml><FromUserName>{USER}</FromUserName><CreateTime>{AT_S}</CreateTime>{fields}</xml>")
}
