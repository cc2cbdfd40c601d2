//! `SubjectRequestService`: the case list, for compliance officers. What is wrong with a request is refused on record, after
//! the role: who may not call learns nothing else.
use super::{Desk, generated::subject_request_service_server::SubjectRequestService, status};
use crate::{
    audit::Receipt,
    clock::Time,
    domain::{Language, PartnerId, Scheme, SubjectRef},
    edge::Costly,
    evidence::DocumentProof,
    inspect,
    pipeline::subject_requests::{self as acts, Listed, Opening, Wanted},
    refusal::Code,
    subject_request::{Kind, Outcome, Request as Case, RequestId, State, place, token},
    wire::{millis, timestamp, v1},
};
use std::sync::Arc;
use tonic::{Request, Response, Status};
use zeroize::Zeroizing;

#[tonic::async_trait]
impl SubjectRequestService for Desk {
    async fn open_subject_request(
        &self,
        request: Request<v1::OpenSubjectRequestRequest>,
    ) -> Result<Response<v1::OpenSubjectRequestResponse>, Status> {
        let peer = self.peer(&request)?;
        let asked = opening(request.into_inner());
        let open = |gate, peer| acts::open(gate, peer, asked);
        let (opened, _) = self.staffed(peer, Costly::Change, open).await?;
        let request = Some(summary(&opened));
        Ok(Response::new(v1::OpenSubjectRequestResponse { request }))
    }

    async fn get_subject_request(
        &self,
        request: Request<v1::GetSubjectRequestRequest>,
    ) -> Result<Response<v1::GetSubjectRequestResponse>, Status> {
        let peer = self.peer(&request)?;
        let asked = id(&request.into_inner().id);
        let get = |gate, peer| acts::get(gate, peer, asked);
        let ((found, words), _) = self.staffed(peer, Costly::Read, get).await?;
        let opened = words.is_some();
        let words = words.map(|(_, words)| words).unwrap_or_default();
        Ok(Response::new(v1::GetSubjectRequestResponse {
            request: Some(summary(&found)),
            opened,
            contact: words.contact,
            text: words.text,
            reason: words.reason,
        }))
    }

    async fn list_subject_requests(
        &self,
        request: Request<v1::ListSubjectRequestsRequest>,
    ) -> Result<Response<v1::ListSubjectRequestsResponse>, Status> {
        let peer = self.peer(&request)?;
        let asked = wanted(&request.into_inner());
        let list = |gate, peer| acts::list(gate, peer, asked);
        let (listed, _) = self.staffed(peer, Costly::Read, list).await?;
        Ok(Response::new(page(&listed)))
    }

    async fn assign_subject_request(
        &self,
        request: Request<v1::AssignSubjectRequestRequest>,
    ) -> Result<Response<v1::AssignSubjectRequestResponse>, Status> {
        let peer = self.peer(&request)?;
        let asked = assignment(&request.into_inner());
        let assign = |gate, peer| acts::assign(gate, peer, asked);
        let (assigned, _) = self.staffed(peer, Costly::Change, assign).await?;
        let request = Some(summary(&assigned));
        Ok(Response::new(v1::AssignSubjectRequestResponse { request }))
    }

    async fn close_subject_request(
        &self,
        request: Request<v1::CloseSubjectRequestRequest>,
    ) -> Result<Response<v1::CloseSubjectRequestResponse>, Status> {
        let peer = self.peer(&request)?;
        let asked = closing(request.into_inner());
        let close = |gate, peer| acts::close(gate, peer, asked);
        let (closed, _) = self.staffed(peer, Costly::Change, close).await?;
        let request = Some(summary(&closed));
        Ok(Response::new(v1::CloseSubjectRequestResponse { request }))
    }

    async fn write_subject_letter(
        &self,
        request: Request<v1::WriteSubjectLetterRequest>,
    ) -> Result<Response<v1::WriteSubjectLetterResponse>, Status> {
        let peer = self.peer(&request)?;
        let asked = letter(&request.into_inner());
        let institution = self.gate.opener.gateway().to_owned();
        let write = |gate, peer| acts::letter(gate, peer, institution, asked);
        let (written, receipt) = self.staffed(peer, Costly::Change, write).await?;
        Ok(Response::new(v1::WriteSubjectLetterResponse {
            kind: i32::try_from(written.kind.number()).unwrap_or_default(),
            document: written.document,
            proof: Some(self.prove(receipt).await?),
        }))
    }
}

impl Desk {
    /// That the entry of `receipt` commits to the document that it was written for.
    async fn prove(&self, receipt: Receipt) -> Result<v1::DocumentProof, Status> {
        let (gate, index) = (Arc::clone(&self.gate), receipt.index);
        let entry = tokio::task::spawn_blocking(move || inspect::open(&gate, index)).await;
        let details = entry.ok().and_then(Result::ok).and_then(|entry| entry.details);
        // It is recorded and written; that the store cannot be read now is no refusal.
        let details = details.ok_or_else(|| status::counted(Code::Internal))?;
        Ok(DocumentProof::new(&receipt, &details.x, details.x_key).to_wire())
    }
}

