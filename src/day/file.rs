//! The file of a day's columns and postings.
//!
//! Owns: the layout of `2026-11-23.day`: its header, its sections, its footer and trailer. Does not
//! own what is inside a section, nor which sections are valid while the day is being written: the
//! log says that.
//!
//! ```text
//! header   magic "DIURNALD", version u32, day u32, XXH3-64 of these 16 bytes
//! section  kind u8 (1 block, 2 page of postings, 3 footer, 4 contents of a part), 3 zeros, length u32,
//!          first ordinal u32, rows u32, XXH3-64 of these 16 bytes and the section's offset, then the
//!          body
//! …
//! trailer  offset u64 and length u32 of the footer's body, version u32, XXH3-64 of these 16 bytes,
//!          magic "DIURNALF"
//! ```
//!
//! Integers are little-endian. A body has a checksum of its own inside. A file that ends in a trailer
//! is sealed: its footer lists the day's parts. A section's head serves to find the bodies again
//! where the list is lost.

use std::sync::Arc;

use crate::codec::bytes::{Reader, checksum, put_varint, seal, unseal};
use crate::day::FileKind;
use crate::day::cache::Cache;
use crate::day::contents::Span;
use crate::day::part::Part;
use crate::error::{Error, ErrorKind, Result};
use crate::storage::{Access, Directory, Draft, StorageFile, read_at};
use crate::time::Day;

/// The format of the day files, the log and the catalog.
pub(crate) const FORMAT_VERSION: u32 = 1;

const MAGIC: &[u8; 8] = b"DIURNALD";
const TRAILER_MAGIC: &[u8; 8] = b"DIURNALF";
pub(crate) const HEADER_BYTES: u64 = 24;
pub(crate) const SECTION_HEAD_BYTES: u64 = 24;
pub(crate) const TRAILER_BYTES: u64 = 32;
/// The checksum that ends a footer, and the trailer.
pub(crate) const MARK_BYTES: usize = 8 + TRAILER_BYTES as usize;

/// What a section holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SectionKind {
    Block = 1,
    Page = 2,
    Footer = 3,
    Contents = 4,
}

/// The head of a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SectionHead {
    pub(crate) kind: SectionKind,
    pub(crate) len: u32,
    pub(crate) first: u32,
    pub(crate) rows: u32,
}

/// A day's file, whose header has been checked.
#[derive(Debug)]
pub(crate) struct DayFile {
    day: Day,
    handle: Handle,
    /// Tells this opening from others in the cache.
    pub(crate) id: u64,
}

#[derive(Debug)]
enum Handle {
    /// Open as long as anybody has it.
    Open(StorageFile),
    /// Opened when it is read.
    Sealed(SealedFile),
}

/// What a sealed day's file is known by when it is opened again.
#[derive(Debug)]
struct SealedFile {
    directory: Arc<dyn Directory>,
    /// Where the mark lies.
    offset: u64,
    /// The checksum of the footer, and the trailer.
    mark: Vec<u8>,
}

/// The bytes that open a day's file.
fn header(day: Day) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    bytes.extend_from_slice(&day.number().to_le_bytes());
    let sum = checksum(&bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes
}

