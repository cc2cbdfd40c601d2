//! The console over the wire: each page and each refusal as a browser gets it, and as the log tells it. What a person sees is
//! for `tests/browser`.
use crate::support::{
    AUDITOR, BANK_A, COMPLIANCE, Entry, Gateway, LENDER, OPERATOR, Place, SECURITY, Who, agreed, counted, entries,
    load_sample, no_entry_since, on_shared, person, runtime, subject,
};
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use std::time::Duration;
use tollgate::{
    limits::{FOLLOWS_PER_MEMBER_MAX, FORM_BYTES_MAX, HANDLE_MS_MAX, WEB_BODY_BYTES_MAX},
    wire::v1,
};
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

fn named(row: u64) -> String {
    format!("scheme=cn-resident-id&identity={}", subject(row).value)
}

fn since(gateway: &Gateway, before: u64) -> Vec<Entry> {
    let mut new = entries(gateway, before);
    new.retain(|entry| entry.leaf.peer != "gateway");
    new
}

/// The one entry of a page that was refused: the same code and the same reference at both ends.
#[track_caller]
fn refused(gateway: &Gateway, before: u64, page: &Page, status: StatusCode, code: &str, method: &str) {
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
    assert_eq!(leaf.method, format!("/tollgate.console/{method}"));
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

#[test]
fn a_person_is_named_in_the_body_only() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        load_sample(&gateway).await;
        agreed(&gateway, 5).await;
        let mut officer = browser(&gateway, COMPLIANCE).await.unwrap();
        let before = gateway.size();
        let named = post(&mut officer, "/person?partner=bank-a", named(5)).await;
        assert_eq!(named.status, StatusCode::SEE_OTHER, "{}", named.text);
        no_entry_since(&gateway, before);
        let there = named.headers[header::LOCATION].to_str().unwrap().to_owned();
        assert!(
            there.starts_with("/search?partner=bank-a&person=") && !there.contains(&subject(5).value),
            "{there}"
        );
        let found = look(&mut officer, &there).await;
        assert_eq!(found.status, StatusCode::OK);
        assert!(!found.text.contains(&subject(5).value));
        let new = since(&gateway, before);
        assert_eq!(new.len(), 1);
        // Who looked for the person is sealed under the person's own key.
        assert!(new[0].of_person && new[0].i.subject == person(&gateway, 5).0);
        assert_eq!(new[0].leaf.class(), v1::EntryClass::Sealed);
        // Another member's handle, and one whose time is over, stand for nobody.
        let mut auditor = browser(&gateway, AUDITOR).await.unwrap();
        let before = gateway.size();
        let page = look(&mut auditor, &there).await;
        refused(&gateway, before, &page, BAD, "FIELD_INVALID", "Search");
        gateway.clock.advance_ms(HANDLE_MS_MAX);
        let before = gateway.size();
        let page = look(&mut officer, &there).await;
        refused(&gateway, before, &page, BAD, "FIELD_INVALID", "Search");
        assert!(page.text.contains("Name the person again"));
        gateway.stop().await.verify_log();
    });
}

#[test]
fn forms_that_are_none() {
    on_shared(async |gateway| {
        let mut officer = browser(gateway, COMPLIANCE).await.unwrap();
        let cases = [
            (
                "scheme=cn-resident-id&identity=110101199003071234".to_owned(),
                BAD,
                "SUBJECT_MALFORMED",
            ),
            ("scheme=passport&identity=a".to_owned(), BAD, "FIELD_INVALID"),
            ("identity=a".to_owned(), BAD, "FIELD_INVALID"),
            ("scheme=opaque&identity=a&more=b".to_owned(), BAD, "FIELD_INVALID"),
            (
                format!("scheme=opaque&identity={}", "a".repeat(FORM_BYTES_MAX)),
                StatusCode::PAYLOAD_TOO_LARGE,
                "TOO_LARGE",
            ),
        ];
        for (form, status, code) in cases {
            gateway.pace(COMPLIANCE.uri).await;
            let before = gateway.size();
            let page = post(&mut officer, "/person", form).await;
            refused(gateway, before, &page, status, code, "NamePerson");
        }
        // Beyond any body of the web it is counted before a page looks at it.
        let before = gateway.size();
        let page = post(&mut officer, "/person", "x".repeat(WEB_BODY_BYTES_MAX + 1)).await;
        assert_eq!(page.status, StatusCode::PAYLOAD_TOO_LARGE);
        no_entry_since(gateway, before);
        let sums = counted(gateway, before, 1).await;
        assert_eq!(sums, [("TOO_LARGE".to_owned(), COMPLIANCE.uri.to_owned(), 1)]);
    });
}

