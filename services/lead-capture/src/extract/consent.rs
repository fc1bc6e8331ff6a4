//! What a customer says about being called: a permission, or a wish to be left alone.

use serde::{Deserialize, Serialize};

use super::fold::Folded;

/// An explicit statement about calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// 可以打给我, please call me.
    Given,
    /// 不要打电话, don't call me.
    Refused,
}

const REFUSALS: [&str; 46] = [
    "不要打电话",
    "别打电话",
    "不要打我",
    "别打我",
    "不要给我打",
    "别给我打",
    "不要再打",
    "别再打",
    "不想接电话",
    "不接电话",
    "不方便接电话",
    "不方便打电话",
    "不方便电话",
    "勿电话",
    "请勿致电",
    "请勿来电",
    "勿打电话",
    "不要来电",
    "不用打电话",
    "不需要打电话",
    "不用给我打",
    "不要电话联系",
    "不要联系我",
    "别联系我",
    "不用联系我",
    "请勿联系",
    "不要骚扰",
    "别骚扰",
    "拒绝来电",
    "不接受电话",
    "不同意联系",
    "无需回电",
    "不用回电",
    "不想被打扰",
    "don't call",
    "dont call",
    "do not call",
    "don't phone",
    "do not phone",
    "no calls",
    "no phone calls",
    "stop calling",
    "don't contact me",
    "do not contact me",
    "rather not be called",
    "unsubscribe",
];

const PERMISSIONS: [&str; 44] = [
    "可以打给我",
    "可以打我",
    "可以给我打",
    "可以打电话",
    "可以电话联系",
    "可以联系我",
    "可以来电",
    "可以致电",
    "方便的话打给我",
    "打给我",
    "打我电话",
    "给我打电话",
    "给我打个电话",
    "给我来电",
    "给我回电",
    "给我回个电话",
    "给我来个电话",
    "回我电话",
    "电话联系我",
    "电话联系",
    "打我手机",
    "随时打",
    "随时联系",
    "随时电话",
    "请联系我",
    "请致电",
    "请来电",
    "联系我",
    "同意联系",
    "同意来电",
    "call我",
    "让销售加我",
    "让人联系我",
    "call me",
    "ring me",
    "give me a call",
    "phone me",
    "reach me",
    "contact me",
    "text me",
    "happy to talk",
    "feel free to call",
    "you can call",
    "you may call",
];

/// Words by which a clause complains or asks for the reason: it permits nothing, and what it denies right behind them is no
/// refusal: 为什么不接电话, "why don't you call me".
const COMPLAINTS: [&str; 8] = ["怎么", "为什么", "为啥", "为何", "凭什么", "why ", "how come", "how is it"];

/// Behind a word of complaint: it complains of nothing. 怎么样都不要打给我.
const HOWEVER: [&str; 2] = ["样", "都"];
const WHATEVER: [&str; 3] = ["不管", "无论", "no matter"];

/// Words by which a clause asks or tells of calls and permits none: 谁打给我了, 昨天又打我电话.
const REPORTS: [&str; 26] = [
    "谁",
    "多少",
    "什么时候",
    "又打",
    "又给",
    "又来",
    "又联系",
    "老打",
    "老是",
    "老给",
    "一直",
    "刚才",
    "刚刚",
    "昨天",
    "前天",
    "没人",
    "没有人",
    "还没",
    "都没",
    "没给",
    "没打",
    "没联系",
    "还不",
    "不联系",
    "who ",
    "kept ",
];

/// Words by which a clause permits all the same: 什么时候打给我都行.
const LEAVES: [&str; 3] = ["都行", "都可以", "随时"];

/// What makes a permission the name of a thing: 电话联系方式.
const THINGS: [&str; 1] = ["方式"];

/// Words with 别 that deny nothing.
const OTHERS: [&str; 7] = ["特别", "别的", "别人", "别家", "分别", "个别", "级别"];

/// The last explicit statement about calls in the text; `None` if it makes none. A question asks and permits nothing.
///
/// A number given is no consent by itself: whether giving it counts is the tenant's rule, not this function's.
pub fn consent(text: &str) -> Option<Consent> {
    let text = Folded::new(text);
    let mut last = None;
    let mut index = 0;
    while index < text.len() {
        if let Some(length) = reads(&text, index, &REFUSALS) {
            if !is_complained_of(&text, clause_begin(&text, index), index) {
                last = Some(Consent::Refused);
            }
            index += length;
        } else if let Some(length) = reads(&text, index, &PERMISSIONS) {
            let begins = index;
            index += length;
            let names_a_thing = text.reads_any(index, &THINGS).is_some();
            last = of_clause(&text, begins).filter(|_| !names_a_thing).or(last);
        } else {
            index += 1;
        }
    }
    last
}

fn reads(text: &Folded<'_>, index: usize, phrases: &[&str]) -> Option<usize> {
    let length = text.reads_any(index, phrases)?;
    let latin = text.at(index).is_ascii_alphabetic();
    let open = latin && text.before(index).is_ascii_alphabetic();
    (!open).then_some(length)
}

/// What the clause says in which a permission begins at `index`.
fn of_clause(text: &Folded<'_>, index: usize) -> Option<Consent> {
    let begin = clause_begin(text, index);
    let end = (index..text.len()).find(|place| is_mark(text.at(*place))).unwrap_or(text.len());
    let says = |words: &[&str]| {
        (begin..end).any(|at| text.reads_any(at, words).is_some_and(|length| at + length <= end))
    };
    // 别让人联系我, 不要一直打给我, "please never call me": the denial stands before, whatever else is told.
    if let Some(denial) = denial(text, begin, index) {
        return (!is_complained_of(text, begin, denial)).then_some(Consent::Refused);
    }
    if says(&COMPLAINTS) {
        return None;
    }
    let asks = text.at(end) == '?' || (begin..end).last().is_some_and(|last| text.at(last) == '吗');
    let is_report = says(&REPORTS) && (asks || !says(&LEAVES));
    (!is_report).then_some(Consent::Given)
}

fn clause_begin(text: &Folded<'_>, index: usize) -> usize {
    (0..index).rev().find(|place| is_mark(text.at(*place))).map_or(0, |mark| mark + 1)
}

/// Whether a word of complaint stands right before, in the clause that begins at `begin`.
fn is_complained_of(text: &Folded<'_>, begin: usize, index: usize) -> bool {
    const REACH: usize = 5;
    let complains = |at: usize| {
        text.reads_any(at, &COMPLAINTS).map(|length| at + length).is_some_and(|after| {
            after <= index && index - after <= REACH && text.reads_any(after, &HOWEVER).is_none()
        })
    };
    (begin..index).any(complains) && !(begin..index).any(|at| text.reads_any(at, &WHATEVER).is_some())
}

/// The first word of denial shortly before `index`, in the clause that begins at `begin`.
fn denial(text: &Folded<'_>, begin: usize, index: usize) -> Option<usize> {
    const DENIALS: [&str; 12] =
        ["不要", "别", "不用", "不想", "勿", "不准", "不许", "never ", "not ", "n't ", "不必", "无需"];
    const REACH: usize = 8;
    let from = index.saturating_sub(REACH).max(begin);
    let is_other = |at: usize| (at.saturating_sub(1)..=at).any(|at| text.reads_any(at, &OTHERS).is_some());
    (from..index).find(|at| text.reads_any(*at, &DENIALS).is_some() && !is_other(*at))
}

fn is_mark(c: char) -> bool {
    matches!(c, ',' | '。' | '.' | '!' | ';' | '?' | '\n')
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
