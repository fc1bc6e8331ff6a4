//! Numbering plans: which digits make a telephone number, and its canonical form.

use super::country;

/// Digits as grouped by their writer.
pub(super) struct Written<'a> {
    pub(super) digits: &'a str,
    /// Lengths of the groups.
    pub(super) groups: &'a [usize],
    /// A plus stands before.
    pub(super) plus: bool,
    /// The message has Chinese characters.
    pub(super) han: bool,
    /// A word before it announces a number.
    pub(super) called: bool,
}

/// A number that fits a plan.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) norm: String,
    pub(super) confidence: u8,
    /// A line that companies answer (400, 800): never a customer's own.
    pub(super) service: bool,
}

impl Number {
    fn new(norm: impl Into<String>, confidence: u8) -> Self {
        Self { norm: norm.into(), confidence, service: false }
    }
}

/// The number that the digits are, if a plan fits.
pub(super) fn read(written: &Written<'_>) -> Option<Number> {
    if written.plus {
        return abroad(written.digits);
    }
    if let Some(rest) = written.digits.strip_prefix("00")
        && written.digits.len() >= 11
        && let Some(number) = abroad(rest)
    {
        return Some(number);
    }
    // 1-800-… would be a Chinese mobile by its digits alone.
    if written.groups == [1, 3, 3, 4] {
        return american(written);
    }
    // A Chinese message means Chinese numbers first; elsewhere 0770… is a British mobile.
    let first = if written.han { [chinese, british] } else { [british, chinese] };
    first.iter().find_map(|plan| plan(written)).or_else(|| american(written)).or_else(|| local(written))
}

/// Digits behind a plus sign.
fn abroad(digits: &str) -> Option<Number> {
    for length in [3, 2, 1] {
        let Some((code, national)) = digits.split_at_checked(length) else { continue };
        let Some((_, least, most)) = country::ALL.iter().find(|country| country.0 == code) else { continue };
        if code == "86" {
            return mainland(national);
        }
        // "(0)" is written for callers at home and is not dialled from abroad; Italy keeps it.
        let national = if code == "39" { national } else { national.strip_prefix('0').unwrap_or(national) };
        if (*least..=*most).contains(&national.len()) {
            return Some(Number::new(format!("+{code}{national}"), 97));
        }
        return None;
    }
    // A code that the table does not name.
    (9..=15)
        .contains(&digits.len())
        .then(|| Number::new(format!("+{digits}"), 65))
        .filter(|_| !digits.starts_with('0'))
}

/// What follows +86.
fn mainland(national: &str) -> Option<Number> {
    if is_mobile(national) {
        return Some(Number::new(national, 99));
    }
    let trunk = if national.starts_with('0') { national.to_owned() } else { format!("0{national}") };
    is_landline(&trunk).then(|| Number::new(trunk, 95))
}

fn chinese(written: &Written<'_>) -> Option<Number> {
    let digits = written.digits;
    if is_mobile(digits) && (written.called || is_mobile_shape(written.groups)) {
        return Some(Number::new(digits, 98));
    }
    if let Some(rest) = digits.strip_prefix("86")
        && is_mobile(rest)
    {
        return Some(Number::new(rest, 95));
    }
    if is_landline(digits) {
        let area = if is_big_city(digits) { 3 } else { 4 };
        let split = written.groups.first() == Some(&area);
        // An area code alone may lose its zero only behind a word; unsplit digits need the right start.
        if split && written.groups.len() <= 3 || written.groups.len() == 1 {
            return Some(Number::new(digits, if split { 95 } else { 85 }));
        }
    }
    if digits.len() == 10 && (digits.starts_with("400") || digits.starts_with("800") && written.han) {
        return Some(Number { norm: digits.to_owned(), confidence: 95, service: true });
    }
    // Taiwan writes its mobiles so.
    let taiwan = digits.len() == 10 && digits.starts_with("09");
    if taiwan && (written.groups == [4, 3, 3] || written.called && written.groups != [10]) {
        return Some(Number::new(format!("+886{}", &digits[1..]), 70));
    }
    None
}

