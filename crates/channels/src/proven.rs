//! The forms of what somebody is proven to own: people become one customer by it, so nothing else may pass.

/// Digits of a number with its country (ITU-T E.164), and the fewest that any country has.
const DIGITS: std::ops::RangeInclusive<usize> = 7..=15;
/// Characters of an address (RFC 5321, section 4.5.3.1).
const ADDRESS_CHARS_MAX: usize = 254;

/// What the id of a signed-in user must look like, in words.
pub const LOGIN: &str = "text of 1 to 320 characters, not blank, without line ends and control characters";
/// What a phone number must look like, in words.
pub const PHONE: &str = "a number as E.164 writes it, such as +8613800138000";
/// What a mailbox must look like, in words.
pub const EMAIL: &str = "an e-mail address, such as li@example.com";

/// Whether the text is an id of somebody: not blank, and without characters that nobody sees and that some software drops.
pub fn is_login(text: &str) -> bool {
    !text.trim().is_empty() && !text.chars().any(char::is_control)
}

/// Whether the text is a phone number as E.164 writes it: a plus sign, the country, 7 to 15 digits and nothing else.
pub fn is_phone(text: &str) -> bool {
    let Some(digits) = text.strip_prefix('+') else { return false };
    DIGITS.contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit())
}

/// Whether the text is one mailbox: something, an at sign, and a host of two labels or more.
pub fn is_email(text: &str) -> bool {
    let Some((local, host)) = text.rsplit_once('@') else { return false };
    let visible = |c: char| !c.is_whitespace() && !c.is_control() && c != '@';
    let labels = host.split('.').collect::<Vec<_>>();
    text.chars().count() <= ADDRESS_CHARS_MAX
        && !local.is_empty()
        && local.chars().all(visible)
        && host.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '.')
        && labels.len() > 1
        && labels.iter().all(|label| !label.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_not_blank_and_has_no_control_characters() {
        for right in ["user-7", "用户 7", " user-7", "7"] {
            assert!(is_login(right), "{right}");
        }
        for wrong in ["", "  ", "\u{3000}", "user-7\n", "user\u{0}-7", "user-7\u{85}"] {
            assert!(!is_login(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn a_phone_has_its_country_and_nothing_but_digits() {
        for right in ["+8613800138000", "+14155550123", "+2906123"] {
            assert!(is_phone(right), "{right}");
        }
        for wrong in
            ["12", "13800138000", "+", "+0861380013800", "+8613800138000123", "+86 13800138000", "+12"]
        {
            assert!(!is_phone(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_mailbox_has_a_name_and_a_host() {
        for right in ["li@example.com", "a.b+c@mail.example.co", "王@例子.中国"] {
            assert!(is_email(right), "{right}");
        }
        for wrong in
            ["12", "li@", "@example.com", "li@example", "li @example.com", "a@b@example.com", "li@.com"]
        {
            assert!(!is_email(wrong), "{wrong}");
        }
    }
}
