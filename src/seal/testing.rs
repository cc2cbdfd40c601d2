//! Two parties in one process, for tests: the real client's sealing against the real gateway's, over a small log.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]
use super::{
    Answered, Envelope, Opened, Opener, Outgoing, Payload, ReplyKeys, frame::Parties, open, open_session,
    payload::Question, seal, seal_accept,
};
use crate::{
    agreement::{Member, Partner, Role, SigningKey},
    audit::{Auditable, Class, Receipt, Recorded, note, x_commit},
    case::Case,
    client::{self, Draft, ExchangeKey, Expected, KeyList, Opening, PendingReply, Pinned, Session},
    clock::Time,
    crypto::{Ed25519Signer, Secret, SeededRng, Signer, Suite, VerifyKey, sha256, sha256_parts},
    domain::Method,
    facts::{Facts, Kind},
    keyring::{KeyListTerms, Keyring, RootSource, SignedKeyList, delegate},
    refusal::Refusal,
    seal::signed::SigningIdentity,
    wire::{Message, timestamp, v1},
};
use std::sync::{Arc, Mutex};

pub(crate) const NOW: Time = Time(1_700_000_000_000);
pub(crate) const GATEWAY: &str = "spiffe://own.test/gateway";
pub(crate) const ORIGIN: &str = "own.test/log";
pub(crate) const QUERY: &str = "/tollgate.v1.ExchangeService/Query";

