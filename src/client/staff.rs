//! An officer's or auditor's connection: the log. What officers order about people is in `persons`. It believes no proof that
//! it has not checked with the log's key, and notices where a stream leaves something out.
use super::{
    call::{refused, timed},
    connection::channel,
    error::{ClientError, LogError, ReceiptError},
    log_view::{Head, continues},
    stubs::{
        audit_service_client::AuditServiceClient, log_service_client::LogServiceClient,
        persons_service_client::PersonsServiceClient,
    },
};
use crate::{
    audit::{
        note::{self, VerifierKey},
        proof::{self, Continuation},
    },
    channel::client::Connector,
    limits::{AUDIT_REPLY_BYTES_MAX, DOCUMENT_REPLY_BYTES_MAX, PACK_BYTES_MAX},
    wire::{decode_canonical, v1},
};
use std::net::SocketAddr;
use tonic::{Streaming, transport::Channel};

/// One gateway's log, as its own institution's people read it.
pub struct Staff {
    audit: AuditServiceClient<Channel>,
    log: LogServiceClient<Channel>,
    pub(super) persons: PersonsServiceClient<Channel>,
    key: VerifierKey,
}

/// An entry that was found.
pub struct Hit {
    /// The leaf, read.
    pub leaf: v1::Leaf,
    /// As it came; `leaf` in it is what was hashed.
    pub summary: v1::EntrySummary,
}

/// A page of them.
pub struct Hits {
    /// Newest first.
    pub entries: Vec<Hit>,
    /// For the next page; empty at the end.
    pub next: String,
    /// Entries of the log that the search looks at.
    pub log_size: u64,
    /// The checkpoint that every entry of the page was proven to be under; `None` if no proofs were asked for.
    pub head: Option<Head>,
}

/// One entry whose proof holds.
pub struct ShownEntry {
    /// The leaf, read.
    pub leaf: v1::Leaf,
    /// The checkpoint it is under.
    pub head: Head,
    /// As it came; `proof` in it stands by itself.
    pub response: v1::GetEntryResponse,
    /// What its checkpoint is verified with: that of its period.
    pub key: VerifierKey,
}

/// A message of a stream.
pub struct Streamed {
    /// Oldest first.
    pub entries: Vec<Hit>,
    /// Where to go on after a loss.
    pub next_seq: u64,
    /// Entries that a scope left out of this message.
    pub left_out: u64,
    /// Everything was shown that was asked for.
    pub complete: bool,
}

/// A stream that is open.
pub struct Entries {
    messages: Streaming<v1::StreamEntriesResponse>,
    next_seq: u64,
}

impl Staff {
    /// Connects to the staff listener at `address`, which must be the gateway that `connector` knows. `key` is the log's
    /// verifier key, by another way than from this gateway.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`] with every cause that is known.
    pub async fn connect(address: SocketAddr, connector: Connector, key: VerifierKey) -> Result<Self, ClientError> {
        let channel = channel(address, connector).await?;
        Ok(Self {
            audit: AuditServiceClient::new(channel.clone()).max_decoding_message_size(AUDIT_REPLY_BYTES_MAX),
            persons: PersonsServiceClient::new(channel.clone()),
            log: LogServiceClient::new(channel).max_decoding_message_size(AUDIT_REPLY_BYTES_MAX),
            key,
        })
    }

    /// The name of the log.
    pub fn origin(&self) -> &str {
        self.key.name()
    }

    /// The key that every proof is checked with.
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// A page of entries; with `prove` each is checked to be in the log.
    ///
    /// # Errors
    /// [`ClientError::Receipt`] for a proof that does not hold.
    pub async fn search(&self, request: v1::SearchRequest) -> Result<Hits, ClientError> {
        let prove = request.prove;
        let mut stub = self.audit.clone();
        let reply = stub.search(timed(request)).await.map_err(refused)?.into_inner();
        let head = prove.then(|| self.checkpoint_in(reply.checkpoint_period, &reply.checkpoint));
        let head = head.transpose()?;
        let entries = reply.entries.into_iter().map(|summary| {
            let hit = hit(summary)?;
            if let Some(head) = &head {
                included(&hit, head)?;
                if hit.summary.period != reply.checkpoint_period {
                    return Err(ReceiptError::OtherLog.into());
                }
            }
            Ok(hit)
        });
        Ok(Hits {
            entries: entries.collect::<Result<_, ClientError>>()?,
            next: reply.next_page_token,
            log_size: reply.log_size,
            head,
        })
    }

