//! The journal: what is synced here is durable. Frames one after the other in plain files, cut into segments.
//!
//! The journal is never shortened but for a last frame that was torn before anyone was told of it.
use super::{
    disk::{Disk, DiskFile},
    frame::{self, Frame, HEADER_BYTES, SEGMENT_HEADER_BYTES, SegmentHeader},
};
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// A position in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) segment: u64,
    pub(super) offset: u64,
}

impl Place {
    /// Before the first frame of a segment.
    pub(super) fn start_of(segment: u64) -> Self {
        Self {
            segment,
            offset: SEGMENT_HEADER_BYTES as u64,
        }
    }
}

/// Why a frame was not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum AppendError {
    /// No room; the journal is as it was, and the next frame may be tried.
    #[error("the disk is full")]
    Full,
    /// Anything else: what is on disk is not known any more.
    #[error("the journal cannot be written: {0}")]
    Failed(io::Error),
}

/// Why a journal cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum JournalError {
    #[error("the system refused: {0}")]
    Io(#[from] io::Error),
    #[error("segment {0} is missing")]
    Missing(u64),
    #[error("segment {0} has a damaged header")]
    Header(u64),
    #[error("segment {0} belongs to another log")]
    Foreign(u64),
    #[error("segment {0} is not as long as the next one says")]
    Cut(u64),
    #[error("segment {} is damaged at byte {}", .0.segment, .0.offset)]
    Damaged(Place),
}

/// The journal, open for appending.
pub(super) struct Journal {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    segment_bytes_max: u64,
    file: Arc<dyn DiskFile>,
    end: Place,
}

impl Journal {
    /// Goes on after `scanned`. Torn bytes are cut off. The last frame is written once more: if its first sync failed,
    /// the system may hold it in memory and take it for clean.
    pub(super) fn resume(
        disk: Arc<dyn Disk>,
        dir: &Path,
        segment_bytes_max: u64,
        scanned: &Scanned,
    ) -> io::Result<Self> {
        let end = scanned.end;
        let file = disk.open(&segment_path(dir, end.segment))?;
        if let Some((at, len)) = scanned.last_frame.filter(|(at, _)| at.segment == end.segment) {
            let mut bytes = vec![0; len];
            file.read_at(&mut bytes, at.offset)?;
            file.write_at(&bytes, at.offset)?;
        }
        file.set_len(end.offset)?;
        file.sync()?;
        disk.sync_dir(dir)?;
        Ok(Self {
            disk,
            dir: dir.to_owned(),
            segment_bytes_max,
            file,
            end,
        })
    }

    /// After the last frame.
    pub(super) fn end(&self) -> Place {
        self.end
    }

    /// Whether the next frame belongs into a new segment.
    pub(super) fn is_segment_full(&self) -> bool {
        self.end.offset >= self.segment_bytes_max
    }

    /// Begins the next segment. Nothing may be appended before this has succeeded once it was tried.
    pub(super) fn roll(&mut self, header: &SegmentHeader) -> Result<(), AppendError> {
        self.file = make_segment(&*self.disk, &self.dir, header).map_err(classify)?;
        self.end = Place::start_of(header.number);
        Ok(())
    }

    /// Appends a frame and returns where it begins, once it is on disk.
    pub(super) fn append(&mut self, frame: &[u8]) -> Result<Place, AppendError> {
        let at = self.end;
        let written = self.file.write_at(frame, at.offset).and_then(|()| self.file.sync());
        if let Err(error) = written {
            // Cutting drops the pages whose write failed; without that a later sync could report them as written.
            let cut = self.file.set_len(at.offset).and_then(|()| self.file.sync());
            return Err(cut.map_or_else(AppendError::Failed, |()| classify(error)));
        }
        self.end.offset += frame.len() as u64;
        Ok(at)
    }
}

fn classify(error: io::Error) -> AppendError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => AppendError::Full,
        _ => AppendError::Failed(error),
    }
}

/// A segment's file.
pub(super) fn segment_path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:08}.journal"))
}

/// Makes the first segment of a new journal.
pub(super) fn begin(disk: &dyn Disk, dir: &Path, header: &SegmentHeader) -> io::Result<()> {
    make_segment(disk, dir, header).map(drop)
}