#[test]
fn a_page_of_another_site_uses_no_certificate() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let mut officer = browser(&gateway, COMPLIANCE).await.unwrap();
        let before = gateway.size();
        let asked = |method: Method, path: &'static str, headers: &[(&'static str, &str)]| {
            let mut request = Request::builder().method(method).uri(path);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            request.body(Body::empty()).unwrap()
        };
        let (cross, image) = (("sec-fetch-site", "cross-site"), ("sec-fetch-dest", "image"));
        let forged = [
            asked(Method::POST, "/person", &[cross]),
            asked(Method::POST, "/person", &[("sec-fetch-site", "same-site")]),
            asked(Method::POST, "/person", &[]),
            asked(Method::POST, "/person", &[("origin", "https://elsewhere.example")]),
            asked(Method::GET, "/", &[cross, ("sec-fetch-mode", "no-cors"), image]),
            asked(Method::GET, "/live/events", &[cross, ("sec-fetch-mode", "cors")]),
        ];
        let number = forged.len() as u64;
        for request in forged {
            let page = whole(send(&mut officer, request).await).await;
            assert_eq!(page.status, FORBIDDEN);
            assert!(page.text.contains("CROSS_ORIGIN"), "{}", page.text);
        }
        no_entry_since(&gateway, before);
        // By hand, by a link from elsewhere, and from the console's own page.
        for request in [
            asked(Method::GET, "/log", &[("sec-fetch-site", "none")]),
            asked(
                Method::GET,
                "/log",
                &[cross, ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")],
            ),
            asked(Method::GET, "/log", &[("sec-fetch-site", "same-origin")]),
        ] {
            assert_eq!(whole(send(&mut officer, request).await).await.status, StatusCode::OK);
        }
        let sums = counted(&gateway, before, number).await;
        assert_eq!(sums, [("CROSS_ORIGIN".to_owned(), COMPLIANCE.uri.to_owned(), number)]);
        gateway.stop().await.verify_log();
    });
}

/// The next piece of a stream.
async fn piece(response: &mut http::Response<Body>) -> Option<String> {
    let frame = tokio::time::timeout(Duration::from_secs(20), response.frame())
        .await
        .unwrap()?;
    Some(String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap())
}

#[test]
fn live_views_are_few_end_with_the_gateway_and_are_two_entries() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let mut officer = browser(&gateway, COMPLIANCE).await.unwrap();
        let before = gateway.size();
        let events = || Request::get("/live/events").body(Body::empty()).unwrap();
        let mut open = Vec::new();
        for _ in 0..FOLLOWS_PER_MEMBER_MAX {
            let mut stream = send(&mut officer, events()).await;
            assert_eq!(stream.status(), StatusCode::OK);
            assert_eq!(stream.headers()[header::CONTENT_TYPE], "text/event-stream");
            assert!(piece(&mut stream).await.unwrap().starts_with("retry: "));
            open.push(stream);
        }
        let opened = gateway.size();
        assert_eq!(
            since(&gateway, before).len(),
            open.len(),
            "one entry for each, and none for what they show"
        );
        let page = whole(send(&mut officer, events()).await).await;
        refused(
            &gateway,
            opened,
            &page,
            StatusCode::TOO_MANY_REQUESTS,
            "STREAMS_EXHAUSTED",
            "Follow",
        );
        // What is recorded now appears; an event a leaf, in order.
        look(&mut officer, "/log").await;
        let mut seen = String::new();
        while !seen.contains("/tollgate.console/Log") {
            seen.push_str(&piece(&mut open[0]).await.unwrap());
        }
        assert!(seen.contains(&format!("id: {}\n", opened + 1)), "{seen}");
        // Whoever leaves makes room, and that is the view's second entry.
        drop(open.pop());
        let ended = |gateway: &Gateway| {
            let all = since(gateway, opened);
            all.iter().filter(|e| e.i.outcomes == ["stream-ended"]).count()
        };
        crate::support::until("the end of a view", || ended(&gateway) == 1).await;
        let again = send(&mut officer, events()).await;
        assert_eq!(again.status(), StatusCode::OK);
        let stopping = tokio::time::Instant::now();
        let place = gateway.stop().await;
        assert!(
            stopping.elapsed() < Duration::from_secs(8),
            "streams end with the gateway, not with its patience"
        );
        for stream in &mut open {
            while piece(stream).await.is_some() {}
        }
        place.verify_log();
    });
}

#[test]
fn an_auditor_sees_the_scope_and_no_more() {
    on_shared(async |gateway| {
        let mut auditor = browser(gateway, AUDITOR).await.unwrap();
        let page = look(&mut auditor, "/search").await;
        assert_eq!(page.status, StatusCode::OK);
        // The first entry is the gateway's own.
        gateway.pace(AUDITOR.uri).await;
        let before = gateway.size();
        let page = look(&mut auditor, "/entry/0").await;
        refused(gateway, before, &page, FORBIDDEN, "OUT_OF_SCOPE", "Entry");
        let there = post(&mut auditor, "/person", named(1)).await;
        let there = there.headers[header::LOCATION].to_str().unwrap().to_owned();
        let before = gateway.size();
        let page = look(&mut auditor, &there).await;
        refused(gateway, before, &page, FORBIDDEN, "OUT_OF_SCOPE", "Search");
    });
}

#[test]
fn too_many_looks_are_turned_away_and_counted() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let mut officer = browser(&gateway, COMPLIANCE).await.unwrap();
        let before = gateway.size();
        let mut over = 0;
        let end = tokio::time::Instant::now() + Duration::from_secs(30);
        while over == 0 && tokio::time::Instant::now() < end {
            let all = (0..150).map(|_| {
                let mut channel = officer.clone();
                async move { look(&mut channel, "/log").await.status }
            });
            for status in futures_of(all).await {
                over += u64::from(status == StatusCode::TOO_MANY_REQUESTS);
            }
        }
        assert!(over > 0);
        let sums = counted(&gateway, before, over).await;
        assert_eq!(sums, [("RATE_LIMITED".to_owned(), COMPLIANCE.uri.to_owned(), over)]);
        assert_eq!(look(&mut officer, "/log").await.status, StatusCode::OK);
        gateway.stop().await.verify_log();
    });
}

/// All at once.
async fn futures_of<T: Send + 'static>(all: impl Iterator<Item = impl Future<Output = T> + Send + 'static>) -> Vec<T> {
    let running: Vec<_> = all.map(tokio::spawn).collect();
    let mut out = Vec::new();
    for one in running {
        out.push(one.await.unwrap());
    }
    out
}
