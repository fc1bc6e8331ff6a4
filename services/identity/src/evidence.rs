//! Strong evidence: its normal form, the token it is matched by, and the keys it is sealed with.

use events::Micros;
use events::customer::EvidenceKind;
use spine::keys::{Owner, Period, SealKey};
use uuid::Uuid;

/// The retention class of evidence.
pub const CLASS: &str = "identity";
/// The field of evidence in a thread.
pub const THREAD_FIELD: &str = "identified.value";
/// The field of evidence in a customer.
pub const CUSTOMER_FIELD: &str = "customer.evidence";
const VALUE_CHARS_MAX: usize = 320;

/// The key that evidence is sealed with: that of the thread it was learned in.
pub fn seal_key(tenant: &str, thread: Uuid, at: Micros) -> SealKey {
    SealKey {
        tenant: tenant.into(),
        owner: Owner::thread(thread),
        class: CLASS.into(),
        period: Period::quarter(at),
    }
}

/// The form in which equal values are equal; none when the value is none of its kind. A phone needs its country,
/// since the same digits are two people in two countries; channels verify phones in the form of E.164.
pub fn normal_form(kind: EvidenceKind, value: &str) -> Option<String> {
    if value.trim().is_empty() || value.chars().count() > VALUE_CHARS_MAX {
        return None;
    }
    match kind {
        EvidenceKind::Login | EvidenceKind::Unionid => Some(value.to_owned()),
        EvidenceKind::VerifiedPhone => phone(value.trim()),
        EvidenceKind::VerifiedEmail => email(value.trim()),
        EvidenceKind::Person => None,
    }
}

/// E.164: a plus and 7 to 15 digits. `00` counts as the plus, and eleven digits from 13 to 19 as a Chinese
/// mobile number, which platforms tell without a country.
fn phone(value: &str) -> Option<String> {
    let kept: String = value.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')' | '.')).collect();
    let digits = kept.strip_prefix('+').or_else(|| kept.strip_prefix("00"));
    let is_mobile = |text: &str| text.len() == 11 && matches!(text.as_bytes(), [b'1', b'3'..=b'9', ..]);
    let digits = match digits {
        Some(digits) => digits.to_owned(),
        None if is_mobile(&kept) => format!("86{kept}"),
        None => return None,
    };
    let whole = (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    whole.then(|| format!("+{digits}"))
}

/// Lower case throughout: mail systems that tell case apart in the local part are not in use.
fn email(value: &str) -> Option<String> {
    let (local, domain) = value.rsplit_once('@')?;
    let whole = !local.is_empty() && domain.contains('.') && !value.contains(char::is_whitespace);
    whole.then(|| value.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_phone_has_one_form() {
        let forms = ["+86 138 0013 8000", "008613800138000", "13800138000", "+86-138-0013-8000"];
        for form in forms {
            let normal = normal_form(EvidenceKind::VerifiedPhone, form);
            assert_eq!(normal.as_deref(), Some("+8613800138000"), "{form}");
        }
    }

    #[test]
    fn a_number_without_its_country_is_no_evidence() {
        for value in ["0571-8888888", "12345678901", "+86abc", "", "+12"] {
            assert_eq!(normal_form(EvidenceKind::VerifiedPhone, value), None, "{value}");
        }
    }

    #[test]
    fn an_address_is_compared_without_case() {
        let normal = normal_form(EvidenceKind::VerifiedEmail, " Li.Lei@Example.com ");
        assert_eq!(normal.as_deref(), Some("li.lei@example.com"));
        assert_eq!(normal_form(EvidenceKind::VerifiedEmail, "li.lei"), None);
    }

    #[test]
    fn a_login_is_taken_as_it_is() {
        for other in ["User-7", "user-7 ", "user-7\u{3000}"] {
            assert_eq!(normal_form(EvidenceKind::Login, other).as_deref(), Some(other));
        }
        assert_eq!(normal_form(EvidenceKind::Login, " \u{3000}"), None);
    }

    #[test]
    fn a_decision_of_a_person_is_no_value() {
        assert_eq!(normal_form(EvidenceKind::Person, "x"), None);
    }
}
