//! Owns noticing anger and discontent.

use std::sync::LazyLock;

use words::table::{Cue, Prepared, cues};

static CUES: LazyLock<Vec<Cue>> = LazyLock::new(|| cues(include_str!("anger.txt")));

/// Level from which a text counts as discontented and a person takes over.
pub const NEGATIVE_LEVEL: f32 = 0.5;

/// How a text sounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Anger {
    /// 0 calm, from [`NEGATIVE_LEVEL`] discontented, towards 1 insults and threats.
    pub level: f32,
    /// The level reaches [`NEGATIVE_LEVEL`].
    pub is_negative: bool,
}

/// How angry the text sounds; urgency alone (急用, asap) is no anger.
///
/// The level is `s / (s + 0.5)` of the sum `s` of the weights of all cues found, so that one cue of discontent (weight
/// 0.5 and more) reaches the threshold and an insult nears 1.
pub fn anger(text: &str) -> Anger {
    let prepared = Prepared::of(text);
    let mut sum: f32 = CUES.iter().filter(|cue| cue.pattern.is_in(&prepared)).map(|cue| cue.weight).sum();
    if prepared.count('!') + prepared.count('?') >= 3 {
        sum += 0.15;
    }
    let level = if sum <= 0.0 { 0.0 } else { sum / (sum + 0.5) };
    Anger { level, is_negative: level >= NEGATIVE_LEVEL - 1e-4 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anger_and_discontent_are_noticed() {
        for text in [
            "你们是骗子",
            "垃圾客服",
            "等了三天了还没发货",
            "怎么还没给我退款",
            "我要投诉你们",
            "不行，我要投诉",
            "不退就打12315",
            "咱们315见",
            "再不退我找315",
            "315维权",
            "什么态度",
            "太慢了吧",
            "This is unacceptable",
            "you people are useless",
            "I've been waiting for three weeks",
            "worst shop ever",
        ] {
            assert!(anger(text).is_negative, "{text}");
        }
    }

    #[test]
    fn calm_texts_with_angry_words_stay_calm() {
        for text in [
            "垃圾袋有货吗",
            "滚筒洗衣机多少钱",
            "《愤怒的葡萄》有货吗",
            "不是投诉，就问问",
            "不满意可以退吗",
            "不满意，可以退吗",
            "怀孕5个月了，能用吗",
            "最近上火，喝什么好",
            "怎么投诉",
            "急用，麻烦尽快发",
            "你们处理得真快，很满意",
            "trash bags in bulk?",
            "not angry, just asking",
            "不满99元要运费吗",
            "我的电话是13831512315",
            "315元的那款有货吗",
            "网上315元的那款有货吗",
            "晚上315人的场地有吗",
            "what size is the angry birds shirt",
        ] {
            assert!(!anger(text).is_negative, "{text}: {}", anger(text).level);
        }
    }
}
