//! Owns noticing that somebody asks for a person.

use std::sync::LazyLock;

use crate::retrieve::fold::fold;

use words::table::{Cue, Prepared, cues};

static CUES: LazyLock<Vec<Cue>> = LazyLock::new(|| cues(include_str!("person.txt")));

/// Whole clauses that ask for a person by naming one.
const NAMES: [&str; 26] = [
    "人工",
    "人工客服",
    "人工服务",
    "真人",
    "真人客服",
    "转人工",
    "转接人工",
    "客服",
    "在线客服",
    "人工台",
    "人工坐席",
    "人工智障",
    "活人",
    "人工呢",
    "agent",
    "human",
    "operator",
    "representative",
    "person",
    "manager",
    "supervisor",
    "customer service",
    "real person",
    "live agent",
    "live chat",
    "real human",
];

/// Whether the text asks for a person (转人工, 找个真人, speak to a human).
///
/// Not for 不用转人工, 人工费多少, 人工几点上班, 我昨天问过客服.
pub fn wants_person(text: &str) -> bool {
    let prepared = Prepared::of(text);
    let wish = CUES.iter().any(|cue| cue.weight > 0.0 && cue.pattern.is_in(&prepared));
    // A menu entry pasted before the word, parted by a blank only (退换货 人工), is no part of it.
    let folded = fold(text);
    let mut pieces = folded.split(|c: char| !c.is_alphanumeric());
    let named = prepared.clauses().iter().any(|clause| is_name(clause))
        || pieces.any(|piece| piece.starts_with("人工") && is_name(piece));
    (wish || named) && !declines(&prepared)
}

/// Whether the text says that no person is needed (不用转人工): it takes an earlier wish back.
pub fn declines_person(text: &str) -> bool {
    declines(&Prepared::of(text))
}

fn declines(text: &Prepared) -> bool {
    CUES.iter().any(|cue| cue.weight < 0.0 && cue.pattern.is_in(text))
}

/// A clause that is a name and courtesies; one name twice is still a name.
fn is_name(clause: &str) -> bool {
    let mut rest = clause.trim();
    let courtesies = [
        "你好", "您好", "请", "麻烦", "给我", "我要", "谢谢", "快", "please", "hi", "hello", "a ", "an ",
        "the ",
    ];
    let mut named = false;
    while !rest.is_empty() {
        let name = NAMES.iter().filter(|name| rest.starts_with(**name)).max_by_key(|name| name.len());
        let skip = courtesies.iter().find(|word| rest.starts_with(**word));
        match (name, skip) {
            (Some(name), _) => {
                named = true;
                rest = rest[name.len()..].trim_start();
                if name.is_ascii()
                    && rest.starts_with(|c: char| c.is_ascii_alphanumeric())
                    && clause[..clause.len() - rest.len()].ends_with(|c: char| c.is_ascii_alphanumeric())
                {
                    return false;
                }
            }
            (None, Some(word)) => rest = rest[word.len()..].trim_start(),
            (None, None) => return false,
        }
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_for_a_person_is_noticed() {
        for text in [
            "转人工",
            "轉人工",
            "转 人 工",
            "人工客服",
            "找个真人",
            "我要跟人说话",
            "麻烦帮我转接一下客服",
            "叫你们经理来",
            "不要机器人回复",
            "我特别着急，转人工",
            "特别着急，帮我转人工",
            "特别着急帮我找客服",
            "别废话，帮我转人工",
            "别废话，转人工",
            "没有别的问题，转人工",
            "不用解释了，转人工",
            "为什么不转人工了",
            "凭什么不转人工了",
            "不是，帮我转人工",
            "帮我转客服，跟你说不清楚",
            "你好，人工",
            "有没有真人客服",
            "我想和客服本人沟通",
            "I want to speak to a human",
            "Can I talk to someone please",
            "agent",
            "get me your manager",
            "connect me with a real person",
            "Operator!",
        ] {
            assert!(wants_person(text), "{text}");
        }
    }

    #[test]
    fn words_of_persons_alone_are_no_wish() {
        for text in [
            "不用转人工",
            "先不用转人工，你说",
            "不用了，不转人工了",
            "不用转，人工太慢了",
            "找个人，帮我安装一下",
            "派个人过来，修一下洗衣机",
            "人工费多少",
            "人工客服几点上班",
            "人工智能音箱多少钱",
            "你们客服态度真好",
            "扫地机器人怎么连网",
            "怎么转账",
            "no need for a human",
            "No need, no human please",
            "I don't need to speak to an agent",
            "the agent told me to wait",
            "does the operator manual come with it",
            "换货要多久",
            "昨天客服说今天发货",
        ] {
            assert!(!wants_person(text), "{text}");
        }
    }
}