impl SectionHead {
    pub(crate) fn encode(&self, offset: u64) -> [u8; SECTION_HEAD_BYTES as usize] {
        let mut bytes = [0; SECTION_HEAD_BYTES as usize];
        bytes[0] = self.kind as u8;
        bytes[4..8].copy_from_slice(&self.len.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.first.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.rows.to_le_bytes());
        let sum = checksum(&bytes[..16]) ^ offset;
        bytes[16..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// Gives damaged bytes of a head the checksum that they call for.
    #[cfg(feature = "testing")]
    pub(crate) fn reseal(bytes: &mut [u8], offset: u64) {
        if let Some((body, sum)) = bytes.split_last_chunk_mut::<8>() {
            *sum = (checksum(body) ^ offset).to_le_bytes();
        }
    }

    /// The head at this offset; `None` where these bytes are none.
    pub(crate) fn decode(bytes: &[u8], offset: u64) -> Option<Self> {
        let bytes = bytes.first_chunk::<{ SECTION_HEAD_BYTES as usize }>()?;
        let kind = match bytes[0] {
            1 => SectionKind::Block,
            2 => SectionKind::Page,
            3 => SectionKind::Footer,
            4 => SectionKind::Contents,
            _ => return None,
        };
        let mut reader = Reader::new(&bytes[4..16], "section head");
        let head = Self {
            kind,
            len: reader.u32().ok()?,
            first: reader.u32().ok()?,
            rows: reader.u32().ok()?,
        };
        (head.encode(offset) == *bytes).then_some(head)
    }
}

impl DayFile {
    /// Opens the file of a day, which stays open.
    pub(crate) fn open(
        directory: &dyn Directory,
        cache: &Cache,
        day: Day,
        access: Access,
    ) -> Result<Self> {
        Self::of(day, open(directory, day, access)?, cache)
    }

    /// Takes an open file, once its header is seen to be this day's.
    pub(crate) fn of(day: Day, file: StorageFile, cache: &Cache) -> Result<Self> {
        check_header(day, &file)?;
        Ok(Self { day, handle: Handle::Open(file), id: cache.next_file_id() })
    }

    /// The file of a day that was sealed when it had this length, and the day's parts.
    pub(crate) fn open_sealed(
        directory: &Arc<dyn Directory>,
        cache: &Cache,
        day: Day,
        file_len: u64,
    ) -> Result<(Self, Vec<Part>)> {
        let file = open(&**directory, day, Access::Read)?;
        check_header(day, &file)?;
        let parts = parse_footer(day, &file, file_len).map_err(|error| error.on_day(day))?;
        let offset = file_len - MARK_BYTES as u64;
        let mark = read(day, &file, offset, MARK_BYTES)?;
        let sealed = SealedFile { directory: directory.clone(), offset, mark };
        let id = cache.next_file_id();
        cache.keep_file(id, &file);
        Ok((Self { day, handle: Handle::Sealed(sealed), id }, parts))
    }

    /// The file, opened if need be; `NotFound` where it has been removed, or replaced.
    pub(crate) fn opened(&self, cache: &Cache) -> Result<StorageFile> {
        let sealed = match &self.handle {
            Handle::Open(file) => return Ok(file.clone()),
            Handle::Sealed(sealed) => sealed,
        };
        if let Some(file) = cache.find_file(self.id) {
            return Ok(file);
        }
        let gone = |error: Error| match error.kind() {
            // Another file, or none, has the name.
            ErrorKind::Corrupt => {
                Error::not_found("the day was dropped meanwhile").on_day(self.day)
            }
            _ => error,
        };
        let file = open(&*sealed.directory, self.day, Access::Read).map_err(gone)?;
        let mark = read(self.day, &file, sealed.offset, MARK_BYTES).map_err(gone)?;
        if mark != sealed.mark {
            return Err(gone(Error::corrupt("the day's file is another one")));
        }
        cache.keep_file(self.id, &file);
        Ok(file)
    }

    /// Its length when it was sealed; `None` for one that is being written.
    pub(crate) fn sealed_len(&self) -> Option<u64> {
        match &self.handle {
            Handle::Open(_) => None,
            Handle::Sealed(sealed) => Some(sealed.offset + MARK_BYTES as u64),
        }
    }

    /// Bytes of an opening of this file, which must be there.
    pub(crate) fn read(&self, file: &StorageFile, offset: u64, len: usize) -> Result<Vec<u8>> {
        read(self.day, file, offset, len)
    }
}

fn open(directory: &dyn Directory, day: Day, access: Access) -> Result<StorageFile> {
    let opened = directory.open(&FileKind::Columns.name(day), access);
    opened.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::corrupt("the day's file is missing").on_day(day),
        std::io::ErrorKind::IsADirectory => {
            Error::corrupt("a directory is in the place of the day's file").on_day(day)
        }
        _ => Error::io("opening the day's file", error).on_day(day),
    })
}

/// Bytes of a day's file that must be there.
fn read(day: Day, file: &StorageFile, offset: u64, len: usize) -> Result<Vec<u8>> {
    read_at(&**file, offset, len).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => {
            let message = format!("the day's file ends before {len} bytes at offset {offset}");
            Error::corrupt(message).on_day(day)
        }
        _ => Error::io(format!("reading {len} bytes at offset {offset}"), error).on_day(day),
    })
}

