//! A disk that is really full under a gateway that serves: refusals, health, withdrawals, and no restart afterwards.
use super::{Site, bank::connect, site::person, skip};
use crate::crash::full_disk::{Tmpfs, fill};
use std::{fs, sync::Arc, time::Duration};
use tollgate::{
    channel::{Credential, client::Connector},
    crypto::SystemRng,
    wire::v1,
};
use tonic::transport::Endpoint;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

/// Asks for health until it is as expected: it is looked at once a second.
async fn health_becomes(site: &Site, address: std::net::SocketAddr, folder: &str, expected: ServingStatus) {
    let folder = site.at("pki").join(folder);
    let credential = Credential::load(&folder.join("tls.pem"), &folder.join("tls.key")).unwrap();
    let roots = site.text("pki/trust/tollgate.example/root.pem");
    let connector = Connector::new(roots.as_bytes(), &credential, tollgate::app::site::GATEWAY).unwrap();
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    let channel = endpoint.connect_with_connector(connector).await.unwrap();
    let mut client = HealthClient::new(channel);
    for _ in 0..600 {
        let reply = client.check(HealthCheckRequest::default()).await.unwrap();
        if reply.into_inner().status() == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("health does not become {expected:?}");
}

#[test]
fn a_full_disk_is_told_by_health_and_withdrawals_still_work() {
    let temp = tempfile::tempdir().unwrap();
    let Some(disk) = Tmpfs::mount(&temp.path().join("disk"), "128m") else {
        return skip("no permission to mount a tmpfs");
    };
    let site = Site::loaded(10);
    let (data, filler) = (disk.0.join("data"), disk.0.join("filler"));
    // The data directory moves to the small disk.
    let copied = std::process::Command::new("cp")
        .arg("-a")
        .arg(site.at("data"))
        .arg(&data)
        .status();
    assert!(copied.unwrap().success());
    site.edit(
        "gateway.toml",
        "data_dir = \"data\"",
        &format!("data_dir = \"{}\"", data.display()),
    );
    let gateway = site.serve();
    let consent = site.consent(&person(1));
    let listeners = [(gateway.partners, "partners/bank-a"), (gateway.staff, "staff/operator")];
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let healthy = |expected: ServingStatus| {
        runtime.block_on(async {
            for (address, folder) in listeners {
                health_becomes(&site, address, folder, expected).await;
            }
        });
    };
    healthy(ServingStatus::Serving);
    let bank = runtime.block_on(async {
        let bank = connect(&site, gateway.partners, Arc::new(SystemRng::default())).await;
        bank.open_session(v1::Evidence::Request).await.unwrap();
        bank
    });

    fill(&filler);
    site.ask(&person(1), &consent, &["limit_band@1"])
        .ends(1)
        .says(&["`DISK_FULL`", "the operator has been told"]);
    healthy(ServingStatus::NotServing);
    // By a session that was open: an opening is an ordinary request.
    let withdrawn = runtime.block_on(bank.withdraw(v1::WithdrawConsent {
        header: None,
        subject: Some(v1::Subject {
            scheme: v1::SubjectScheme::CnResidentId as i32,
            value: person(1),
        }),
        consent_id: super::bank::bytes(&consent),
    }));
    let withdrawn = withdrawn.map_err(|e| e.to_string()).unwrap();
    assert_eq!(withdrawn.answer.status, v1::ConsentStatus::Withdrawn as i32);

    // Room again: it answers without a restart, and the withdrawal counts.
    fs::remove_file(&filler).unwrap();
    healthy(ServingStatus::Serving);
    let answer = site.ask(&person(1), &consent, &["limit_band@1"]).ends(0).json();
    assert_eq!(answer["signals"][0]["outcome"], "no valid consent");
    drop(bank);
    gateway.stop();
    let data = data.to_str().unwrap();
    site.run(&["audit", "verify", data, "--key", "log.vkey"]).ends(0);
}
