//! What an official account is set up with.

use crate::form::{Form, Shape, needed, optional, unless};
use crate::wechat::Key;

const AES_KEY: Shape = Shape::Own {
    fits: |value| Key::parse(value).is_ok(),
    words: "the 43 letters and digits of the platform's EncodingAESKey",
};

pub(super) const FORM: Form = Form {
    settings: &[
        needed("app_id", Shape::Text),
        optional("api_base", Shape::Address),
        optional("kf_account", Shape::Text),
        optional("label_ai", Shape::OneOf(&["true", "false"])),
        optional("mode", Shape::OneOf(&["safe", "compat", "plain"])),
        optional("timeout_ms", Shape::Number { min: 1 }),
        optional("tolerance_s", Shape::Number { min: 0 }),
    ],
    secrets: &[
        needed("app_secret", Shape::Text),
        needed("token", Shape::Text),
        unless("encoding_aes_key", ("mode", "plain"), AES_KEY),
        optional("encoding_aes_key_previous", AES_KEY),
    ],
};
