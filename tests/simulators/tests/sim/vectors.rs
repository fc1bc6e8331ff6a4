//! The platform's side against published and computed vectors.

use serde_json::Value;
use simulators::wechat::crypto::{Sealer, signature};

fn scheme(name: &str, count: usize) -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("../vectors/wechat.json")).unwrap();
    let vectors = file["schemes"][name]["vectors"].as_array().unwrap().clone();
    assert_eq!(vectors.len(), count);
    vectors
}

fn text<'v>(vector: &'v Value, name: &str) -> &'v str {
    vector[name].as_str().unwrap_or_else(|| panic!("{name} of {}", vector["id"]))
}

fn hex(text: &str) -> [u8; 16] {
    std::array::from_fn(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).unwrap())
}

#[test]
fn each_signature_is_made_as_published() {
    for v in scheme("plain_signature", 8) {
        let made = signature(vec![text(&v, "token"), text(&v, "timestamp"), text(&v, "nonce")]);
        assert_eq!(made == text(&v, "signature"), v["valid"] == true, "{}", v["id"]);
    }
    for v in scheme("msg_signature", 11) {
        let made =
            signature(vec![text(&v, "token"), text(&v, "timestamp"), text(&v, "nonce"), text(&v, "encrypt")]);
        assert_eq!(made == text(&v, "msg_signature"), v["valid"] == true, "{}", v["id"]);
    }
}

#[test]
fn each_sound_envelope_is_made_byte_for_byte() {
    let envelopes =
        scheme("aes_envelope", 22).into_iter().filter(|v| v["expect"] != "error").map(|v| (v, "msg"));
    let replies = scheme("passive_reply", 3).into_iter().map(|v| (v, "plaintext"));
    let mut made = 0;
    for (v, message) in envelopes.chain(replies) {
        let sealer = Sealer::new(text(&v, "encoding_aes_key"), text(&v, "receive_id")).unwrap();
        assert_eq!(
            sealer.seal(hex(text(&v, "random_hex")), text(&v, message)),
            text(&v, "encrypt"),
            "{}",
            v["id"]
        );
        made += 1;
    }
    assert_eq!(made, 22);
}