/// Assigned mobile ranges (Ministry of Industry and Information Technology, numbering plan of 2017 and amendments).
pub(super) fn is_mobile(digits: &str) -> bool {
    let bytes = digits.as_bytes();
    bytes.len() == 11
        && bytes[0] == b'1'
        && match bytes[1] {
            b'3' | b'8' | b'9' => true,
            b'4' => bytes[2] != b'2' && bytes[2] != b'3',
            b'5' => bytes[2] != b'4',
            b'6' => matches!(bytes[2], b'2' | b'5'..=b'7'),
            b'7' => bytes[2] != b'9',
            _ => false,
        }
}

/// How people break up a mobile number. Other breaks are ranges, dates, sizes.
fn is_mobile_shape(groups: &[usize]) -> bool {
    const SHAPES: [&[usize]; 11] = [
        &[11],
        &[3, 4, 4],
        &[3, 8],
        &[7, 4],
        &[4, 3, 4],
        &[4, 4, 3],
        &[5, 6],
        &[3, 4, 2, 2],
        &[3, 2, 2, 2, 2],
        &[3, 3, 3, 2],
        &[4, 7],
    ];
    SHAPES.contains(&groups) || groups.len() >= 9
}

/// 010 and 02x.
fn is_big_city(digits: &str) -> bool {
    digits.starts_with("010") || digits.starts_with("02")
}

/// Area code with its zero, then 7 or 8 digits that begin with 2 to 8 (9 in a few cities).
fn is_landline(digits: &str) -> bool {
    let bytes = digits.as_bytes();
    if bytes.first() != Some(&b'0') {
        return false;
    }
    let (area, lengths) = match bytes.get(1) {
        Some(b'1') if bytes.get(2) == Some(&b'0') => (3, 8..=8),
        Some(b'2') if bytes.get(2) != Some(&b'6') => (3, 8..=8),
        Some(b'3'..=b'9') => (4, 7..=8),
        _ => return false,
    };
    let local = bytes.len().saturating_sub(area);
    lengths.contains(&local) && matches!(bytes[area], b'2'..=b'9')
}

/// North America: area and exchange begin with 2 to 9. Ten bare digits need a word before them.
fn american(written: &Written<'_>) -> Option<Number> {
    const FREE: [&str; 7] = ["800", "833", "844", "855", "866", "877", "888"];
    let has_one = written.digits.len() == 11 && written.digits.starts_with('1');
    let national = if has_one { &written.digits[1..] } else { written.digits };
    let bytes = national.as_bytes();
    if bytes.len() != 10 || !matches!(bytes[0], b'2'..=b'9') {
        return None;
    }
    let shape = if has_one && written.groups.len() > 1 { &written.groups[1..] } else { written.groups };
    let grouped =
        matches!(shape, [3, 3, 4] | [3, 7] | [6, 4]) && (!has_one || written.groups.first() == Some(&1));
    if FREE.contains(&&national[..3]) && grouped {
        return Some(Number { norm: format!("+1{national}"), confidence: 90, service: true });
    }
    let valid = matches!(bytes[3], b'2'..=b'9');
    let sure = valid && grouped && shape == [3, 3, 4];
    let bare = shape.len() == 1 && !(written.han && has_one);
    if sure && !written.han || valid && written.called && (grouped || bare) {
        return Some(Number::new(format!("+1{national}"), if sure { 92 } else { 80 }));
    }
    None
}