fn check_header(day: Day, file: &StorageFile) -> Result<()> {
    let bytes = read(day, file, 0, HEADER_BYTES as usize)?;
    if bytes == header(day) { Ok(()) } else { Err(header_error(&bytes, day).on_day(day)) }
}

/// The parts of a day that was sealed when its file had this length.
fn parse_footer(day: Day, file: &StorageFile, file_len: u64) -> Result<Vec<Part>> {
    let at = file_len
        .checked_sub(TRAILER_BYTES)
        .filter(|at| *at >= HEADER_BYTES)
        .ok_or_else(|| Error::corrupt("the day's file has no trailer"))?;
    let trailer = read(day, file, at, TRAILER_BYTES as usize)?;
    let footer = decode_trailer(&trailer, at)?;
    let body = read(day, file, footer.offset, footer.len as usize)?;
    decode_footer(&body, footer.offset)
}

/// The parts of the footer whose body begins at this offset.
pub(crate) fn decode_footer(body: &[u8], offset: u64) -> Result<Vec<Part>> {
    let parts = decode_parts(body, offset)?;
    match parts.iter().any(Part::is_unmerged) {
        true => Err(Error::corrupt("a footer lists a part that is not merged")),
        false => Ok(parts),
    }
}

/// Where the body of the footer lies that the trailer at this offset follows.
pub(crate) fn decode_trailer(bytes: &[u8], at: u64) -> Result<Span> {
    let mut reader = Reader::new(bytes, "trailer");
    let (offset, len, version) = (reader.u64()?, reader.u32()?, reader.u32()?);
    let sum = reader.u64()?;
    if checksum(&bytes[..16]) != sum || reader.slice(8)? != TRAILER_MAGIC {
        return Err(Error::corrupt("the day's file does not end in a sound trailer"));
    }
    if version > FORMAT_VERSION {
        return Err(Error::version("the day's file", version, FORMAT_VERSION));
    }
    if offset.checked_add(len.into()) != Some(at) {
        return Err(Error::corrupt("the trailer points past the footer"));
    }
    Ok(Span { offset, len })
}

fn header_error(bytes: &[u8], day: Day) -> Error {
    let mut reader = Reader::new(bytes, "header");
    let mut parsed = || -> Result<(bool, u32, u32, bool)> {
        let magic = reader.slice(8)? == MAGIC;
        let (version, day) = (reader.u32()?, reader.u32()?);
        Ok((magic, version, day, reader.u64()? == checksum(&bytes[..16])))
    };
    match parsed() {
        Ok((true, version, _, true)) if version > FORMAT_VERSION => {
            Error::version("the day's file", version, FORMAT_VERSION)
        }
        Ok((true, _, other, true)) if other != day.number() => {
            let name = Day::from_number(other).map_or("no day".to_owned(), |day| day.to_string());
            Error::corrupt(format!("the day's file is that of {name}"))
        }
        _ => Error::corrupt("the day's file does not open with a sound header"),
    }
}

/// The list of a day's parts, under a checksum.
pub(crate) fn encode_parts<'a>(parts: impl ExactSizeIterator<Item = &'a Part>) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_varint(&mut bytes, parts.len() as u64);
    for part in parts {
        part.encode(&mut bytes);
    }
    seal(&mut bytes);
    bytes
}

/// The parts of such a list.
pub(crate) fn decode_parts(bytes: &[u8], file_len: u64) -> Result<Vec<Part>> {
    const PLACE: &str = "list of parts";
    let mut reader = Reader::new(unseal(bytes, PLACE)?, PLACE);
    let mut parts = Vec::new();
    for _ in 0..reader.varint()? {
        parts.push(Part::decode(&mut reader, file_len)?);
    }
    reader.finish()?;
    Ok(parts)
}

