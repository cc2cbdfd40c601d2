//! The case list as pages: what is posted is what the service would have done, with its entries and its refusals.
use super::{BAD, Page, browser, look, post, refused_by, since};
use crate::support::{
    COMPLIANCE, DAY_MS, Entry, Gateway, Place, entries, load_sample, no_entry_since, person, runtime, subject,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{StatusCode, header};
use tollgate::{
    crypto::sha256,
    erasure::Stage,
    limits::{FORM_BYTES_MAX, SUBJECT_TEXT_BYTES_MAX},
    pipeline::subject_requests::{ASSIGN, CLOSE, GET, LETTER, LIST, OPEN},
    wire::v1,
};
use tonic::transport::Channel;

fn arrived(row: u64, kind: &str, more: &str) -> String {
    format!(
        "scheme=cn-resident-id&identity={}&kind={kind}&owner=compliance&{more}",
        subject(row).value
    )
}

/// Where an act leads, and that it is a page of the console's.
#[track_caller]
fn led(page: &Page) -> String {
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.text);
    page.headers[header::LOCATION].to_str().unwrap().to_owned()
}

/// The one entry of an act.
#[track_caller]
fn recorded(gateway: &Gateway, before: u64, method: tollgate::domain::Method) -> Entry {
    let mut new = since(gateway, before);
    assert_eq!(new.len(), 1, "{new:#?}");
    assert_eq!(new[0].leaf.method, method.path());
    assert_eq!(
        (new[0].leaf.peer.as_str(), new[0].leaf.refusal.as_str()),
        (COMPLIANCE.uri, "")
    );
    new.pop().unwrap()
}

async fn taken_in(officer: &mut Channel, row: u64, kind: &str) -> String {
    led(&post(officer, "/cases", arrived(row, kind, "")).await)
}

#[test]
fn a_case_is_taken_in_worked_and_closed() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let mut officer = browser(&gateway, COMPLIANCE).await.unwrap();
        let page = look(&mut officer, "/cases").await;
        assert!(page.text.contains("No case matches"), "{}", page.text);

        // A browser ends lines with CR LF.
        let before = gateway.size();
        let words = "contact=1+Example+Road%0D%0AExample+Town&text=this+is+not+%3Cb%3Emy%3C%2Fb%3E+debt";
        let there = led(&post(&mut officer, "/cases", arrived(3, "dispute", words)).await);
        let entry = recorded(&gateway, before, OPEN.method);
        assert!(entry.of_person && entry.i.subject == person(&gateway, 3).0);
        assert!(
            there.starts_with("/cases/") && !there.contains(&subject(3).value),
            "{there}"
        );

        let before = gateway.size();
        let list = look(&mut officer, "/cases").await;
        recorded(&gateway, before, LIST.method);
        assert!(
            list.text.contains(&there) && list.text.contains("days left: 20"),
            "{}",
            list.text
        );
        assert!(!list.text.contains("Example Road"));

        let before = gateway.size();
        let case = look(&mut officer, &there).await;
        let entry = recorded(&gateway, before, GET.method);
        assert!(entry.of_person);
        for said in [
            "1 Example Road\nExample Town",
            "this is not &lt;b&gt;my&lt;/b&gt; debt",
            "Acknowledgement",
            "/search?kind=subject-request&amp;person=",
        ] {
            assert!(case.text.contains(said), "{said}: {}", case.text);
        }
        assert!(!case.text.contains(&subject(3).value));

        let before = gateway.size();
        let waits = post(
            &mut officer,
            &format!("{there}/assign"),
            "owner=compliance&state=waiting".into(),
        )
        .await;
        assert_eq!(led(&waits), there);
        recorded(&gateway, before, ASSIGN.method);
        assert!(look(&mut officer, &there).await.text.contains("Waiting for others"));

        // The file on the page is what the entry proves.
        let before = gateway.size();
        let letter = post(&mut officer, &format!("{there}/letter"), "language=zh".into()).await;
        assert_eq!(letter.status, StatusCode::OK, "{}", letter.text);
        let entry = recorded(&gateway, before, LETTER.method);
        let file = letter
            .text
            .split("data:text/html;charset=utf-8;base64,")
            .nth(1)
            .unwrap();
        let file = STANDARD.decode(file.split('"').next().unwrap()).unwrap();
        assert_eq!(entry.x.answer_digest, sha256(&file));
        assert!(String::from_utf8(file).unwrap().contains("1 Example Road"));
        assert!(letter.text.contains("加注异议标注") && letter.text.contains("lang=\"zh\""));

        let close = format!("{there}/close");
        let before = gateway.size();
        let page = post(&mut officer, &close, "outcome=refused&reason=+".into()).await;
        refused_by(&gateway, before, &page, BAD, "FIELD_INVALID", CLOSE.method.path());
        assert!(
            page.text.contains("Not done") && page.text.contains("A field of the form"),
            "{}",
            page.text
        );
        let before = gateway.size();
        let closed = post(
            &mut officer,
            &close,
            "outcome=refused&reason=the+record+is+right".into(),
        )
        .await;
        assert_eq!(led(&closed), there);
        recorded(&gateway, before, CLOSE.method);
        let case = look(&mut officer, &there).await.text;
        assert!(
            case.contains("the record is right") && case.contains("Not fulfilled"),
            "{case}"
        );
        assert!(
            !case.contains("/close\"") && !case.contains("/assign\""),
            "nothing but a letter is left: {case}"
        );
        let before = gateway.size();
        let page = post(&mut officer, &close, "outcome=fulfilled".into()).await;
        let conflict = StatusCode::CONFLICT;
        refused_by(
            &gateway,
            before,
            &page,
            conflict,
            "SUBJECT_REQUEST_CLOSED",
            CLOSE.method.path(),
        );
        // What is closed is listed when it is asked for.
        assert!(!look(&mut officer, "/cases").await.text.contains(&there));
        for filters in ["state=all", "state=closed&kind=dispute&owner=compliance"] {
            assert!(
                look(&mut officer, &format!("/cases?{filters}"))
                    .await
                    .text
                    .contains(&there),
                "{filters}"
            );
        }
        gateway.stop().await.verify_log();
    });
}

