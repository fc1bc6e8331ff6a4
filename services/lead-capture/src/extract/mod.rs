//! Contact details in a message: phone, WeChat, QQ, e-mail, Telegram, name, address and company.
//!
//! Rules over a folded text, no model: they run in microseconds, on every message, and say the same twice.

mod account;
mod address;
mod company;
mod consent;
mod country;
mod cue;
mod digit;
mod disguise;
mod email;
mod fold;
mod form;
mod left;
mod lexicon;
mod mask;
mod name;
mod numbering;
mod owner;
mod phone;
mod purpose;
mod scene;
mod surname;
mod western;

use serde::{Deserialize, Serialize};

pub use consent::{Consent, consent};
pub use form::Form;
pub use mask::mask;
pub use numbering::international;

use scene::Scene;

/// Longer texts are read up to here, in code points: a contact detail stands near the start or in its own message,
/// and a pasted document must not hold up the reply.
pub const TEXT_POINTS_MAX: usize = 20_000;

/// What a detail is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Phone,
    Wechat,
    Qq,
    Email,
    Telegram,
    Name,
    Address,
    Company,
}

impl Kind {
    /// True for what reaches the person: only these make a lead (留资).
    pub fn reaches(self) -> bool {
        matches!(self, Self::Phone | Self::Wechat | Self::Qq | Self::Email | Self::Telegram)
    }

    /// The stored name, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Wechat => "wechat",
            Self::Qq => "qq",
            Self::Email => "email",
            Self::Telegram => "telegram",
            Self::Name => "name",
            Self::Address => "address",
            Self::Company => "company",
        }
    }
}

/// Whose detail it is, as far as the message says. Only [`Whose::Own`] is captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// The writer's, said or presumed, or a relative's left on purpose as the way to reach the writer.
    Own,
    /// A colleague's, a shop's, a service line, a relative's that is only mentioned.
    Other,
    /// Named only to say that it is not valid: 不是138…, 旧号.
    Withdrawn,
}

/// One detail found in a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    pub kind: Kind,
    /// First code point of the text.
    pub start: usize,
    /// Code point after the last.
    pub end: usize,
    /// As written.
    pub value: String,
    /// The canonical value: equal for equal details however they are written. A Chinese mobile is its 11 digits, a
    /// Chinese landline its area code and number with `x` before an extension, any other number E.164 with `+` where
    /// the country is known; e-mail, WeChat id and Telegram name are lower case.
    pub norm: String,
    pub form: Form,
    pub whose: Whose,
    /// Per cent. Below 60 the shape is weak and only the words around it speak for it.
    pub confidence: u8,
    /// The number is also the person's WeChat id (微信同号).
    pub also_wechat: bool,
}

/// Reads all contact details of a message, in the order of the text, without overlap.
///
/// Those of others are returned too, marked by [`Detail::whose`]; see [`captured`]. Any text is accepted.
pub fn extract(text: &str) -> Vec<Detail> {
    let text = match text.char_indices().nth(TEXT_POINTS_MAX) {
        Some((byte, _)) => &text[..byte],
        None => text,
    };
    let mut scene = Scene::new(text);
    email::read(&mut scene);
    account::read(&mut scene);
    phone::read(&mut scene);
    disguise::read(&mut scene);
    company::read(&mut scene);
    address::read(&mut scene);
    western::read_addresses(&mut scene);
    name::read(&mut scene);
    western::read_names(&mut scene);
    scene.into_details()
}

/// What may be kept of a message: the details that are the writer's own.
pub fn captured(text: &str) -> Vec<Detail> {
    let mut details = extract(text);
    details.retain(|detail| detail.whose == Whose::Own);
    details
}