/// The name appears by rename, when the header is on disk.
fn make_segment(disk: &dyn Disk, dir: &Path, header: &SegmentHeader) -> io::Result<Arc<dyn DiskFile>> {
    let draft = dir.join(format!("{:08}.tmp", header.number));
    let file = disk.create(&draft)?;
    file.write_at(&header.encode(), 0)?;
    file.sync()?;
    disk.rename(&draft, &segment_path(dir, header.number))?;
    disk.sync_dir(dir)?;
    Ok(file)
}

/// A segment that is there.
pub(super) struct Segment {
    pub(super) header: SegmentHeader,
    /// Not held open: a log of years has more segments than a process may have open files.
    path: PathBuf,
    bytes: u64,
}

impl Segment {
    /// Its file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Its length, up to `end` where that lies in it; `None` behind it.
    pub(super) fn bytes_until(&self, end: Place) -> Option<u64> {
        match self.header.number.cmp(&end.segment) {
            std::cmp::Ordering::Less => Some(self.bytes),
            std::cmp::Ordering::Equal => (end.offset <= self.bytes).then_some(end.offset),
            std::cmp::Ordering::Greater => None,
        }
    }

    /// Whether it has no frame.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes <= SEGMENT_HEADER_BYTES as u64
    }
}

/// All segments of a journal, without a gap, each as long as the next one says.
pub(super) fn segments(disk: &dyn Disk, dir: &Path, origin: &str) -> Result<Vec<Segment>, JournalError> {
    let (found, error) = sound_segments(disk, dir, origin);
    error.map_or(Ok(found), Err)
}

/// The segments up to the first that is missing or damaged, and what is wrong with that.
pub(super) fn sound_segments(disk: &dyn Disk, dir: &Path, origin: &str) -> (Vec<Segment>, Option<JournalError>) {
    let mut found: Vec<Segment> = Vec::new();
    let numbers = match segment_numbers(disk, dir) {
        Ok(numbers) => numbers,
        Err(error) => return (found, Some(error.into())),
    };
    for (expected, number) in (1..).zip(numbers) {
        if number != expected {
            return (found, Some(JournalError::Missing(expected)));
        }
        match open_segment(disk, dir, number, origin) {
            Ok(segment) => {
                let before = found.last().map_or(0, |s| s.bytes);
                if before != segment.header.previous_bytes {
                    return (found, Some(JournalError::Cut(number - 1)));
                }
                found.push(segment);
            }
            Err(error) => return (found, Some(error)),
        }
    }
    (found, None)
}

