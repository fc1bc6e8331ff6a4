//! Owns leaving out of a text what asks nothing.

use super::burst::has_words;
use crate::detect::{declines_person, only_leaves_contact, smalltalk};

/// Chinese characters of a clause that says no more than whose number it is.
const CONTACT_WORDS_MAX: usize = 5;

/// The text without clauses that ask nothing: greetings, thanks, "no need for a person", and, beside a question, a way to
/// reach the customer.
pub(super) fn pith(text: &str) -> String {
    let clauses = text.split_inclusive(['，', '。', '！', '？', '；', ',', '!', '?', ';', '\n']);
    let kept: Vec<&str> = clauses
        .filter(|clause| has_words(clause) && smalltalk(clause).is_none() && !declines_person(clause))
        .collect();
    // 电话13812345678帮我取消订单 leaves more than a number.
    let words = |clause: &str| clause.chars().filter(|c| c.is_alphabetic() && !c.is_ascii()).count();
    let leaves_contact =
        |clause: &&str| words(clause) <= CONTACT_WORDS_MAX && only_leaves_contact(&[(*clause).to_owned()]);
    if kept.iter().all(leaves_contact) {
        return kept.concat();
    }
    kept.into_iter().filter(|clause| !leaves_contact(clause)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_to_reach_the_customer_is_no_part_of_a_question_beside_it() {
        assert_eq!(pith("我的电话是13812345678，发票抬头写错了能改吗？"), "发票抬头写错了能改吗？");
        assert_eq!(pith("怎么退货，我微信 xiaoxi_2024"), "怎么退货，");
        assert_eq!(pith("我的电话是13812345678"), "我的电话是13812345678");
        let wish = "我要退货，电话13812345678帮我取消订单";
        assert_eq!(pith(wish), wish);
        assert_eq!(pith("13812345678这个号码能查到订单吗"), "13812345678这个号码能查到订单吗");
    }
}
