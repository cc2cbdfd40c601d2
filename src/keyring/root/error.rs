//! Why a root does not open. Fixed texts that say what to do next; none carries a secret.
use std::path::PathBuf;

/// Why there is no root key.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// `[keys]` does not fit together.
    #[error("`[keys]`: {0}")]
    Configuration(&'static str),
    /// Another root than the configured one.
    #[error(
        "the keyring is sealed under the root `{found}`, and `[keys]` says `{configured}`: set `root = \"{found}\"`, or move \
         the keyring with `tollgate keys move`"
    )]
    Elsewhere {
        /// In the file.
        found: &'static str,
        /// In the configuration.
        configured: &'static str,
    },
    /// What stands before the sealed part cannot be read.
    #[error("the head of `keyring.sealed` is damaged: restore the keyring from its backup")]
    HeadDamaged,
    /// Nobody to ask.
    #[error(
        "there is no passphrase: name `passphrase_file` or `passphrase_credential` under `[keys]`, or start from a terminal \
         and type it"
    )]
    PassphraseMissing,
    /// Empty or too long.
    #[error("the passphrase is empty or longer than 1,024 bytes: it is one line of text")]
    PassphraseMalformed,
    /// Too short for a new keyring.
    #[error("the passphrase is shorter than 12 bytes: choose five random words or more")]
    PassphraseShort,
    /// It does not open.
    #[error(
        "the passphrase does not open the keyring: try again; if it is surely right, `keyring.sealed` is damaged or of \
         another gateway, restore it from its backup"
    )]
    PassphraseWrong,
    /// The service manager delivered nothing.
    #[error(
        "there is no credential `{0}`: start by systemd with `LoadCredentialEncrypted={0}:FILE` in the unit, which sets \
         `$CREDENTIALS_DIRECTORY`"
    )]
    CredentialMissing(String),
    /// Not 32 bytes.
    #[error("the credential `{0}` is not a root key: it must hold exactly 32 random bytes")]
    CredentialMalformed(String),
    /// It does not open.
    #[error(
        "the credential does not open the keyring: it is that of another gateway or an older one; deliver the one that the \
         keyring was moved to, or restore the keyring from its backup"
    )]
    CredentialWrong,
    /// A secret that others can read.
    #[error(
        "`{0}` can be read by others: run `chmod 600` on it, and choose another secret if anyone could have copied it"
    )]
    Readable(PathBuf),
    /// A file of a secret cannot be read.
    #[error("cannot read `{path}`: {why}", path = .path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        why: std::io::Error,
    },
    /// Keys of the keyring are in a token, and none is configured.
    #[error("keys of this keyring are in a PKCS#11 token: add the table `[keys.token]` that it was made with")]
    TokenMissing,
    /// The PKCS#11 token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Randomness or a key operation failed.
    #[error(transparent)]
    Broken(#[from] crate::crypto::Broken),
}

/// Why a PKCS#11 token cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// No such module, or it does not start.
    #[error(
        "the PKCS#11 module `{path}` cannot be loaded: install and configure it, or correct `module` under `[keys.token]` ({why})",
        path = .path.display()
    )]
    Module {
        /// Where it should be.
        path: PathBuf,
        /// What the loader or the module says.
        why: String,
    },
    /// No token of this label.
    #[error(
        "no token is labelled `{0}`: plug it in, start what serves it, or correct `label` under `[keys.token]`; a token is \
         made by its vendor's tool"
    )]
    Absent(String),
    /// Several tokens of one label.
    #[error("several tokens are labelled `{0}`: unplug all but one, or give them different labels")]
    Several(String),
    /// The PIN is not the token's.
    #[error(
        "the PIN of the token is wrong: correct it before you start again, a token locks itself after a few wrong ones"
    )]
    PinWrong,
    /// One try is left.
    #[error(
        "the token has one try left before it locks itself, so the PIN was not tried: log in once by hand with the token's \
         own tool, then start again"
    )]
    PinLastTry,
    /// No more tries.
    #[error(
        "the PIN of the token is locked after too many wrong ones: its security officer must unlock it and set a new one"
    )]
    PinLocked,
    /// No PIN was set when the token was made.
    #[error("the token has no user PIN yet: its security officer must set one")]
    PinNone,
    /// The key is not there.
    #[error(
        "the token holds no key for this keyring: it is another token, or the key was deleted; restore the token's backup, \
         or the keyring's backup of a root that you still have"
    )]
    KeyAbsent,
    /// Several keys of one label.
    #[error("the token holds several keys labelled `{0}`: choose another label under `[keys.token]`")]
    KeySeveral(String),
    /// The key is not what is needed.
    #[error(
        "the key `{0}` in the token is of another kind: a root is an AES key of 256 bits that cannot be taken out, a log key \
         one of Ed25519, each with an id (`CKA_ID`); choose another label"
    )]
    KeyUnfit(String),
    /// There is one, and a log's key is made with its log.
    #[error(
        "the token holds something labelled `{0}` already: a log's key is made with its log and signs nothing else; choose \
         another `log_key` under `[keys.token]`"
    )]
    LogKeyTaken(String),
    /// The token's key opens something else.
    #[error(
        "the token's key does not open the keyring: the keyring is damaged, or of another token of the same label; restore \
         both from one backup"
    )]
    KeyWrong,
    /// The token does not know the mechanism.
    #[error(
        "the token cannot do what is asked of it: AES-256-GCM for a root, Ed25519 (`CKM_EDDSA`) for a log key; use another token"
    )]
    Unable,
    /// The token is gone.
    #[error(
        "the token does not answer: it was removed or has lost its session; put it back and start the gateway again"
    )]
    Gone,
    /// Anything else.
    #[error("the token failed ({0}): see its own log")]
    Failed(String),
}
