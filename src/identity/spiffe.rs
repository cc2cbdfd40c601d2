//! The grammar of a SPIFFE identity, exactly: <https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md>.

/// Longest identity, by the SPIFFE specification.
const URI_BYTES_MAX: usize = 2_048;
/// Longest trust domain, by the SPIFFE specification.
const DOMAIN_BYTES_MAX: usize = 255;
const SCHEME: &str = "spiffe://";

/// A workload's name: `spiffe://<trust domain>/<path>`. One spelling only, so names are compared as bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SpiffeId {
    uri: String,
    domain_end: usize,
}

/// Why a text is not a SPIFFE identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SpiffeError {
    /// Another scheme.
    #[error("the name does not begin with `spiffe://`, in lower case")]
    Scheme,
    /// Over 2,048 bytes.
    #[error("the name is longer than 2048 bytes")]
    Length,
    /// Not a trust domain.
    #[error("the trust domain has characters other than a-z, 0-9, `.`, `-` and `_`, is empty, or is longer than 255")]
    Domain,
    /// Everybody's default: it names nobody.
    #[error(
        "the trust domain is `cluster.local`, which every service mesh uses by default and so names nobody: \
         set a trust domain of your own in the mesh (`meshConfig.trustDomain` or `identityTrustDomain`) and issue the \
         certificate again"
    )]
    ClusterLocal,
    /// Not a path of a workload.
    #[error(
        "the path is empty, ends with `/`, has an empty or dot segment, or characters other than letters, digits, \
         `.`, `-` and `_`"
    )]
    Path,
}

impl SpiffeId {
    /// Accepts exactly the grammar of the SPIFFE specification, with a path, and no percent sign, query or fragment.
    pub fn parse(text: &str) -> Result<Self, SpiffeError> {
        if text.len() > URI_BYTES_MAX {
            return Err(SpiffeError::Length);
        }
        let rest = text.strip_prefix(SCHEME).ok_or(SpiffeError::Scheme)?;
        let (domain, path) = rest.split_once('/').ok_or(SpiffeError::Path)?;
        check_trust_domain(domain)?;
        if !path.split('/').all(is_segment) {
            return Err(SpiffeError::Path);
        }
        Ok(Self {
            uri: text.to_owned(),
            domain_end: SCHEME.len() + domain.len(),
        })
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.uri
    }
    /// Between `spiffe://` and the path.
    pub fn trust_domain(&self) -> &str {
        self.uri.get(SCHEME.len()..self.domain_end).unwrap_or_default()
    }
    /// Begins with `/`.
    pub fn path(&self) -> &str {
        self.uri.get(self.domain_end..).unwrap_or_default()
    }
}

impl std::fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.uri)
    }
}

/// Whether a text is a trust domain that may be trusted.
pub fn check_trust_domain(domain: &str) -> Result<(), SpiffeError> {
    let ok = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_');
    if domain.is_empty() || domain.len() > DOMAIN_BYTES_MAX || !domain.bytes().all(ok) {
        return Err(SpiffeError::Domain);
    }
    if domain == "cluster.local" {
        return Err(SpiffeError::ClusterLocal);
    }
    Ok(())
}

fn is_segment(segment: &str) -> bool {
    let ok = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    !segment.is_empty() && segment != "." && segment != ".." && segment.bytes().all(ok)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_has_domain_and_path() {
        let id = SpiffeId::parse("spiffe://bank-a.example/partner/bank-a").unwrap();
        assert_eq!(id.trust_domain(), "bank-a.example");
        assert_eq!(id.path(), "/partner/bank-a");
    }

    #[test]
    fn every_other_spelling_is_refused() {
        let long = format!("spiffe://a/{}", "b".repeat(2_048));
        let long_domain = format!("spiffe://{}/b", "a".repeat(256));
        for (text, why) in [
            ("SPIFFE://a/b", SpiffeError::Scheme),
            ("https://a/b", SpiffeError::Scheme),
            ("", SpiffeError::Scheme),
            ("spiffe://A/b", SpiffeError::Domain),
            ("spiffe:///b", SpiffeError::Domain),
            ("spiffe://a:80/b", SpiffeError::Domain),
            ("spiffe://u@a/b", SpiffeError::Domain),
            ("spiffe://a%2e/b", SpiffeError::Domain),
            (&long_domain, SpiffeError::Domain),
            ("spiffe://cluster.local/ns/x", SpiffeError::ClusterLocal),
            ("spiffe://a", SpiffeError::Path),
            ("spiffe://a/", SpiffeError::Path),
            ("spiffe://a/b/", SpiffeError::Path),
            ("spiffe://a//b", SpiffeError::Path),
            ("spiffe://a/./b", SpiffeError::Path),
            ("spiffe://a/b/..", SpiffeError::Path),
            ("spiffe://a/b?c", SpiffeError::Path),
            ("spiffe://a/b#c", SpiffeError::Path),
            ("spiffe://a/%62", SpiffeError::Path),
            ("spiffe://a/b c", SpiffeError::Path),
            ("spiffe://a/行", SpiffeError::Path),
            (&long, SpiffeError::Length),
        ] {
            assert_eq!(SpiffeId::parse(text), Err(why), "{text}");
        }
        assert!(SpiffeError::ClusterLocal.to_string().contains("meshConfig.trustDomain"));
    }

    proptest! {
        #[test]
        fn what_parses_is_put_together_again(text in "(spiffe://)?[a-zA-Z0-9./%?#_-]{0,40}") {
            if let Ok(id) = SpiffeId::parse(&text) {
                prop_assert_eq!(format!("spiffe://{}{}", id.trust_domain(), id.path()), text);
            }
        }
    }
}