/// The bytes that follow a footer's body.
fn trailer(footer: Span) -> Vec<u8> {
    let mut bytes = footer.offset.to_le_bytes().to_vec();
    bytes.extend_from_slice(&footer.len.to_le_bytes());
    bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    let sum = checksum(&bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes.extend_from_slice(TRAILER_MAGIC);
    bytes
}

/// Appends sections to a day's file, gathered into large writes.
#[derive(Debug)]
pub(crate) struct Appender {
    file: StorageFile,
    /// Where the gathered bytes go.
    offset: u64,
    gathered: Vec<u8>,
    /// Of a file that is not yet in its place.
    draft: Option<Draft>,
}

/// Gathered bytes at which they are written.
const WRITE_BYTES: usize = 1024 * 1024;

impl Appender {
    /// Appends to `file` after its first `valid_len` bytes; what lies beyond is a leftover.
    pub(crate) fn new(file: StorageFile, valid_len: u64) -> Result<Self> {
        let len = file.len().map_err(|error| Error::io("measuring the day's file", error))?;
        if len > valid_len {
            let cut = file.set_len(valid_len);
            cut.map_err(|error| Error::io("cutting off an interrupted fold", error))?;
        }
        Ok(Self { file, offset: valid_len, gathered: Vec::new(), draft: None })
    }

    /// Begins the file of a day, which has its name from [`sync`](Self::sync) on.
    pub(crate) fn begin(draft: Draft, day: Day) -> Result<Self> {
        let file = draft.file().clone();
        let written = file.write(0, &header(day));
        written.map_err(|error| Error::io("writing a new day's header", error))?;
        let (offset, gathered) = (HEADER_BYTES, Vec::new());
        Ok(Self { file, offset, gathered, draft: Some(draft) })
    }

    /// The file.
    pub(crate) fn file(&self) -> &StorageFile {
        &self.file
    }

    /// Where the next byte goes.
    pub(crate) fn end(&self) -> u64 {
        self.offset + self.gathered.len() as u64
    }

    /// Appends a section; where its body lies.
    pub(crate) fn append(
        &mut self,
        kind: SectionKind,
        first: u32,
        rows: u32,
        body: &[u8],
    ) -> Result<Span> {
        let len = u32::try_from(body.len())
            .map_err(|_| Error::invalid("section", "must be below 4 GiB", body.len()))?;
        let head = SectionHead { kind, len, first, rows }.encode(self.end());
        self.gathered.extend_from_slice(&head);
        let offset = self.end();
        self.gathered.extend_from_slice(body);
        if self.gathered.len() >= WRITE_BYTES {
            self.write()?;
        }
        Ok(Span { offset, len })
    }

    /// Appends the footer and the trailer that seal the day.
    pub(crate) fn seal<'a>(
        &mut self,
        parts: impl ExactSizeIterator<Item = &'a Part>,
        rows: u32,
    ) -> Result<()> {
        let body = encode_parts(parts);
        let footer = self.append(SectionKind::Footer, 0, rows, &body)?;
        self.gathered.extend_from_slice(&trailer(footer));
        Ok(())
    }

    fn write(&mut self) -> Result<()> {
        let written = self.file.write(self.offset, &self.gathered);
        written.map_err(|error| Error::io("writing the day's file", error))?;
        self.offset += self.gathered.len() as u64;
        self.gathered.clear();
        Ok(())
    }

    /// Makes everything appended durable; the length of the file.
    pub(crate) fn sync(mut self) -> Result<u64> {
        self.write()?;
        match self.draft {
            Some(draft) => draft.place()?,
            None => {
                let synced = self.file.sync_data();
                synced.map_err(|error| Error::io("syncing the day's file", error))?;
            }
        }
        Ok(self.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_another_day_of_a_newer_version_and_damaged_ones_are_told_apart() {
        let [this, other] = [20_000, 20_001].map(|number| Day::from_number(number).unwrap());
        let told = |bytes: &[u8]| {
            let error = header_error(bytes, this);
            (error.kind(), error.to_string())
        };
        let of_version = |version: u32, day: Day| {
            let mut bytes = header(day);
            bytes[8..12].copy_from_slice(&version.to_le_bytes());
            let sum = checksum(&bytes[..16]);
            bytes[16..].copy_from_slice(&sum.to_le_bytes());
            bytes
        };
        let (kind, text) = told(&header(other));
        assert_eq!(kind, ErrorKind::Corrupt);
        assert!(text.contains(&other.to_string()), "{text}");
        for day in [this, other] {
            assert_eq!(told(&of_version(FORMAT_VERSION + 1, day)).0, ErrorKind::Version);
        }
        let mut damaged = header(this);
        damaged[3] ^= 1;
        for bytes in [damaged, of_version(0, this)] {
            let (kind, text) = told(&bytes);
            assert_eq!(kind, ErrorKind::Corrupt);
            assert!(text.contains("sound header"), "{text}");
        }
    }
}
