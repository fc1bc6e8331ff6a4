//! What the customer-message API takes, and with which code it refuses everything else.

use serde::Deserialize;

const TEXT_MAX_BYTES: usize = 2048;

/// A message that the platform takes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) user: String,
    pub(super) text: String,
    pub(super) by_ai: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    touser: String,
    msgtype: String,
    text: Option<Text>,
    image: Option<Media>,
    voice: Option<Media>,
    customservice: Option<Face>,
    aimsgcontext: Option<AiContext>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    content: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Media {
    media_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Face {
    kf_account: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AiContext {
    is_ai_msg: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Typing {
    touser: String,
    command: String,
}

pub(super) fn message(body: &[u8]) -> Result<Message, i64> {
    let body: Body = parse(body)?;
    if body.customservice.is_some_and(|face| !face.kf_account.contains('@')) {
        return Err(61452);
    }
    let text = match (body.msgtype.as_str(), body.text, body.image.or(body.voice)) {
        ("text", Some(text), None) => text.content,
        ("image" | "voice", None, Some(media)) if !media.media_id.is_empty() => media.media_id,
        ("image" | "voice", ..) => return Err(40007),
        ("text", ..) => return Err(44004),
        _ => return Err(40008),
    };
    if text.trim().is_empty() {
        return Err(44004);
    }
    if text.len() > TEXT_MAX_BYTES {
        return Err(45002);
    }
    let by_ai = body.aimsgcontext.is_some_and(|context| context.is_ai_msg == 1);
    Ok(Message { user: body.touser, text, by_ai })
}

/// For whom, and whether the mark appears.
pub(super) fn typing(body: &[u8]) -> Result<(String, bool), i64> {
    let typing: Typing = parse(body)?;
    match typing.command.as_str() {
        "Typing" => Ok((typing.touser, true)),
        "CancelTyping" => Ok((typing.touser, false)),
        _ => Err(45072),
    }
}

fn parse<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T, i64> {
    if body.is_empty() {
        return Err(44002);
    }
    if has_escaped_letters(body) {
        return Err(40033);
    }
    serde_json::from_slice(body).map_err(|_| 47001)
}

/// Whether letters beyond ASCII stand as `\uXXXX`, which the platform shows to the user as they stand.
fn has_escaped_letters(body: &[u8]) -> bool {
    let mut at = 0;
    while at + 1 < body.len() {
        if body[at] != b'\\' {
            at += 1;
            continue;
        }
        let digits = body.get(at + 2..at + 6).and_then(|digits| std::str::from_utf8(digits).ok());
        let code = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
        if body[at + 1] == b'u' && code.is_some_and(|code| code > 0x7f) {
            return true;
        }
        at += 2;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_of_a_message_has_its_code() {
        for (body, code) in [
            ("", 44002),
            ("{", 47001),
            (r#"{"touser":"o","msgtype":"text"}"#, 44004),
            (r#"{"touser":"o","msgtype":"text","text":{"content":" "}}"#, 44004),
            (r#"{"touser":"o","msgtype":"text","text":{"content":"\u4f60"}}"#, 40033),
            (r#"{"touser":"o","msgtype":"text","text":{"content":1}}"#, 47001),
            (r#"{"touser":"o","msgtype":"text","text":{"content":"a"},"extra":1}"#, 47001),
            (r#"{"touser":"o","msgtype":"text","text":{"content":"a","extra":1}}"#, 47001),
            (r#"{"msgtype":"text","text":{"content":"a"}}"#, 47001),
            (r#"{"touser":7,"msgtype":"text","text":{"content":"a"}}"#, 47001),
            (r#"{"touser":"o","msgtype":"hologram"}"#, 40008),
            (r#"{"touser":"o","msgtype":"image"}"#, 40007),
            (
                r#"{"touser":"o","msgtype":"text","text":{"content":"a"},"customservice":{"kf_account":"x"}}"#,
                61452,
            ),
            (
                r#"{"touser":"o","msgtype":"text","text":{"content":"a"},"aimsgcontext":{"is_ai_msg":"1"}}"#,
                47001,
            ),
        ] {
            assert_eq!(message(body.as_bytes()), Err(code), "{body}");
        }
        let long =
            format!(r#"{{"touser":"o","msgtype":"text","text":{{"content":"{}"}}}}"#, "a".repeat(2049));
        assert_eq!(message(long.as_bytes()), Err(45002));
        assert_eq!(typing(br#"{"touser":"o","command":"Dance"}"#), Err(45072));
    }

    #[test]
    fn a_backslash_before_a_u_that_the_user_wrote_is_no_escape() {
        let body = br#"{"touser":"o","msgtype":"text","text":{"content":"C:\\u4f60\n"},"aimsgcontext":{"is_ai_msg":1}}"#;
        let message = message(body).unwrap();
        assert_eq!((message.text.as_str(), message.by_ai), ("C:\\u4f60\n", true));
    }
}
