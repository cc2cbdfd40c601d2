//! Live views, and those who look too often.
use super::{browser, look, refused, send, since, whole};
use crate::support::{COMPLIANCE, Gateway, Place, counted, runtime};
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use std::time::Duration;
use tollgate::limits::FOLLOWS_PER_MEMBER_MAX;
use tonic::body::Body;

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
