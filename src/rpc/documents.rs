//! Reports and packs, from the wire and to it.
use crate::{
    inspect::{self, PackRequest, ReportRequest},
    limits::PACK_PART_BYTES,
    refusal::Code,
    wire::v1,
};
use tokio_stream::Stream;
use tonic::Status;

/// Whom a report is asked for.
pub(super) fn report(asked: v1::ReportSubjectRequest) -> Result<ReportRequest, Code> {
    let subject = inspect::subject(asked.subject.ok_or(Code::SubjectMalformed)?)?;
    let (from, until) = inspect::period(asked.from.as_ref(), asked.until.as_ref())?;
    Ok(ReportRequest {
        subject,
        from,
        until,
        reason: asked.reason,
    })
}

/// What is to be packed.
pub(super) fn pack(asked: v1::PackRequest) -> Result<PackRequest, Code> {
    let (from, until) = inspect::period(asked.from.as_ref(), asked.until.as_ref())?;
    Ok(PackRequest {
        period: asked.period,
        partner: asked.partner.parse().map_err(|_| Code::FieldInvalid)?,
        from: from.ok_or(Code::FieldInvalid)?,
        until: until.ok_or(Code::FieldInvalid)?,
        sample: usize::try_from(asked.sample).map_err(|_| Code::FieldInvalid)?,
        seed: asked.seed,
    })
}

/// An archive in messages, cut as the reader takes them.
pub(super) fn parts(archive: Vec<u8>) -> impl Stream<Item = Result<v1::PackResponse, Status>> + Send {
    let bytes_total = archive.len() as u64;
    let mut rest = archive.into_iter();
    let parts = std::iter::from_fn(move || {
        let part: Vec<u8> = rest.by_ref().take(PACK_PART_BYTES).collect();
        (!part.is_empty()).then_some(Ok(v1::PackResponse { part, bytes_total }))
    });
    tokio_stream::iter(parts)
}
