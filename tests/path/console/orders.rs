//! Legal holds and erasures as pages; and, for all pages that change something, who may not and what another site cannot.
use super::{BAD, FORBIDDEN, browser, look, post, refused, refused_by, send, since, whole};
use crate::support::{
    AUDITOR, COMPLIANCE, Gateway, OPERATOR, Place, SECURITY, counted, load_sample, no_entry_since, person, runtime,
    subject,
};
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use tollgate::{
    erasure::Stage,
    limits::HANDLE_MS_MAX,
    pipeline::{
        log_holds,
        persons::{self, GET, LIST, PLACE, RELEASE, REQUEST},
        subject_requests::{self, ASSIGN, CLOSE, LETTER, OPEN},
    },
};
use tonic::{body::Body, transport::Channel};

const SEE_OTHER: StatusCode = StatusCode::SEE_OTHER;

#[test]
fn a_hold_on_the_log_is_placed_and_released() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let mut officer = browser(&gateway, COMPLIANCE).await.unwrap();
        assert!(look(&mut officer, "/holds").await.text.contains("Nothing is held"));
        for (form, note) in [
            ("held=period+1&case=court+12%2F2027", "period 1, court 12/2027"),
            ("held=partner+bank-a&case=%3Cb%3E", "partner bank-a, <b>"),
        ] {
            let before = gateway.size();
            let page = post(&mut officer, "/holds", form.to_owned()).await;
            assert_eq!(
                (page.status, &page.headers[header::LOCATION]),
                (SEE_OTHER, &"/holds".parse().unwrap())
            );
            let new = since(&gateway, before);
            assert_eq!((new.len(), new[0].i.note.as_str()), (1, note));
            assert_eq!(new[0].leaf.method, log_holds::PLACE.method.path());
        }
        let page = look(&mut officer, "/holds").await.text;
        assert!(page.contains("court 12/2027") && page.contains("&lt;b&gt;"), "{page}");
        let page = post(&mut officer, "/holds/release", "held=period+1".to_owned()).await;
        assert_eq!(page.status, SEE_OTHER);
        assert!(!look(&mut officer, "/holds").await.text.contains("court 12/2027"));
        for (path, form, call) in [
            ("/holds", "held=period+2&case=c", log_holds::PLACE),
            ("/holds", "held=period+01&case=c", log_holds::PLACE),
            ("/holds", "held=partner+nobody&case=c", log_holds::PLACE),
            ("/holds", "held=period+1&case=", log_holds::PLACE),
            ("/holds", "held=period+1", log_holds::PLACE),
            ("/holds/release", "held=everything", log_holds::RELEASE),
        ] {
            gateway.pace(COMPLIANCE.uri).await;
            let before = gateway.size();
            let page = post(&mut officer, path, form.to_owned()).await;
            refused_by(&gateway, before, &page, BAD, "FIELD_INVALID", call.method.path());
        }
        gateway.stop().await.verify_log();
    });
}

/// A handle, as the console gives it for a form.
async fn handle(officer: &mut Channel, row: u64) -> String {
    let form = format!("scheme=cn-resident-id&identity={}", subject(row).value);
    let named = post(officer, "/erasures/person", form).await;
    assert_eq!(named.status, SEE_OTHER, "{}", named.text);
    let there = named.headers[header::LOCATION].to_str().unwrap();
    there.strip_prefix("/erasures/person?person=").unwrap().to_owned()
}