fn segment_numbers(disk: &dyn Disk, dir: &Path) -> io::Result<Vec<u64>> {
    let mut numbers: Vec<u64> = Vec::new();
    for path in disk.list(dir)? {
        if path.extension().is_some_and(|e| e == "journal") {
            let name = path.file_stem().and_then(|s| s.to_str());
            numbers.extend(name.and_then(|s| s.parse::<u64>().ok()));
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn open_segment(disk: &dyn Disk, dir: &Path, number: u64, origin: &str) -> Result<Segment, JournalError> {
    let path = segment_path(dir, number);
    let file = disk.open(&path)?;
    let header = read_segment_header(&*file).filter(|h| h.number == number);
    let header = header.ok_or(JournalError::Header(number))?;
    if header.origin != origin {
        return Err(JournalError::Foreign(number));
    }
    Ok(Segment {
        header,
        bytes: file.len()?,
        path,
    })
}

fn read_segment_header(file: &dyn DiskFile) -> Option<SegmentHeader> {
    let mut bytes = vec![0; SEGMENT_HEADER_BYTES];
    file.read_at(&mut bytes, 0).ok()?;
    SegmentHeader::decode(&bytes)
}

/// The origin that the first segment names, for who does not know it.
pub(super) fn origin(disk: &dyn Disk, dir: &Path) -> Result<String, JournalError> {
    let file = disk.open(&segment_path(dir, 1)).map_err(|_| JournalError::Missing(1))?;
    Ok(read_segment_header(&*file).ok_or(JournalError::Header(1))?.origin)
}

/// Left-overs of a crash while a segment was made.
pub(super) fn remove_drafts(disk: &dyn Disk, dir: &Path) -> io::Result<()> {
    for path in disk.list(dir)? {
        if path.extension().is_some_and(|e| e == "tmp") {
            disk.remove(&path)?;
        }
    }
    Ok(())
}

/// Whether there are bytes up to this place.
pub(super) fn reaches(segments: &[Segment], place: Place) -> bool {
    segments.iter().any(|s| match s.header.number == place.segment {
        true => s.bytes >= place.offset,
        false => s.header.number > place.segment,
    })
}

/// What a scan found at the end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scanned {
    /// After the last whole frame.
    pub(super) end: Place,
    /// Bytes behind it that are no frame.
    pub(super) torn_bytes: u64,
    /// Where the last frame begins, and its length.
    pub(super) last_frame: Option<(Place, usize)>,
}

/// Reads every frame from `from` on. Bytes that are no frame are torn if nothing follows them, else damage.
pub(super) fn scan<E: From<JournalError>>(
    disk: &dyn Disk,
    segments: &[Segment],
    from: Place,
    mut visit: impl FnMut(Place, Place, &Frame<'_>) -> Result<(), E>,
) -> Result<Scanned, E> {
    let mut done = Scanned {
        end: from,
        torn_bytes: 0,
        last_frame: None,
    };
    let mut body = Vec::new();
    for segment in segments.iter().filter(|s| s.header.number >= from.segment) {
        let number = segment.header.number;
        if number > from.segment {
            done.end = Place::start_of(number);
        }
        let open = OpenSegment {
            file: disk.open(&segment.path).map_err(JournalError::Io)?,
            bytes: segment.bytes,
        };
        while done.end.offset < segment.bytes {
            let at = done.end;
            let Some(length) = read_frame(&open, at.offset, &mut body) else {
                let last = segments.last().is_some_and(|s| s.header.number == number);
                if !last || frame_follows(&open, at.offset).map_err(JournalError::Io)? {
                    return Err(JournalError::Damaged(at).into());
                }
                done.torn_bytes = segment.bytes - at.offset;
                return Ok(done);
            };
            let frame = frame::read_body(&body).ok_or(JournalError::Damaged(at))?;
            done.end.offset += length as u64;
            visit(at, done.end, &frame)?;
            done.last_frame = Some((at, length));
        }
        if done.end.offset > segment.bytes {
            return Err(JournalError::Cut(number).into());
        }
    }
    if segments.last().is_none_or(|s| s.header.number < from.segment) {
        return Err(JournalError::Missing(from.segment).into());
    }
    Ok(done)
}

/// A segment that is being read.
struct OpenSegment {
    file: Arc<dyn DiskFile>,
    bytes: u64,
}

/// The whole frame's length, with its body in `body`; `None` if there is no whole frame here.
fn read_frame(segment: &OpenSegment, offset: u64, body: &mut Vec<u8>) -> Option<usize> {
    let left = segment.bytes.checked_sub(offset)?;
    let mut header = [0; HEADER_BYTES];
    segment.file.read_at(&mut header, offset).ok()?;
    let (len, crc) = frame::read_header(&header)?;
    if (HEADER_BYTES + len) as u64 > left {
        return None;
    }
    body.resize(len, 0);
    segment.file.read_at(body, offset + HEADER_BYTES as u64).ok()?;
    (crc32fast::hash(body) == crc).then_some(HEADER_BYTES + len)
}

/// Whether a whole frame stands anywhere after `offset`: then what stands there was not the last one.
fn frame_follows(segment: &OpenSegment, offset: u64) -> io::Result<bool> {
    let left = usize::try_from(segment.bytes.saturating_sub(offset)).unwrap_or(usize::MAX);
    let mut rest = vec![0; left];
    segment.file.read_at(&mut rest, offset)?;
    let mut body = Vec::new();
    let starts = rest.windows(frame::MAGIC.len()).zip(offset..).skip(1);
    Ok(starts
        .filter(|(window, _)| **window == frame::MAGIC)
        .any(|(_, at)| read_frame(segment, at, &mut body).is_some_and(|_| frame::read_body(&body).is_some())))
}