/// A gateway, a partner and a log.
pub(crate) struct World {
    pub(crate) rng: Arc<SeededRng>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) opener: Opener,
    pub(crate) list: SignedKeyList,
    pub(crate) keys: KeyList,
    pub(crate) pinned: Pinned,
    pub(crate) identity: Ed25519Signer,
    pub(crate) online: Ed25519Signer,
    pub(crate) signer: Arc<Ed25519Signer>,
    pub(crate) log: Mutex<TestLog>,
    _dir: tempfile::TempDir,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let rng = Arc::new(SeededRng::new(seed));
        let dir = tempfile::tempdir().unwrap();
        let keyring = Arc::new(Keyring::create(dir.path(), &RootSource::default(), NOW, &*rng, true).unwrap());
        let [identity, online, signer] = [1, 2, 3].map(|n| Ed25519Signer::from_seed(Secret::from([n; 32])).unwrap());
        let delegation = delegate(&identity, GATEWAY, &online.public_key(), NOW, 86_400).unwrap();
        let terms = KeyListTerms {
            gateway: GATEWAY,
            origin: ORIGIN,
            online: &online,
            delegation: &delegation,
        };
        let list = keyring.key_list(&terms, NOW, &*rng).unwrap();
        let pinned = Pinned {
            gateway: GATEWAY.into(),
            identity: VerifyKey::ed25519(&identity.public_key()).unwrap(),
        };
        let keys = KeyList::verify(&list.response, &pinned, NOW).unwrap();
        Self {
            opener: Opener::new(GATEWAY, keyring.clone()),
            log: Mutex::new(TestLog::new(keyring.log_signer().unwrap())),
            rng,
            keyring,
            list,
            keys,
            pinned,
            identity,
            online,
            signer: Arc::new(signer),
            _dir: dir,
        }
    }

    pub(crate) fn parties(&self) -> Parties<'static> {
        Parties {
            gateway: GATEWAY,
            partner: "bank-a",
        }
    }

    pub(crate) fn identity(&self) -> SigningIdentity<'_> {
        SigningIdentity {
            key_id: "bank-a-1",
            signer: &*self.signer,
        }
    }

    pub(crate) fn member(&self, id: &str) -> Member {
        Member {
            id: id.parse().unwrap(),
            role: Role::Partner,
            uri: format!("spiffe://{id}.test/partner/{id}"),
            signing_keys: vec![SigningKey {
                id: "bank-a-1".into(),
                key: VerifyKey::ed25519(&self.signer.public_key()).unwrap(),
            }],
            suites: vec![Suite::XWing, Suite::X25519],
            suspended: false,
            person: None,
            audit: None,
        }
    }

    pub(crate) fn case_of(&self, member: Member, method: &'static str) -> Case<Partner> {
        let mut facts = Facts::new(Kind::Query, member.uri.clone(), Method(method), [9; 32]);
        facts.partner = Some(member.id.clone());
        Case::open(facts, Partner::for_tests(member))
    }

    pub(crate) fn case(&self, method: &'static str) -> Case<Partner> {
        self.case_of(self.member("bank-a"), method)
    }

    pub(crate) fn key(&self, suite: Suite) -> &ExchangeKey {
        self.keys.exchange(suite, NOW).unwrap()
    }

    pub(crate) fn draft(&self, one_shot: bool) -> Draft {
        self.draft_with(one_shot, query)
    }

    pub(crate) fn draft_with<M: Message>(&self, one_shot: bool, make: impl FnOnce(v1::RequestHeader) -> M) -> Draft {
        let signer = self.identity();
        Draft::new(self.parties(), QUERY, one_shot, Some(&signer), (NOW, &*self.rng), make).unwrap()
    }

    pub(crate) fn seal_one_shot(&self, suite: Suite, draft: &Draft) -> (v1::SealedRequest, PendingReply) {
        let (request, pending) = client::seal_one_shot(self.parties(), draft, self.key(suite), &*self.rng).unwrap();
        (one_shot(request), pending)
    }

    pub(crate) fn open<P: Payload>(&self, sealed: v1::SealedRequest) -> Result<Case<Opened<P>>, Refusal> {
        self.open_as(self.case(QUERY), sealed, NOW)
    }

    pub(crate) fn open_as<P: Payload>(
        &self,
        case: Case<Partner>,
        sealed: v1::SealedRequest,
        now: Time,
    ) -> Result<Case<Opened<P>>, Refusal> {
        let method = case.facts().method;
        open::<P>(&self.opener, case, Envelope::from_wire(sealed).unwrap(), method, now)
    }

    /// Answers an opened question as the pipeline would, and seals the answer.
    pub(crate) fn answer(&self, mut case: Case<Opened<Question>>) -> v1::SealedReply {
        // The decision names the agreement, once it is the partner's.
        let agreement = case.proof().payload().agreement.clone();
        case.note().agreement = Some(agreement);
        let answer = v1::Answer {
            request_id: case.proof().request_id().0.to_vec(),
            policy_hash: case.facts().snapshot.to_vec(),
            agreement_id: case.proof().payload().agreement.to_string(),
            ..Default::default()
        };
        self.answer_with(case, answer.encode_to_vec())
    }

    /// Seals these bytes as the answer.
    pub(crate) fn answer_with<P: Payload>(&self, case: Case<Opened<P>>, answer: Vec<u8>) -> v1::SealedReply {
        let (facts, opened) = case.close();
        let mut facts = *facts;
        facts.reference = "TG-7F3K-92QX".into();
        let (_, _, keys) = opened.into_parts();
        let value = TestAnswer { facts, answer, keys };
        seal(self.record(value), &*self.rng).unwrap().into_wire()
    }

    pub(crate) fn record<T: Auditable>(&self, value: T) -> Recorded<T> {
        let receipt = self.log.lock().unwrap().append(&value);
        Recorded::for_tests(value, receipt)
    }

    pub(crate) fn expected(&self, draft: &Draft) -> Expected<'static> {
        Expected {
            partner: "bank-a",
            method: QUERY,
            agreement: Some("joint-2026"),
            policy_hash: Some(&[9; 32]),
            detail: v1::PartnerDetail {
                purpose: "credit.origination".into(),
                consent_id: vec![5; 16],
                signals: vec!["utilisation@1".into(), "on_time_rate@1".into()],
                ..draft.detail().clone()
            },
            known: None,
        }
    }

    /// A session from opening to first use.
    pub(crate) fn session(&self, suite: Suite, evidence: v1::Evidence) -> Session {
        let (open, opening) = Opening::new(
            self.parties(),
            self.key(suite),
            &self.identity(),
            evidence,
            NOW,
            &*self.rng,
        )
        .unwrap();
        let case = self.case(super::frame::OPEN_SESSION);
        let offer = open_session(&self.opener, case, open.open.unwrap(), NOW, &*self.rng)
            .ok()
            .unwrap();
        let response = seal_accept(&self.opener, self.record(offer), &*self.rng).unwrap();
        opening.accept(self.parties(), &response, NOW).unwrap().0
    }

    pub(crate) fn seal_in(&self, session: &Session, draft: &Draft) -> (v1::SealedRequest, PendingReply) {
        let (request, pending) = session.seal(draft, NOW, &*self.rng).unwrap();
        (in_session(request), pending)
    }
}

pub(crate) fn one_shot(request: v1::OneShotRequest) -> v1::SealedRequest {
    v1::SealedRequest {
        mode: Some(v1::sealed_request::Mode::OneShot(request)),
    }
}

pub(crate) fn in_session(request: v1::SessionRequest) -> v1::SealedRequest {
    v1::SealedRequest {
        mode: Some(v1::sealed_request::Mode::Session(request)),
    }
}

pub(crate) fn query(header: v1::RequestHeader) -> v1::Query {
    v1::Query {
        header: Some(header),
        subject: Some(v1::Subject {
            scheme: v1::SubjectScheme::CnResidentId.into(),
            value: "11010519491231002X".into(),
        }),
        purpose: "credit.origination".into(),
        signals: vec!["utilisation@1".into(), "on_time_rate@1".into()],
        agreement_id: "joint-2026".into(),
        consent_id: vec![5; 16],
    }
}

struct TestAnswer {
    facts: Facts,
    answer: Vec<u8>,
    keys: ReplyKeys,
}