#[test]
fn a_case_of_another_officer_is_taken_over_and_handed_back() {
    runtime().block_on(async {
        let place = Place::new();
        let deputy = "id = \"deputy\"\nrole = \"compliance\"\nuri = \"spiffe://tollgate.example/compliance/deputy\"\n";
        let register = place.read("register.toml");
        place.write("register.toml", &format!("{register}\n[[members]]\n{deputy}"));
        let gateway = Gateway::start(place).await;
        let mut officer = browser(&gateway, COMPLIANCE).await.unwrap();
        let form = arrived(3, "access", "").replace("owner=compliance", "owner=deputy");
        let there = led(&post(&mut officer, "/cases", form).await);
        let (mine, theirs) = ("/cases?owner=compliance", "/cases?owner=deputy");
        assert!(!look(&mut officer, mine).await.text.contains(&there));
        assert!(look(&mut officer, theirs).await.text.contains(&there));
        let page = look(&mut officer, &there).await.text;
        assert!(
            page.contains("Take it over") && page.contains("name=\"owner\" value=\"compliance\""),
            "{page}"
        );
        let assign = format!("{there}/assign");
        assert_eq!(
            led(&post(&mut officer, &assign, "owner=compliance".to_owned()).await),
            there
        );
        assert!(look(&mut officer, mine).await.text.contains(&there));
        assert!(
            !look(&mut officer, &there).await.text.contains("Take it over"),
            "it is theirs already"
        );
        led(&post(&mut officer, &assign, "owner=deputy&state=waiting".to_owned()).await);
        assert!(look(&mut officer, theirs).await.text.contains(&there));
        gateway.stop().await.verify_log();
    });
}

#[test]
fn the_clock_runs_from_the_day_it_arrived() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let mut officer = browser(&gateway, COMPLIANCE).await.unwrap();
        let day = |days: i64| {
            let at = jiff::Timestamp::from_millisecond(gateway.now().plus_ms(-days * DAY_MS).0).unwrap();
            at.strftime("%Y-%m-%d").to_string()
        };
        let late = format!("received={}", day(21));
        let late = led(&post(&mut officer, "/cases", arrived(3, "dispute", &late)).await);
        let near = format!("received={}", day(18));
        let near = led(&post(&mut officer, "/cases", arrived(4, "correction", &near)).await);
        let list = look(&mut officer, "/cases").await.text;
        assert!(
            list.find(&late).unwrap() < list.find(&near).unwrap(),
            "nearest deadline first"
        );
        for said in [
            "overdue, days: ",
            "class=\"clock late\"",
            "class=\"clock near\"",
            "overdue: 1",
        ] {
            assert!(list.contains(said), "{said}: {list}");
        }
        let list = look(&mut officer, "/cases?overdue=yes").await.text;
        assert!(list.contains(&late) && !list.contains(&near));
        assert!(look(&mut officer, &late).await.text.contains("Notice of delay"));
        gateway.stop().await.verify_log();
    });
}

#[test]
fn a_deletion_that_is_granted_orders_the_erasure() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        load_sample(&gateway).await;
        let mut officer = browser(&gateway, COMPLIANCE).await.unwrap();
        let (dispute, deletion) = (
            taken_in(&mut officer, 3, "dispute").await,
            taken_in(&mut officer, 3, "deletion").await,
        );
        let granted = post(
            &mut officer,
            &format!("{deletion}/close"),
            "outcome=fulfilled&certain=yes".into(),
        )
        .await;
        assert_eq!(led(&granted), deletion);
        let standing = gateway.gate().erasing.register.of(&person(&gateway, 3)).unwrap();
        assert_eq!(standing.stage(), Stage::Blocked);
        // The list of erasures says what runs against it, and leads to it.
        let list = look(&mut officer, "/erasures").await.text;
        assert!(
            list.contains(&dispute) && list.contains("until the dispute is closed"),
            "{list}"
        );
        gateway.stop().await.verify_log();
    });
}

