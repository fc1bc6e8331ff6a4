//! What an account of the generic channel is set up with.

use crate::form::{Form, Shape, needed, optional};
use crate::standard_webhooks::Key;

const SIGNING_KEY: Shape = Shape::Own {
    fits: |value| Key::parse(value).is_some(),
    words: "base64 of 24 to 64 random bytes, with or without `whsec_` before it",
};

pub(super) const FORM: Form = Form {
    settings: &[needed("callback_url", Shape::Address), optional("timeout_ms", Shape::Number { min: 1 })],
    secrets: &[needed("webhook_secret", SIGNING_KEY), optional("webhook_secret_previous", SIGNING_KEY)],
};
