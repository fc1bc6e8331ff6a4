//! Whether a message only leaves a contact detail, which is thanked for and not looked up in knowledge.
//!
//! What the detail is, and whose, is lead-capture's business; here it matters only that nothing was asked.

use crate::retrieve::fold::fold;

/// Digits in a row that look like a number to call.
const DIGITS_MIN: usize = 7;
const CUES: [&str; 8] = ["微信", "薇信", "威信", "vx", "wx", "wechat", "加我", "邮箱"];
const QUESTIONS: [&str; 12] =
    ["?", "吗", "么", "怎", "什么", "多少", "哪", "几", "能不能", "可以不", "how", "what"];

/// Whether the texts together leave a way to reach the customer and ask nothing.
pub fn only_leaves_contact(texts: &[String]) -> bool {
    let together = fold(&texts.join(" "));
    let asks = QUESTIONS.iter().any(|word| together.contains(word));
    !asks && (has_number(&together) || has_address(&together) || has_handle(&together))
}

fn has_number(text: &str) -> bool {
    let mut run = 0;
    for c in text.chars() {
        match c {
            '0'..='9' => run += 1,
            '-' | ' ' if run > 0 => {}
            _ => run = 0,
        }
        if run >= DIGITS_MIN {
            return true;
        }
    }
    false
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
    fn a_question_is_answered_whatever_number_is_in_it() {
        assert!(!leaves("13812345678这个号码能查到订单吗"));
        assert!(!leaves("你们微信公众号是什么"));
        assert!(!leaves("退货运费谁出"));
    }
}
