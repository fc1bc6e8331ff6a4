//! Query values as the platform means them.

/// The first value of that name, percent-decoded. A plus stays a plus: the platform percent-encodes blanks, and its
/// base64 values hold plus signs.
pub fn value(query: &str, name: &str) -> Option<String> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| percent_decode(value))
}

fn percent_decode(value: &str) -> String {
    let bytes = value.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = bytes.get(at + 1..at + 3).filter(|_| bytes[at] == b'%').and_then(hex);
        decoded.push(code.unwrap_or(bytes[at]));
        at += if code.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn hex(digits: &[u8]) -> Option<u8> {
    digits.iter().try_fold(0u8, |byte, digit| Some(byte << 4 | char::from(*digit).to_digit(16)? as u8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plus_stays_and_a_broken_escape_is_taken_as_it_stands() {
        assert_eq!(value("a=1&echostr=P9%2F+%3d%zz%", "echostr").as_deref(), Some("P9/+=%zz%"));
        assert_eq!(value("a=1", "b"), None);
    }
}
