//! Whether an answer holds anything that can be checked and does not stand in the knowledge.

use crate::mask::{UNSEEN, names};
use crate::units::unit;
use std::collections::BTreeSet;
use unicode_normalization::UnicodeNormalization;

/// How Chinese writes numbers.
const NUMERALS: &str = "零〇一二两三四五六七八九十百千万亿半";
/// What parts a link behind its host, and ends no word.
const LINK_MARKS: [char; 9] = ['/', '?', '#', ':', '&', '=', '%', '+', '~'];

/// What of a text can be held against another: its numbers, addresses, links and names on platforms.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Grounds(BTreeSet<String>);

impl Grounds {
    /// Of several texts together.
    pub(crate) fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut found = BTreeSet::new();
        for text in texts {
            // Chinese commas part numbers, whose thousands Latin ones may part.
            let text = text.replace(['，', '、'], " ");
            let plain: String = text.nfkc().filter(|c| !UNSEEN.contains(c)).collect();
            let lower = plain.to_lowercase();
            found.extend(numbers(&lower));
            found.extend(counted(&lower));
            found.extend(links(&plain));
            found.extend(names(&lower));
        }
        Self(found)
    }

    /// Whether everything of these stands in those.
    pub(crate) fn stand_in(&self, known: &Self) -> bool {
        self.0.is_subset(&known.0)
    }
}

/// Each number, and once more with what it counts: 48小时 is no ground for 48天. 1,299.50 and 1299.50 are one number.
fn numbers(text: &str) -> Vec<String> {
    let kept = |c: char| c.is_numeric() || matches!(c, '.' | ',');
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find(char::is_numeric).map(|start| at + start) {
        let run = &text[start..];
        let run = &run[..run.find(|c| !kept(c)).unwrap_or(run.len())];
        at = start + run.len();
        let number = run.trim_matches(['.', ',']).replace(',', "");
        found.extend(unit(&text[..start], &text[at..]).map(|unit| format!("{number}{unit}")));
        found.push(number);
    }
    found
}

/// A Chinese number with what it counts.
fn counted(text: &str) -> Vec<String> {
    let of_number = |c: char| NUMERALS.contains(c);
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find(of_number).map(|start| at + start) {
        let number = &text[start..];
        let number = &number[..number.find(|c| !of_number(c)).unwrap_or(number.len())];
        at = start + number.len();
        found.extend(unit(&text[..start], &text[at..]).map(|unit| format!("{number}{unit}")));
    }
    found
}

/// E-mail addresses, links and names of hosts, without the marks that end a sentence; hosts in lower case.
fn links(text: &str) -> Vec<String> {
    let of_link = |c: char| c.is_ascii_alphanumeric() || "@._-".contains(c) || LINK_MARKS.contains(&c);
    let of_host = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-');
    let at_an_end = |c: char| matches!(c, '.' | '-') || LINK_MARKS.contains(&c);
    let plain = text.split(|c| !of_link(c)).map(|word| word.trim_matches(at_an_end));
    let plain = plain
        .filter(|word| word.contains('@') || word.contains("://") || word.split(LINK_MARKS).any(is_host));
    let other = text.split(|c| !of_host(c)).filter(|word| !word.is_ascii() && is_host(word));
    plain.map(with_host_in_lower_case).chain(other.map(str::to_lowercase)).collect()
}

fn with_host_in_lower_case(link: &str) -> String {
    let host = link.find("://").map_or(0, |at| at + 3);
    let path = link[host..].find('/').map_or(link.len(), |at| host + at);
    format!("{}{}", link[..path].to_lowercase(), &link[path..])
}

/// example.com, 58.com, 例子.公司; not 3.5, 1.打开, or a sentence that goes on behind a dot.
fn is_host(word: &str) -> bool {
    let labels: Vec<&str> = word.split('.').collect();
    let [first, .., last] = labels[..] else { return false };
    let is_whole = |label: &&str| !label.is_empty() && (label.is_ascii() || is_of_others(label));
    let is_latin = last.len() >= 2 && last.bytes().all(|byte| byte.is_ascii_alphabetic());
    let ends_as_a_host = is_latin || (is_of_others(last) && !first.starts_with(char::is_numeric));
    labels.iter().all(is_whole) && ends_as_a_host
}

/// Letters of other scripts than the Latin one, and nothing else.
fn is_of_others(label: &str) -> bool {
    label.chars().all(|c| c.is_alphabetic() && !c.is_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stands(answer: &str, knowledge: &str) -> bool {
        Grounds::of([answer]).stand_in(&Grounds::of([knowledge]))
    }

    #[test]
    fn numbers_addresses_and_links_of_the_knowledge_may_be_said() {
        for (answer, knowledge) in [
            ("48小时内发货。", "一般４８小时内发货"),
            ("It costs 1299.50.", "价格 1,299.50 元"),
            ("七天无理由退货", "支持七天无理由退换"),
            ("写信到 Help@Example.com。", "邮箱：help@example.com"),
            ("See https://example.com/a.", "https://example.com/a"),
            ("请放心，运费由我们承担。", "运费由我们承担"),
            ("48 小时内发货。", "满99，48小时内发货"),
            ("1.打开订单 2.点退货，3.5折", "打开订单，1 2 点退货，3.5折"),
            ("写信到 help@example.com~", "邮箱：help@example.com"),
            ("Within 48 hours.", "48小时内发货"),
            ("It is ¥5.", "一共5元"),
            ("7天内，三个工作日到账", "7日内，三个工作日到账"),
        ] {
            assert!(stands(answer, knowledge), "{answer}");
        }
    }

    #[test]
    fn what_the_knowledge_does_not_hold_may_not() {
        for (answer, knowledge) in [
            ("24小时内发货", "48小时内发货"),
            ("打138", "打13812345678"),
            ("五折优惠", "八折优惠"),
            ("三个工作日", "尽快处理"),
            ("请加 evil@example.com", "help@example.com"),
            ("http://evil.example/a", "http://example.com/a"),
            ("请访问 evil.example", "请访问官网"),
            ("加微信 kefu_vip", "加微信 kefu_shop"),
            ("٣ أيام", "3 days"),
            ("48天内发货", "48小时内发货"),
            ("48%的折扣", "48小时内发货"),
            ("12天发货", "一般1，2天发货"),
            ("上 58.com 看", "58元"),
            ("访问 例子.公司", "访问官网"),
            ("看 https://t.cn/abc", "看 https://t.cn/AbC"),
            ("访问 evil.\u{200b}com", "访问官网"),
            ("访问 evil.com~", "访问官网"),
            ("访问 evil.com?from=shop", "访问官网"),
            ("访问 evil.com:80", "访问官网"),
            ("访问 go=evil.com#a", "访问官网"),
            ("3个月内", "3个工作日内"),
            ("三个月内", "三个工作日内"),
            ("within 48 days", "48小时内发货"),
            ("just $5", "5天内发货"),
            ("只要¥5", "5美元"),
            ("7天内", "3月7日前"),
        ] {
            assert!(!stands(answer, knowledge), "{answer}");
        }
    }
}
