//! A PKCS#11 token: wraps the keyring's key with an AES-256 key that never leaves it, signs the log with one, and can hold
//! the keys of shred epochs. The only importer of `cryptoki`.
//!
//! Keys are found by `CKA_ID`, which the gateway makes at random and records: two keys of one label are never confused.
use super::{RootError, TokenError, TokenSource};
use crate::crypto::{Broken, Rng, Signer, VerifyKey};
use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::{Error, RvError},
    mechanism::{
        Mechanism,
        aead::GcmParams,
        eddsa::{EddsaParams, EddsaSignatureScheme},
    },
    object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle},
    session::{Session, UserType},
    slot::{Slot, TokenInfo},
    types::{RawAuthPin, Ulong},
};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

const TAG_BITS: Ulong = Ulong::new(128);
/// Ed25519 as `CKA_EC_PARAMS`: the object identifier of RFC 8410, and the name that older tokens know (PKCS#11 3.0, 2.3.5).
const ED25519: [&[u8]; 2] = [
    &[0x06, 0x03, 0x2b, 0x65, 0x70],
    &[
        0x13, 0x0c, b'e', b'd', b'w', b'a', b'r', b'd', b's', b'2', b'5', b'5', b'1', b'9',
    ],
];
const EPOCH_LABEL: &str = "tollgate-epoch";

/// A module is started once in a process and ended with it: an end would take its sessions from whoever else has some.
static MODULES: Mutex<Vec<(PathBuf, Pkcs11)>> = Mutex::new(Vec::new());

/// A token that the gateway has logged in to.
pub(in crate::keyring) struct Token {
    source: TokenSource,
    session: Mutex<Session>,
}

impl Token {
    /// Finds the token and logs in.
    pub(in crate::keyring) fn open(source: &TokenSource) -> Result<Self, RootError> {
        let module = module(&source.module)?;
        let slot = slot(&module, &source.label)?;
        let info = module.get_token_info(slot).map_err(failed)?;
        judge(&info)?;
        let session = module.open_rw_session(slot).map_err(failed)?;
        let pin = RawAuthPin::new(Box::new(source.pin()?.expose().to_vec()));
        match session.login_with_raw(UserType::User, &pin) {
            // By another session of this process.
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
            Err(error) => return Err(failed(error).into()),
        }
        Ok(Self {
            source: source.clone(),
            session: Mutex::new(session),
        })
    }

    /// The id of the key that wraps, which is made where there is none.
    pub(super) fn root_key_or_new(&self, rng: &dyn Rng) -> Result<Vec<u8>, RootError> {
        let label = &self.source.key;
        let unfit = || TokenError::KeyUnfit(label.clone());
        let found = self.with(|session| session.find_objects(&[secret_class(), of_label(label)]))?;
        let key = match found.as_slice() {
            [] => return self.new_key(label, rng),
            [key] => *key,
            _ => return Err(TokenError::KeySeveral(label.clone()).into()),
        };
        let wanted = [
            AttributeType::KeyType,
            AttributeType::ValueLen,
            AttributeType::Extractable,
            AttributeType::Id,
        ];
        let attributes = self.with(|session| session.get_attributes(key, &wanted))?;
        let needed = [
            Attribute::KeyType(KeyType::AES),
            Attribute::ValueLen(32.into()),
            Attribute::Extractable(false),
        ];
        let id = attributes.iter().find_map(|attribute| match attribute {
            Attribute::Id(id) if (1..=64).contains(&id.len()) => Some(id.clone()),
            _ => None,
        });
        match needed.iter().all(|attribute| attributes.contains(attribute)) {
            true => Ok(id.ok_or_else(unfit)?),
            false => Err(unfit().into()),
        }
    }

    /// Whether new epochs get a key here.
    pub(in crate::keyring) fn holds_epochs(&self) -> bool {
        self.source.epochs
    }

    /// The label of the log's key, if that is to be here.
    pub(in crate::keyring) fn log_label(&self) -> Option<&str> {
        self.source.log_key.as_deref()
    }

    /// A new key of an epoch; gives its id.
    pub(in crate::keyring) fn new_epoch_key(&self, rng: &dyn Rng) -> Result<Vec<u8>, RootError> {
        self.new_key(EPOCH_LABEL, rng)
    }

    fn new_key(&self, label: &str, rng: &dyn Rng) -> Result<Vec<u8>, RootError> {
        let id = new_id(rng)?;
        let template = [
            secret_class(),
            Attribute::KeyType(KeyType::AES),
            Attribute::ValueLen(32.into()),
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
            of_label(label),
            Attribute::Id(id.clone()),
        ];
        self.with(|session| session.generate_key(&Mechanism::AesKeyGen, &template))?;
        Ok(id)
    }

