//! The provider's calls: records loaded in chunks, and one person's record corrected.
use super::{Action, Gate, act::Done};
use crate::{
    agreement::Role,
    clock::Time,
    domain::{Method, SubjectToken},
    facts::Kind,
    refusal::Code,
    seal::{
        Opened,
        payload::{CorrectRecord, LoadChunk},
    },
    source::{self, Staged, TokenRow, Vault, VaultError},
    state::Effect,
};
use std::sync::Arc;

/// `Load`: one chunk. With `commit`, the batch becomes visible with the entry.
pub struct Load;

/// `Correct`: a batch of one row.
pub struct Correct;

/// What is done with a batch in one call.
struct Chunk {
    batch: String,
    first_row: u64,
    rows: Vec<TokenRow>,
    commit: bool,
}

impl Action for Load {
    type Payload = LoadChunk;
    fn method(&self) -> Method {
        Method("/tollgate.v1.RecordsService/Load")
    }
    fn kind(&self) -> Kind {
        Kind::Records
    }
    fn roles(&self) -> &'static [Role] {
        &[Role::Provider]
    }
    fn person(&self, _gate: &Gate, _payload: &Self::Payload) -> Option<SubjectToken> {
        None
    }
    async fn run(&self, gate: &Gate, opened: &Opened<Self::Payload>, _now: Time) -> Result<Done, Code> {
        let asked = opened.payload();
        let chunk = Chunk {
            // A provider's batches are its own, whatever it calls them.
            batch: format!("{}/{}", opened.partner().member().id, asked.batch_id),
            first_row: asked.first_row,
            rows: rows(gate, &asked.catalogue_sha256, &asked.rows)?,
            commit: asked.commit,
        };
        load(gate, chunk).await
    }
}

impl Action for Correct {
    type Payload = CorrectRecord;
    fn method(&self) -> Method {
        Method("/tollgate.v1.RecordsService/Correct")
    }
    fn kind(&self) -> Kind {
        Kind::Records
    }
    fn roles(&self) -> &'static [Role] {
        &[Role::Provider]
    }
    fn person(&self, gate: &Gate, payload: &Self::Payload) -> Option<SubjectToken> {
        source::subject_of(&payload.row).map(|subject| subject.token(&gate.person_keys.pseudonym))
    }
    async fn run(&self, gate: &Gate, opened: &Opened<Self::Payload>, _now: Time) -> Result<Done, Code> {
        let asked = opened.payload();
        let token = self.person(gate, asked).ok_or(Code::SubjectMalformed)?;
        let id: String = opened.request_id().0.iter().map(|b| format!("{b:02x}")).collect();
        let chunk = Chunk {
            batch: format!("{}/correct.{id}", opened.partner().member().id),
            first_row: 0,
            rows: rows(gate, &asked.catalogue_sha256, std::slice::from_ref(&asked.row))?,
            commit: true,
        };
        let done = load(gate, chunk).await?;
        Ok(Done {
            answer: Vec::new(),
            outcome: "corrected",
            person: Some((token, gate.detail_key(&token).map_err(|_| Code::Internal)?)),
            ..done
        })
    }
}

fn rows(gate: &Gate, catalogue: &[u8; 32], rows: &[source::WireRow]) -> Result<Vec<TokenRow>, Code> {
    if *catalogue != gate.view.catalogue.sha256() {
        return Err(Code::CatalogueMismatch);
    }
    source::token_rows(&gate.view.catalogue, &gate.person_keys.pseudonym, rows).ok_or(Code::RowInvalid)
}

async fn load(gate: &Gate, chunk: Chunk) -> Result<Done, Code> {
    let vault = Arc::clone(&gate.vault);
    let Chunk { batch, commit, .. } = &chunk;
    let (batch, commit) = (batch.clone(), *commit);
    // Sealing and syncing block: off the threads that answer.
    let staged = tokio::task::spawn_blocking(move || stage(&vault, chunk))
        .await
        .map_err(|_| Code::Internal)?;
    let (staged, effects) = staged.map_err(|error| code(&error))?;
    let visible = !effects.is_empty();
    Ok(Done {
        answer: source::progress(staged.rows_held, staged.visible || commit, staged.duplicates),
        effects,
        outcome: if commit { "batch-visible" } else { "rows-staged" },
        person: None,
        consent: None,
        once_recorded: visible.then(|| -> super::act::OnceRecorded {
            Box::new(move |gate| {
                // Fails only for a batch that is gone, and this one was staged a moment ago.
                if gate.vault.on_committed(&batch).is_err() {
                    tracing::error!("a batch that was recorded is not in the vault");
                }
            })
        }),
    })
}

fn stage(vault: &Vault, chunk: Chunk) -> Result<(Staged, Vec<Effect>), VaultError> {
    let staged = vault.stage(&chunk.batch, chunk.first_row, chunk.rows)?;
    if staged.visible {
        // The batch was made visible before: the same chunk again changes nothing.
        return Ok((staged, Vec::new()));
    }
    if chunk.commit {
        let effect = vault.commit_effect(&chunk.batch)?;
        return Ok((staged, vec![effect]));
    }
    vault.sync()?;
    Ok((staged, Vec::new()))
}

fn code(error: &VaultError) -> Code {
    match error {
        VaultError::OutOfOrder { .. } => Code::BatchOutOfOrder,
        VaultError::TooManyOpen | VaultError::TooManyBatches => Code::BatchesExhausted,
        VaultError::BatchId => Code::FieldInvalid,
        VaultError::RecordTooLong(_) => Code::RowInvalid,
        _ => Code::Internal,
    }
}
