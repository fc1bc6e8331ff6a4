//! Owns reading knowledge from files seen from outside: what is taken, what is refused and how that is said.

use jiff::tz::TimeZone;
use knowledge::{Field, Format, Imported, Source, id_of_question, import};

fn read(name: &str, text: &str) -> Imported {
    let format = Format::of_name(name).expect("a known ending");
    import(&Source { name, format, zone: &TimeZone::UTC }, text.as_bytes())
}

#[test]
fn csv_with_chinese_names_variants_and_commas_is_read() {
    let imported = read(
        "faq.csv",
        "\u{feff}问题,变体,答案\n多久发货,几天发|什么时候寄｜何时发货,\"付款后48小时内,节假日顺延\"\n",
    );
    assert!(imported.problems.is_empty(), "{imported}");
    let entry = &imported.entries[0];
    assert_eq!(entry.variants, ["几天发", "什么时候寄", "何时发货"]);
    assert_eq!(entry.answer, "付款后48小时内,节假日顺延");
    assert_eq!(entry.id, id_of_question("多久发貨？"));
}

#[test]
fn a_bad_line_of_csv_costs_only_itself_and_says_where_and_what_to_do() {
    let imported = read("faq.csv", "question,variants,answer\na?,,yes\nb?,,\nc?,,no\nshort\n");
    assert_eq!(imported.entries.len(), 2);
    let problem = &imported.problems[0];
    assert_eq!((problem.line, problem.field), (3, Field::Answer));
    assert!(problem.to_string().starts_with("faq.csv:3: answer: it is empty; write what"), "{problem}");
    assert_eq!(imported.problems[1].line, 5);
}

#[test]
fn csv_without_a_header_is_refused_with_the_header_to_write() {
    let imported = read("faq.csv", "多久发货,,48小时\n");
    assert!(imported.entries.is_empty());
    assert!(imported.problems[0].remedy.contains("question,variants,answer"));
}

#[test]
fn text_that_is_not_utf8_is_refused_with_its_line() {
    let source = Source { name: "faq.csv", format: Format::Csv, zone: &TimeZone::UTC };
    let imported = import(&source, b"question,variants,answer\n\xb6\xe0\xbe\xc3,,x\n");
    assert_eq!((imported.problems[0].line, imported.problems[0].field), (2, Field::File));
}

#[test]
fn a_bad_item_of_yaml_costs_only_itself_and_names_its_line() {
    let text = "# shop\n- id: a\n  question: one?\n  answer: yes\n- question: two?\n  answers: no\n- question: three?\n  variants: [drei]\n  answer: |\n    - first\n    - second\n  valid_until: 2026-02-30\n- question: four?\n  answer: ok\n";
    let imported = read("faq.yaml", text);
    let ids: Vec<&str> = imported.entries.iter().map(|entry| entry.question.as_str()).collect();
    assert_eq!(ids, ["one?", "four?"]);
    assert!((5..=6).contains(&imported.problems[0].line), "{}", imported.problems[0]);
    assert_eq!((imported.problems[1].line, imported.problems[1].field), (7, Field::ValidUntil));
}

#[test]
fn an_item_whose_aliases_stand_for_gigabytes_costs_only_itself() {
    let bomb =
        format!("- question: q\n  id: &a {}\n  variants: [{}]\n", "x".repeat(4000), "*a,".repeat(4000));
    let imported = read("faq.yaml", &format!("{bomb}- question: &q r?\n  variants: [*q]\n  answer: a\n"));
    assert_eq!((imported.problems.len(), imported.problems[0].line), (1, 1));
    assert_eq!(imported.entries[0].question, "r?");
}

#[test]
fn an_item_of_brackets_alone_costs_only_itself() {
    let began = std::time::Instant::now();
    let text = format!("- {}*\n- question: q\n  answer: a\n", "[ ".repeat(200_000));
    let imported = read("faq.yaml", &text);
    assert_eq!((imported.problems.len(), imported.entries.len()), (1, 1));
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
}

#[test]
fn a_hundred_thousand_variants_are_refused_at_once() {
    let variants: String = (0..100_000).map(|number| format!("{number}|")).collect();
    let began = std::time::Instant::now();
    let imported = read("faq.csv", &format!("question,variants,answer\nq,{variants},a\n"));
    assert_eq!(imported.problems[0].field, Field::Variants);
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
}

#[test]
fn a_date_alone_means_the_whole_day_in_the_given_zone() {
    let zone = TimeZone::fixed(jiff::tz::Offset::from_hours(8).expect("in range"));
    let source = Source { name: "faq.yaml", format: Format::Yaml, zone: &zone };
    let text = "- question: q?\n  answer: a\n  valid_from: 2026-02-10\n  valid_until: 2026-02-10\n";
    let entry = &import(&source, text.as_bytes()).entries[0];
    let at = |text: &str| text.parse::<jiff::Timestamp>().expect("a time").as_microsecond();
    assert!(!entry.is_valid(at("2026-02-09T15:59:59Z")));
    assert!(entry.is_valid(at("2026-02-09T16:00:00Z")));
    assert!(entry.is_valid(at("2026-02-10T15:59:59Z")));
    assert!(!entry.is_valid(at("2026-02-10T16:00:00Z")));
}

#[test]
fn markdown_headings_lists_and_answers_are_told_apart() {
    let text = "# 售后\n\n## 怎么退货\n\n- 如何退货\n* 想退货\n\n打开订单页。\n\n- 选商品\n- 点退货\n\n## 营业时间\n\n9点到21点\n";
    let imported = read("faq.md", text);
    assert!(imported.problems.is_empty(), "{imported}");
    assert_eq!(imported.entries[0].variants, ["如何退货", "想退货"]);
    assert_eq!(imported.entries[0].answer, "打开订单页。\n\n- 选商品\n- 点退货");
    assert_eq!(imported.entries[1].answer, "9点到21点");
}

#[test]
fn json_lines_hold_questions_and_documents() {
    let text = "{\"id\":\"1\",\"question\":\"q?\",\"similar\":[\"r?\"],\"lang\":\"zh\"}\nnot json\n{\"id\":\"2\",\"question\":\"\",\"similar\":[],\"title\":\"T\",\"answer\":\"text\"}\n{\"id\":\"1\",\"question\":\"again?\"}\n";
    let imported = read("kb.jsonl", text);
    assert_eq!(imported.entries.iter().map(|entry| entry.question.as_str()).collect::<Vec<_>>(), ["q?", "T"]);
    assert_eq!(imported.problems[0].line, 2);
    assert_eq!((imported.problems[1].line, imported.problems[1].field), (4, Field::Id));
}

#[test]
fn entries_of_a_document_of_apply_are_read_too() {
    let imported = read("kb.yaml", "- slug: delivery\n  question: 多久发货\n  answer: 48小时内\n");
    assert!(imported.problems.is_empty(), "{imported}");
    assert_eq!(imported.entries[0].id, "delivery");
}
