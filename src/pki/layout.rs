//! How long things last and where they lie: the one place that says it, and the text that explains it to people.

const DAY_MS: i64 = 86_400_000;
/// Life of a root: ten years.
pub(super) const ROOT_MS: i64 = 3_653 * DAY_MS;
/// Life of an issuing CA: two years.
pub(super) const ISSUING_MS: i64 = 731 * DAY_MS;
/// Life of a leaf in a development PKI.
pub(super) const LEAF_MS: i64 = 30 * DAY_MS;
/// Life of a list of revoked certificates.
pub(super) const CRL_MS: i64 = 7 * DAY_MS;
/// Certificates begin this much earlier, for machines whose clocks differ.
pub(super) const BACKDATE_MS: i64 = 300_000;

/// `README.txt` of a PKI folder.
pub(super) const README: &str = "\
Keys and certificates of a Tollgate installation, made by `tollgate pki init`.
Private keys have mode 0600. No key and no certificate here is ever
overwritten; of the files below only a CA's state.toml is replaced.

gateway/
  tls.pem, tls.key             the gateway's certificate chain and key (P-256, 30 days)
  identity.pub                 the gateway-identity key: partners pin it (Ed25519, SubjectPublicKeyInfo)
  identity.key                 its private half. MOVE IT OFF THIS MACHINE: it is needed once in 30 days, to sign the
                               next delegation, and whoever has it can pretend to be this gateway
  keylist-online.key           signs key lists while the gateway runs (Ed25519)
  keylist-delegation.b64       the gateway-identity's word for that key: a tollgate.v1.KeyListDelegation, serialised,
                               in base64; it ends after 30 days
  ca/                          root and issuing CA of the gateway and of providers
trust.toml                     whom the gateway believes: trust domains, their roots, lists and paths
trust/<domain>/
  root.pem                     root certificate
  crl.pem                      lists of revoked certificates, of the root and of the issuing CA (7 days)
  staff-root.pem, staff-crl.pem  the gateway's own domain only: staff have a root of their own, and only the staff
                               listener knows it
staff/<id>/                    compliance, security, security-deputy, operator, auditor
  tls.pem, tls.key             a person's certificate chain and key
  signing.key, signing.pub     a person's Ed25519 key
staff/ca/                      root and issuing CA of staff
provider/<id>/                 the data holder's own systems
  tls.pem, tls.key, signing.key, signing.pub, registration.toml
partners/<id>/                 a partner bank. In real life each partner makes these itself and sends the gateway's
                               operator only root.pem, crl.pem and registration.toml
  tls.pem, tls.key             certificate chain and key
  signing.key, signing.pub     signs requests (Ed25519)
  registration.toml            its lines of the register: URI, suites, public key, proof of possession
  ca/                          the partner's own root and issuing CA

ca/ folders hold root.pem, root.key, issuing.pem, issuing.key and state.toml (CRL numbers and revoked serial numbers:
it is replaced on every revocation, back it up with the keys).
";