    /// AES-256-GCM in the token. Some tokens choose the nonce themselves: the one that was used is in `nonce` after it.
    pub(in crate::keyring) fn seal(
        &self,
        key_id: &[u8],
        nonce: &mut [u8; 12],
        aad: &[u8],
        plain: &[u8],
    ) -> Result<Vec<u8>, RootError> {
        let key = self.key(&[secret_class(), Attribute::Id(key_id.to_vec())])?;
        let params = GcmParams::new(nonce, aad, TAG_BITS).map_err(failed)?;
        Ok(self.with(|session| session.encrypt(&Mechanism::AesGcm(params), key, plain))?)
    }

    /// Opens what [`Token::seal`] sealed. The caller wipes it.
    pub(in crate::keyring) fn open_box(
        &self,
        key_id: &[u8],
        nonce: &mut [u8; 12],
        aad: &[u8],
        sealed: &[u8],
    ) -> Result<Vec<u8>, RootError> {
        let key = self.key(&[secret_class(), Attribute::Id(key_id.to_vec())])?;
        let params = GcmParams::new(nonce, aad, TAG_BITS).map_err(failed)?;
        let opened = self.with(|session| session.decrypt(&Mechanism::AesGcm(params), key, sealed));
        opened.map_err(|error| match error {
            gone @ (TokenError::Gone | TokenError::Unable) => gone.into(),
            // Tokens disagree on what a wrong tag is called.
            _ => TokenError::KeyWrong.into(),
        })
    }

    /// Destroys a key. One that is not there is destroyed, provided that the token has the key `beside`: a token that is
    /// gone, or another one of the same label, finds nothing either, and must not pass for an erasure. Where no other key
    /// of the keyring is in the token, it must at least make one.
    pub(in crate::keyring) fn destroy(
        &self,
        key_id: &[u8],
        beside: Option<&[u8]>,
        rng: &dyn Rng,
    ) -> Result<(), RootError> {
        self.remove(key_id)?;
        match beside {
            Some(beside) => self.key(&[secret_class(), Attribute::Id(beside.to_vec())]).map(drop),
            None => self.remove(&self.new_epoch_key(rng)?),
        }
    }

    fn remove(&self, key_id: &[u8]) -> Result<(), RootError> {
        let template = [secret_class(), Attribute::Id(key_id.to_vec())];
        self.with(|session| {
            for key in session.find_objects(&template)? {
                session.destroy_object(key)?;
            }
            Ok(())
        })?;
        match self.key(&template) {
            Err(RootError::Token(TokenError::KeyAbsent)) => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Err(TokenError::Failed("it keeps a key that it was told to destroy".to_owned()).into()),
        }
    }

    /// A new Ed25519 key for a log; gives its id and its public half. A log's key signs nothing else, so one that is
    /// there already is not used.
    pub(in crate::keyring) fn new_log_key(&self, label: &str, rng: &dyn Rng) -> Result<(Vec<u8>, [u8; 32]), RootError> {
        if !self
            .with(|session| session.find_objects(&[of_label(label)]))?
            .is_empty()
        {
            return Err(TokenError::LogKeyTaken(label.to_owned()).into());
        }
        let id = new_id(rng)?;
        let private = [
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Sign(true),
            of_label(label),
            Attribute::Id(id.clone()),
        ];
        let mut last = TokenError::Unable;
        for curve in ED25519 {
            let public = [
                Attribute::Token(true),
                Attribute::Private(false),
                Attribute::Verify(true),
                Attribute::EcParams(curve.to_vec()),
                of_label(label),
                Attribute::Id(id.clone()),
            ];
            let made = self.with(|session| {
                let (public, _) = session.generate_key_pair(&Mechanism::EccEdwardsKeyPairGen, &public, &private)?;
                session.get_attributes(public, &[AttributeType::EcPoint])
            });
            match made {
                Ok(attributes) => return Ok((id, point(&attributes).ok_or(TokenError::KeyUnfit(label.to_owned()))?)),
                Err(error) => last = error,
            }
        }
        Err(last.into())
    }

    /// What signs the log, by the key that is recorded.
    pub(in crate::keyring) fn log_signer(self: Arc<Self>, id: &[u8], public: &[u8]) -> Result<TokenSigner, RootError> {
        let key = self.key(&[Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::Id(id.to_vec())])?;
        Ok(TokenSigner {
            public: public.try_into().map_err(|_| Broken)?,
            verify: VerifyKey::ed25519(public)?,
            key,
            token: self,
        })
    }

    fn key(&self, template: &[Attribute]) -> Result<ObjectHandle, RootError> {
        let found = self.with(|session| session.find_objects(template))?;
        match found.as_slice() {
            [key] => Ok(*key),
            [] => Err(TokenError::KeyAbsent.into()),
            _ => Err(TokenError::Failed("two keys of one id".to_owned()).into()),
        }
    }

    fn with<R>(&self, act: impl FnOnce(&Session) -> cryptoki::error::Result<R>) -> Result<R, TokenError> {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        act(&session).map_err(failed)
    }
}

