//! What a customer says about being called: a permission, or a wish to be left alone.

use serde::{Deserialize, Serialize};
use std::sync::LazyLock;
use words::table::{Cue, Prepared, cues};

/// An explicit statement about calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// 可以打给我, please call me.
    Given,
    /// 不要打电话, don't call me.
    Refused,
}

/// The words: a positive weight permits, a negative one refuses.
static STATEMENTS: LazyLock<Vec<Cue>> = LazyLock::new(|| cues(include_str!("consent.txt")));

/// The last explicit statement about being contacted in the text; `None` if it makes none. A question asks and permits
/// nothing, and neither does a report or a complaint.
///
/// A number given is no consent by itself: whether giving it counts is the tenant's rule, not this function's.
pub fn consent(text: &str) -> Option<Consent> {
    // A line is a clause.
    let text = Prepared::of(&text.replace('\n', ","));
    let (given, refused): (Vec<_>, Vec<_>) = STATEMENTS
        .iter()
        .flat_map(|cue| cue.pattern.spans(&text).map(|span| (span, cue.weight > 0.0)))
        .partition(|(_, permits)| *permits);
    // 别再给我打电话: a refusal takes what begins right behind it with it.
    let is_refused = |(from, to): (usize, usize)| refused.iter().any(|((a, b), _)| *a < to && from <= *b);
    let given = given.into_iter().filter(|(span, _)| !is_refused(*span));
    let last = given.chain(refused.iter().copied()).max_by_key(|((from, _), _)| *from);
    last.map(|(_, permits)| if permits { Consent::Given } else { Consent::Refused })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_is_heard() {
        for text in ["可以打给我", "你给我回个电话吧", "Please call me at 3125550183", "請聯繫我"]
        {
            assert_eq!(consent(text), Some(Consent::Given), "{text}");
        }
    }

    #[test]
    fn a_refusal_is_heard() {
        for text in
            ["不要打电话，加微信", "don't call me", "请勿来电", "别让人联系我", "please never call me"]
        {
            assert_eq!(consent(text), Some(Consent::Refused), "{text}");
        }
    }

    #[test]
    fn a_complaint_or_a_question_about_calls_permits_none() {
        for text in [
            "你们电话联系方式是多少",
            "怎么没人联系我",
            "为什么还不联系我",
            "刚才谁打给我了",
            "什么时候给我打电话？",
            "Why does nobody call me",
            "Why didn't you call me?",
            "为什么不用电话联系我",
            "你们怎么不接电话，我电话13812345678",
            "你们怎么不想办法联系我",
            "How come you do not call me",
            "有没有别的电话联系方式",
            "怎么特别久都没人联系我",
            "昨天是不是你们别的同事打给我",
            "怎么什么人都可以打我电话",
            "你们怎么随时打给我",
            "你们什么时候都可以打给我吗",
        ] {
            assert_eq!(consent(text), None, "{text}");
        }
        assert_eq!(consent("我说了别打我，你们怎么又打我电话"), Some(Consent::Refused));
        for text in [
            "不要一直打给我",
            "别老给我打电话",
            "请不要老是联系我",
            "不管怎么样都不要打给我",
            "怎么样都不要打给我",
            "有没有货都不要再联系我",
            "说了不要再联系我怎么还在联系我",
            "请不要再给我打电话\n为什么一直打",
            "你们是不是可以不要再给我打电话了",
        ] {
            assert_eq!(consent(text), Some(Consent::Refused), "{text}");
        }
        assert_eq!(consent("什么时候打给我都行"), Some(Consent::Given));
        assert_eq!(consent("有什么问题打给我"), Some(Consent::Given));
        assert_eq!(consent("我特别急，特别希望你们打给我"), Some(Consent::Given));
        assert_eq!(consent("帮我看看有没有货给我回个电话"), Some(Consent::Given));
        assert_eq!(consent("刚才没接到，可以打给我"), Some(Consent::Given));
    }

    #[test]
    fn the_last_word_counts() {
        assert_eq!(consent("不要打电话。算了，可以打给我"), Some(Consent::Given));
    }

    #[test]
    fn a_number_alone_is_no_consent() {
        assert_eq!(consent("13812345678"), None);
    }
}
