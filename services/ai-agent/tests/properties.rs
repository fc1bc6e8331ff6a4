//! Owns what holds for any text at all: no panic, and one answer for all forms of one text.

use std::sync::{Arc, LazyLock};

use ai_agent::answer::{Answer, Embedded, Turn};
use ai_agent::detect::{anger, smalltalk, wants_person};
use ai_agent::knowledge::{Format, Source, import};
use ai_agent::retrieve::fold::fold;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;

static SHOP: LazyLock<Embedded> = LazyLock::new(|| {
    let source = Source { name: "shop.yaml", format: Format::Yaml, zone: &TimeZone::UTC };
    let imported = import(&source, include_bytes!("data/shop.yaml"));
    assert!(imported.problems.is_empty(), "{imported}");
    let embedded = Embedded::default();
    embedded.edit("shop", |library| {
        imported.entries.into_iter().for_each(|entry| library.index.put(Arc::new(entry)))
    });
    embedded
});

fn decide(texts: Vec<String>) -> Answer {
    SHOP.decide(&Turn { tenant: "shop".into(), texts, ..Turn::default() })
}

/// Anything, and texts made of what breaks programs: controls, lone marks, joined emoji, right-to-left, traditional.
fn text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "怎么退货",
        "退貨運費誰出",
        "不对，是",
        "转人工",
        "\u{0}",
        "\u{301}",
        "\u{202e}",
        "👨‍👩‍👧‍👦",
        "1️⃣",
        "ﷺ",
        "ＡＢＣ",
        "ﬁ",
        "①②",
        "مرحبا",
        "\u{fffd}",
        "i̇",
        "é",
        "e\u{301}",
        "十百千万亿",
        "《",
        "》",
        "[图片]",
        "*",
        "'",
        "’",
        " ",
        "\n",
        "？！",
        "hello",
        "ship",
        "\u{1f1e8}",
        "가",
        "㍿",
    ]);
    prop_oneof![any::<String>(), prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())]
}

proptest! {
    #[test]
    fn any_text_is_answered_somehow_and_twice_alike(a in text(), b in text()) {
        let texts = vec![a.clone(), b];
        prop_assert_eq!(decide(texts.clone()), decide(texts));
        let level = anger(&a).level;
        prop_assert!((0.0..=1.0).contains(&level));
    }

    #[test]
    fn folding_is_settled_after_once_and_blind_to_the_form(a in text()) {
        let folded = fold(&a);
        prop_assert_eq!(&fold(&folded), &folded);
        prop_assert_eq!(&fold(&a.nfkc().collect::<String>()), &folded);
    }

    #[test]
    fn a_text_and_its_compatibility_form_are_answered_alike(a in text()) {
        let form: String = a.nfkc().collect();
        prop_assert_eq!(wants_person(&a), wants_person(&form));
        prop_assert_eq!(anger(&a).is_negative, anger(&form).is_negative);
        prop_assert_eq!(smalltalk(&a), smalltalk(&form));
        prop_assert_eq!(decide(vec![a]), decide(vec![form]));
    }

    #[test]
    fn any_bytes_are_read_as_knowledge_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), a in text()) {
        for name in ["a.csv", "a.yaml", "a.md", "a.jsonl"] {
            let format = Format::of_name(name).expect("a known ending");
            let source = Source { name, format, zone: &TimeZone::UTC };
            let _ = import(&source, &bytes);
            let _ = import(&source, format!("- question: {a}\n  answer: {a}\n## {a}\n{a}\n").as_bytes());
        }
    }
}
