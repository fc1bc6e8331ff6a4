//! Whether an answer holds anything that can be checked and does not stand in the knowledge.

use crate::mask::names;
use std::collections::BTreeSet;
use unicode_normalization::UnicodeNormalization;

/// How Chinese writes numbers and what is counted: 七天, 三百元, 八折.
const NUMERALS: &str = "零〇一二两三四五六七八九十百千万亿半";
const COUNTED: &str = "元块角分折倍成天日周月年时小秒岁斤克米升";

/// What of a text can be held against another: its numbers, addresses, links and names on platforms.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Grounds(BTreeSet<String>);

impl Grounds {
    /// Of several texts together.
    pub(crate) fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut found = BTreeSet::new();
        for text in texts {
            let plain: String = text.nfkc().flat_map(char::to_lowercase).collect();
            found.extend(numbers(&plain));
            found.extend(counted(&plain));
            found.extend(places(&plain));
            found.extend(names(&plain));
        }
        Self(found)
    }

    /// Whether everything of these stands in those.
    pub(crate) fn stand_in(&self, known: &Self) -> bool {
        self.0.is_subset(&known.0)
    }
}

/// 1,299.50 and 1299.50 are one number.
fn numbers(text: &str) -> Vec<String> {
    let kept = |c: char| c.is_numeric() || matches!(c, '.' | ',');
    text.split(|c| !kept(c))
        .map(|run| run.trim_matches(['.', ',']).replace(',', ""))
        .filter(|run| run.contains(char::is_numeric))
        .collect()
}

/// A Chinese number and the character that it counts.
fn counted(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut number = String::new();
    for c in text.chars() {
        if NUMERALS.contains(c) {
            number.push(c);
            continue;
        }
        if !number.is_empty() && (COUNTED.contains(c) || matches!(c, '个' | '%')) {
            number.push(c);
            found.push(std::mem::take(&mut number));
        }
        number.clear();
    }
    found
}

/// E-mail addresses, links and names of hosts, without the marks that end a sentence.
fn places(text: &str) -> Vec<String> {
    let of_place = |c: char| c.is_ascii_alphanumeric() || "@._-:/?#=&%+~".contains(c);
    text.split(|c| !of_place(c))
        .map(|word| word.trim_matches(['.', ':', '-', '/', '?']))
        .filter(|word| {
            let dotted = word.split('.').filter(|part| part.starts_with(|c: char| c.is_ascii_alphabetic()));
            word.contains('@') || word.contains("://") || dotted.count() >= 2
        })
        .map(str::to_owned)
        .collect()
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
        ] {
            assert!(!stands(answer, knowledge), "{answer}");
        }
    }
}
