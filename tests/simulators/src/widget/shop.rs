//! The shop's server: it proves to the suite who is signed in on its site.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

/// What a shop's server knows.
#[derive(Clone, Debug)]
pub struct Shop {
    /// The account's public name.
    pub account: String,
    /// Shared with the account.
    pub secret: String,
}

impl Shop {
    /// A proof for a user that ends at `ends_s`; `more` are further claims, such as verified addresses.
    ///
    /// # Panics
    /// When `more` is no JSON object.
    pub fn proof(&self, user: &str, ends_s: i64, more: &Value) -> String {
        let mut claims = json!({ "aud": self.account, "sub": user, "exp": ends_s });
        let more = more.as_object().expect("claims are an object").clone();
        claims.as_object_mut().expect("claims are an object").extend(more);
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).expect("a key of any length fits");
        mac.update(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }
}
