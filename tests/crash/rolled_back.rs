//! Parts of a directory that were set back to an earlier time. The head lies outside of journal and store, so that what
//! is older than it is refused or built again; what nobody in the directory can see is a whole directory set back, and
//! that is the witnesses' part.
use super::{
    METHOD, check_token,
    damage::copy,
    event,
    figures::{Figures, tell},
    open, token, vkey,
};
use std::{fs, path::Path};
use tollgate::audit::{OpenError, verify};

/// Entries in each of two lives.
const ENTRIES: u64 = 40;
const PARTS: [&str; 4] = ["journal", "store", "mark", "head"];

fn live(dir: &Path, first: u64, tokens: &mut Vec<String>) {
    let opened = open(dir).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for n in first..first + ENTRIES {
        let word = format!("w{n}");
        let slot = opened.log.reserve("p", METHOD).unwrap();
        let recorded = runtime.block_on(slot.append(event(&word))).map_err(|e| e.to_string());
        tokens.push(token(recorded.unwrap().receipt().index, &word));
    }
    opened.worker.close().unwrap();
}

fn set_back(part: &str, old: &Path, dir: &Path) {
    let (from, to) = (old.join(part), dir.join(part));
    if from.is_dir() {
        fs::remove_dir_all(&to).unwrap();
        copy(&from, &to);
    } else {
        fs::copy(from, to).unwrap();
    }
}

#[test]
fn what_is_older_than_the_head_is_refused_or_built_again() {
    let temp = tempfile::tempdir().unwrap();
    let (old, new, dir) = (
        temp.path().join("old"),
        temp.path().join("new"),
        temp.path().join("dir"),
    );
    let mut tokens = Vec::new();
    live(&new, 0, &mut tokens);
    copy(&new, &old);
    live(&new, ENTRIES, &mut tokens);
    let mut figures = Figures {
        acknowledged: 2 * ENTRIES,
        ..Figures::default()
    };
    // Every choice of parts but none of them and all of them.
    for choice in 1..(1u32 << PARTS.len()) - 1 {
        let chosen: Vec<_> = (0..)
            .zip(PARTS)
            .filter(|(n, _)| choice & (1 << n) != 0)
            .map(|(_, part)| part)
            .collect();
        copy(&new, &dir);
        chosen.iter().for_each(|part| set_back(part, &old, &dir));
        figures.made += 1;
        match open(&dir) {
            Ok(opened) => {
                assert!(!chosen.contains(&"journal"), "{chosen:?}: {}", opened.recovery);
                for token in &tokens {
                    if let Err(e) = check_token(&opened, token) {
                        figures.lose(&format!("{chosen:?}: {e}"));
                    }
                }
                figures.recovered += u64::from(opened.recovery.replayed > 0);
                figures.harmless += u64::from(opened.recovery.replayed == 0);
                opened.worker.close().unwrap();
            }
            Err(error) => {
                // It says how many entries there were: the exact loss.
                let OpenError::Shorter { journal, known, .. } = error else {
                    panic!("{chosen:?}: {error}");
                };
                assert!(chosen.contains(&"journal"), "{chosen:?}: {error}");
                assert_eq!((journal, known), (ENTRIES, 2 * ENTRIES), "{chosen:?}");
                if !chosen.contains(&"head") {
                    let offline = verify::dir(&dir, &vkey(), &mut |_| ()).unwrap_err();
                    assert_eq!(offline.index, ENTRIES, "{chosen:?}: {offline}");
                }
                figures.refused += 1;
            }
        }
        fs::remove_dir_all(&dir).unwrap();
    }
    tell("log: parts set back", &figures);
    assert_eq!(figures.refused + figures.recovered + figures.harmless, 14);
    assert!(figures.refused >= 7);
}

/// Said, so that nobody relies on more: the directory alone cannot know it.
#[test]
fn a_whole_directory_set_back_shows_only_against_what_others_kept() {
    let temp = tempfile::tempdir().unwrap();
    let (old, new) = (temp.path().join("old"), temp.path().join("new"));
    let mut tokens = Vec::new();
    live(&new, 0, &mut tokens);
    copy(&new, &old);
    live(&new, ENTRIES, &mut tokens);
    let opened = open(&new).unwrap();
    let kept = opened.log.head();
    opened.worker.close().unwrap();
    let opened = open(&old).unwrap();
    assert_eq!(opened.log.head().size, ENTRIES);
    // Whoever kept a checkpoint asks for the proof that the log continues it, and there is none.
    assert!(opened.log.prove_consistency(kept.size, 0).is_err());
    opened.worker.close().unwrap();
}
