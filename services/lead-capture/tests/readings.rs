//! What the extraction promises, one sentence a test.

use lead_capture::evaluate::{self, Gold};
use lead_capture::extract::{Detail, Form, Kind, Whose, captured, extract};

fn only(text: &str) -> Detail {
    let mut details = extract(text);
    assert_eq!(details.len(), 1, "{text}: {details:?}");
    details.remove(0)
}

fn kinds(text: &str) -> Vec<Kind> {
    captured(text).iter().map(|detail| detail.kind).collect()
}

#[test]
fn a_span_counts_code_points_and_covers_what_was_written() {
    let phone = only("😀电话：1️⃣3️⃣8️⃣1️⃣2️⃣3️⃣4️⃣5️⃣6️⃣7️⃣8️⃣！");
    assert_eq!((phone.start, phone.end), (4, 37));
    assert_eq!(phone.value, "1️⃣3️⃣8️⃣1️⃣2️⃣3️⃣4️⃣5️⃣6️⃣7️⃣8️⃣");
    assert_eq!((phone.norm.as_str(), phone.form), ("13812345678", Form::Emoji));
}

#[test]
fn every_way_of_writing_a_number_has_one_norm() {
    for text in [
        "13812345678",
        "+86 138-1234-5678",
        "一三八一二三四五六七八",
        "妖三巴妖二三四五六七八",
        "l38l2345678",
    ] {
        assert_eq!(only(text).norm, "13812345678", "{text}");
    }
}

#[test]
fn disguise_is_reported_as_form() {
    assert_eq!(only("幺三八幺二三四五六七八").form, Form::Hanzi);
    assert_eq!(only("1三八12345六78").form, Form::Mixed);
    assert_eq!(only("１３８１２３４５６７８").form, Form::FullWidth);
    assert_eq!(only("妖山巴妖二三四五六七八").form, Form::Homophone);
    assert_eq!(only("138OO138OOO").form, Form::LookAlike);
    assert_eq!(only("薇❤zhao6688").form, Form::Homophone);
    assert_eq!(only("微信zhao6688").form, Form::Plain);
    assert!(Form::Homophone.is_obfuscated() && !Form::Spaced.is_obfuscated());
}

#[test]
fn a_colleagues_number_is_found_and_not_captured() {
    let text = "我同事的电话是13812345678";
    assert_eq!(only(text).whose, Whose::Other);
    assert!(captured(text).is_empty());
}

#[test]
fn the_writers_number_beside_anothers_is_captured_alone() {
    let found = captured("别打我老婆电话13812345678，打我的13987654321");
    assert_eq!(found.iter().map(|detail| detail.norm.as_str()).collect::<Vec<_>>(), ["13987654321"]);
}

#[test]
fn a_relatives_number_left_on_purpose_counts_as_the_writers_and_a_mentioned_one_does_not() {
    assert_eq!(only("留个我妈电话 15927340618，派送前打这个").whose, Whose::Own);
    assert_eq!(only("13812345678是我老公的，送货打他电话").whose, Whose::Own);
    assert_eq!(only("我老公的电话是13812345678").whose, Whose::Other);
    assert_eq!(only("你们怎么一直打我妈电话13812345678").whose, Whose::Other);
    assert_eq!(only("以后不要再打我老婆电话13812345678").whose, Whose::Other);
    assert_eq!(only("联系我们领导 13812345678").whose, Whose::Other);
}

#[test]
fn a_number_taken_back_is_marked_withdrawn() {
    let details = extract("不是13812345678，是13987654321");
    assert_eq!(details.iter().map(|detail| detail.whose).collect::<Vec<_>>(), [Whose::Withdrawn, Whose::Own]);
}

#[test]
fn a_service_line_is_never_a_customers() {
    assert_eq!(only("400-684-3697").whose, Whose::Other);
    assert_eq!(only("call 1-800-024-0913").whose, Whose::Other);
}

#[test]
fn orders_parcels_cards_and_identities_are_no_phones() {
    for text in [
        "订单号13812345678",
        "SF1381234567890",
        "6222 0212 3456 7890 123",
        "身份证11010119900307123X",
        "价格13812345678元",
    ] {
        assert!(extract(text).is_empty(), "{text}");
    }
}

#[test]
fn a_number_beside_letters_or_brackets_is_found() {
    for text in [
        "打13812345678谢谢",
        "（13812345678）",
        "「13812345678」",
        "tel:13812345678",
        "电话13812345678vx同号",
    ] {
        assert_eq!(kinds(text), [Kind::Phone], "{text}");
    }
}

#[test]
fn one_number_for_phone_and_wechat_says_so() {
    assert!(only("13812345678微信同号").also_wechat);
    assert!(only("我微信同手机号13812345678").also_wechat);
    assert!(!only("电话13812345678").also_wechat);
}

#[test]
fn a_family_name_alone_is_a_name_of_that_form() {
    let name = only("免贵姓欧阳");
    assert_eq!((name.norm.as_str(), name.form), ("欧阳", Form::Surname));
}

#[test]
fn people_spoken_about_are_not_the_writer() {
    for text in ["徐阿姨人挺好的", "王经理您好", "Her name is Kathryn Sotelo", "主角姓秦"] {
        assert!(captured(text).is_empty(), "{text}");
    }
}

#[test]
fn an_evaluation_counts_hits_misses_and_extras() {
    let gold: Vec<Gold> = [
        r#"{"text":"电话13812345678","entities":[{"type":"phone","value":"13812345678","start":2,"end":13,"norm":"13812345678","form":"plain"}]}"#,
        r#"{"text":"微信是个好东西","entities":[{"type":"wechat","value":"微信","start":0,"end":2,"form":"odd"}]}"#,
        r#"{"text":"QQ12345678","entities":[]}"#,
        r#"{"text":"你好","entities":[]}"#,
    ]
    .iter()
    .map(|line| serde_json::from_str(line).unwrap())
    .collect();
    let report = evaluate::lead(gold);
    assert_eq!(
        (report.contact_micro.p, report.contact_micro.r, report.contact_micro.labelled),
        (50.0, 50.0, 2)
    );
    assert_eq!(report.recall_by_form["phone/plain"], (100.0, 1));
    assert_eq!(report.recall_by_form["wechat/odd"], (0.0, 1));
    assert_eq!((report.clean_negatives, report.n), (Some(50.0), 4));
}
