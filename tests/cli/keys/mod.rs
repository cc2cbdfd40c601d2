//! Where the root of the keys comes from, as an operator meets it: passphrase, credential and PKCS#11 token, moving between
//! them, and what is said of each that does not open. Tokens are SoftHSM's: `bash .ci/run tools` installs it.
mod memory;
mod moved;
mod page;
mod passphrase;
mod token;

use super::{Ran, Site, Spawned, program, skip};
use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

/// A file that only its owner can read.
fn secret(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// Runs the binary here with this in its environment.
fn with(site: &Site, environment: &[(&str, &str)], words: &[&str]) -> Ran {
    let mut command = program();
    command.args(words).current_dir(site.path());
    command.envs(environment.iter().copied());
    Spawned::start(command).end()
}

/// `[keys]` of the configuration, in place of what there was.
fn keys(site: &Site, table: &str) {
    let text = site.text("gateway.toml");
    let rest = text.split("\n[keys]").next().unwrap();
    site.write("gateway.toml", &format!("{rest}\n[keys]\n{table}"));
}

/// A SoftHSM token of its own, under `folder`.
struct SoftHsm {
    folder: PathBuf,
    module: &'static str,
}

const PIN: &str = "271828";

impl SoftHsm {
    const MODULES: [&str; 3] = [
        "/usr/lib/softhsm/libsofthsm2.so",
        "/usr/lib64/softhsm/libsofthsm2.so",
        "/usr/local/lib/softhsm/libsofthsm2.so",
    ];

    /// Says so where it is not installed.
    fn module() -> Option<&'static str> {
        let module = Self::MODULES.into_iter().find(|path| Path::new(path).exists());
        if module.is_none() {
            skip("SoftHSM 2 is not installed (Debian: softhsm2)");
        }
        module
    }

    fn is_here() -> bool {
        Self::module().is_some()
    }

    /// `None` where it is not installed.
    fn new(folder: &Path) -> Option<Self> {
        let module = Self::module()?;
        let it = Self {
            folder: folder.to_owned(),
            module,
        };
        fs::create_dir(folder).unwrap();
        let text = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
            it.tokens().display()
        );
        fs::write(it.conf(), text).unwrap();
        secret(&folder.join("pin"), format!("{PIN}\n").as_bytes());
        it.make_token("tollgate");
        Some(it)
    }

    fn conf(&self) -> PathBuf {
        self.folder.join("softhsm2.conf")
    }

    fn tokens(&self) -> PathBuf {
        self.folder.join("tokens")
    }

    fn make_token(&self, label: &str) {
        fs::create_dir_all(self.tokens()).unwrap();
        let words = [
            "--init-token",
            "--free",
            "--label",
            label,
            "--pin",
            PIN,
            "--so-pin",
            "31415926",
        ];
        let made = Command::new("softhsm2-util")
            .args(words)
            .env("SOFTHSM2_CONF", self.conf())
            .output();
        let made = made.unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    /// What the token holds, by the names of its files.
    fn objects(&self) -> BTreeSet<String> {
        let tokens = fs::read_dir(self.tokens()).unwrap();
        let files = tokens.flat_map(|token| fs::read_dir(token.unwrap().path()).unwrap());
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        names
            .filter(|name| name.ends_with(".object") && name != "token.object")
            .collect()
    }

    /// The environment in which the module finds the token.
    fn environment(&self) -> Vec<(String, String)> {
        vec![("SOFTHSM2_CONF".to_owned(), self.conf().display().to_string())]
    }

    /// `[keys.token]` that names it.
    fn table(&self) -> String {
        format!(
            "[keys.token]\nmodule = \"{}\"\nlabel = \"tollgate\"\npin_file = \"{}\"\n",
            self.module,
            self.folder.join("pin").display()
        )
    }
}
