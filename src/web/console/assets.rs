//! Style sheet, scripts and icon: written here, small, in the binary. The hash in an address is that of the content, so a
//! browser may keep a file for good and never shows an old one.
use crate::crypto::sha256;
use axum::{
    extract::Path,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use std::sync::LazyLock;

/// One file.
pub(super) struct Asset {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
    path: LazyLock<String>,
}

impl Asset {
    /// Its address.
    pub(super) fn path(&self) -> &str {
        &self.path
    }
}

macro_rules! asset {
    ($name:literal, $kind:literal) => {
        Asset {
            name: $name,
            kind: $kind,
            text: include_str!(concat!("assets/", $name)),
            path: LazyLock::new(|| address($name, include_str!(concat!("assets/", $name)))),
        }
    };
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

pub(super) static STYLE: Asset = asset!("console.css", "text/css; charset=utf-8");
pub(super) static ICON: Asset = asset!("icon.svg", "image/svg+xml");
/// Proofs, without a page: also run by the tests.
pub(super) static PROOF: Asset = asset!("proof.mjs", "text/javascript; charset=utf-8");
/// An entry's page.
pub(super) static ENTRY: Asset = asset!("entry.mjs", "text/javascript; charset=utf-8");
/// The live view.
pub(super) static LIVE: Asset = asset!("live.mjs", "text/javascript; charset=utf-8");

static ALL: [&Asset; 5] = [&STYLE, &ICON, &PROOF, &ENTRY, &LIVE];

fn address(name: &str, text: &str) -> String {
    let hash = sha256(text.as_bytes());
    let short: String = hash.iter().take(8).map(|b| format!("{b:02x}")).collect();
    format!("/assets/{short}/{name}")
}

/// `import` within a module names a file without its hash; the hash in front of it is that of the importer.
fn is_of(asset: &Asset, hash: &str, name: &str) -> bool {
    asset.name == name && (asset.path() == format!("/assets/{hash}/{name}") || asset.kind == SCRIPT)
}

pub(super) async fn serve(Path((hash, name)): Path<(String, String)>) -> Response {
    let Some(asset) = ALL.into_iter().find(|a| is_of(a, &hash, &name)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    // Under another hash than its own it is right now, but may change with the importer.
    let keep = if asset.path() == format!("/assets/{hash}/{name}") {
        "private, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(asset.kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static(keep)),
    ];
    (headers, asset.text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assets_are_ours_and_name_no_other_place() {
        for asset in ALL {
            assert!(asset.text.len() < 24 << 10, "{}", asset.name);
            assert!(asset.path().starts_with("/assets/"), "{}", asset.path());
            let allowed = asset.text.replace("http://www.w3.org/2000/svg", "");
            assert!(!allowed.contains("http"), "{} names another place", asset.name);
            for banned in ["eval(", "innerHTML", "document.write", "@import", "insertAdjacent"] {
                assert!(!allowed.contains(banned), "{}: {banned}", asset.name);
            }
        }
    }
}
