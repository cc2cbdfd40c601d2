//! Files of a gateway, made as `tollgate demo` makes them, and edited as an operator edits them.
use super::Who;
use std::{fs, path::PathBuf};
use tempfile::TempDir;
use tollgate::{
    app::site::Site,
    audit::{note::VerifierKey, verify},
    channel::Credential,
    clock::{Clock, SystemClock},
    config::Config,
    crypto::{Ed25519Signer, SystemRng, VerifyKey},
};

/// A site in a temporary folder.
pub(crate) struct Place {
    folder: TempDir,
    site: Site,
}

/// `text` with `from` replaced by `to`. What is not there cannot be replaced: then the sample changed, and the test with it.
pub(crate) fn swapped(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "`{from}` is not in the sample any more");
    text.replace(from, to)
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let any = "127.0.0.1:0".parse().unwrap();
        let root = folder.path().join("site");
        let site = Site::make(&root, any, any, SystemClock.now(), &SystemRng::default()).unwrap();
        Self { folder, site }
    }

    pub(crate) fn site(&self) -> &Site {
        &self.site
    }
    /// A folder for what is not the gateway's.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.site.folder().join(name)
    }
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }
    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }
    /// Replaces text in a file.
    pub(crate) fn swap(&self, name: &str, from: &str, to: &str) {
        self.write(name, &swapped(&self.read(name), from, to));
    }
    /// Another agreement: the sample's, with another id and some of its text replaced.
    pub(crate) fn add_agreement(&self, id: &str, changes: &[(&str, &str)]) {
        let sample = self.read("agreement-bank-a.toml");
        let renamed = swapped(&sample, "id = \"bank-a-2026\"", &format!("id = \"{id}\""));
        let text = changes
            .iter()
            .fold(renamed, |text, (from, to)| swapped(&text, from, to));
        let file = format!("agreement-{id}.toml");
        self.write(&file, &text);
        let first = "agreements = [\"agreement-bank-a.toml\"";
        self.swap("gateway.toml", first, &format!("{first}, \"{file}\""));
    }
    pub(crate) fn config(&self) -> Config {
        Config::load(&self.site.config()).unwrap()
    }

    pub(crate) fn credential(&self, who: Who) -> Credential {
        let at = self.site.pki().join(who.place);
        Credential::load(&at.join("tls.pem"), &at.join("tls.key")).unwrap()
    }
    pub(crate) fn signer(&self, who: Who) -> Ed25519Signer {
        let pem = fs::read_to_string(self.site.pki().join(who.place).join("signing.key")).unwrap();
        Ed25519Signer::from_pkcs8_pem(&pem).unwrap()
    }
    pub(crate) fn gateway_identity(&self) -> VerifyKey {
        let pem = fs::read_to_string(self.site.pki().join("gateway/identity.pub")).unwrap();
        VerifyKey::from_spki_pem(&pem).unwrap()
    }
    pub(crate) fn roots(&self) -> Vec<u8> {
        fs::read(self.site.pki().join("trust/tollgate.example/root.pem")).unwrap()
    }

    /// The whole log, offline, by its public key. Gives the number of its entries.
    pub(crate) fn verify_log(&self) -> u64 {
        let key = VerifierKey::parse(self.site.log_verifier_key()).unwrap();
        let verified = verify::dir(&self.config().gateway.data_dir, &key, &mut |_| ());
        verified.unwrap_or_else(|bad| panic!("{bad}")).entries
    }
}
