//! What an account of the widget is set up with.

use crate::form::{Form, Shape, address, needed, optional};

/// A shorter secret can be guessed.
const SECRET_BYTES_MIN: usize = 16;

const ORIGINS: Shape = Shape::Own {
    fits: |value| value.split(',').all(|origin| is_origin(origin.trim())),
    words: "origins such as https://shop.example, with commas between them",
};
const SECRET: Shape = Shape::Own {
    fits: |value| value.len() >= SECRET_BYTES_MIN,
    words: "16 bytes or more that nobody can guess",
};

pub(super) const FORM: Form = Form {
    settings: &[optional("origins", ORIGINS)],
    secrets: &[needed("widget_secret", SECRET), optional("identity_secret", SECRET)],
};

fn is_origin(value: &str) -> bool {
    address(value).is_some_and(|url| {
        url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty()
    })
}