#[test]
fn what_no_case_can_have() {
    runtime().block_on(async {
        let gateway = Gateway::start(Place::new()).await;
        let mut officer = browser(&gateway, COMPLIANCE).await.unwrap();
        let there = taken_in(&mut officer, 3, "access").await;
        let unknown = format!("/cases/{}", "0".repeat(32));
        let (lost, long) = (StatusCode::NOT_FOUND, "x".repeat(SUBJECT_TEXT_BYTES_MAX + 1));
        let mended = arrived(4, "access", "").replace("identity=9", "identity=8");
        let forms = [
            ("/cases".to_owned(), mended, BAD, "SUBJECT_MALFORMED", OPEN),
            (
                "/cases".to_owned(),
                arrived(4, "lawsuit", ""),
                BAD,
                "FIELD_INVALID",
                OPEN,
            ),
            (
                "/cases".to_owned(),
                arrived(4, "access", "more=x"),
                BAD,
                "FIELD_INVALID",
                OPEN,
            ),
            (
                "/cases".to_owned(),
                arrived(4, "access", "received=2999-01-01"),
                BAD,
                "FIELD_INVALID",
                OPEN,
            ),
            (
                "/cases".to_owned(),
                arrived(4, "access", "received=yesterday"),
                BAD,
                "FIELD_INVALID",
                OPEN,
            ),
            (
                "/cases".to_owned(),
                arrived(4, "access", &format!("text={long}")),
                BAD,
                "FIELD_INVALID",
                OPEN,
            ),
            (
                "/cases".to_owned(),
                arrived(4, "access", "text=%07"),
                BAD,
                "FIELD_INVALID",
                OPEN,
            ),
            (
                "/cases".to_owned(),
                arrived(4, "access", "").replace("owner=compliance", "owner=auditor"),
                BAD,
                "FIELD_INVALID",
                OPEN,
            ),
            (
                "/cases".to_owned(),
                format!("text={}", "x".repeat(FORM_BYTES_MAX)),
                StatusCode::PAYLOAD_TOO_LARGE,
                "TOO_LARGE",
                OPEN,
            ),
            (format!("{there}/assign"), String::new(), BAD, "FIELD_INVALID", ASSIGN),
            (
                format!("{there}/assign"),
                "state=closed".to_owned(),
                BAD,
                "FIELD_INVALID",
                ASSIGN,
            ),
            (
                format!("{there}/assign"),
                "owner=security".to_owned(),
                BAD,
                "FIELD_INVALID",
                ASSIGN,
            ),
            (
                format!("{unknown}/assign"),
                "state=open".to_owned(),
                lost,
                "SUBJECT_REQUEST_UNKNOWN",
                ASSIGN,
            ),
            (
                format!("{there}/letter"),
                "language=fr".to_owned(),
                BAD,
                "FIELD_INVALID",
                LETTER,
            ),
            (
                format!("{unknown}/letter"),
                "language=zh".to_owned(),
                lost,
                "SUBJECT_REQUEST_UNKNOWN",
                LETTER,
            ),
            (
                format!("{there}/close"),
                "outcome=forgotten".to_owned(),
                BAD,
                "FIELD_INVALID",
                CLOSE,
            ),
            (
                "/cases/none/close".to_owned(),
                "outcome=fulfilled".to_owned(),
                lost,
                "SUBJECT_REQUEST_UNKNOWN",
                CLOSE,
            ),
        ];
        for (path, form, status, code, call) in forms {
            gateway.pace(COMPLIANCE.uri).await;
            let before = gateway.size();
            let page = post(&mut officer, &path, form).await;
            refused_by(&gateway, before, &page, status, code, call.method.path());
            assert!(!page.text.contains(&subject(4).value));
        }
        for (path, status, code, call) in [
            ("/cases?state=forgotten", BAD, "FIELD_INVALID", LIST),
            ("/cases?kind=lawsuit", BAD, "FIELD_INVALID", LIST),
            ("/cases?owner=No%20One", BAD, "FIELD_INVALID", LIST),
            ("/cases?overdue=no", BAD, "FIELD_INVALID", LIST),
            ("/cases?nothing=known", BAD, "FIELD_INVALID", LIST),
            ("/cases?page=AAAA", BAD, "PAGE_TOKEN_INVALID", LIST),
            (&unknown, lost, "SUBJECT_REQUEST_UNKNOWN", GET),
            ("/cases/none", lost, "SUBJECT_REQUEST_UNKNOWN", GET),
            ("/cases/%FF", lost, "SUBJECT_REQUEST_UNKNOWN", GET),
        ] {
            gateway.pace(COMPLIANCE.uri).await;
            let before = gateway.size();
            let page = look(&mut officer, path).await;
            refused_by(&gateway, before, &page, status, code, call.method.path());
        }
        // Nothing of it changed anything.
        let mut all = entries(&gateway, 0);
        all.retain(|e| e.leaf.kind() == v1::EntryKind::SubjectRequest && !e.i.effects_sha256.is_empty());
        assert_eq!(all.len(), 1);
        let before = gateway.size();
        assert_eq!(look(&mut officer, "/nowhere").await.status, lost);
        no_entry_since(&gateway, before);
        gateway.stop().await.verify_log();
    });
}
