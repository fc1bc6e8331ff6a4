//! What holds for any text at all.

use lead_capture::extract::{Kind, captured, consent, extract, mask};
use proptest::prelude::*;

/// Pieces that rules look for, so that random texts meet their edges.
const PIECES: [&str; 40] = [
    "138",
    "1234",
    "5678",
    "13812345678",
    "一三八",
    "妖",
    "巴",
    "+86",
    "+",
    "(",
    ")",
    "-",
    " ",
    "@",
    ".",
    "qq.com",
    "微",
    "信",
    "薇❤️",
    "vx",
    "QQ",
    "电话",
    "我叫",
    "王",
    "小明",
    "先生",
    "收",
    "路",
    "12号",
    "有限公司",
    "1️⃣",
    "\u{200b}",
    "\u{fe0f}",
    "🔟",
    "l",
    "O",
    "转",
    "\n",
    "，",
    "my name is",
];

fn check(text: &str) {
    let points: Vec<char> = text.chars().collect();
    let details = extract(text);
    assert_eq!(details, extract(text), "two readings differ");
    let mut last = 0;
    for detail in &details {
        assert!(detail.start < detail.end && detail.end <= points.len(), "{detail:?}");
        assert!(last <= detail.start, "details overlap: {details:?}");
        last = detail.end;
        let value: String = points[detail.start..detail.end].iter().collect();
        assert_eq!(value, detail.value);
        assert!(!detail.norm.is_empty() && detail.confidence <= 100);
        mask(detail.kind, &detail.value);
    }
    consent(text);
}

#[test]
fn a_long_message_of_one_piece_is_read() {
    for piece in PIECES {
        check(&piece.repeat(300));
        check(&format!("{piece} ").repeat(300));
        check(&format!("电话{piece}").repeat(150));
    }
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic_and_spans_are_true(text in "\\PC{0,80}") {
        check(&text);
    }

    #[test]
    fn any_heap_of_pieces_is_read_too(pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..24)) {
        check(&pieces.concat());
    }

    #[test]
    fn a_mobile_is_found_however_it_is_written(digits in "1[3589][0-9]{9}", way in 0usize..5, before in "[的在，。：:]?", after in "[，。 ）吧]?") {
        prop_assume!(!digits.starts_with("154"));
        let plain = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
        let ways = [
            plain,
            ["〇", "一", "二", "三", "四", "五", "六", "七", "八", "九"],
            ["０", "１", "２", "３", "４", "５", "６", "７", "８", "９"],
            ["⓪", "①", "②", "③", "④", "⑤", "⑥", "⑦", "⑧", "⑨"],
            ["0️⃣", "1️⃣", "2️⃣", "3️⃣", "4️⃣", "5️⃣", "6️⃣", "7️⃣", "8️⃣", "9️⃣"],
        ];
        let written: String = digits.bytes().map(|digit| ways[way][usize::from(digit - b'0')]).collect();
        let found = captured(&format!("我电话{before}{written}{after}"));
        prop_assert_eq!(found.iter().map(|detail| (detail.kind, detail.norm.as_str())).collect::<Vec<_>>(), vec![(Kind::Phone, digits.as_str())]);
    }

    #[test]
    fn a_mask_never_shows_the_value(value in "[0-9]{5,20}") {
        prop_assert!(!mask(Kind::Phone, &value).contains(&value));
        prop_assert!(!mask(Kind::Wechat, &value).contains(&value));
    }
}
