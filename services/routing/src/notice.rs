//! The words that tell a customer of a handover, sealed under the thread's own key.

use conversation::{Notice, content};
use events::Micros;
use spine::keys::{Keys, SealKey};
use spine::{Address, Error};
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
    if text.is_empty() {
        return Ok(None);
    }
    let key = SealKey::of_thread(address, content::CLASS, at);
    let sealed = keys.seal(&key, &address.subject(), content::TEXT, text).await?;
    let content = content::text_content(sealed, text);
    Ok(Some(Notice { message: Uuid::new_v5(&cause, b"notice"), content }))
}
