//! The page that embeds the widget, as a touch: where a visitor came from.

use super::frames::Page;
use crate::text::clean_line;
use events::thread::Touch;
use reqwest::Url;

const PART_MAX_CHARS: usize = 128;
const PAGE_MAX_CHARS: usize = 512;

/// What the page's address and the referrer tell: the `utm_` values, else the referring host as the source. The page
/// is kept without query and fragment, which may name a person.
pub fn touch(page: &Page) -> Option<Touch> {
    let address = Url::parse(page.url.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let utm = |name: &str| {
        let (_, value) = address.as_ref()?.query_pairs().find(|(key, _)| key == name)?;
        Some(clean_line(&value, PART_MAX_CHARS)).filter(|value| !value.is_empty())
    };
    let touch = Touch {
        source: utm("utm_source").or_else(|| referring_host(page, address.as_ref())),
        medium: utm("utm_medium"),
        campaign: utm("utm_campaign"),
        page: address.as_ref().map(bare),
        ..Touch::default()
    };
    (touch != Touch::default()).then_some(touch)
}

/// The host that sent the visitor, unless it is the page's own.
fn referring_host(page: &Page, address: Option<&Url>) -> Option<String> {
    let referrer = Url::parse(page.referrer.trim()).ok()?;
    let host = referrer.host_str()?;
    let own = address.and_then(Url::host_str) == Some(host);
    (!own).then(|| clean_line(host, PART_MAX_CHARS))
}

fn bare(address: &Url) -> String {
    let host = address.host_str().unwrap_or_default();
    clean_line(&format!("{}://{host}{}", address.scheme(), address.path()), PAGE_MAX_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str, referrer: &str) -> Option<Touch> {
        touch(&Page { url: url.into(), referrer: referrer.into() })
    }

    #[test]
    fn campaign_values_are_kept_and_the_query_is_not() {
        let url = "https://u:p@shop.example/a?utm_source=douyin&utm_medium=feed&utm_campaign=618&tel=138#x";
        let touch = of(url, "https://douyin.com/").unwrap();
        assert_eq!(touch.page.as_deref(), Some("https://shop.example/a"));
        assert_eq!(touch.source.as_deref(), Some("douyin"));
        assert_eq!(touch.medium.as_deref(), Some("feed"));
        assert_eq!(touch.campaign.as_deref(), Some("618"));
    }

    #[test]
    fn without_campaign_the_referring_host_is_the_source() {
        let touch = of("https://shop.example/a", "https://www.baidu.com/s?wd=x").unwrap();
        assert_eq!(touch.source.as_deref(), Some("www.baidu.com"));
        assert_eq!(of("https://shop.example/a", "https://shop.example/b").unwrap().source, None);
    }

    #[test]
    fn what_is_no_address_is_no_touch() {
        assert_eq!(of("javascript:alert(1)", ""), None);
        assert_eq!(of("", ""), None);
    }
}
