//! The frame of every page, and the headers that keep a browser from loading, running or telling anything else.
use super::{
    assets::{self, Asset},
    link::link,
    visitor::{LANGUAGE_COOKIE, Visitor},
    words::Text,
};
use crate::domain::Language;
use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use maud::{DOCTYPE, Markup, html};

/// Nothing is allowed but what is served here; no script or style stands in a page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

const HEADERS: [(HeaderName, &str); 8] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=()",
    ),
    (header::X_FRAME_OPTIONS, "DENY"),
    // A year: whoever came here once comes by TLS.
    (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
];

/// Puts the headers on whatever is answered, assets and refusals too. What does not say that it may be kept is not.
pub(super) async fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Pages of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Overview,
    Search,
    Report,
    Cases,
    /// A letter to a person: on paper it stands alone.
    Letter,
    Holds,
    Erasures,
    Live,
    TheLog,
    Elsewhere,
}

const NAVIGATION: [(Place, &str, Text); 8] = [
    (Place::Overview, "/", Text::Overview),
    (Place::Search, "/search", Text::Search),
    (Place::Report, "/report", Text::Report),
    (Place::Cases, "/cases", Text::Cases),
    (Place::Holds, "/holds", Text::Holds),
    (Place::Erasures, "/erasures", Text::Erasures),
    (Place::Live, "/live", Text::Live),
    (Place::TheLog, "/log", Text::TheLog),
];

/// What a page is, beside its content.
pub(super) struct Sheet {
    pub(super) title: String,
    pub(super) place: Place,
    pub(super) script: Option<&'static Asset>,
    /// Number of the entry that says it was looked at.
    pub(super) recorded: Option<u64>,
}

impl Visitor {
    /// A text in the visitor's language.
    pub(super) fn say(&self, text: Text) -> &'static str {
        text.said(self.language)
    }

    /// A text in the visitor's language, with what stands between backticks as code.
    pub(super) fn write(&self, text: Text) -> Markup {
        let pieces = self.say(text).split('`').enumerate();
        html! { @for (at, piece) in pieces { @if at % 2 == 1 { code { (piece) } } @else { (piece) } } }
    }

    /// The same page in another language.
    fn in_language(&self, language: Language) -> String {
        let path = self.uri.path();
        let rest = self.uri.query().unwrap_or_default().split('&');
        let kept: Vec<&str> = rest
            .filter(|pair| !pair.is_empty() && !pair.starts_with("lang="))
            .collect();
        let chosen = link("", [("lang", language.tag())]).replace('?', "");
        // What is kept was an address already.
        format!(
            "{path}?{}",
            kept.into_iter().chain([chosen.as_str()]).collect::<Vec<_>>().join("&")
        )
    }

    /// A whole page.
    pub(super) fn page(&self, status: StatusCode, sheet: &Sheet, body: &Markup) -> Response {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        );
        headers.insert(header::VARY, HeaderValue::from_static("cookie, accept-language"));
        let code = self.language.tag();
        let cookie = format!("{LANGUAGE_COOKIE}={code}; Path=/; Max-Age=31536000; Secure; HttpOnly; SameSite=Strict");
        if let (true, Ok(value)) = (self.chose_language, HeaderValue::from_str(&cookie)) {
            headers.insert(header::SET_COOKIE, value);
        }
        (status, headers, self.frame(sheet, body).into_string()).into_response()
    }

    fn frame(&self, sheet: &Sheet, body: &Markup) -> Markup {
        html! {
            (DOCTYPE)
            html lang=(self.language.tag()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (sheet.title) " · Tollgate" }
                    link rel="stylesheet" href=(assets::STYLE.path());
                    link rel="icon" href=(assets::ICON.path()) type="image/svg+xml";
                    @if let Some(script) = sheet.script { script type="module" src=(script.path()) {} }
                }
                body class=[(sheet.place == Place::Letter).then_some("letter")] {
                    a class="skip" href="#content" { (self.say(Text::SkipToContent)) }
                    header class="top" {
                        span class="product" { (self.say(Text::Product)) }
                        nav aria-label=(self.say(Text::MainNavigation)) {
                            ul {
                                @for (place, path, text) in NAVIGATION {
                                    li { a href=(path) aria-current=[(place == sheet.place).then_some("page")] { (self.say(text)) } }
                                }
                            }
                        }
                        ul class="languages" {
                            @for (language, name) in [(Language::English, "English"), (Language::Chinese, "中文")] {
                                li { a href=(self.in_language(language)) lang=(language.tag()) hreflang=(language.tag())
                                    aria-current=[(language == self.language).then_some("true")] { (name) } }
                            }
                        }
                    }
                    main id="content" tabindex="-1" { (body) }
                    footer {
                        @if let Some(index) = sheet.recorded {
                            p { (self.say(Text::Recorded)) " " a href={ "/entry/" (index) } { (index) } }
                        }
                        p { (self.say(Text::SignedInAs)) " " code { (self.peer.uri()) } " · " (self.say(Text::TimesAreUtc)) }
                    }
                }
            }
        }
    }
}
