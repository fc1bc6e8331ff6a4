//! Contact details made safe for screens: enough to recognise one, too little to use it.

use unicode_segmentation::UnicodeSegmentation;

use super::Kind;

/// The masked form of a value: 138****5678, w***4, z***@example.com, 王**. Cut by grapheme, so no character breaks;
/// what is shorter than its rule shows less, never more. An empty value stays empty.
pub fn mask(kind: Kind, value: &str) -> String {
    match kind {
        Kind::Phone => phone(value),
        Kind::Email => email(value),
        Kind::Wechat | Kind::Qq | Kind::Telegram => ends(value, 1, 1),
        Kind::Name => name(value),
        Kind::Address => head(value, 6),
        Kind::Company => head(value, 2),
    }
}

/// Three digits and four; of a local number the last three, of a shorter one nothing.
fn phone(value: &str) -> String {
    match value.graphemes(true).count() {
        11.. => ends_by(value, (3, 4), "****"),
        7..=10 => ends_by(value, (0, 3), "****"),
        _ => ends_by(value, (0, 0), "***"),
    }
}

fn email(value: &str) -> String {
    match value.rsplit_once('@') {
        Some((local, domain)) => format!("{}***@{domain}", first(local, 1)),
        None => ends(value, 1, 0),
    }
}

/// The family name of a Chinese name, the initial of each word of another.
fn name(value: &str) -> String {
    if value.is_ascii() || value.contains(' ') {
        let words: Vec<String> =
            value.split_whitespace().map(|word| format!("{}***", first(word, 1))).collect();
        return words.join(" ");
    }
    let rest = value.graphemes(true).count().saturating_sub(1);
    format!("{}{}", first(value, 1), "*".repeat(rest.max(usize::from(!value.is_empty()))))
}

fn head(value: &str, shown_max: usize) -> String {
    let count = value.graphemes(true).count();
    if count == 0 {
        return String::new();
    }
    format!("{}***", first(value, shown_max.min(count / 3)))
}

fn ends(value: &str, head: usize, tail: usize) -> String {
    ends_by(value, (head, tail), "***")
}

fn ends_by(value: &str, (head, tail): (usize, usize), middle: &str) -> String {
    let parts: Vec<&str> = value.graphemes(true).collect();
    if parts.is_empty() {
        return String::new();
    }
    // At least half stays hidden.
    if (head + tail) * 2 > parts.len() + usize::from(parts.len() >= 11) * 3 {
        return middle.to_owned();
    }
    format!("{}{middle}{}", parts[..head].concat(), parts[parts.len() - tail..].concat())
}

fn first(value: &str, count: usize) -> String {
    value.graphemes(true).take(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_mask() {
        assert_eq!(mask(Kind::Phone, "13812345678"), "138****5678");
        assert_eq!(mask(Kind::Wechat, "wang1234"), "w***4");
        assert_eq!(mask(Kind::Email, "zhang@example.com"), "z***@example.com");
        assert_eq!(mask(Kind::Name, "王小明"), "王**");
        assert_eq!(mask(Kind::Name, "Tom Brown"), "T*** B***");
        assert_eq!(mask(Kind::Qq, "12345678"), "1***8");
    }

    #[test]
    fn a_short_value_shows_less() {
        assert_eq!(mask(Kind::Phone, "110"), "***");
        assert_eq!(mask(Kind::Wechat, "ab"), "***");
        assert_eq!(mask(Kind::Name, "王"), "王*");
        assert_eq!(mask(Kind::Email, "@"), "***@");
    }

    #[test]
    fn a_mask_cuts_no_character_apart() {
        assert_eq!(mask(Kind::Name, "👨‍👩‍👧小明"), "👨‍👩‍👧**");
        assert_eq!(mask(Kind::Phone, "1️⃣3️⃣8️⃣1️⃣2️⃣3️⃣4️⃣5️⃣6️⃣7️⃣8️⃣"), "1️⃣3️⃣8️⃣****5️⃣6️⃣7️⃣8️⃣");
    }

    #[test]
    fn an_empty_value_stays_empty() {
        assert_eq!(mask(Kind::Phone, ""), "");
        assert_eq!(mask(Kind::Address, ""), "");
        assert_eq!(mask(Kind::Name, ""), "");
    }
}
