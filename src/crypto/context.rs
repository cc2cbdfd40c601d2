//! `lp` and `ctx`: every `info`, AAD, MAC and signature input is framed here, so no two uses can be confused.

/// What an input is for. The texts are part of the protocol; a test holds them unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// HPKE info of a one-shot request.
    OneShotRequest,
    /// Key derivation and AAD of a one-shot reply.
    OneShotReply,
    /// HPKE info of a session opening.
    SessionOpen,
    /// HPKE info of a session acceptance.
    SessionAccept,
    /// Client-to-server key of a session.
    SessionC2s,
    /// Server-to-client key of a session.
    SessionS2c,
    /// Key and AAD of a request in a session.
    SessionRequest,
    /// Key and AAD of a reply in a session.
    SessionReply,
    /// Signature over a request.
    SignedMessage,
    /// Signature over a key list.
    KeyList,
    /// Delegation of key-list signing.
    KeyListDelegate,
    /// Proof of possession of a partner's key.
    RegisterKey,
    /// Commitment to what the partner may prove.
    XDetail,
    /// Commitment to what only the institution may know.
    IDetail,
    /// AAD of an entry's sealed details.
    AuditDetails,
    /// Pseudonym of a person.
    SubjectToken,
    /// Key of a row that belongs to a person.
    RowKey,
    /// AAD of a row that belongs to a person.
    Row,
    /// AAD of a wrapped key.
    WrappedKey,
    /// AAD of the keyring file.
    KeyringFile,
    /// Hash of everything a decision is made by.
    Snapshot,
    /// MAC of a page token.
    PageToken,
    /// Keys of the log's index.
    IndexKey,
    /// A value that the index knows.
    IndexTerm,
    /// Place of a chunk of the index.
    IndexChunk,
    /// Key under which a person's entries are numbered in the index.
    PersonIndex,
    /// Digest of a proposal, which is what is approved.
    Proposal,
}

impl Label {
    /// All labels, for the test of uniqueness and for `docs/protocol.md`.
    pub const ALL: [Label; 27] = [
        Label::OneShotRequest,
        Label::OneShotReply,
        Label::SessionOpen,
        Label::SessionAccept,
        Label::SessionC2s,
        Label::SessionS2c,
        Label::SessionRequest,
        Label::SessionReply,
        Label::SignedMessage,
        Label::KeyList,
        Label::KeyListDelegate,
        Label::RegisterKey,
        Label::XDetail,
        Label::IDetail,
        Label::AuditDetails,
        Label::SubjectToken,
        Label::RowKey,
        Label::Row,
        Label::WrappedKey,
        Label::KeyringFile,
        Label::Snapshot,
        Label::PageToken,
        Label::IndexKey,
        Label::IndexTerm,
        Label::IndexChunk,
        Label::PersonIndex,
        Label::Proposal,
    ];

    /// The text on the wire.
    pub fn text(self) -> &'static str {
        match self {
            Label::OneShotRequest => "one-shot-request",
            Label::OneShotReply => "one-shot-reply",
            Label::SessionOpen => "session-open",
            Label::SessionAccept => "session-accept",
            Label::SessionC2s => "session-c2s",
            Label::SessionS2c => "session-s2c",
            Label::SessionRequest => "session-request",
            Label::SessionReply => "session-reply",
            Label::SignedMessage => "signed-message",
            Label::KeyList => "key-list",
            Label::KeyListDelegate => "key-list-delegate",
            Label::RegisterKey => "register-key",
            Label::XDetail => "x-detail",
            Label::IDetail => "i-detail",
            Label::AuditDetails => "audit-details",
            Label::SubjectToken => "subject-token",
            Label::RowKey => "row-key",
            Label::Row => "row",
            Label::WrappedKey => "wrapped-key",
            Label::KeyringFile => "keyring-file",
            Label::Snapshot => "snapshot",
            Label::PageToken => "page-token",
            Label::IndexKey => "index-key",
            Label::IndexTerm => "index-term",
            Label::IndexChunk => "index-chunk",
            Label::PersonIndex => "person-index",
            Label::Proposal => "proposal",
        }
    }
}

const PREFIX: &str = "tollgate/v1 ";

/// `ctx(label, f1..fn) = lp("tollgate/v1 " ‖ label) ‖ lp(f1) ‖ … ‖ lp(fn)`, where `lp(x)` is the two-byte big-endian
/// length of `x`, then `x`. A field longer than 65,535 bytes is hashed with SHA-256 before it is framed: callers of the
/// protocol never pass one, and a silent cut would let two inputs meet.
pub fn ctx(label: Label, fields: &[&[u8]]) -> Vec<u8> {
    let text = label.text();
    let mut out =
        Vec::with_capacity(2 + PREFIX.len() + text.len() + fields.iter().map(|f| 2 + f.len().min(32)).sum::<usize>());
    out.extend_from_slice(&((PREFIX.len() + text.len()) as u16).to_be_bytes());
    out.extend_from_slice(PREFIX.as_bytes());
    out.extend_from_slice(text.as_bytes());
    for field in fields {
        match u16::try_from(field.len()) {
            Ok(len) => {
                out.extend_from_slice(&len.to_be_bytes());
                out.extend_from_slice(field);
            }
            Err(_) => {
                out.extend_from_slice(&32u16.to_be_bytes());
                out.extend_from_slice(&super::sha256(field));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn labels_are_unique() {
        let texts: HashSet<_> = Label::ALL.iter().map(|l| l.text()).collect();
        assert_eq!(texts.len(), Label::ALL.len());
    }

    #[test]
    fn fields_cannot_run_into_each_other() {
        assert_ne!(ctx(Label::Row, &[b"ab", b"c"]), ctx(Label::Row, &[b"a", b"bc"]));
        assert_eq!(ctx(Label::Row, &[b"a"]), b"\x00\x0ftollgate/v1 row\x00\x01a");
    }
}
