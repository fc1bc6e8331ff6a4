//! Whether a message only leaves a contact detail, which is thanked for and not looked up in knowledge.
//!
//! What the detail is, and whose, is lead-capture's business; here it matters only that nothing was asked.

use crate::retrieve::fold::fold;

/// Digits of a number to call: a local one, to one with its country.
const DIGITS_MIN: usize = 7;
const DIGITS_MAX: usize = 15;
/// Digits of a mobile number in China, which needs no word beside it.
const MOBILE_DIGITS: usize = 11;
/// Words by which any number is one to call.
const CALLS: [&str; 7] = ["电话", "手机", "号码", "座机", "联系", "打给", "打我"];
const LATIN_CALLS: [&str; 8] =
    ["tel", "telephone", "phone", "cellphone", "handphone", "call", "mobile", "cell"];
/// Words by which a number is something's, and the message is about that.
const REFERENCES: [&str; 15] = [
    "订单",
    "单号",
    "运单",
    "快递",
    "物流",
    "编号",
    "工单",
    "取消",
    "退货",
    "退款",
    "催",
    "投诉",
    "没收到",
    "order",
    "tracking",
];
const CUES: [&str; 8] = ["微信", "薇信", "威信", "vx", "wx", "wechat", "加我", "邮箱"];
const QUESTIONS: [&str; 12] =
    ["?", "吗", "么", "怎", "什么", "多少", "哪", "几", "能不能", "可以不", "how", "what"];

/// Whether the texts together leave a way to reach the customer and ask nothing.
pub fn only_leaves_contact(texts: &[String]) -> bool {
    let together = fold(&texts.join(" "));
    let asks = QUESTIONS.iter().any(|word| together.contains(word));
    let is_about = REFERENCES.iter().any(|word| together.contains(word));
    let calls = has_call(&together);
    let has_number = || texts.iter().any(|text| has_number(&fold(text), calls));
    !asks && !is_about && (has_number() || has_address(&together) || has_handle(&together))
}

/// Whether a word says that a number is one to call.
fn has_call(text: &str) -> bool {
    let mut latin = text.split(|c: char| !c.is_ascii_alphabetic());
    CALLS.iter().any(|word| text.contains(word)) || latin.any(|word| LATIN_CALLS.contains(&word))
}

/// A number may be parted by blanks, and two numbers by one.
fn has_number(text: &str, calls: bool) -> bool {
    let mut runs = text.split(|c: char| !(c.is_ascii_digit() || matches!(c, '-' | ' ')));
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    runs.any(|run| is_number(&digits(run), calls) || run.split(' ').any(|one| is_number(&digits(one), calls)))
}

/// Whether the digits are a number to call; `calls` says that a word beside them does. Dates, parcels and orders are none.
fn is_number(digits: &str, calls: bool) -> bool {
    let own = digits.strip_prefix("86").filter(|own| own.len() == MOBILE_DIGITS).unwrap_or(digits);
    let is_mobile =
        own.len() == MOBILE_DIGITS && own.starts_with('1') && !matches!(own.as_bytes()[1], b'0'..=b'2');
    let is_landline = (10..=12).contains(&own.len()) && (own.starts_with('0') || own.starts_with("400"));
    is_mobile || is_landline || (calls && (DIGITS_MIN..=DIGITS_MAX).contains(&digits.len()))
}

fn has_address(text: &str) -> bool {
    text.split('@')
        .nth(1)
        .is_some_and(|domain| domain.split_whitespace().next().is_some_and(|d| d.contains('.')))
}

/// A cue followed by a handle of Latin letters and digits.
fn has_handle(text: &str) -> bool {
    CUES.iter().filter_map(|cue| text.split_once(cue)).any(|(_, rest)| {
        let handle = rest.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
        rest.chars().count() - handle.chars().count() <= 4
            && handle.chars().take_while(|c| c.is_ascii_alphanumeric() || "_-".contains(*c)).count() >= 5
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(text: &str) -> bool {
        only_leaves_contact(&[text.to_owned()])
    }

    #[test]
    fn a_number_an_address_and_a_handle_are_contacts() {
        assert!(leaves("我的电话是13812345678"));
        assert!(leaves("138 1234 5678，谢谢"));
        assert!(leaves("加我微信 xiaoxi_2024"));
        assert!(leaves("mail me at a.b@example.com please"));
    }

    #[test]
    fn two_messages_or_numbers_are_not_one() {
        assert!(only_leaves_contact(&["13812345678".into(), "2".into()]));
        assert!(leaves("13812345678 13987654321"));
    }

    #[test]
    fn a_number_of_something_is_no_contact() {
        for text in [
            "请帮我取消订单，订单号20241130123456",
            "我2024-11-30下的单，请看一下",
            "杯子碎了 SF1234567890123",
            "我要退货，电话13812345678帮我取消订单",
            "尺码 170 88 66 91",
            "hotel 2024-11-30",
            "我的iPhone 2024-11-30买的，屏幕碎了",
        ] {
            assert!(!leaves(text), "{text}");
        }
        for text in ["0571-88886666", "座机88886666", "+86 138 1234 5678", "call me at 415 555 2671"] {
            assert!(leaves(text), "{text}");
        }
    }

    #[test]
    fn a_question_is_answered_whatever_number_is_in_it() {
        assert!(!leaves("13812345678这个号码能查到订单吗"));
        assert!(!leaves("你们微信公众号是什么"));
        assert!(!leaves("退货运费谁出"));
    }
}
