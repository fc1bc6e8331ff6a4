//! Company names: what ends in 有限公司, or in Ltd, Inc and their like.

use super::Kind;
use super::fold::is_han;
use super::scene::{Find, Scene};

/// Longest Chinese name that is believed, in characters.
const CHINESE_MAX: usize = 30;

pub(super) fn read(scene: &mut Scene<'_>) {
    let mut index = 0;
    while index < scene.text.len() {
        if let Some(length) = ending(scene, index) {
            if let Some(find) = chinese(scene, index, index + length) {
                scene.add(find);
            }
            index += length;
        } else if let Some(end) = latin_ending(scene, index) {
            if let Some(find) = latin(scene, index, end) {
                scene.add(find);
            }
            index = end;
        } else {
            index += 1;
        }
    }
}

fn ending(scene: &Scene<'_>, index: usize) -> Option<usize> {
    const ENDINGS: [&str; 9] = [
        "有限公司",
        "有限责任公司",
        "股份有限公司",
        "股份公司",
        "集团公司",
        "分公司",
        "事务所",
        "合伙企业",
        "集团有限公司",
    ];
    scene.text.reads_any(index, &ENDINGS)
}

fn chinese(scene: &Scene<'_>, ending: usize, end: usize) -> Option<Find> {
    const STOPS: &str = "我是|这边是|抬头|抬头是|名称|来自|单位|叫|我们是|公司是|是|在|给|我们公司|开给|联系|为|由|从|到|与|的|所属|位于|以及";
    let text = &scene.text;
    let mut start = ending;
    while start > 0 && ending - start < CHINESE_MAX {
        let c = text.at(start - 1);
        if !(is_han(c) || c.is_ascii_alphanumeric() || matches!(c, '(' | ')' | '·' | '&')) {
            break;
        }
        let stops = STOPS.split('|').any(|word| {
            let length = word.chars().count();
            start >= length && text.reads(start - length, word)
        });
        if stops {
            break;
        }
        start -= 1;
    }
    // Two characters at least name it: "我们有限公司" does not.
    let name = text.text(start, ending);
    let named = name.chars().count() >= 2
        && !["我们", "你们", "他们", "哪个", "什么", "一家", "这家"].contains(&name.as_str());
    named.then(|| Find::new(Kind::Company, (start, end), text.text(start, end), 90))
}

/// The end of Ltd, Inc. and their like at `index`.
fn latin_ending(scene: &Scene<'_>, index: usize) -> Option<usize> {
    const ENDINGS: [&str; 11] = [
        "inc",
        "llc",
        "ltd",
        "limited",
        "corp",
        "corporation",
        "gmbh",
        "plc",
        "co., ltd",
        "pte ltd",
        "company",
    ];
    let text = &scene.text;
    if !text.at(index).is_ascii_uppercase() || text.before(index) != ' ' {
        return None;
    }
    let end = index + text.reads_any(index, &ENDINGS)?;
    if text.at(end).is_ascii_alphanumeric() {
        return None;
    }
    Some(end + usize::from(text.at(end) == '.'))
}

/// Capitalised words before the ending, `&` and `and` between them.
fn latin(scene: &Scene<'_>, ending: usize, end: usize) -> Option<Find> {
    const WORDS_MAX: usize = 6;
    let text = &scene.text;
    let mut start = ending;
    for _ in 0..WORDS_MAX {
        let stop = start.checked_sub(1)?;
        let word = (0..stop).rev().find(|at| text.at(*at).is_whitespace()).map_or(0, |at| at + 1);
        let first = text.at(word);
        let joins = text.text(word, stop) == "&" || text.text(word, stop) == "and";
        let inside = (word..stop)
            .all(|at| text.at(at).is_alphanumeric() || matches!(text.at(at), '&' | '-' | '\'' | '.'));
        if text.before(start) != ' ' || !inside || !(first.is_uppercase() || joins || first.is_ascii_digit())
        {
            break;
        }
        start = word;
        if word == 0 {
            break;
        }
    }
    let (start, _) = text.trim(start, ending);
    (start < ending).then(|| Find::new(Kind::Company, (start, end), text.text(start, end), 80))
}
