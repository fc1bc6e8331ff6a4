//! What holds for any input.

use crate::account::{AT, AT_S, WEBHOOK_SECRET, account, oa, request};
use channels::contract::{TextLimit, Unit, Verified, Webhook};
use channels::http::Http;
use channels::text::{clean, mend_json, split};
use channels::wechat::{Document, Key};
use channels::wechat_oa::OfficialAccount;
use proptest::prelude::*;

proptest! {
    #[test]
    fn no_body_makes_an_adapter_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let request = request("POST", "msg_signature=a&signature=a&timestamp=1&nonce=a", &body);
        for account in [oa("plain"), oa("safe"), account(&[], &[("webhook_secret", WEBHOOK_SECRET)])] {
            let _ = OfficialAccount.verify(&account, &request, AT);
            prop_assert_eq!(OfficialAccount.items(&account, Verified::journalled(&request)).len(), 1);
            prop_assert!(!Http.items(&account, Verified::journalled(&request)).is_empty());
        }
    }

    #[test]
    fn no_nearly_sound_xml_makes_the_reader_panic(parts in proptest::collection::vec(
        prop_oneof!["<[a-c]>", "</[a-c]>", "<!\\[CDATA\\[", "\\]\\]>", "&#[0-9]{1,7};", "&[a-z]{1,4};", "[&<>]", ".{0,4}"], 0..30))
    {
        let _ = Document::parse(format!("<xml>{}</xml>", parts.concat()).as_bytes());
    }

    #[test]
    fn what_a_user_types_comes_through_a_section_unchanged(text in ".{1,200}") {
        let section = text.replace("]]>", "]]]]><![CDATA[>");
        let document = Document::parse(format!("<xml><C><![CDATA[{section}]]></C></xml>").as_bytes());
        let document = document.map_err(|fault| TestCaseError::fail(fault.to_owned()))?;
        prop_assert_eq!(document.get("C").unwrap_or_default().trim(), text.trim());
    }

    #[test]
    fn an_envelope_opens_to_what_was_sealed(
        message in proptest::collection::vec(any::<u8>(), 0..200), receiver in "[a-z]{0,20}", random in any::<[u8; 16]>())
    {
        let key = Key::parse(&"A".repeat(43)).unwrap();
        let sealed = key.seal(random, &message, &receiver);
        prop_assert_eq!(key.open(&sealed, &receiver), Ok(message));
        prop_assert!(key.open(&sealed, "somebody else's").is_err());
    }

    #[test]
    fn any_json_stays_what_it_is(text in any::<String>()) {
        let json = serde_json::json!({ "t": text, "n": AT_S }).to_string();
        let mended: serde_json::Value = serde_json::from_str(&mend_json(json.as_bytes())).unwrap();
        prop_assert_eq!(mended["t"].as_str(), Some(text.as_str()));
    }

    #[test]
    fn cleaning_twice_is_cleaning_once(text in any::<String>()) {
        let once = clean(&text);
        prop_assert!(!once.chars().any(|c| c < ' ' && c != '\n' && c != '\t'));
        prop_assert_eq!(clean(&once), once);
    }

    #[test]
    fn the_parts_of_any_text_keep_the_limit_and_join_to_it(text in any::<String>(), max in 4usize..50) {
        for unit in [Unit::Bytes, Unit::Utf16, Unit::Graphemes] {
            let parts = split(&text, TextLimit { max, unit });
            prop_assert_eq!(parts.concat(), text.as_str());
            prop_assert!(parts.iter().all(|part| unit.measure(part) <= max && !part.is_empty()));
        }
    }
}
