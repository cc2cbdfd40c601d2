//! `AuditService`: the log for compliance officers and auditors. Whatever is wrong with a request is refused on record,
//! after the role: who may not call learns nothing else.
use super::{Desk, documents, generated::audit_service_server::AuditService, status};
use crate::{
    clock::Time,
    domain::Language,
    edge::Costly,
    identity::PeerIdentity,
    inspect::{
        self, At, Conditions, Entry, FIND_CHECKPOINT, Following, GET_ENTRY, OVERVIEW, PACK, Page, PageRequest, Period,
        REPORT_SUBJECT, SEARCH, STREAM, Shown,
    },
    limits::{FOLLOW_LAST_WORD_MS, FOLLOW_LOOK_MS, FOLLOW_STALL_MS},
    pipeline::StaffCall,
    refusal::Code,
    wire::{Timestamp, timestamp, v1},
};
use http::Extensions;
use std::{pin::Pin, time::Duration};
use tokio::sync::mpsc;
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Request, Response, Status};

type Entries = Pin<Box<dyn Stream<Item = Result<v1::StreamEntriesResponse, Status>> + Send>>;
type Parts = Pin<Box<dyn Stream<Item = Result<v1::PackResponse, Status>> + Send>>;
type Messages = mpsc::Sender<Result<v1::StreamEntriesResponse, Status>>;

#[tonic::async_trait]
impl AuditService for Desk {
    type StreamEntriesStream = Entries;
    type PackStream = Parts;

    async fn search(&self, request: Request<v1::SearchRequest>) -> Result<Response<v1::SearchResponse>, Status> {
        let peer = self.peer(&request)?;
        let asked = request.into_inner();
        let conditions = Conditions::of(&self.gate, asked.filter.unwrap_or_default());
        let page = usize::try_from(asked.page_size).map_err(|_| Code::FieldInvalid);
        let page = page.map(|size| PageRequest {
            size,
            token: asked.page_token,
            prove: asked.prove,
        });
        let (conditions, page) = match (conditions, page) {
            (Ok(conditions), Ok(page)) => (conditions, page),
            (Err(code), _) | (_, Err(code)) => return Err(self.wrong(peer, Costly::Read, SEARCH, code).await),
        };
        let search = |gate, peer| inspect::search(gate, peer, SEARCH, conditions, page);
        let (page, _) = self.staffed(peer, Costly::Read, search).await?;
        Ok(Response::new(found(page)))
    }

    async fn get_entry(&self, request: Request<v1::GetEntryRequest>) -> Result<Response<v1::GetEntryResponse>, Status> {
        let peer = self.peer(&request)?;
        let asked = request.into_inner();
        if !matches!(asked.language.as_str(), "" | "en" | "zh") {
            return Err(self.wrong(peer, Costly::Read, GET_ENTRY, Code::FieldInvalid).await);
        }
        let at = At {
            period: asked.period,
            index: asked.seq,
        };
        let look = |gate, peer| inspect::entry(gate, peer, GET_ENTRY, at);
        let (shown, _) = self.staffed(peer, Costly::Read, look).await?;
        let words = inspect::words(&self.gate.view, &shown.entry, Language::of(&asked.language));
        Ok(Response::new(whole(shown, words)))
    }

    async fn get_overview(
        &self,
        request: Request<v1::GetOverviewRequest>,
    ) -> Result<Response<v1::GetOverviewResponse>, Status> {
        let peer = self.peer(&request)?;
        let asked = request.into_inner();
        let Some((from, until)) = both(asked.from.as_ref(), asked.until.as_ref()) else {
            return Err(self.wrong(peer, Costly::Read, OVERVIEW, Code::FieldInvalid).await);
        };
        let period = Period {
            log: asked.period,
            from,
            until,
            bucket_s: asked.bucket_s,
        };
        let look = |gate, peer| inspect::overview(gate, peer, OVERVIEW, period);
        let (overview, _) = self.staffed(peer, Costly::Read, look).await?;
        let counts = overview.counts.into_iter().map(|count| v1::OverviewCount {
            bucket: Some(timestamp(count.bucket.0)),
            kind: count.kind as i32,
            class: count.class as i32,
            refusal: count.refusal,
            partner: count.partner,
            signal: count.signal,
            count: count.count,
        });
        Ok(Response::new(v1::GetOverviewResponse {
            counts: counts.collect(),
            log_size: overview.log_size,
            period_due: self
                .gate
                .due()
                .map(|due| due.words(Language::English))
                .unwrap_or_default(),
        }))
    }

