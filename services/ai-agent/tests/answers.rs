//! Owns the answering core's behaviour seen from outside: knowledge in, turns in, answers out.

use std::sync::Arc;

use ai_agent::answer::{Answer, Embedded, Reason, Said, Speaker, Turn};
use ai_agent::detect::Smalltalk;
use ai_agent::knowledge::{Entry, Format, Source, import};
use jiff::tz::TimeZone;

const KNOWLEDGE: &str = "\
- id: ship
  question: 多久发货
  variants: [什么时候发货, 下单后几天寄出]
  answer: 付款后48小时内发货。
- id: return
  question: 怎么退货
  variants: [如何申请退货, 我想退货]
  answer: 在订单页点击申请售后，选择退货。
- id: exchange
  question: 怎么换货
  variants: [可以换货吗, 尺码不合适想换]
  answer: 在订单页点击申请售后，选择换货。
- id: freight
  question: 退货运费谁承担
  variants: [退货邮费谁出]
  answer: 质量问题由我们承担，其他情况由您承担。
- id: spring
  question: 春节期间发货吗
  answer: 春节期间照常发货。
  valid_from: 2026-02-10
  valid_until: 2026-02-20
";

fn entries(text: &str) -> Vec<Entry> {
    let source = Source { name: "faq.yaml", format: Format::Yaml, zone: &TimeZone::UTC };
    let imported = import(&source, text.as_bytes());
    assert!(imported.problems.is_empty(), "{imported}");
    imported.entries
}

fn shop() -> Embedded {
    let embedded = Embedded::default();
    embedded.edit("shop", |library| {
        for (entry, version) in entries(KNOWLEDGE).into_iter().zip(1..) {
            library.index.put(Arc::new(Entry { version, ..entry }));
        }
    });
    embedded
}

fn turn(texts: &[&str]) -> Turn {
    Turn {
        tenant: "shop".into(),
        texts: texts.iter().map(|text| (*text).to_owned()).collect(),
        ..Turn::default()
    }
}