    /// One entry of a period of the log, 0 being the one that takes entries, its proof checked; `language` of its explanation is `en` or `zh`.
    ///
    /// # Errors
    /// [`ClientError::Receipt`] for a proof that does not hold, or is that of another entry.
    pub async fn entry(&self, period: u32, seq: u64, language: &str) -> Result<ShownEntry, ClientError> {
        let mut stub = self.audit.clone();
        let request = v1::GetEntryRequest {
            seq,
            language: language.to_owned(),
            period,
        };
        let response = stub.get_entry(timed(request)).await.map_err(refused)?.into_inner();
        let decoded = proof::decode(&response.proof).map_err(|_| ReceiptError::Malformed)?;
        let leaf: v1::Leaf = decode_canonical(&response.leaf).map_err(|_| ReceiptError::Malformed)?;
        if !matches!(period, 0) && response.period != period {
            return Err(ReceiptError::OtherLog.into());
        }
        let head = self.checkpoint_in(response.period, &decoded.checkpoint)?;
        let is_of_this = decoded.index == seq && leaf.seq == seq && seq < head.size;
        if !is_of_this || decoded.extra.as_ref() != Some(&response.leaf) {
            return Err(ReceiptError::Index.into());
        }
        proof::verify_inclusion(&response.leaf, seq, &decoded.proof, head.size, &head.root)
            .map_err(ReceiptError::NotIncluded)?;
        let key = self.key_of(response.period, &decoded.checkpoint)?;
        Ok(ShownEntry {
            leaf,
            head,
            response,
            key,
        })
    }

    /// Counts for charts.
    pub async fn overview(&self, request: v1::GetOverviewRequest) -> Result<v1::GetOverviewResponse, ClientError> {
        let mut stub = self.audit.clone();
        let reply = stub.get_overview(timed(request)).await;
        reply.map(tonic::Response::into_inner).map_err(refused)
    }

    /// Opens a stream of a period at entry `from`; with `follow` it goes on as entries are committed.
    pub async fn stream(&self, period: u32, from: u64, follow: bool) -> Result<Entries, ClientError> {
        let mut stub = self.audit.clone();
        let request = v1::StreamEntriesRequest {
            from_seq: from,
            follow,
            period,
        };
        let messages = stub.stream_entries(request).await.map_err(refused)?.into_inner();
        Ok(Entries {
            messages,
            next_seq: from,
        })
    }

    /// The report about a person, with its proof: both still to be checked.
    pub async fn report(&self, request: v1::ReportSubjectRequest) -> Result<v1::ReportSubjectResponse, ClientError> {
        let mut stub = self.audit.clone().max_decoding_message_size(DOCUMENT_REPLY_BYTES_MAX);
        let reply = stub.report_subject(timed(request)).await;
        reply.map(tonic::Response::into_inner).map_err(refused)
    }

    /// The pack about a partner, an archive that is still to be checked. `progress` is told how much of how much is there.
    ///
    /// # Errors
    /// [`ClientError::ReplyMalformed`] for more, or less, than was announced.
    pub async fn pack(
        &self,
        request: v1::PackRequest,
        progress: &mut (dyn FnMut(u64, u64) + Send),
    ) -> Result<Vec<u8>, ClientError> {
        let mut stub = self.audit.clone();
        let mut parts = stub.pack(request).await.map_err(refused)?.into_inner();
        let (mut archive, mut total) = (Vec::new(), 0);
        while let Some(message) = parts.message().await.map_err(refused)? {
            total = message.bytes_total;
            archive.extend_from_slice(&message.part);
            if archive.len() > PACK_BYTES_MAX {
                return Err(ClientError::ReplyMalformed);
            }
            progress(archive.len() as u64, total);
        }
        match archive.len() as u64 == total {
            true => Ok(archive),
            false => Err(ClientError::ReplyMalformed),
        }
    }

    /// The newest signed checkpoint of a period, or the smallest that covers `size` entries.
    ///
    /// # Errors
    /// [`ClientError::Log`] for one that the log's key did not sign, or that covers less.
    pub async fn checkpoint(&self, period: u32, size: Option<u64>) -> Result<Head, ClientError> {
        let note = match size {
            None if period == 0 => {
                let mut stub = self.log.clone();
                let reply = stub.get_checkpoint(timed(v1::GetCheckpointRequest {})).await;
                reply.map_err(refused)?.into_inner().checkpoint
            }
            _ => {
                let mut stub = self.audit.clone();
                let request = v1::FindCheckpointRequest {
                    size: size.unwrap_or(0),
                    period,
                    newest: size.is_none(),
                };
                let reply = stub.find_checkpoint(timed(request)).await;
                reply.map_err(refused)?.into_inner().checkpoint
            }
        };
        let head = self.checkpoint_in(period, &note).map_err(LogError::Checkpoint)?;
        if size.is_some_and(|size| head.size < size) {
            return Err(LogError::Checkpoint(ReceiptError::Index).into());
        }
        Ok(head)
    }

