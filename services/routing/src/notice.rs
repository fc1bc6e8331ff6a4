//! The words that tell a customer of a handover, sealed under the thread's own key.

use conversation::Notice;
use events::{Content, ContentKind, Micros, Sealed};
use spine::keys::{Keys, Owner, Period, SealKey};
use spine::{Address, Error};
use unicode_segmentation::UnicodeSegmentation;
use uuid::Uuid;

/// The notice for the thread at `address`, or none when the tenant says nothing. The same cause makes the same
/// message id.
///
/// # Errors
/// [`Error::Gone`] when the person was erased, and database errors.
pub(crate) async fn notice(
    keys: &Keys,
    address: &Address,
    cause: Uuid,
    (text, at): (&str, Micros),
) -> Result<Option<Notice>, Error> {
    let text = text.trim();
    let Some(thread) = address.uuid().filter(|_| !text.is_empty()) else { return Ok(None) };
    let key = SealKey {
        tenant: address.tenant.clone(),
        owner: Owner::thread(thread),
        class: "message".into(),
        period: Period::quarter(at),
    };
    let sealed = keys.seal(&key, &address.subject(), "content.text", text).await?;
    let content = Content {
        kind: ContentKind::Text,
        text: Some(Sealed(sealed)),
        media: None,
        length: u32::try_from(text.graphemes(true).count()).unwrap_or(u32::MAX),
        language: language(text).into(),
    };
    Ok(Some(Notice { message: Uuid::new_v5(&cause, b"notice"), content }))
}

/// A text with Han characters counts as Chinese, one with only Latin letters as English.
fn language(text: &str) -> &'static str {
    let is_han = |c: char| matches!(c, '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}');
    if text.chars().any(is_han) {
        "zh"
    } else if text.chars().any(|c| c.is_ascii_alphabetic()) {
        "en"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_tells_its_language() {
        assert_eq!(language("正在为您转接 VIP 客服"), "zh");
        assert_eq!(language("One moment, please."), "en");
        assert_eq!(language("……"), "");
    }
}