fn cited(answer: &Answer) -> Vec<&str> {
    match answer {
        Answer::Reply { citations, .. } => citations.iter().map(|citation| citation.entry.as_str()).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn a_question_is_answered_with_the_editors_words_and_the_entry_cited() {
    let Answer::Reply { text, citations, confidence, worded_by } =
        shop().decide(&turn(&["請問幾天可以發貨？"]))
    else {
        panic!("no reply")
    };
    assert_eq!(worded_by, None);
    assert_eq!(text, "付款后48小时内发货。");
    assert_eq!((citations[0].entry.as_str(), citations[0].version), ("ship", 1));
    assert!((0.0..=1.0).contains(&confidence));
}

#[test]
fn what_the_knowledge_does_not_say_goes_to_a_person() {
    for text in ["你们招聘吗", "今天天气怎么样", "can you fix my car", "黄金多少钱一克"] {
        assert_eq!(shop().decide(&turn(&[text])), Answer::HandOver { reason: Reason::Unknown }, "{text}");
    }
}

#[test]
fn a_burst_with_a_correction_is_answered_once_with_the_corrected_wish() {
    assert_eq!(cited(&shop().decide(&turn(&["你好", "怎么退货", "不对，我是说怎么换货"]))), ["exchange"]);
}

#[test]
fn two_questions_of_one_burst_are_both_answered() {
    assert_eq!(cited(&shop().decide(&turn(&["怎么退货", "还有多久发货？"]))), ["return", "ship"]);
}

#[test]
fn a_burst_with_an_open_question_goes_to_a_person() {
    let answer = shop().decide(&turn(&["怎么退货", "你们公司有多少员工？"]));
    assert_eq!(answer, Answer::HandOver { reason: Reason::Unknown });
}

#[test]
fn persons_and_anger_come_before_knowledge() {
    assert_eq!(
        shop().decide(&turn(&["怎么退货", "算了转人工"])),
        Answer::HandOver { reason: Reason::WantsPerson }
    );
    assert_eq!(shop().decide(&turn(&["垃圾店，怎么退货"])), Answer::HandOver { reason: Reason::Anger });
    assert_eq!(cited(&shop().decide(&turn(&["转人工", "不用转人工了，怎么退货"]))), ["return"]);
}

#[test]
fn small_talk_is_answered_from_phrases() {
    let Answer::Smalltalk { kind: Smalltalk::Greeting, text } = shop().decide(&turn(&["你好"])) else {
        panic!()
    };
    assert!(text.contains("您好"));
    let Answer::Smalltalk { kind: Smalltalk::Thanks, text } = shop().decide(&turn(&["Thank you!"])) else {
        panic!()
    };
    assert!(text.contains("welcome"));
}

#[test]
fn placeholders_are_not_answered() {
    assert_eq!(shop().decide(&turn(&["[图片]", "", "👍"])), Answer::Nothing);
}

#[test]
fn an_entry_answers_only_while_it_is_valid() {
    let at = |text: &str| text.parse::<jiff::Timestamp>().expect("a time").as_microsecond();
    let ask = |at: i64| shop().decide(&Turn { at, ..turn(&["春节期间发货吗"]) });
    assert_eq!(cited(&ask(at("2026-02-20T23:59:59Z"))), ["spring"]);
    assert_ne!(cited(&ask(at("2026-02-21T00:00:00Z"))), ["spring"]);
    assert_ne!(cited(&ask(at("2026-02-09T23:59:59Z"))), ["spring"]);
}

#[test]
fn a_follow_up_is_read_with_what_was_asked_before() {
    let history = vec![Said { by: Speaker::Customer, text: "怎么退货".into() }];
    assert_eq!(cited(&shop().decide(&Turn { history, ..turn(&["那运费谁出"]) })), ["freight"]);
}

#[test]
fn a_changed_or_removed_entry_is_used_no_more() {
    let shop = shop();
    shop.edit("shop", |library| {
        let mut entry = Entry::clone(library.index.get("ship").expect("put above"));
        entry.answer = "24小时内发货。".into();
        library.index.put(Arc::new(entry));
        assert!(library.index.remove("return"));
    });
    let Answer::Reply { text, .. } = shop.decide(&turn(&["多久发货"])) else { panic!() };
    assert_eq!(text, "24小时内发货。");
    assert!(!cited(&shop.decide(&turn(&["怎么退货"]))).contains(&"return"));
}

#[test]
fn the_order_of_putting_changes_nothing() {
    let ask = |entries: Vec<Entry>| {
        let embedded = Embedded::default();
        embedded
            .edit("shop", |library| entries.into_iter().for_each(|entry| library.index.put(Arc::new(entry))));
        embedded.decide(&turn(&["退货邮费谁承担"]))
    };
    let mut reversed = entries(KNOWLEDGE);
    reversed.reverse();
    assert_eq!(ask(entries(KNOWLEDGE)), ask(reversed));
}

#[test]
fn a_tenant_without_knowledge_hands_over_and_reads_nobody_elses() {
    let answer = shop().decide(&Turn { tenant: "other".into(), ..turn(&["多久发货"]) });
    assert_eq!(answer, Answer::HandOver { reason: Reason::Unknown });
}

#[test]
fn where_an_answer_may_stand_is_told_however_unsure_and_with_what_was_asked_before() {
    let embedded = shop();
    let ids = |turn: &Turn| -> Vec<String> {
        embedded.passages(turn).iter().map(|hit| hit.entry.id.clone()).collect()
    };
    assert_eq!(ids(&turn(&["退货的邮费能报销吗"])).first().map(String::as_str), Some("freight"));
    let before = Said { by: Speaker::Customer, text: "怎么换货".into() };
    let follow_up = Turn { history: vec![before], ..turn(&["那邮费呢"]) };
    assert!(ids(&follow_up).contains(&"exchange".to_owned()), "{:?}", ids(&follow_up));
    let found = ids(&turn(&["退货 换货 发货 邮费 春节"]));
    assert!(!found.contains(&"spring".to_owned()), "it is not valid now");
    assert!(ids(&Turn { tenant: "other".into(), ..turn(&["怎么退货"]) }).is_empty());
}

#[test]
fn a_question_that_goes_on_is_looked_for_with_the_one_before_though_its_own_words_find_enough() {
    let embedded = shop();
    let cases =
        (0..8).map(|n| format!("- {{id: case-{n}, question: 第{n}种情况那怎么办呢, answer: 办法{n}}}\n"));
    for entry in entries(&cases.collect::<String>()) {
        embedded.edit("shop", |library| library.index.put(Arc::new(entry)));
    }
    let alone = turn(&["那怎么办呢"]);
    let ids = |turn: &Turn| embedded.passages(turn).into_iter().map(|hit| hit.entry.id.clone()).collect();
    let found: Vec<String> = ids(&alone);
    assert!(found.len() == 6 && found.iter().all(|id| id.starts_with("case-")), "{found:?}");
    let before = Said { by: Speaker::Customer, text: "退货邮费谁出".into() };
    let found: Vec<String> = ids(&Turn { history: vec![before], ..alone });
    assert!(found.contains(&"freight".to_owned()), "{found:?}");
}
