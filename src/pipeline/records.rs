//! The provider's calls: records loaded in chunks, and one person's record corrected.
use super::{Action, Gate, act::Done, notices};
use crate::{
    agreement::Role,
    clock::Time,
    domain::{Method, SubjectToken},
    facts::Kind,
    person::Person,
    refusal::Code,
    seal::{
        Opened,
        payload::{CorrectRecord, LoadChunk},
    },
    source::{self, Closing, Staged, TokenRow, Vault, VaultError},
};
use std::sync::Arc;

/// `Load`: one chunk. With `commit`, the batch becomes visible with the entry.
pub struct Load;

/// `Correct`: a batch of one row.
pub struct Correct;

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
    async fn run(
        &self,
        gate: &Gate,
        _person: Option<&Person>,
        opened: &Opened<Self::Payload>,
        _now: Time,
    ) -> Result<Done, Code> {
        let asked = opened.payload();
        // A provider's batches are its own, whatever it calls them.
        let batch = format!("{}/{}", opened.partner().member().id, asked.batch_id);
        let rows = rows(gate, &asked.catalogue_sha256, &asked.rows)?;
        let (first, count, commit) = (asked.first_row, rows.len() as u64, asked.commit);
        let (vault, id) = (Arc::clone(&gate.vault), batch.clone());
        // Sealing and syncing block: off the threads that answer.
        let (staged, closing) = blocking(move || stage(&vault, &id, first, rows, commit)).await?;
        let held = staged.rows_held;
        let blocked = match staged.left_out.blocked.len() {
            0 => String::new(),
            blocked => format!("; {blocked} of blocked people left out"),
        };
        let note = match &closing {
            Some(closing) => format!("batch {batch} is visible: {} rows", closing.batch().rows),
            None if staged.visible => format!("batch {batch} was visible before"),
            None => format!(
                "batch {batch}: rows {first} to {}, {held} held",
                first.saturating_add(count)
            ),
        };
        let note = format!("{note}{blocked}");
        Ok(Done {
            answer: source::progress(held, staged.visible || closing.is_some(), staged.left_out),
            outcome: if commit { "batch-visible" } else { "rows-staged" },
            ..done(closing, note, if commit { held } else { count })
        })
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
    async fn run(
        &self,
        gate: &Gate,
        person: Option<&Person>,
        opened: &Opened<Self::Payload>,
        now: Time,
    ) -> Result<Done, Code> {
        let asked = opened.payload();
        self.person(gate, asked).ok_or(Code::SubjectMalformed)?;
        let id: String = opened.request_id().0.iter().map(|b| format!("{b:02x}")).collect();
        let request = format!("{}/{id}", opened.partner().member().id);
        let row = rows(gate, &asked.catalogue_sha256, std::slice::from_ref(&asked.row))?;
        let row = row.into_iter().next().ok_or(Code::RowInvalid)?;
        if gate.vault.is_blocked(&row.token) {
            let note = "the record is blocked: nothing is added".to_owned();
            return Ok(Done {
                answer: source::corrected(true, 0, 0),
                outcome: "blocked",
                ..done(None, note, 0)
            });
        }
        let vault = Arc::clone(&gate.vault);
        let closing = blocking(move || vault.correct(&request, row)).await?;
        // Written before the correction, seen with it: whoever relies on what was wrong learns of it, whatever breaks.
        let told = notices::tell(gate, person, now, self.method()).await?;
        let note = format!("batch {}: 1 row{}", closing.batch().id, told.note);
        let mut effects = closing.effects();
        effects.extend(told.effect);
        Ok(Done {
            answer: told.answer,
            effects,
            outcome: "corrected",
            ..done(Some(closing), note, 1)
        })
    }
}

fn rows(gate: &Gate, catalogue: &[u8; 32], rows: &[source::WireRow]) -> Result<Vec<TokenRow>, Code> {
    if *catalogue != gate.view.catalogue.sha256() {
        return Err(Code::CatalogueMismatch);
    }
    source::token_rows(
        &gate.view.catalogue,
        &gate.person_keys.pseudonym,
        gate.clock.now(),
        rows,
    )
    .ok_or(Code::RowInvalid)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, VaultError> + Send + 'static) -> Result<T, Code> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|_| Code::Internal)?;
    done.map_err(|error| code(&error))
}

/// What changes with the entry. If that is not recorded, dropping `closing` opens the batch again.
fn done(closing: Option<Closing>, note: String, count: u64) -> Done {
    Done {
        answer: Vec::new(),
        effects: closing.as_ref().map(Closing::effects).unwrap_or_default(),
        outcome: "",
        consent: None,
        note,
        count,
        once_recorded: closing.map(|closing| -> super::act::OnceRecorded { Box::new(move |_| closing.recorded()) }),
    }
}

fn stage(
    vault: &Arc<Vault>,
    batch: &str,
    first_row: u64,
    rows: Vec<TokenRow>,
    commit: bool,
) -> Result<(Staged, Option<Closing>), VaultError> {
    let staged = vault.stage_beside_service(batch, first_row, rows)?;
    if staged.visible {
        // The batch was made visible before: the same chunk again changes nothing.
        return Ok((staged, None));
    }
    if commit {
        return Ok((staged, Some(vault.close(batch)?)));
    }
    vault.sync()?;
    Ok((staged, None))
}

fn code(error: &VaultError) -> Code {
    match error {
        // Nothing was staged that could be made visible, or another stream of the same provider is making it visible.
        VaultError::OutOfOrder { .. } | VaultError::NoSuchBatch | VaultError::Closing => Code::BatchOutOfOrder,
        VaultError::DiskFull => Code::DiskFull,
        VaultError::TooManyOpen | VaultError::TooManyBatches => Code::BatchesExhausted,
        VaultError::BatchId => Code::FieldInvalid,
        VaultError::RecordTooLong(_) => Code::RowInvalid,
        _ => Code::Internal,
    }
}
