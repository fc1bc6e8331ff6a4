//! Sealed values of a batch, opened together.

use events::Sealed;
use spine::Error;
use spine::keys::{Keys, SealedField};
use std::sync::Arc;

/// A text of a row: as it stands there, or the place of a sealed value of this batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Text {
    #[default]
    None,
    Stored(String),
    Sealed(usize),
}

/// The sealed values that a batch needs, each with the place that it was sealed for.
#[derive(Default)]
pub(super) struct Texts<'b> {
    fields: Vec<(&'b str, Arc<str>, &'static str)>,
}

/// What they held; none where the key is gone.
pub(super) struct OpenedTexts(Vec<Option<String>>);

impl<'b> Texts<'b> {
    pub(super) fn add(
        &mut self,
        sealed: Option<&'b Sealed>,
        subject: &Arc<str>,
        field: &'static str,
    ) -> Text {
        let Some(sealed) = sealed else { return Text::None };
        self.fields.push((sealed.as_str(), subject.clone(), field));
        Text::Sealed(self.fields.len() - 1)
    }

    /// Opens all of them.
    ///
    /// # Errors
    /// Database errors, and a value that does not open though its key is there: that one is not of our making.
    pub(super) async fn open(&self, keys: &Keys) -> Result<OpenedTexts, Error> {
        let fields: Vec<SealedField<'_>> = self
            .fields
            .iter()
            .map(|(sealed, subject, field)| SealedField { sealed, subject, field })
            .collect();
        let opened = keys.open_many(&fields).await?;
        let texts = opened.into_iter().map(|opened| opened.map(spine::keys::Opened::text));
        Ok(OpenedTexts(texts.collect::<Result<_, _>>()?))
    }
}

impl OpenedTexts {
    pub(super) fn get<'t>(&'t self, text: &'t Text) -> Option<&'t str> {
        match text {
            Text::None => None,
            Text::Stored(text) => Some(text),
            Text::Sealed(place) => self.0.get(*place)?.as_deref(),
        }
    }
}
