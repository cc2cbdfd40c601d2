//! Who asks for a page, from where, and in which language.
//!
//! A client certificate is sent by the browser whoever made it ask, so where a request comes from decides: another site
//! may link to a page, and may neither post to the console nor read from it (Fetch Metadata, W3C).
use super::{Console, trouble};
use crate::{channel::ConnInfo, domain::Language, identity::PeerIdentity, refusal::Code};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, Method, Uri, header, request::Parts},
    response::Response,
};

/// Keeps the language. The prefix binds it to this host and to TLS (RFC 6265bis).
pub(super) const LANGUAGE_COOKIE: &str = "__Host-lang";

/// A caller of the console.
#[derive(Clone)]
pub(super) struct Visitor {
    pub(super) peer: PeerIdentity,
    pub(super) info: ConnInfo,
    pub(super) language: Language,
    /// The page was asked for with `?lang=`: the answer remembers it.
    pub(super) chose_language: bool,
    pub(super) uri: Uri,
}

impl FromRequestParts<Console> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Response> {
        let peer = parts.extensions.get::<PeerIdentity>().cloned();
        let Some((peer, info)) = peer.zip(parts.extensions.get::<ConnInfo>().cloned()) else {
            return Err(super::super::counted(Code::PeerUnknown));
        };
        let chosen = language_parameter(&parts.uri);
        let visitor = Self {
            peer,
            info,
            language: chosen.unwrap_or_else(|| language(&parts.headers)),
            chose_language: chosen.is_some(),
            uri: parts.uri.clone(),
        };
        if !comes_from_here(&parts.method, &parts.uri, &parts.headers) {
            console.counter.count(Code::CrossOrigin.name(), visitor.peer.uri());
            return Err(trouble::counted(&visitor, Code::CrossOrigin));
        }
        Ok(visitor)
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

/// Whether the console's own pages ask, or the person by hand; a link from elsewhere may lead to a page.
fn comes_from_here(method: &Method, uri: &Uri, headers: &HeaderMap) -> bool {
    let read = method == Method::GET || method == Method::HEAD;
    match text(headers, "sec-fetch-site") {
        Some("same-origin") => true,
        Some("none") => read,
        Some(_) => read && text(headers, "sec-fetch-mode") == Some("navigate") && is_page(headers),
        // A browser from before Fetch Metadata (2023) says `Origin` with what it posts. A program says neither, and reads.
        None => read || is_own(uri, headers),
    }
}

fn is_page(headers: &HeaderMap) -> bool {
    text(headers, "sec-fetch-dest") == Some("document")
}

fn is_own(uri: &Uri, headers: &HeaderMap) -> bool {
    let own = uri.authority().map(|authority| format!("https://{authority}"));
    own.is_some() && own.as_deref() == text(headers, "origin")
}

fn language_parameter(uri: &Uri) -> Option<Language> {
    let mut pairs = uri.query().unwrap_or_default().split('&');
    pairs.find_map(|pair| known(pair.strip_prefix("lang=")?))
}

/// Exactly one of the tags that pages have.
fn known(tag: &str) -> Option<Language> {
    [Language::English, Language::Chinese]
        .into_iter()
        .find(|l| l.tag() == tag)
}

/// The cookie's, or the first that the browser prefers and we speak, or English.
fn language(headers: &HeaderMap) -> Language {
    let cookies = headers.get_all(header::COOKIE).iter();
    let mut pairs = cookies.filter_map(|c| c.to_str().ok()).flat_map(|c| c.split(';'));
    let kept = pairs.find_map(|pair| known(pair.trim().strip_prefix(LANGUAGE_COOKIE)?.strip_prefix('=')?));
    let wanted = text(headers, "accept-language").unwrap_or_default();
    let mut ranges = wanted.split(',').filter_map(|range| range.trim().get(..2));
    kept.or_else(|| ranges.find_map(|range| known(&range.to_ascii_lowercase())))
        .unwrap_or(Language::English)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn another_site_may_link_and_nothing_else() {
        let uri: Uri = "https://console.test:7445/subject".parse().unwrap();
        let allowed =
            |method: Method, pairs: &[(&'static str, &'static str)]| comes_from_here(&method, &uri, &headers(pairs));
        let (same, cross) = (("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site"));
        let (navigate, page) = (("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document"));
        assert!(allowed(Method::GET, &[same]) && allowed(Method::POST, &[same]));
        assert!(allowed(Method::GET, &[cross, navigate, page]));
        assert!(allowed(Method::GET, &[("sec-fetch-site", "none")]));
        for bad in [
            allowed(Method::POST, &[cross, navigate, page]),
            allowed(Method::POST, &[("sec-fetch-site", "same-site"), navigate, page]),
            allowed(Method::POST, &[("sec-fetch-site", "none")]),
            allowed(
                Method::GET,
                &[cross, ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")],
            ),
            allowed(Method::GET, &[cross, navigate, ("sec-fetch-dest", "iframe")]),
            allowed(Method::GET, &[cross, ("sec-fetch-mode", "cors")]),
            // Without Fetch Metadata.
            allowed(Method::POST, &[]),
            allowed(Method::POST, &[("origin", "https://console.test")]),
            allowed(Method::POST, &[("origin", "null")]),
        ] {
            assert!(!bad);
        }
        assert!(allowed(Method::GET, &[]));
        assert!(allowed(Method::POST, &[("origin", "https://console.test:7445")]));
    }

    #[test]
    fn the_language_is_chosen_kept_or_preferred() {
        let of = |pairs: &[(&'static str, &'static str)]| language(&headers(pairs));
        assert_eq!(of(&[]), Language::English);
        assert_eq!(
            of(&[("accept-language", "fr, zh-CN;q=0.9, en;q=0.1")]),
            Language::Chinese
        );
        assert_eq!(of(&[("accept-language", "en-GB")]), Language::English);
        assert_eq!(of(&[("accept-language", ",,-,;q")]), Language::English);
        let kept = ("cookie", "a=b; __Host-lang=zh");
        assert_eq!(of(&[kept, ("accept-language", "en")]), Language::Chinese);
        assert_eq!(of(&[("cookie", "__Host-lang=zz")]), Language::English);
        let chosen = |uri: &str| language_parameter(&uri.parse().unwrap());
        assert_eq!(chosen("/search?partner=a&lang=zh"), Some(Language::Chinese));
        assert_eq!(chosen("/search?lang=zzz"), None);
    }
}
