//! The console over the wire: each page and each refusal as a browser gets it, and as the log tells it. What a person sees is
//! for `tests/browser`.
mod cases;
mod live;
mod orders;
pub(super) mod people;
mod periods;

use crate::support::{
    BANK_A, COMPLIANCE, Entry, Gateway, LENDER, OPERATOR, SECURITY, Who, counted, entries, no_entry_since, on_shared,
};
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use std::time::Duration;
use tollgate::wire::v1;
use tonic::{
    body::Body,
    transport::{Channel, Endpoint},
};
use tower_service::Service;

/// What came back.
struct Page {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

async fn browser(gateway: &Gateway, who: Who) -> Result<Channel, String> {
    let console = gateway.running.console().unwrap();
    let endpoint = Endpoint::from_shared(format!("http://{console}")).unwrap();
    let connector = gateway.connector(&gateway.place.credential(who));
    let channel = endpoint.connect_with_connector(connector).await;
    channel.map_err(|error| format!("{error:?}"))
}

async fn send(channel: &mut Channel, request: Request<Body>) -> http::Response<Body> {
    std::future::poll_fn(|context| channel.poll_ready(context))
        .await
        .unwrap();
    channel.call(request).await.unwrap()
}

async fn whole(response: http::Response<Body>) -> Page {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Page {
        status: parts.status,
        headers: parts.headers,
        text: String::from_utf8(bytes.to_vec()).unwrap(),
    }
}

async fn look(channel: &mut Channel, path: &str) -> Page {
    whole(send(channel, Request::get(path).body(Body::empty()).unwrap()).await).await
}

/// A form as the console's own page posts it.
async fn post(channel: &mut Channel, path: &str, form: String) -> Page {
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin")
        .body(Body::new(form.map_err(|never| match never {})))
        .unwrap();
    whole(send(channel, request).await).await
}

fn since(gateway: &Gateway, before: u64) -> Vec<Entry> {
    let mut new = entries(gateway, before);
    new.retain(|entry| entry.leaf.peer != "gateway");
    new
}

/// The one entry of a page that was refused: the same code and the same reference at both ends.
#[track_caller]
fn refused(gateway: &Gateway, before: u64, page: &Page, status: StatusCode, code: &str, method: &str) {
    refused_by(
        gateway,
        before,
        page,
        status,
        code,
        &format!("/tollgate.console/{method}"),
    );
}

#[track_caller]
fn refused_by(gateway: &Gateway, before: u64, page: &Page, status: StatusCode, code: &str, method: &str) {
    assert_eq!(page.status, status, "{}", page.text);
    assert!(
        page.text.contains(&format!("<code class=\"reason\">{code}</code>")),
        "{}",
        page.text
    );
    let new = since(gateway, before);
    assert_eq!(new.len(), 1, "one page, one entry: {new:#?}");
    let (leaf, x) = (&new[0].leaf, &new[0].x);
    assert_eq!((leaf.class(), leaf.refusal.as_str()), (v1::EntryClass::Refused, code));
    assert_eq!(leaf.method, method);
    assert!(
        !x.reference.is_empty() && page.text.contains(&x.reference),
        "{}",
        page.text
    );
}

const FORBIDDEN: StatusCode = StatusCode::FORBIDDEN;
const BAD: StatusCode = StatusCode::BAD_REQUEST;

#[test]
fn each_page_is_one_entry_and_says_which() {
    on_shared(async |gateway| {
        let mut officer = browser(gateway, COMPLIANCE).await.unwrap();
        for (path, method) in [
            ("/", "Overview"),
            ("/search", "Search"),
            ("/search?partner=bank-a", "Search"),
            ("/entry/0", "Entry"),
            ("/log", "Log"),
            ("/live", "Live"),
        ] {
            let before = gateway.size();
            let page = look(&mut officer, path).await;
            assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.text);
            let new = since(gateway, before);
            assert_eq!(new.len(), 1, "{path}: {new:#?}");
            assert_eq!(new[0].leaf.method, format!("/tollgate.console/{method}"));
            assert_eq!(
                (new[0].leaf.kind(), new[0].leaf.peer.as_str()),
                (v1::EntryKind::Read, COMPLIANCE.uri)
            );
            let index = new[0].index;
            assert!(page.text.contains(&format!("href=\"/entry/{index}\"")), "{path}");
        }
        for (path, kind) in [
            ("/export.csv?partner=nobody", "text/csv"),
            ("/export.jsonl?partner=nobody", "application/jsonl"),
            ("/entry/0/proof", "text/plain"),
            ("/continuation?from=1&to=2", "application/json"),
        ] {
            let before = gateway.size();
            let file = look(&mut officer, path).await;
            assert_eq!(file.status, StatusCode::OK, "{path}: {}", file.text);
            assert!(
                file.headers[header::CONTENT_TYPE].to_str().unwrap().starts_with(kind),
                "{path}"
            );
            assert_eq!(since(gateway, before).len(), 1, "{path}");
        }
    });
}

