//! The commands of `docs/operating/root-key.md`, as they stand there.
use super::*;
use crate::cli::by_hand;

const PAGE: &str = include_str!("../../../docs/operating/root-key.md");

#[test]
fn the_page_goes_as_it_says() {
    if !SoftHsm::is_here() {
        return;
    }
    let site = Site::new();
    let blocks = by_hand::blocks(PAGE);
    assert_eq!(blocks.len(), 4);
    let temporary = tempfile::tempdir().unwrap();
    for (block, root) in blocks.into_iter().zip(["passphrase", "credential", "pkcs11", "pkcs11"]) {
        let said = by_hand::run(block, &site.path(), temporary.path());
        assert!(
            said.contains(&format!("the keyring is under the root `{root}` now")),
            "{said}"
        );
        assert!(said.contains(&format!("root of the keys: {root}")), "{said}");
    }
    // The copy for the safe opens with the passphrase alone.
    fs::rename(
        site.at("keyring-for-the-safe.sealed"),
        site.at("data/keyring/keyring.sealed"),
    )
    .unwrap();
    let text = site.text("gateway-safe.toml");
    site.write("gateway-safe.toml", text.split("[keys.token]").next().unwrap());
    site.run(&["check-config", "gateway-safe.toml"]).ends(0);
}
