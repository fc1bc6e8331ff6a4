//! Pages of a listing: at most so many items, and an opaque cursor to the next.

use crate::refusal::Refusal;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use runtime::Problem;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Items of a page at most.
pub(crate) const PAGE_MAX: u32 = 200;
const PAGE_USUAL: u32 = 50;

/// Part of a listing. Without `next` it was the last page.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<T: ToSchema> {
    pub(crate) items: Vec<T>,
    /// Give this as `cursor` for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

impl<T: ToSchema> Default for Page<T> {
    fn default() -> Self {
        Self { items: Vec::new(), next: None }
    }
}

/// The query of every listing.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    /// 1 to 200; 50 without it.
    pub(crate) page_size: Option<u32>,
    /// The `next` of the previous page.
    pub(crate) cursor: Option<String>,
    /// A log position, such as a write answered: the answer reflects at least this.
    pub(crate) at_least: Option<String>,
}

/// The size of a page.
pub(crate) fn size(asked: Option<u32>) -> Result<u32, Refusal> {
    match asked.unwrap_or(PAGE_USUAL) {
        size @ 1..=PAGE_MAX => Ok(size),
        _ => Err(Problem::invalid("page_size", format!("1 to {PAGE_MAX} is allowed.")).into()),
    }
}

/// The place at which the page begins.
pub(crate) fn place<T: DeserializeOwned>(cursor: Option<&str>) -> Result<Option<T>, Refusal> {
    let Some(cursor) = cursor else { return Ok(None) };
    let wrong = || Problem::invalid("cursor", "This is no cursor of this listing.").remedy("Leave it out.");
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| wrong())?;
    Ok(Some(serde_json::from_slice(&bytes).map_err(|_| wrong())?))
}

/// Cuts `items`, of which one more than `size` was looked for, to a page.
pub(crate) fn cut<T, C: Serialize>(
    mut items: Vec<T>,
    size: u32,
    place: impl Fn(&T) -> C,
) -> (Vec<T>, Option<String>) {
    let more = items.len() > size as usize;
    items.truncate(size as usize);
    let next = items.last().filter(|_| more).map(|last| cursor(&place(last)));
    (items, next)
}

/// The cursor to a place.
pub(crate) fn cursor(place: &impl Serialize) -> String {
    let json = serde_json::to_vec(place).expect("a place has no map with other keys than strings");
    URL_SAFE_NO_PAD.encode(json)
}

/// The cursor of another service; empty is none.
pub(crate) fn of_peer(token: String) -> Option<String> {
    Some(token).filter(|token| !token.is_empty())
}
