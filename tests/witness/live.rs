//! What changes while a connection lives, by a client that keeps it: the one below gRPC's.
use super::*;
use std::future::poll_fn;
use tollgate::{channel::Denied, clock::Time};
use tonic::transport::Endpoint;
use tower_service::Service;

#[test]
fn a_certificate_that_is_denied_or_expires_is_refused_with_the_next_request() {
    runtime().block_on(async {
        let bench = Bench::start().await;
        let gateway = &bench.gateway;
        let address = gateway.running.witness().unwrap();
        let credential = gateway.place.credential(BANK_A);
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        let mut channel = endpoint
            .connect_with_connector(gateway.connector(&credential))
            .await
            .unwrap();
        let mut ask = async |path: &str| {
            let request = http::Request::post(format!("http://{address}{path}"));
            let request = request.body(tonic::body::Body::empty()).unwrap();
            poll_fn(|context| channel.poll_ready(context)).await.unwrap();
            channel.call(request).await.unwrap().status().as_u16()
        };
        assert_eq!(ask(ADD).await, 400, "an empty body, of somebody who may send one");
        assert_eq!(ask("/other").await, 404);
        // The denylist alone: `Running::deny` would end the connection too.
        let bytes = std::fs::read(gateway.place.site().pki().join("partners/bank-a/tls.pem")).unwrap();
        let (_, pem) = x509_parser::pem::parse_x509_pem(&bytes).unwrap();
        let key = Denied::Key {
            sha256: sha256(pem.parse_x509().unwrap().public_key().raw),
        };
        gateway
            .running
            .denylist()
            .add(&key, Time(gateway.now().0 + 1_000), gateway.now())
            .unwrap();
        assert_eq!(ask(ADD).await, 401, "denied");
        gateway.clock.advance_ms(2_000);
        assert_eq!(ask(ADD).await, 400, "the denial is over");
        gateway.clock.advance_ms(3_000 * 86_400_000);
        assert_eq!(ask(ADD).await, 401, "expired");
    });
}