#[test]
fn every_answer_carries_the_headers_that_bind_a_browser() {
    on_shared(async |gateway| {
        let mut officer = browser(gateway, COMPLIANCE).await.unwrap();
        let page = look(&mut officer, "/").await;
        let style = page
            .text
            .split("href=\"/assets/")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        let style = format!("/assets/{style}");
        for path in [
            "/",
            &style,
            "/nowhere",
            "/assets/0/none.css",
            "/entry/none",
            "/export.csv?x=y",
        ] {
            let before = gateway.size();
            let page = look(&mut officer, path).await;
            let is = |name: &str, value: &str| assert_eq!(page.headers[name], value, "{path}");
            let policy = page.headers["content-security-policy"].to_str().unwrap();
            assert!(
                policy.starts_with("default-src 'none';") && !policy.contains("unsafe"),
                "{path}: {policy}"
            );
            is("x-content-type-options", "nosniff");
            is("referrer-policy", "no-referrer");
            is("cross-origin-opener-policy", "same-origin");
            is("cross-origin-resource-policy", "same-origin");
            let kept = page.headers["cache-control"].to_str().unwrap();
            assert_eq!(kept == "no-store", path != style, "{path}: {kept}");
            if path.starts_with("/assets") || path == "/nowhere" {
                no_entry_since(gateway, before);
            }
        }
    });
}

#[test]
fn roles_that_may_not_look() {
    on_shared(async |gateway| {
        for who in [SECURITY, OPERATOR] {
            let mut browser = browser(gateway, who).await.unwrap();
            for (path, method) in [
                ("/", "Overview"),
                ("/live/events", "Follow"),
                ("/search?partner=A%20b", "Search"),
            ] {
                gateway.pace(who.uri).await;
                let before = gateway.size();
                let page = look(&mut browser, path).await;
                refused(gateway, before, &page, FORBIDDEN, "METHOD_NOT_ALLOWED", method);
                assert!(
                    page.text.contains("compliance officer") && page.text.contains(who.uri),
                    "{}",
                    page.text
                );
            }
        }
        // Others have no certificate of staff: they get no connection, and that is counted.
        let before = gateway.size();
        for who in [BANK_A, LENDER] {
            let looked = match browser(gateway, who).await {
                Err(_) => false,
                // With TLS 1.3 a client learns that it was turned away when it reads.
                Ok(mut channel) => match std::future::poll_fn(|context| channel.poll_ready(context)).await {
                    Ok(()) => channel
                        .call(Request::get("/").body(Body::empty()).unwrap())
                        .await
                        .is_ok(),
                    Err(_) => false,
                },
            };
            assert!(!looked, "{}", who.id);
        }
        let sums = counted(gateway, before, 2).await;
        assert!(sums.iter().all(|(reason, ..)| reason == "unknown_issuer"), "{sums:?}");
    });
}

#[test]
fn what_no_entry_can_have() {
    on_shared(async |gateway| {
        let mut officer = browser(gateway, COMPLIANCE).await.unwrap();
        let beyond = format!("/entry/{}", u64::MAX);
        let size = gateway.size();
        let ahead = format!("/continuation?from=1&to={}", size + 1_000_000);
        for (path, code, method) in [
            ("/entry/99999999", "LOG_RANGE", "Entry"),
            (&beyond, "LOG_RANGE", "Entry"),
            ("/entry/-1", "LOG_RANGE", "Entry"),
            ("/entry/one/proof", "LOG_RANGE", "Proof"),
            (&ahead, "LOG_RANGE", "Continuation"),
            ("/continuation?from=0&to=1", "LOG_RANGE", "Continuation"),
            ("/continuation?from=1", "FIELD_INVALID", "Continuation"),
            ("/search?page=AAAA", "PAGE_TOKEN_INVALID", "Search"),
            ("/search?partner=a&partner=b", "FIELD_INVALID", "Search"),
            ("/search?consent=1234", "FIELD_INVALID", "Search"),
            ("/search?nothing=known", "FIELD_INVALID", "Search"),
            ("/search?partner=%FF%FE", "FIELD_INVALID", "Search"),
            ("/?from=2026-01-01&until=2025-01-01", "FIELD_INVALID", "Overview"),
            ("/?from=1970-01-01", "FIELD_INVALID", "Overview"),
            ("/export.csv?kind=every", "FIELD_INVALID", "Export"),
        ] {
            gateway.pace(COMPLIANCE.uri).await;
            let before = gateway.size();
            let page = look(&mut officer, path).await;
            refused(gateway, before, &page, BAD, code, method);
        }
    });
}

#[test]
fn a_page_token_is_of_one_search() {
    on_shared(async |gateway| {
        let mut officer = browser(gateway, COMPLIANCE).await.unwrap();
        while gateway.size() < 60 {
            look(&mut officer, "/log").await;
            // Under the rate of reads, which the tests of this gateway share.
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        let page = look(&mut officer, "/search?kind=read").await;
        let next = page
            .text
            .split("page=")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .to_owned();
        let good = look(&mut officer, &format!("/search?kind=read&page={next}")).await;
        assert_eq!(good.status, StatusCode::OK);
        gateway.pace(COMPLIANCE.uri).await;
        let before = gateway.size();
        let page = look(&mut officer, &format!("/search?kind=query&page={next}")).await;
        refused(gateway, before, &page, BAD, "PAGE_TOKEN_INVALID", "Search");
    });
}