    async fn find_checkpoint(
        &self,
        request: Request<v1::FindCheckpointRequest>,
    ) -> Result<Response<v1::FindCheckpointResponse>, Status> {
        let peer = self.peer(&request)?;
        let asked = request.into_inner();
        let size = (!asked.newest).then_some(asked.size);
        let find = |gate, peer| inspect::checkpoint(gate, peer, FIND_CHECKPOINT, asked.period, size);
        let (note, _) = self.staffed(peer, Costly::Past, find).await?;
        Ok(Response::new(v1::FindCheckpointResponse {
            checkpoint: note.to_string(),
        }))
    }

    async fn stream_entries(&self, request: Request<v1::StreamEntriesRequest>) -> Result<Response<Entries>, Status> {
        let peer = self.peer(&request)?;
        let (uri, caller) = (peer.uri().to_owned(), request.extensions().clone());
        let asked = request.into_inner();
        if asked.follow && !matches!(asked.period, 0) && asked.period != self.gate.period {
            return Err(self.wrong(peer, Costly::Read, STREAM, Code::FieldInvalid).await);
        }
        let Some(place) = self.edge.begin_follow(&uri) else {
            return Err(self.wrong(peer, Costly::Read, STREAM, Code::StreamsExhausted).await);
        };
        let at = At {
            period: asked.period,
            index: asked.from_seq,
        };
        let open = |gate, peer| Following::open(gate, peer, STREAM, at);
        let following = self.staffed(peer, Costly::Read, open).await?;
        // One message waits, no more: the log is read at the pace of whoever takes them.
        let (messages, stream) = mpsc::channel(1);
        let desk = self.clone();
        self.tasks.spawn(async move {
            desk.pump(caller, following, asked.follow, messages).await;
            drop(place);
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }

    async fn report_subject(
        &self,
        request: Request<v1::ReportSubjectRequest>,
    ) -> Result<Response<v1::ReportSubjectResponse>, Status> {
        let peer = self.peer(&request)?;
        let asked = match documents::report(request.into_inner()) {
            Ok(asked) => asked,
            Err(code) => return Err(self.wrong(peer, Costly::Past, REPORT_SUBJECT, code).await),
        };
        let make = |gate, peer| inspect::report(gate, peer, REPORT_SUBJECT, asked);
        let report = self.staffed(peer, Costly::Past, make).await?;
        Ok(Response::new(v1::ReportSubjectResponse {
            document: report.document,
            proof: Some(report.proof.to_wire()),
        }))
    }

    async fn pack(&self, request: Request<v1::PackRequest>) -> Result<Response<Parts>, Status> {
        let peer = self.peer(&request)?;
        let asked = match documents::pack(request.into_inner()) {
            Ok(asked) => asked,
            Err(code) => return Err(self.wrong(peer, Costly::Past, PACK, code).await),
        };
        let make = |gate, peer| inspect::pack(gate, peer, PACK, asked);
        let archive = self.staffed(peer, Costly::Past, make).await?;
        Ok(Response::new(Box::pin(documents::parts(archive))))
    }
}

/// How a stream goes on after a look.
enum Next {
    Again,
    /// Everything was shown that was asked for: the reader is told, or it would not know that nothing was cut off.
    Complete,
    End(&'static str),
    Refuse(Code),
}

/// The last message of a stream. Whoever does not take it has ended the stream himself.
async fn last(messages: &Messages, word: Result<v1::StreamEntriesResponse, Status>) {
    let _ = messages
        .send_timeout(word, Duration::from_millis(FOLLOW_LAST_WORD_MS))
        .await;
}

impl Desk {
    /// Refuses what is wrong with a request, on record.
    async fn wrong(&self, peer: PeerIdentity, what: Costly, call: StaffCall, code: Code) -> Status {
        let refuse = |gate, peer| inspect::refuse(gate, peer, call, code);
        match self.staffed(peer, what, refuse).await {
            Err(status) => status,
            Ok(never) => match never {},
        }
    }

    /// Shows entries until there is a reason to end, and records how far it got.
    async fn pump(&self, caller: Extensions, mut following: Following, follow: bool, messages: Messages) {
        let next_seq = loop {
            let how = match self.turn(&caller, &mut following, follow, &messages).await {
                Next::Again => continue,
                Next::Refuse(code) => {
                    let word = match following.refuse(code).await {
                        Ok(refusal) => status::refused(&refusal),
                        Err(error) => status::not_recorded(error),
                    };
                    return last(&messages, Err(word)).await;
                }
                Next::End(how) => how,
                Next::Complete => break following.next(),
            };
            if let Err(error) = following.end(how).await {
                last(&messages, Err(status::not_recorded(error))).await;
            }
            return;
        };
        let word = match following.end("all was shown").await {
            Ok(()) => Ok(v1::StreamEntriesResponse {
                entries: Vec::new(),
                next_seq,
                complete: true,
            }),
            Err(error) => Err(status::not_recorded(error)),
        };
        last(&messages, word).await;
    }

    /// One look at the log, and its message.
    async fn turn(&self, caller: &Extensions, following: &mut Following, follow: bool, messages: &Messages) -> Next {
        if self.stopping.is_cancelled() {
            return Next::End("the gateway stopped");
        }
        // The certificate is looked at anew for each message: a stream outlives a revocation.
        let mut probe = Request::new(());
        *probe.extensions_mut() = caller.clone();
        if let Err(status) = self.peer(&probe) {
            last(messages, Err(status)).await;
            return Next::End("the certificate is not good any more");
        }
        if !follow && following.is_past_opening() {
            return Next::Complete;
        }
        let before = following.next();
        let step = match following.step().await {
            Ok(step) => step,
            Err(code) => return Next::Refuse(code),
        };
        if step.next == before {
            return tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(FOLLOW_LOOK_MS)) => Next::Again,
                () = messages.closed() => Next::End("the reader left"),
                () = self.stopping.cancelled() => Next::End("the gateway stopped"),
            };
        }
        let message = v1::StreamEntriesResponse {
            entries: step.entries.into_iter().map(summary).collect(),
            next_seq: step.next,
            complete: false,
        };
        let stall = Duration::from_millis(FOLLOW_STALL_MS);
        tokio::select! {
            sent = tokio::time::timeout(stall, messages.send(Ok(message))) => match sent {
                Ok(Ok(())) => Next::Again,
                Ok(Err(_)) => Next::End("the reader left"),
                Err(_) => Next::End("the reader took no message for too long"),
            },
            () = self.stopping.cancelled() => Next::End("the gateway stopped"),
        }
    }
}

fn both(from: Option<&Timestamp>, until: Option<&Timestamp>) -> Option<(Time, Time)> {
    let (from, until) = inspect::period(from, until).ok()?;
    from.zip(until)
}

fn found(page: Page) -> v1::SearchResponse {
    let mut entries: Vec<v1::EntrySummary> = page.entries.into_iter().map(summary).collect();
    let checkpoint_period = page.proofs.as_ref().map_or(0, |proofs| proofs.period);
    let checkpoint = page.proofs.map(|proofs| {
        for (entry, inclusion) in entries.iter_mut().zip(proofs.inclusions) {
            entry.inclusion = inclusion.iter().map(|hash| hash.to_vec()).collect();
        }
        proofs.checkpoint.to_string()
    });
    v1::SearchResponse {
        entries,
        next_page_token: page.next,
        log_size: page.log_size,
        checkpoint: checkpoint.unwrap_or_default(),
        checkpoint_period,
    }
}

fn summary(entry: Entry) -> v1::EntrySummary {
    let (leaf, period) = (entry.bytes, entry.period);
    let Some(details) = entry.details else {
        return v1::EntrySummary {
            leaf,
            period,
            ..v1::EntrySummary::default()
        };
    };
    v1::EntrySummary {
        leaf,
        opened: true,
        purpose: details.x.purpose,
        signals: details.x.signals,
        outcomes: details.i.outcomes,
        reference: details.x.reference,
        inclusion: Vec::new(),
        period,
    }
}

fn whole(shown: Shown, explanation: Vec<String>) -> v1::GetEntryResponse {
    let (partner_detail, institution) = match shown.entry.details {
        None => (None, None),
        Some(details) => (
            Some(details.x),
            Some(v1::InstitutionView {
                outcomes: details.i.outcomes,
                fields_read: shown.fields_read,
                fields_withheld: shown.fields_withheld,
                answer: details.i.answer,
                count: details.i.count,
                note: details.i.note,
            }),
        ),
    };
    v1::GetEntryResponse {
        period: shown.entry.period,
        leaf: shown.entry.bytes,
        proof: shown.proof,
        opened: partner_detail.is_some(),
        partner_detail,
        institution,
        explanation,
    }
}
