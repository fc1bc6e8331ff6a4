//! What numbers in a text count.

/// Words behind a number and what they count, the longer ones before those that they begin with. One unit has one name,
/// in whatever language it is said.
const UNITS: &[(&str, &str)] = &[
    ("工作日", "工作日"),
    ("个工作日", "工作日"),
    ("business day", "工作日"),
    ("working day", "工作日"),
    ("个月", "个月"),
    ("month", "个月"),
    ("个小时", "小时"),
    ("小时", "小时"),
    ("hour", "小时"),
    ("个星期", "周"),
    ("星期", "周"),
    ("week", "周"),
    ("分钟", "分钟"),
    ("minute", "分钟"),
    ("second", "秒"),
    ("day", "天"),
    ("year", "年"),
    ("percent", "%"),
    ("美元", "$"),
    ("dollar", "$"),
    ("usd", "$"),
    ("欧元", "€"),
    ("euro", "€"),
    ("块", "元"),
    ("yuan", "元"),
    ("rmb", "元"),
    ("cny", "元"),
];
/// Further units, of one character each.
const COUNTED: &str = "元角分折倍成天日周月年时秒岁斤克米升%个";
/// Signs of currencies, which stand before their number.
const CURRENCIES: [(char, &str); 5] = [('¥', "元"), ('$', "$"), ('€', "€"), ('£', "£"), ('₩', "₩")];

/// What a number counts between what stands before and behind it, if that is known. A 日 of a date is none of a duration.
pub(crate) fn unit(before: &str, behind: &str) -> Option<&'static str> {
    let before = before.trim_end();
    let sign = before.chars().next_back();
    let currency = CURRENCIES.iter().find(|(of, _)| sign == Some(*of)).map(|(_, unit)| *unit);
    currency.or_else(|| match behind_a_number(behind.trim_start())? {
        "日" if !before.ends_with('月') => Some("天"),
        unit => Some(unit),
    })
}

fn behind_a_number(text: &str) -> Option<&'static str> {
    let word = UNITS.iter().find(|(word, _)| text.starts_with(word)).map(|(_, unit)| *unit);
    word.or_else(|| {
        let first = text.chars().next()?;
        COUNTED.char_indices().find(|(_, of)| *of == first).map(|(at, of)| &COUNTED[at..at + of.len_utf8()])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_unit_has_one_name_and_another_has_another() {
        for (before, behind, expected) in [
            ("", " hours", Some("小时")),
            ("", "个小时内", Some("小时")),
            ("", "个工作日", Some("工作日")),
            ("", " business days", Some("工作日")),
            ("", "个月", Some("个月")),
            ("于3", "月7日", Some("月")),
            ("3月", "日前", Some("日")),
            ("", "日内", Some("天")),
            ("只要¥", "起", Some("元")),
            ("$ ", "", Some("$")),
            ("", "块钱", Some("元")),
            ("", " % off", Some("%")),
            ("", "个礼物", Some("个")),
            ("型号", "号", None),
        ] {
            assert_eq!(unit(before, behind), expected, "{before}7{behind}");
        }
    }
}