#[test]
fn an_erasure_is_requested_held_and_released_by_a_handle() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        load_sample(&gateway).await;
        let mut officer = browser(&gateway, COMPLIANCE).await.unwrap();
        assert!(look(&mut officer, "/erasures").await.text.contains("nobody is held"));
        let before = gateway.size();
        let handle = handle(&mut officer, 3).await;
        assert!(!handle.contains(&subject(3).value));
        no_entry_since(&gateway, before);
        let there = format!("/erasures/person?person={handle}");
        let page = look(&mut officer, &there).await.text;
        assert!(page.contains("No erasure is requested and nothing is held"), "{page}");
        let new = since(&gateway, before);
        assert_eq!((new.len(), new[0].leaf.method.as_str()), (1, GET.path()));
        assert!(new[0].of_person && new[0].i.subject == person(&gateway, 3).0);

        for (path, form, method) in [
            (
                "/erasures/hold",
                format!("person={handle}&reason=legal&until=2099-01-01T00%3A00&case=K-7"),
                PLACE,
            ),
            ("/erasures/request", format!("person={handle}&certain=yes"), REQUEST),
        ] {
            let before = gateway.size();
            let page = post(&mut officer, path, form).await;
            assert_eq!(
                (page.status, &page.headers[header::LOCATION]),
                (SEE_OTHER, &there.parse().unwrap())
            );
            let new = since(&gateway, before);
            assert_eq!((new.len(), new[0].leaf.method.as_str()), (1, method.path()));
            assert!(new[0].of_person);
        }
        let stage = |gateway: &Gateway| {
            let standing = gateway.gate().erasing.register.of(&person(gateway, 3));
            standing.map_or(Stage::Free, |standing| standing.stage())
        };
        assert_eq!(stage(&gateway), Stage::Blocked);
        let page = look(&mut officer, &there).await.text;
        for said in [
            "Legal hold",
            "K-7",
            "until 2099-01-01 00:00:00 UTC",
            "stored and not used",
            COMPLIANCE.uri,
        ] {
            assert!(page.contains(said), "{said}: {page}");
        }
        assert!(
            !page.contains("action=\"/erasures/request\""),
            "it is requested already"
        );
        let list = look(&mut officer, "/erasures").await.text;
        assert!(
            list.contains("until 2099-01-01") && !list.contains(&subject(3).value),
            "{list}"
        );

        let nobody = "A".repeat(22);
        let forms = [
            (
                "/erasures/hold",
                format!("person={handle}&reason=spite"),
                PLACE,
                "MendForm",
            ),
            (
                "/erasures/hold",
                format!("person={handle}&reason=legal&until=2000-01-01"),
                PLACE,
                "MendForm",
            ),
            (
                "/erasures/hold",
                format!("person={handle}&reason=legal&case=Zhang+San"),
                PLACE,
                "MendForm",
            ),
            (
                "/erasures/release",
                format!("person={handle}&hold=9"),
                RELEASE,
                "MendForm",
            ),
            (
                "/erasures/release",
                format!("person={handle}&hold=one"),
                RELEASE,
                "MendForm",
            ),
            (
                "/erasures/release",
                format!("person={nobody}&hold=1"),
                RELEASE,
                "NameAgain",
            ),
            ("/erasures/request", format!("person={nobody}"), REQUEST, "NameAgain"),
            (
                "/erasures/request",
                format!("identity={}", subject(4).value),
                REQUEST,
                "MendForm",
            ),
        ];
        for (path, form, method, advice) in forms {
            gateway.pace(COMPLIANCE.uri).await;
            let before = gateway.size();
            let page = post(&mut officer, path, form).await;
            refused_by(&gateway, before, &page, BAD, "FIELD_INVALID", method.path());
            assert_eq!(
                page.text.contains("Name the person again"),
                advice == "NameAgain",
                "{}",
                page.text
            );
        }
        gateway.clock.advance_ms(HANDLE_MS_MAX);
        let before = gateway.size();
        let page = look(&mut officer, &there).await;
        refused_by(&gateway, before, &page, BAD, "FIELD_INVALID", GET.path());
        assert!(page.text.contains("Name the person again"));
        for (path, code) in [
            ("/erasures?page=AAAA", "PAGE_TOKEN_INVALID"),
            ("/erasures?x=y", "FIELD_INVALID"),
        ] {
            gateway.pace(COMPLIANCE.uri).await;
            let before = gateway.size();
            let page = look(&mut officer, path).await;
            refused_by(&gateway, before, &page, BAD, code, LIST.path());
        }
        gateway.pace(COMPLIANCE.uri).await;
        let before = gateway.size();
        let page = post(
            &mut officer,
            "/erasures/person",
            "scheme=cn-mobile&identity=1".to_owned(),
        )
        .await;
        refused(&gateway, before, &page, BAD, "SUBJECT_MALFORMED", "NamePerson");
        // At the end: what is erased opens with no key of this test's.
        let handle = self::handle(&mut officer, 3).await;
        let released = post(&mut officer, "/erasures/release", format!("person={handle}&hold=1")).await;
        assert_eq!(released.status, SEE_OTHER);
        crate::support::until("nothing holds it", || stage(&gateway) != Stage::Blocked).await;
        gateway.stop().await.verify_log();
    });
}

/// Every form that changes something, filled in so that an officer's would be taken.
fn changes(case: &str, handle: &str) -> Vec<(String, String, &'static str)> {
    let person = format!("scheme=cn-resident-id&identity={}", subject(5).value);
    vec![
        (
            "/cases".to_owned(),
            format!("{person}&kind=deletion&owner="),
            OPEN.method.path(),
        ),
        (
            format!("{case}/assign"),
            "state=waiting".to_owned(),
            ASSIGN.method.path(),
        ),
        (format!("{case}/letter"), "language=en".to_owned(), LETTER.method.path()),
        (
            format!("{case}/close"),
            "outcome=fulfilled&certain=yes".to_owned(),
            CLOSE.method.path(),
        ),
        (
            "/holds".to_owned(),
            "held=period+1&case=c".to_owned(),
            log_holds::PLACE.method.path(),
        ),
        (
            "/holds/release".to_owned(),
            "held=period+1".to_owned(),
            log_holds::RELEASE.method.path(),
        ),
        (
            "/erasures/request".to_owned(),
            format!("person={handle}&certain=yes"),
            REQUEST.path(),
        ),
        (
            "/erasures/hold".to_owned(),
            format!("person={handle}&reason=legal"),
            PLACE.path(),
        ),
        (
            "/erasures/release".to_owned(),
            format!("person={handle}&hold=1"),
            RELEASE.path(),
        ),
    ]
}

