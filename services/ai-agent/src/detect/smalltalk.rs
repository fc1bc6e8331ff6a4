//! Owns noticing small talk: it is answered from the tenant's own phrases, never from knowledge.

use serde::{Deserialize, Serialize};

use words::table::Prepared;

/// What a text is that asks nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Smalltalk {
    /// 好的, ok
    Acknowledgement,
    /// 你好, 在吗, hello
    Greeting,
    /// 谢谢, thanks
    Thanks,
    /// 再见, 没有了, bye
    Goodbye,
}

const PHRASES: [(Smalltalk, &[&str]); 4] = [
    (
        Smalltalk::Greeting,
        &[
            "你好",
            "您好",
            "你们好",
            "大家好",
            "早上好",
            "早安",
            "上午好",
            "中午好",
            "下午好",
            "晚上好",
            "早啊",
            "早",
            "哈喽",
            "哈罗",
            "哈啰",
            "嗨",
            "嘿",
            "喂",
            "hello",
            "hi",
            "hey",
            "hiya",
            "good morning",
            "good afternoon",
            "good evening",
            "greetings",
            "howdy",
            "在吗",
            "在么",
            "在嘛",
            "在不在",
            "在不",
            "在线吗",
            "有人吗",
            "有人在吗",
            "有人么",
            "请问在吗",
            "客服在吗",
            "客服你好",
            "亲在吗",
            "亲",
            "anyone there",
            "anybody there",
            "is anyone there",
            "are you there",
            "there",
            "店家",
            "老板",
            "掌柜",
            "老板在吗",
            "你好客服",
        ],
    ),
    (
        Smalltalk::Thanks,
        &[
            "谢谢你",
            "谢谢您",
            "谢谢",
            "谢了",
            "谢啦",
            "谢",
            "多谢",
            "感谢",
            "非常感谢",
            "十分感谢",
            "感谢您",
            "感谢你",
            "感恩",
            "辛苦了",
            "辛苦啦",
            "辛苦",
            "麻烦你了",
            "麻烦您了",
            "麻烦了",
            "thanks a lot",
            "thanks so much",
            "thanks",
            "thank you so much",
            "thank you very much",
            "thank you",
            "many thanks",
            "thx",
            "ty",
            "cheers",
            "much appreciated",
            "appreciate it",
            "3q",
            "for your help",
            "for the help",
            "for your time",
            "了解了谢谢",
            "你真好",
            "真棒",
            "太好了",
            "great",
            "perfect",
            "awesome",
        ],
    ),
    (
        Smalltalk::Goodbye,
        &[
            "再见",
            "拜拜",
            "拜",
            "拜了",
            "88",
            "886",
            "回头见",
            "下次聊",
            "下次再聊",
            "晚安",
            "没事了",
            "没有了",
            "没了",
            "没问题了",
            "没有问题了",
            "没有其他问题了",
            "没别的了",
            "不用了",
            "就这样",
            "就这些",
            "先这样",
            "先这样吧",
            "goodbye",
            "good bye",
            "bye bye",
            "bye",
            "good night",
            "see you",
            "see ya",
            "that's all",
            "that is all",
            "nothing else",
            "have a nice day",
            "have a good day",
            "no that's all",
            "that's it",
            "for now",
        ],
    ),
    (
        Smalltalk::Acknowledgement,
        &[
            "好的",
            "好吧",
            "好滴",
            "好嘞",
            "好",
            "嗯嗯",
            "嗯",
            "恩",
            "哦",
            "噢",
            "喔",
            "行",
            "行吧",
            "可以",
            "ok",
            "okay",
            "okey",
            "k",
            "收到",
            "知道了",
            "明白了",
            "明白",
            "了解了",
            "了解",
            "懂了",
            "原来如此",
            "原来是这样",
            "这样啊",
            "是的",
            "对的",
            "对",
            "没关系",
            "没事",
            "不客气",
            "哈哈",
            "哈哈哈",
            "呵呵",
            "got it",
            "i see",
            "alright",
            "all right",
            "sure",
            "understood",
            "fine",
            "yes",
            "yep",
            "yeah",
            "no problem",
            "no worries",
            "cool",
            "noted",
            "那好",
            "那好吧",
            "那行",
            "了",
            "的",
            "呢",
            "啊",
            "呀",
            "吧",
            "哈",
            "哟",
            "啦",
            "嘛",
            "的呢",
        ],
    ),
];

/// What the text is if it is nothing but small talk; the last kind that matters wins (好的谢谢再见 is a goodbye).
pub fn smalltalk(text: &str) -> Option<Smalltalk> {
    let prepared = Prepared::of(text);
    if prepared.letters() == 0 || prepared.letters() > 60 {
        return None;
    }
    let mut found: Option<Smalltalk> = None;
    for clause in prepared.clauses() {
        let mut rest = clause.as_str();
        while !rest.is_empty() {
            let (kind, phrase) = longest(rest)?;
            found = Some(found.map_or(kind, |known| known.max(kind)));
            rest = rest[phrase.len()..].trim_start();
        }
    }
    found
}

fn longest(rest: &str) -> Option<(Smalltalk, &'static str)> {
    PHRASES
        .iter()
        .flat_map(|(kind, phrases)| phrases.iter().map(|phrase| (*kind, *phrase)))
        .filter(|(_, phrase)| {
            rest.strip_prefix(phrase).is_some_and(|after| {
                !phrase.ends_with(|c: char| c.is_ascii_alphanumeric())
                    || !after.starts_with(|c: char| c.is_ascii_alphanumeric())
            })
        })
        .max_by_key(|(_, phrase)| phrase.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_talk_is_told_from_questions() {
        assert_eq!(smalltalk("你好"), Some(Smalltalk::Greeting));
        assert_eq!(smalltalk("您好，在吗？"), Some(Smalltalk::Greeting));
        assert_eq!(smalltalk("Hi there!"), Some(Smalltalk::Greeting));
        assert_eq!(smalltalk("好的，谢谢"), Some(Smalltalk::Thanks));
        assert_eq!(smalltalk("没有了，谢谢"), Some(Smalltalk::Goodbye));
        assert_eq!(smalltalk("ok"), Some(Smalltalk::Acknowledgement));
        assert_eq!(smalltalk("你好，怎么退货"), None);
        assert_eq!(smalltalk("high chair"), None);
        assert_eq!(smalltalk("👍"), None);
        assert_eq!(smalltalk(""), None);
    }
}
