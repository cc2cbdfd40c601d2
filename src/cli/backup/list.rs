//! `tollgate backup list`.
use super::super::{Failure, Outcome, print};
use crate::{backup::Listed, config::read_text};
use std::{fs, path::Path};

/// A backup in the folder.
struct Found {
    name: String,
    listed: Listed,
    /// Length of the file that is there.
    bytes: Option<u64>,
}

pub(super) fn run(folder: &Path, json: bool) -> Outcome {
    let found = read(folder)?;
    let newest = found
        .last()
        .map(|f| f.listed.manifest.epochs.clone())
        .unwrap_or_default();
    let state = |f: &Found| match f.bytes {
        None => "missing",
        Some(bytes) if bytes != f.listed.bytes => "cut off",
        Some(_) if f.listed.manifest.epochs != newest => "keys destroyed",
        Some(_) => "opens",
    };
    if json {
        let all: Vec<_> = found
            .iter()
            .map(|f| {
                let manifest = &f.listed.manifest;
                serde_json::json!({
                    "backup": folder.join(&f.name), "made_at": manifest.made_at, "origin": manifest.origin,
                    "entries": manifest.entries, "rows": f.listed.rows, "bytes": f.listed.bytes, "state": state(f),
                })
            })
            .collect();
        print::json(&serde_json::json!({ "backups": all }));
        return Ok(());
    }
    let row = |f: &Found| {
        vec![
            f.name.clone(),
            f.listed.manifest.entries.to_string(),
            f.listed.rows.to_string(),
            f.listed.bytes.to_string(),
            state(f).to_owned(),
        ]
    };
    let rows: Vec<_> = found.iter().map(row).collect();
    print::table(&["backup", "entries", "records", "bytes", "state"], &rows);
    Ok(())
}

/// Oldest first.
fn read(folder: &Path) -> Result<Vec<Found>, Failure> {
    let failed = |e: std::io::Error| Failure::file(format!("`{}`: {e}", folder.display()));
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_none_or(|e| e != "json") {
            continue;
        }
        let text = read_text(&path).map_err(Failure::file)?;
        let listed = serde_json::from_str(&text)
            .map_err(|e| Failure::file(format!("`{}` is not beside a backup: {e}", path.display())))?;
        let backup = path.with_extension("backup");
        found.push(Found {
            name: backup.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            listed,
            bytes: fs::metadata(&backup).ok().map(|m| m.len()),
        });
    }
    found.sort_by(|a, b| (&a.listed.manifest.made_at, &a.name).cmp(&(&b.listed.manifest.made_at, &b.name)));
    Ok(found)
}