fn invalid<T>(value: Option<T>) -> Result<T, Code> {
    value.ok_or(Code::FieldInvalid)
}

fn number(value: i32) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// A value that may be left out, which is zero on the wire.
fn optional<T>(value: i32, read: fn(u32) -> Option<T>) -> Result<Option<T>, Code> {
    match value {
        0 => Ok(None),
        n => invalid(read(number(n))).map(Some),
    }
}

fn owner(text: &str) -> Result<Option<PartnerId>, Code> {
    match text {
        "" => Ok(None),
        text => invalid(text.parse().ok()).map(Some),
    }
}

fn id(bytes: &[u8]) -> Result<RequestId, Code> {
    invalid(bytes.try_into().ok()).map(RequestId)
}

fn opening(asked: v1::OpenSubjectRequestRequest) -> Result<Opening, Code> {
    let subject = invalid(asked.subject)?;
    let scheme = match subject.scheme() {
        v1::SubjectScheme::CnResidentId => Scheme::CnResidentId,
        v1::SubjectScheme::CnMobile => Scheme::CnMobile,
        v1::SubjectScheme::Opaque => Scheme::Opaque,
        v1::SubjectScheme::Unspecified => return Err(Code::FieldInvalid),
    };
    let value = Zeroizing::new(subject.value);
    let received = match &asked.received_at {
        None => None,
        some => Some(Time(invalid(millis(some.as_ref()))?)),
    };
    Ok(Opening {
        subject: SubjectRef::parse(scheme, &value).map_err(|_| Code::SubjectMalformed)?,
        kind: invalid(Kind::from_number(number(asked.kind)))?,
        received,
        contact: asked.contact,
        text: asked.text,
        owner: owner(&asked.owner)?,
    })
}

fn assignment(asked: &v1::AssignSubjectRequestRequest) -> Result<(RequestId, Option<PartnerId>, Option<State>), Code> {
    let state = optional(asked.state, State::from_number)?;
    Ok((id(&asked.id)?, owner(&asked.owner)?, state))
}

fn closing(asked: v1::CloseSubjectRequestRequest) -> Result<(RequestId, Outcome, String), Code> {
    let outcome = invalid(Outcome::from_number(number(asked.outcome)))?;
    Ok((id(&asked.id)?, outcome, asked.reason))
}

fn letter(asked: &v1::WriteSubjectLetterRequest) -> Result<(RequestId, Language, bool), Code> {
    let language = Language::ALL.iter().find(|l| l.tag() == asked.language);
    Ok((id(&asked.id)?, *invalid(language)?, asked.html))
}

fn wanted(asked: &v1::ListSubjectRequestsRequest) -> Result<Wanted, Code> {
    Ok(Wanted {
        state: optional(asked.state, State::from_number)?,
        kind: optional(asked.kind, Kind::from_number)?,
        overdue: asked.overdue,
        pending: false,
        owner: None,
        size: usize::try_from(asked.page_size).map_err(|_| Code::FieldInvalid)?,
        after: match asked.page_token.as_str() {
            "" => None,
            token => Some(place(token).ok_or(Code::PageTokenInvalid)?),
        },
    })
}

fn page(listed: &Listed) -> v1::ListSubjectRequestsResponse {
    v1::ListSubjectRequestsResponse {
        requests: listed.requests.iter().map(summary).collect(),
        next_page_token: listed.next.map(token).unwrap_or_default(),
        open_total: u32::try_from(listed.open).unwrap_or(u32::MAX),
        overdue_total: u32::try_from(listed.overdue).unwrap_or(u32::MAX),
    }
}

fn summary(case: &Case) -> v1::SubjectRequestSummary {
    let wire = |n: u32| i32::try_from(n).unwrap_or_default();
    let letter = |l: &crate::subject_request::LetterSent| v1::SubjectLetter {
        kind: wire(l.kind.number()),
        written_at: Some(timestamp(l.at.0)),
        sha256: l.sha256.to_vec(),
        language: if l.chinese {
            Language::Chinese
        } else {
            Language::English
        }
        .tag()
        .to_owned(),
    };
    v1::SubjectRequestSummary {
        id: case.id.0.to_vec(),
        kind: wire(case.kind.number()),
        state: wire(case.state.number()),
        owner: case.owner.to_string(),
        received_at: Some(timestamp(case.received.0)),
        due_at: Some(timestamp(case.due.0)),
        closed_at: case.ended.map(|(at, _)| timestamp(at.0)),
        outcome: case.ended.map_or(0, |(_, outcome)| wire(outcome.number())),
        reference: case.reference.clone(),
        letters: case.letters.iter().map(letter).collect(),
    }
}
