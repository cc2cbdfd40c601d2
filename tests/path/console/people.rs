//! People: named in forms only, reported on, and forms that are none.
use super::{BAD, FORBIDDEN, browser, look, post, refused, refused_by, send, since, whole};
use crate::support::{
    AUDITOR, COMPLIANCE, Gateway, Place, agreed, counted, load_sample, no_entry_since, on_shared, person, runtime,
    subject,
};
use http::{Method, Request, StatusCode, header};
use tollgate::{
    audit::note::VerifierKey,
    evidence,
    limits::{FORM_BYTES_MAX, HANDLE_MS_MAX, WEB_BODY_BYTES_MAX},
    wire::v1,
};
use tonic::body::Body;

fn named(row: u64) -> String {
    format!("scheme=cn-resident-id&identity={}", subject(row).value)
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

/// A report is proven by an entry of the service's own method, wherever it is made.
const REPORT: &str = "/tollgate.v1.AuditService/ReportSubject";

#[test]
fn a_report_is_a_page_that_proves_by_itself() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        load_sample(&gateway).await;
        agreed(&gateway, 5).await;
        let mut officer = browser(&gateway, COMPLIANCE).await.unwrap();
        let before = gateway.size();
        assert_eq!(look(&mut officer, "/report").await.status, StatusCode::OK);
        no_entry_since(&gateway, before);
        let form = |row| format!("{}&from=&until=&reason=asked+at+the+counter", named(row));
        let made = post(&mut officer, "/report", form(5)).await;
        assert_eq!(made.status, StatusCode::OK, "{}", made.text);
        assert!(
            made.headers[header::CONTENT_DISPOSITION]
                .to_str()
                .unwrap()
                .starts_with("attachment")
        );
        assert!(
            !made.text.contains(&subject(5).value),
            "a report shows the identity masked"
        );
        let key = VerifierKey::parse(gateway.place.site().log_verifier_key()).unwrap();
        evidence::verify_page(&made.text, &key).unwrap();
        assert!(evidence::verify_page(&made.text.replacen("bank-a", "bank-b", 1), &key).is_err());
        let new = since(&gateway, before);
        assert_eq!(new.len(), 1);
        assert_eq!(new[0].leaf.method, REPORT);
        assert!(new[0].of_person && new[0].i.note.contains("asked at the counter"));
        for (who, form, status, code) in [
            (AUDITOR, form(5), FORBIDDEN, "OUT_OF_SCOPE"),
            (COMPLIANCE, form(5).replace("from=", "from=never"), BAD, "FIELD_INVALID"),
            (
                COMPLIANCE,
                "scheme=cn-mobile&identity=1&reason=a".to_owned(),
                BAD,
                "SUBJECT_MALFORMED",
            ),
        ] {
            let mut browser = browser(&gateway, who).await.unwrap();
            let before = gateway.size();
            let page = post(&mut browser, "/report", form).await;
            refused_by(&gateway, before, &page, status, code, REPORT);
        }
        gateway.stop().await.verify_log();
    });
}