    /// The proof that the log of checkpoint `newer`, or the newest, continues that of `older`.
    ///
    /// # Errors
    /// [`ClientError::Log`] if it does not, with both checkpoints as evidence.
    pub async fn continuation(&self, older: &str, newer: Option<&str>) -> Result<(Continuation, Head), ClientError> {
        let older = self.checkpoint_of(older).map_err(LogError::Checkpoint)?;
        let newer = newer.map(|note| self.checkpoint_of(note).map_err(LogError::Checkpoint));
        let newer = newer.transpose()?;
        let request = v1::ProveConsistencyRequest {
            from_size: older.size,
            to_size: newer.as_ref().map_or(0, |head| head.size),
        };
        let mut stub = self.log.clone();
        let reply = stub
            .prove_consistency(timed(request))
            .await
            .map_err(refused)?
            .into_inner();
        let newer = match newer {
            Some(head) => head,
            None => self.checkpoint_of(&reply.checkpoint).map_err(LogError::Checkpoint)?,
        };
        let proof = continues(&older, &newer, &reply.proof)?;
        let continuation = Continuation {
            old_size: older.size,
            proof,
            checkpoint: newer.note.to_string(),
        };
        Ok((continuation, newer))
    }

    fn checkpoint_of(&self, text: &str) -> Result<Head, ReceiptError> {
        self.checkpoint_in(0, text)
    }

    fn key_of(&self, period: u32, text: &str) -> Result<VerifierKey, ReceiptError> {
        match period {
            0 => Ok(self.key.clone()),
            period => self.key.for_period(period, text).map_err(ReceiptError::Checkpoint),
        }
    }

    /// A checkpoint of this log, or of another of its periods.
    fn checkpoint_in(&self, period: u32, text: &str) -> Result<Head, ReceiptError> {
        let key = self.key_of(period, text)?;
        let checkpoint = note::verify(text, &key).map_err(ReceiptError::Checkpoint)?;
        Ok(Head {
            size: checkpoint.size,
            root: checkpoint.root,
            note: text.into(),
        })
    }
}

impl Entries {
    /// The next message; `None` when the gateway has ended the stream.
    ///
    /// # Errors
    /// [`ClientError::ReplyMalformed`] for entries that are not where the stream stands.
    pub async fn next(&mut self) -> Result<Option<Streamed>, ClientError> {
        let Some(message) = self.messages.message().await.map_err(refused)? else {
            return Ok(None);
        };
        let mut at = self.next_seq;
        let mut entries = Vec::with_capacity(message.entries.len());
        for summary in message.entries {
            let hit = hit(summary)?;
            if hit.leaf.seq < at || hit.leaf.seq >= message.next_seq {
                return Err(ClientError::ReplyMalformed);
            }
            at = hit.leaf.seq + 1;
            entries.push(hit);
        }
        let looked_at = message.next_seq.checked_sub(self.next_seq);
        let left_out = looked_at.and_then(|all| all.checked_sub(entries.len() as u64));
        self.next_seq = message.next_seq;
        Ok(Some(Streamed {
            entries,
            next_seq: message.next_seq,
            left_out: left_out.ok_or(ClientError::ReplyMalformed)?,
            complete: message.complete,
        }))
    }
}

fn hit(summary: v1::EntrySummary) -> Result<Hit, ClientError> {
    let leaf = decode_canonical(&summary.leaf).map_err(|_| ClientError::ReplyMalformed)?;
    Ok(Hit { leaf, summary })
}

fn included(hit: &Hit, head: &Head) -> Result<(), ReceiptError> {
    let hashes: Result<Vec<[u8; 32]>, _> = hit.summary.inclusion.iter().map(|h| h.as_slice().try_into()).collect();
    let hashes = hashes.map_err(|_| ReceiptError::Malformed)?;
    if hit.leaf.seq >= head.size {
        return Err(ReceiptError::Index);
    }
    proof::verify_inclusion(&hit.summary.leaf, hit.leaf.seq, &hashes, head.size, &head.root)
        .map_err(ReceiptError::NotIncluded)
}
