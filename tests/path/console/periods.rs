//! Periods that are over, in the console: chosen in the address, linked with their period, verified with their key.
use super::{BAD, browser, look, refused, since};
use crate::{
    path::audit::archived::{Two, two_periods},
    support::{COMPLIANCE, Place, runtime},
};
use http::StatusCode;

#[test]
fn pages_of_an_archived_period_say_so_and_prove_it() {
    runtime().block_on(async {
        let Two {
            gateway,
            asked,
            archived,
            ..
        } = two_periods(Place::new()).await;
        let mut officer = browser(&gateway, COMPLIANCE).await.unwrap();
        let all = look(&mut officer, "/search?period=all&kind=query&partner=bank-a").await;
        assert_eq!(all.status, StatusCode::OK, "{}", all.text);
        for part in [
            format!("href=\"/entry/{}\"", asked[1]),
            format!("href=\"/entry/{}?period=1\"", asked[0]),
            "<option value=\"all\" selected".to_owned(),
            "<option value=\"1\"".to_owned(),
        ] {
            assert!(all.text.contains(&part), "`{part}` is not in {}", all.text);
        }
        let before = gateway.size();
        let entry = look(&mut officer, &format!("/entry/{}?period=1", asked[0])).await;
        assert_eq!(
            since(&gateway, before)[0].i.note,
            format!("entry {} of period 1", asked[0])
        );
        let first = gateway.place.site().log_verifier_key().to_owned();
        for part in [
            format!("data-vkey=\"{first}\" data-period=\"1\""),
            format!("href=\"/entry/{}?period=1\"", asked[0] - 1),
            format!("href=\"/entry/{}/proof?period=1\"", asked[0]),
            format!("tollgate.example/log\n{archived}\n"),
        ] {
            assert!(entry.text.contains(&part), "`{part}` is not in {}", entry.text);
        }
        let proof = look(&mut officer, &format!("/entry/{}/proof?period=1", asked[0])).await;
        assert!(proof.text.contains(&format!("tollgate.example/log\n{archived}\n")));
        // What the script asks for stays within the period.
        let path = format!("/continuation?from=2&to={archived}&period=1");
        assert_eq!(look(&mut officer, &path).await.status, StatusCode::OK);
        let csv = look(&mut officer, "/export.csv?period=1&kind=query").await;
        assert!(
            csv.text.contains("period") && csv.text.lines().count() == 3,
            "{}",
            csv.text
        );
        let overview = look(&mut officer, "/?period=1").await;
        assert!(
            overview.text.contains("<option value=\"1\" selected"),
            "{}",
            overview.text
        );
        let before = gateway.size();
        let none = look(&mut officer, "/entry/0?period=7").await;
        refused(
            &gateway,
            before,
            &none,
            StatusCode::NOT_FOUND,
            "PERIOD_UNKNOWN",
            "Entry",
        );
        let before = gateway.size();
        let bad = look(&mut officer, "/?period=all").await;
        refused(&gateway, before, &bad, BAD, "FIELD_INVALID", "Overview");
        gateway.stop().await;
    });
}