/// Signs by a key in the token. If the token is gone, the log takes no more entries.
pub(in crate::keyring) struct TokenSigner {
    token: Arc<Token>,
    key: ObjectHandle,
    public: [u8; 32],
    verify: VerifyKey,
}

impl Signer for TokenSigner {
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], Broken> {
        let pure = Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Pure));
        let signed = self.token.with(|session| session.sign(&pure, self.key, message));
        let signed = signed.map_err(|error| {
            tracing::error!(%error, "the log cannot be signed");
            Broken
        })?;
        // A token that was exchanged, or that miscounts, must not put a false signature into anybody's hands.
        self.verify.verify(message, &signed)?;
        signed.as_slice().try_into().map_err(|_| Broken)
    }
    fn public_key(&self) -> [u8; 32] {
        self.public
    }
}

/// Ends every module that was started: the last thing that a process does with them. A module that is not told of the end
/// may find its own libraries gone before it, and crash the process after its work is done (SoftHSM does).
pub fn end_tokens() {
    let modules = std::mem::take(&mut *MODULES.lock().unwrap_or_else(PoisonError::into_inner));
    for (path, module) in modules {
        if let Err(error) = module.finalize() {
            tracing::warn!(module = %path.display(), %error, "a PKCS#11 module did not end in order");
        }
    }
}

fn module(path: &Path) -> Result<Pkcs11, TokenError> {
    let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, module)) = modules.iter().find(|(known, _)| known == path) {
        return Ok(module.clone());
    }
    let absent = |error: Error| TokenError::Module {
        path: path.to_owned(),
        // The names of the standard; the crate's texts for them are paragraphs.
        why: match error {
            Error::Pkcs11(code, _) => format!("it does not start: {code:?}"),
            other => other.to_string(),
        },
    };
    let module = Pkcs11::new(path).map_err(absent)?;
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(error) => return Err(absent(error)),
    }
    modules.push((path.to_owned(), module.clone()));
    Ok(module)
}

fn slot(module: &Pkcs11, label: &str) -> Result<Slot, TokenError> {
    let slots = module.get_slots_with_initialized_token().map_err(failed)?;
    let is_it = |slot: &Slot| module.get_token_info(*slot).is_ok_and(|info| info.label() == label);
    let mut found = slots.into_iter().filter(is_it);
    match (found.next(), found.next()) {
        (Some(slot), None) => Ok(slot),
        (None, _) => Err(TokenError::Absent(label.to_owned())),
        (Some(_), Some(_)) => Err(TokenError::Several(label.to_owned())),
    }
}

/// A service that restarts by itself must not use up the tries of a token with a wrong PIN.
fn judge(info: &TokenInfo) -> Result<(), TokenError> {
    if info.user_pin_locked() {
        Err(TokenError::PinLocked)
    } else if info.user_pin_final_try() {
        Err(TokenError::PinLastTry)
    } else if !info.user_pin_initialized() {
        Err(TokenError::PinNone)
    } else {
        Ok(())
    }
}

fn failed(error: Error) -> TokenError {
    let Error::Pkcs11(code, _) = error else {
        return TokenError::Failed(error.to_string());
    };
    match code {
        RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange => TokenError::PinWrong,
        RvError::PinLocked => TokenError::PinLocked,
        RvError::PinExpired | RvError::UserPinNotInitialized => TokenError::PinNone,
        RvError::MechanismInvalid | RvError::MechanismParamInvalid | RvError::FunctionNotSupported => {
            TokenError::Unable
        }
        RvError::DeviceRemoved
        | RvError::DeviceError
        | RvError::TokenNotPresent
        | RvError::SessionClosed
        | RvError::SessionHandleInvalid
        | RvError::KeyHandleInvalid
        | RvError::ObjectHandleInvalid
        | RvError::UserNotLoggedIn
        | RvError::CryptokiNotInitialized => TokenError::Gone,
        other => TokenError::Failed(format!("{other:?}")),
    }
}

fn secret_class() -> Attribute {
    Attribute::Class(ObjectClass::SECRET_KEY)
}

fn of_label(label: &str) -> Attribute {
    Attribute::Label(label.as_bytes().to_vec())
}

fn new_id(rng: &dyn Rng) -> Result<Vec<u8>, Broken> {
    let mut id = [0; 16];
    rng.fill(&mut id)?;
    Ok(id.to_vec())
}

/// `CKA_EC_POINT`: an OCTET STRING in DER by the standard, the bare point by some tokens.
fn point(attributes: &[Attribute]) -> Option<[u8; 32]> {
    let bytes = attributes.iter().find_map(|attribute| match attribute {
        Attribute::EcPoint(bytes) => Some(bytes.as_slice()),
        _ => None,
    })?;
    let bare = bytes.strip_prefix(&[0x04, 0x20]).filter(|bare| bare.len() == 32);
    bare.unwrap_or(bytes).try_into().ok()
}