impl Auditable for TestAnswer {
    fn class(&self) -> Class {
        Class::Sealed
    }
    fn facts(&self) -> &Facts {
        &self.facts
    }
    fn answer(&self) -> Option<&[u8]> {
        Some(&self.answer)
    }
}

impl Answered for TestAnswer {
    fn into_reply(self) -> Outgoing {
        Outgoing {
            answer: self.answer,
            reference: self.facts.reference,
            keys: self.keys,
        }
    }
}

/// RFC 6962 written out once more, small and slow: what the real log is compared with in its own tests.
pub(crate) struct TestLog {
    signer: Arc<dyn Signer>,
    pub(crate) leaves: Vec<Vec<u8>>,
}

impl TestLog {
    fn new(signer: Arc<dyn Signer>) -> Self {
        // Three entries before the first answer, so that proofs are not empty.
        let leaves = vec![b"one".to_vec(), b"two".to_vec(), b"three".to_vec()];
        Self { signer, leaves }
    }

    fn append(&mut self, value: &impl Auditable) -> Receipt {
        let facts = value.facts();
        let class = match value.class() {
            Class::Sealed => v1::EntryClass::Sealed,
            Class::Refused(_) => v1::EntryClass::Refused,
            Class::Admin => v1::EntryClass::Admin,
            Class::Abandoned => v1::EntryClass::Abandoned,
        };
        let detail = v1::PartnerDetail {
            request_id: facts.request_id.unwrap().0.to_vec(),
            request_digest: facts.request_digest.unwrap().to_vec(),
            signing_key_id: facts.signing_key_id.clone(),
            signature: facts.signature.clone(),
            purpose: facts.purpose.as_ref().map(ToString::to_string).unwrap_or_default(),
            consent_id: facts.consent.map(|id| id.0.to_vec()).unwrap_or_default(),
            signals: facts.signals.iter().map(ToString::to_string).collect(),
            answer_digest: sha256(value.answer().unwrap_or_default()).to_vec(),
            reference: facts.reference.clone(),
        };
        let commitment_key = Secret::from([0x77; 32]);
        let leaf = v1::Leaf {
            version: 1,
            seq: self.leaves.len() as u64,
            time: Some(timestamp(NOW.0)),
            kind: v1::EntryKind::Query.into(),
            class: class.into(),
            refusal: String::new(),
            peer: facts.peer.clone(),
            partner: facts.partner.as_ref().unwrap().to_string(),
            agreement: facts.agreement.as_ref().map(ToString::to_string).unwrap_or_default(),
            method: facts.method.path().into(),
            policy_hash: facts.snapshot.to_vec(),
            key_ids: facts.key_ids.clone(),
            x_commit: x_commit(&commitment_key, &detail).to_vec(),
            i_commit: vec![1; 32],
            continues: String::new(),
            continued_by: String::new(),
            missing_until: 0,
        };
        self.append_leaf(leaf.encode_to_vec(), commitment_key)
    }

    pub(crate) fn append_leaf(&mut self, leaf: Vec<u8>, commitment_key: Secret<32>) -> Receipt {
        self.leaves.push(leaf.clone());
        let index = self.leaves.len() - 1;
        Receipt {
            leaf,
            index: index as u64,
            proof: path(index, &self.leaves),
            checkpoint: self.note().into(),
            commitment_key,
        }
    }

    pub(crate) fn note(&self) -> String {
        let body = note::Checkpoint {
            origin: ORIGIN.into(),
            size: self.leaves.len() as u64,
            root: root(&self.leaves),
        };
        note::sign(&*self.signer, ORIGIN, &body.body()).unwrap()
    }

    /// RFC 6962 section 2.1.2, as it stands there.
    pub(crate) fn consistency(&self, from: usize, to: usize) -> Vec<[u8; 32]> {
        fn subproof(m: usize, leaves: &[Vec<u8>], whole: bool) -> Vec<[u8; 32]> {
            if m == leaves.len() {
                return if whole { vec![] } else { vec![root(leaves)] };
            }
            let k = split(leaves.len());
            let (left, right) = leaves.split_at(k);
            if m <= k {
                [subproof(m, left, whole), vec![root(right)]].concat()
            } else {
                [subproof(m - k, right, false), vec![root(left)]].concat()
            }
        }
        subproof(from, &self.leaves[..to], true)
    }
}

fn split(n: usize) -> usize {
    n.next_power_of_two() / 2
}

pub(crate) fn root(leaves: &[Vec<u8>]) -> [u8; 32] {
    match leaves {
        [] => sha256(b""),
        [leaf] => sha256_parts(&[&[0], leaf]),
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            sha256_parts(&[&[1], &root(left), &root(right)])
        }
    }
}

fn path(index: usize, leaves: &[Vec<u8>]) -> Vec<[u8; 32]> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut below, sibling) = if index < left.len() {
        (path(index, left), root(right))
    } else {
        (path(index - left.len(), right), root(left))
    };
    below.push(sibling);
    below
}
