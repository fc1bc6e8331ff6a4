//! What a customer wants, by the words they use: a price, to buy, an appointment, and how soon.

/// A wish that makes a lead worth more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Intent {
    /// Asks what it costs.
    Price,
    /// Wants to buy.
    Purchase,
    /// Wants to come, to try, to be visited.
    Appointment,
    /// Wants it soon.
    Urgent,
}

const ALL: [Intent; 4] = [Intent::Price, Intent::Purchase, Intent::Appointment, Intent::Urgent];

const PRICE: &[&str] = &[
    "多少钱",
    "多少錢",
    "什么价",
    "怎么收费",
    "收费标准",
    "怎么卖",
    "价格",
    "價格",
    "报价",
    "報價",
    "优惠",
    "折扣",
    "费用",
    "how much",
    "price",
    "pricing",
    "quote",
    "quotation",
    "discount",
];
const PURCHASE: &[&str] = &[
    "想买",
    "想購買",
    "购买",
    "購買",
    "要买",
    "下单",
    "下單",
    "订购",
    "订货",
    "采购",
    "批发",
    "签合同",
    "付款",
    "想报名",
    "报名",
    "加盟",
    "want to buy",
    "like to buy",
    "purchase",
    "place an order",
    "sign up",
    "wholesale",
];
const APPOINTMENT: &[&str] = &[
    "预约",
    "預約",
    "上门",
    "试听",
    "试用",
    "试驾",
    "体验课",
    "看房",
    "看车",
    "到店",
    "参观",
    "面谈",
    "演示",
    "appointment",
    "book a",
    "schedule a",
    "demo",
    "free trial",
    "visit your",
];
const URGENT: &[&str] = &[
    "尽快",
    "儘快",
    "马上要",
    "急用",
    "急需",
    "很急",
    "今天就",
    "这两天",
    "本周内",
    "asap",
    "as soon as possible",
    "urgent",
    "right away",
];
/// What denies a wish when it stands so many characters before it in the same clause.
const DENIALS: [(usize, &[&str]); 2] =
    [(6, &["不", "别", "没", "沒", "取消"]), (12, &["n't ", "not ", "never ", "cancel"])];

impl Intent {
    /// The word in the reasons of a score. Never changed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Price => "price",
            Self::Purchase => "purchase",
            Self::Appointment => "appointment",
            Self::Urgent => "urgent",
        }
    }

    /// What it adds to a score.
    pub(super) fn points(self) -> u32 {
        match self {
            Self::Price | Self::Urgent => 10,
            Self::Purchase | Self::Appointment => 20,
        }
    }

    fn phrases(self) -> &'static [&'static str] {
        match self {
            Self::Price => PRICE,
            Self::Purchase => PURCHASE,
            Self::Appointment => APPOINTMENT,
            Self::Urgent => URGENT,
        }
    }

    /// Who asks whether there is no discount asks for one; who does not want to buy does not.
    fn may_be_denied(self) -> bool {
        matches!(self, Self::Purchase | Self::Appointment | Self::Urgent)
    }
}

/// The wishes in a text, each once.
pub fn intents(text: &str) -> Vec<Intent> {
    let text = text.to_lowercase();
    ALL.into_iter().filter(|intent| is_said(&text, *intent)).collect()
}

fn is_said(text: &str, intent: Intent) -> bool {
    intent.phrases().iter().any(|phrase| {
        text.match_indices(phrase).any(|(place, _)| {
            is_whole(text, place, phrase) && !(intent.may_be_denied() && is_denied(&text[..place]))
        })
    })
}

/// A Latin phrase is not part of a longer word: no demo in "demonstrate" or "democracy".
fn is_whole(text: &str, place: usize, phrase: &str) -> bool {
    let letter = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let before = text[..place].chars().next_back();
    let after = text[place + phrase.len()..].chars().next();
    !(phrase.is_ascii() && (letter(before) || letter(after)))
}

fn is_denied(before: &str) -> bool {
    let ends_clause =
        |c: char| matches!(c, ',' | '，' | '。' | '.' | '!' | '！' | ';' | '；' | '?' | '？' | '\n');
    let clause = before.rsplit(ends_clause).next().unwrap_or(before);
    DENIALS.iter().any(|(reach, denials)| {
        let start = clause.char_indices().rev().nth(reach - 1).map_or(0, |(place, _)| place);
        denials.iter().any(|denial| clause[start..].contains(denial))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_heard_in_both_languages() {
        assert_eq!(intents("这个多少钱？想预约看看"), [Intent::Price, Intent::Appointment]);
        assert_eq!(
            intents("How much is it? I want to buy ASAP"),
            [Intent::Price, Intent::Purchase, Intent::Urgent]
        );
        assert_eq!(intents("你好"), []);
    }

    #[test]
    fn a_denied_wish_is_none() {
        assert_eq!(intents("我不想买了"), []);
        assert_eq!(intents("please cancel my appointment"), []);
        assert_eq!(intents("没有优惠吗"), [Intent::Price]);
        assert_eq!(intents("不贵的话，我要买两个"), [Intent::Purchase]);
    }

    #[test]
    fn a_part_of_a_word_is_no_wish() {
        assert_eq!(intents("a priceless democracy"), []);
    }
}
