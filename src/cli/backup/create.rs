//! `tollgate backup create`.
use super::super::{Failure, Outcome, client_file, print, runtime};
use crate::{
    backup::{Listed, Manifest},
    client::Piece,
    crypto::Sha256,
};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The operator's file: address, certificates.
    #[arg(long, short = 'c')]
    client: PathBuf,
    /// Where the keys go, apart from the backups. What is there is replaced: older keys would undo erasures.
    #[arg(long)]
    keys: PathBuf,
    /// The folder of backups.
    folder: PathBuf,
}

/// The end of the name of a backup that is not whole.
const UNFINISHED: &str = ".backup.part";

/// A backup under a name of its own until it is whole.
struct Draft {
    path: PathBuf,
    file: File,
}

pub(super) fn run(args: &Args, json: bool) -> Outcome {
    clear(&args.folder)?;
    let (path, listed) = runtime()?.block_on(create(args))?;
    if json {
        print::json(&serde_json::json!({
            "backup": path, "entries": listed.manifest.entries, "rows": listed.rows, "bytes": listed.bytes,
            "sha256": listed.sha256, "checkpoint": listed.manifest.checkpoint, "made_at": listed.manifest.made_at,
        }));
        return Ok(());
    }
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    print::table(
        &["backup", ""],
        &[
            row("file", path.display().to_string()),
            row("entries", listed.manifest.entries.to_string()),
            row("records", listed.rows.to_string()),
            row("bytes", listed.bytes.to_string()),
            row("SHA-256", listed.sha256.clone()),
            row("read back", "the same".to_owned()),
        ],
    );
    print::line("\n  `tollgate backup check` with the offline key says whether it opens.");
    Ok(())
}

/// What an earlier try left unfinished is no backup.
fn clear(folder: &Path) -> Result<(), Failure> {
    let failed = |e: io::Error| Failure::file(format!("`{}`: {e}", folder.display()));
    fs::create_dir_all(folder).map_err(failed)?;
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().and_then(|n| n.to_str());
        if name.is_some_and(|n| n.ends_with(UNFINISHED)) {
            fs::remove_file(&path).map_err(failed)?;
        }
    }
    Ok(())
}

async fn create(args: &Args) -> Result<(PathBuf, Listed), Failure> {
    let backups = client_file::connect_backups(&args.client).await?;
    let (begin, mut making) = backups.create().await.map_err(client_file::failure)?;
    let manifest: Manifest = serde_json::from_slice(&begin.manifest).map_err(|_| {
        Failure::work("the gateway's manifest cannot be read: use the program of the gateway's version")
    })?;
    let plain: String = manifest
        .made_at
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(15)
        .collect();
    let name = format!("{plain}-{}", manifest.entries);
    let mut draft = Draft::new(&args.folder, &name)?;
    let bar = print::bar(1_000, "backup");
    let end = loop {
        match making.next().await.map_err(client_file::failure)? {
            Some(Piece::Part(part)) => {
                draft.put(&part.bytes)?;
                bar.set_position(u64::from(part.permille));
            }
            Some(Piece::End(end)) => break end,
            None => return Err(Failure::work("the gateway broke off: the backup is not whole")),
        }
    };
    bar.finish_and_clear();
    let listed = Listed {
        manifest,
        rows: end.rows,
        bytes: end.bytes,
        sha256: print::hex(&end.sha256),
    };
    let path = draft.settle(&args.folder, &name, &listed)?;
    // Last: until here the old keys open the older backups.
    replace(&args.keys, &begin.keys)?;
    Ok((path, listed))
}

impl Draft {
    fn new(folder: &Path, name: &str) -> Result<Self, Failure> {
        let path = folder.join(format!("{name}{UNFINISHED}"));
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&path);
        let file = file.map_err(|e| Failure::file(format!("`{}`: {e}", path.display())))?;
        Ok(Self { path, file })
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let written = self.file.write_all(bytes);
        written.map_err(|e| Failure::work(format!("`{}`: {e}", self.path.display())))
    }

    /// Reads the file back from the disk, and gives it its name only if it is what was sent.
    fn settle(self, folder: &Path, name: &str, listed: &Listed) -> Result<PathBuf, Failure> {
        let failed = |e: io::Error| Failure::work(format!("`{}`: {e}", self.path.display()));
        self.file.sync_all().map_err(failed)?;
        let (bytes, sha256) = digest(&self.path).map_err(failed)?;
        if (bytes, print::hex(&sha256)) != (listed.bytes, listed.sha256.clone()) {
            return Err(Failure::work(format!(
                "`{}` reads back as something else than was sent: look at the disk, and try again",
                self.path.display()
            )));
        }
        let text = serde_json::to_vec_pretty(listed).map_err(Failure::work)?;
        replace(&folder.join(format!("{name}.json")), &text)?;
        let path = folder.join(format!("{name}.backup"));
        fs::rename(&self.path, &path).map_err(failed)?;
        File::open(folder).and_then(|dir| dir.sync_all()).map_err(failed)?;
        Ok(path)
    }
}

fn digest(path: &Path) -> io::Result<(u64, [u8; 32])> {
    let (mut file, mut piece) = (File::open(path)?, vec![0; 1 << 20]);
    let (mut bytes, mut digest) = (0, Sha256::default());
    loop {
        match file.read(&mut piece)? {
            0 => return Ok((bytes, digest.finish())),
            read => {
                bytes += read as u64;
                digest.update(piece.get(..read).unwrap_or_default());
            }
        }
    }
}

/// In one step: what is there is the old or the new.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let folder = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut draft = path.as_os_str().to_owned();
    draft.push(".part");
    let draft = PathBuf::from(draft);
    let written = (|| {
        fs::create_dir_all(folder)?;
        // What an earlier try left is nobody's.
        let _ = fs::remove_file(&draft);
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&draft, path)?;
        File::open(folder)?.sync_all()
    })();
    written.map_err(|e: io::Error| Failure::work(format!("`{}`: {e}", path.display())))
}