async fn with_a_case(gateway: &Gateway) -> (Channel, String) {
    let mut officer = browser(gateway, COMPLIANCE).await.unwrap();
    let form = format!(
        "scheme=cn-resident-id&identity={}&kind=deletion&owner=",
        subject(3).value
    );
    let opened = post(&mut officer, "/cases", form).await;
    assert_eq!(opened.status, SEE_OTHER, "{}", opened.text);
    let case = opened.headers[header::LOCATION].to_str().unwrap().to_owned();
    (officer, case)
}

#[test]
fn other_roles_see_no_form_and_are_refused_on_record() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let (_, case) = with_a_case(&gateway).await;
        let pages = [
            ("/cases".to_owned(), subject_requests::LIST.method.path()),
            (case.clone(), subject_requests::GET.method.path()),
            ("/holds".to_owned(), log_holds::LIST.method.path()),
            ("/erasures".to_owned(), persons::LIST.path()),
        ];
        for who in [AUDITOR, SECURITY, OPERATOR] {
            let mut browser = browser(&gateway, who).await.unwrap();
            // A handle is given to whoever is staff; it opens nothing.
            let handle = handle(&mut browser, 3).await;
            let person = (format!("/erasures/person?person={handle}"), GET.path());
            for (path, method) in pages.iter().chain([&person]) {
                gateway.pace(who.uri).await;
                let before = gateway.size();
                let page = look(&mut browser, path).await;
                refused_by(&gateway, before, &page, FORBIDDEN, "METHOD_NOT_ALLOWED", method);
                assert!(
                    !page.text.contains("<form") && !page.text.contains("auditor (within"),
                    "{}",
                    page.text
                );
            }
            for (path, form, method) in changes(&case, &handle) {
                gateway.pace(who.uri).await;
                let before = gateway.size();
                let page = post(&mut browser, &path, form).await;
                refused_by(&gateway, before, &page, FORBIDDEN, "METHOD_NOT_ALLOWED", method);
                // What is wrong with a form says nothing to who may not post it.
                gateway.pace(who.uri).await;
                let before = gateway.size();
                let page = post(&mut browser, &path, "nothing=known".to_owned()).await;
                refused_by(&gateway, before, &page, FORBIDDEN, "METHOD_NOT_ALLOWED", method);
            }
        }
        assert!(gateway.gate().erasing.register.of(&person(&gateway, 3)).is_none());
        gateway.stop().await.verify_log();
    });
}

#[test]
fn another_site_changes_nothing_with_an_officers_certificate() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let (mut officer, case) = with_a_case(&gateway).await;
        let handle = handle(&mut officer, 3).await;
        let before = gateway.size();
        let navigated = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
        let cross = [
            &[
                ("sec-fetch-site", "cross-site"),
                ("origin", "https://elsewhere.example"),
            ][..],
            &navigated,
        ]
        .concat();
        let sibling = [&[("sec-fetch-site", "same-site")][..], &navigated].concat();
        let (typed, silent, sandboxed) = (vec![("sec-fetch-site", "none")], vec![], vec![("origin", "null")]);
        let mut number = 0;
        for (path, form, _) in changes(&case, &handle) {
            for headers in [&cross, &sibling, &typed, &silent, &sandboxed] {
                let mut request =
                    Request::post(&path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
                for (name, value) in headers {
                    request = request.header(*name, *value);
                }
                let body = Body::new(form.clone().map_err(|never| match never {}));
                let page = whole(send(&mut officer, request.body(body).unwrap()).await).await;
                assert_eq!(page.status, FORBIDDEN, "{path} {headers:?}");
                assert!(page.text.contains("CROSS_ORIGIN"), "{}", page.text);
                number += 1;
            }
        }
        no_entry_since(&gateway, before);
        let sums = counted(&gateway, before, number).await;
        assert_eq!(sums, [("CROSS_ORIGIN".to_owned(), COMPLIANCE.uri.to_owned(), number)]);
        assert!(gateway.gate().erasing.register.of(&person(&gateway, 3)).is_none());
        // The same forms from the console's own pages are taken.
        let page = post(&mut officer, &format!("{case}/assign"), "state=waiting".to_owned()).await;
        assert_eq!(page.status, SEE_OTHER);
        gateway.stop().await.verify_log();
    });
}