/// Britain (Ofcom): 07 and nine digits are a mobile; other numbers need a word before them.
fn british(written: &Written<'_>) -> Option<Number> {
    let digits = written.digits;
    let mobile = digits.len() == 11
        && digits.starts_with("07")
        && matches!(digits.as_bytes()[2], b'1'..=b'5' | b'7'..=b'9');
    let shaped = matches!(written.groups, [5, 6] | [5, 3, 3] | [4, 3, 4] | [11] | [3, 4, 4] | [2, 3, 3, 3]);
    let split = written.groups.first() == Some(&5);
    if mobile && shaped && (split || !written.han) && !(written.han && is_landline(digits)) {
        return Some(Number::new(format!("+44{}", &digits[1..]), 90));
    }
    let fixed = !written.han
        && written.called
        && digits.len() == 11
        && matches!(digits.as_bytes()[1], b'1' | b'2')
        && digits.starts_with('0');
    fixed.then(|| Number::new(format!("+44{}", &digits[1..]), 60))
}

/// A number without its country or area, which only the word before it makes one.
fn local(written: &Written<'_>) -> Option<Number> {
    let digits = written.digits;
    if !written.called || is_date(written) {
        return None;
    }
    let fits = if written.han {
        // Seven or eight digits, never with a leading 0, 1 or 9.
        (7..=8).contains(&digits.len())
            && matches!(digits.as_bytes()[0], b'2'..=b'8')
            && written.groups.len() <= 2
    } else {
        (7..=12).contains(&digits.len()) && written.groups.iter().all(|group| *group <= 8)
    };
    fits.then(|| Number::new(digits, 55))
}

/// 2024-01-31, 31.01.2024.
fn is_date(written: &Written<'_>) -> bool {
    let century = |text: &str| text.starts_with("19") || text.starts_with("20");
    match written.groups {
        [4, 1..=2, 1..=2] => century(written.digits),
        [1..=2, 1..=2, 4] => written.digits.get(written.digits.len() - 4..).is_some_and(century),
        [8] => {
            century(written.digits)
                && written.digits.get(4..6).is_some_and(|month| ("01"..="12").contains(&month))
        }
        _ => false,
    }
}

/// The E.164 form of a phone's norm, for systems that need it; `None` where the country is not known.
/// An extension is left out.
pub fn international(norm: &str) -> Option<String> {
    let number = norm.split('x').next().unwrap_or(norm);
    if number.starts_with('+') {
        Some(number.to_owned())
    } else if is_mobile(number) {
        Some(format!("+86{number}"))
    } else if is_landline(number) {
        Some(format!("+86{}", &number[1..]))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn norm(digits: &str, groups: &[usize], han: bool, called: bool) -> Option<String> {
        read(&Written { digits, groups, plus: false, han, called }).map(|number| number.norm)
    }

    #[test]
    fn a_chinese_mobile_needs_no_word() {
        assert_eq!(norm("13812345678", &[3, 4, 4], true, false).as_deref(), Some("13812345678"));
        assert_eq!(norm("12812345678", &[11], true, true), None);
    }

    #[test]
    fn a_mobile_in_the_shape_of_a_range_needs_a_word() {
        assert_eq!(norm("15020012345", &[3, 3, 5], true, true).as_deref(), Some("15020012345"));
        assert_eq!(norm("15020012345", &[3, 3, 5], true, false), None);
    }

    #[test]
    fn ten_bare_digits_are_american_only_behind_a_word() {
        assert_eq!(norm("6175550184", &[10], false, false), None);
        assert_eq!(norm("6175550184", &[10], false, true).as_deref(), Some("+16175550184"));
        assert_eq!(norm("6175550184", &[3, 3, 4], false, false).as_deref(), Some("+16175550184"));
    }

    #[test]
    fn a_service_line_is_said_to_be_one() {
        let written =
            Written { digits: "4006843697", groups: &[3, 3, 4], plus: false, han: true, called: true };
        assert!(read(&written).is_some_and(|number| number.service));
    }

    #[test]
    fn a_norm_has_one_international_form() {
        assert_eq!(international("13812345678").as_deref(), Some("+8613812345678"));
        assert_eq!(international("057139789176x162").as_deref(), Some("+8657139789176"));
        assert_eq!(international("+447700900771").as_deref(), Some("+447700900771"));
        assert_eq!(international("88886666"), None);
    }
}
