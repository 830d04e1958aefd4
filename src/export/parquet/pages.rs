//! What the pages of a Parquet file claim to hold.
//!
//! Owns: [`BoundedFile`], which looks at the header of each page before the Parquet reader does. Does not
//! own what is in a page.
//!
//! Invariants: a header is refused unless each of its fields has the type that Parquet gives it and comes
//! once, so that the reader finds in it what was found here; no page that is read claims more than
//! [`PARQUET_PAGE_BYTES_MAX`] bytes or [`PARQUET_PAGE_VALUES_MAX`] values.
//!
//! A header is a struct in Thrift's compact protocol: of each field a byte with the distance of its number
//! from the last one's and its type, and its value; a byte 0 at the end.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};

use ::parquet::errors::{ParquetError, Result};
use ::parquet::file::reader::{ChunkReader, Length};
use bytes::Bytes;

use crate::limits::{PARQUET_PAGE_BYTES_MAX, PARQUET_PAGE_VALUES_MAX};

/// Bytes at the end of a file, which say where its metadata begins.
const FOOTER_BYTES: u64 = 8;

/// Types of fields.
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const I32: u8 = 5;
const I64: u8 = 6;
const BINARY: u8 = 8;
const STRUCT: u8 = 12;

/// Structs: the header, by their numbers in it those that differ from page to page, and what they count.
const HEADER: u8 = 0;
const DATA: u8 = 5;
const DICTIONARY: u8 = 7;
const DATA_2: u8 = 8;
const STATISTICS: u8 = u8::MAX;

/// A file of which no page is read that claims too much.
#[derive(Debug)]
pub(super) struct BoundedFile(pub(super) File);

/// What begins at a place of a file, which is the header of a page.
#[derive(Debug)]
pub(super) struct PageHeader {
    file: File,
    start: u64,
    /// Once it was looked at.
    read: Option<BufReader<File>>,
}

impl Length for BoundedFile {
    fn len(&self) -> u64 {
        self.0.len()
    }
}

impl ChunkReader for BoundedFile {
    type T = PageHeader;

    fn get_read(&self, start: u64) -> Result<PageHeader> {
        // A page that began there would have no room for its header.
        let is_footer = start.saturating_add(FOOTER_BYTES) >= self.len();
        let read = if is_footer { Some(self.0.get_read(start)?) } else { None };
        Ok(PageHeader { file: self.0.try_clone()?, start, read })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        // Memory for them is taken before they are read.
        match start.checked_add(length as u64) {
            Some(end) if end <= self.len() => self.0.get_bytes(start, length),
            _ => Err(ParquetError::EOF(format!("{length} bytes at {start} are not there"))),
        }
    }
}

impl Read for PageHeader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(read) = &mut self.read {
            return read.read(buffer);
        }
        let open = || self.file.get_read(self.start).map_err(io::Error::other);
        check(&mut open()?, HEADER)?;
        self.read.insert(open()?).read(buffer)
    }
}

/// Looks at the fields of a struct, and of those in it.
fn check(read: &mut impl Read, of: u8) -> io::Result<()> {
    let mut last = 0;
    while let Some((id, kind)) = next_field(read, last)? {
        match (of, id, kind) {
            (HEADER, 2, I32) => check_claim(read, PARQUET_PAGE_BYTES_MAX, "bytes")?,
            (DATA | DICTIONARY | DATA_2, 1, I32) => {
                check_claim(read, PARQUET_PAGE_VALUES_MAX, "values")?;
            }
            (HEADER, 1 | 3 | 4, I32)
            | (DATA, 2..=4, I32)
            | (DICTIONARY, 2, I32)
            | (DATA_2, 2..=6, I32) => drop(varint(read, 5)?),
            (STATISTICS, 3 | 4 | 9, I64) => drop(varint(read, 10)?),
            (DICTIONARY, 3, TRUE | FALSE)
            | (DATA_2, 7, TRUE | FALSE)
            | (STATISTICS, 7 | 8, TRUE | FALSE) => {}
            (HEADER, DATA | DICTIONARY | DATA_2, STRUCT) => check(read, id)?,
            (DATA, 5, STRUCT) | (DATA_2, 8, STRUCT) => check(read, STATISTICS)?,
            (STATISTICS, 1 | 2 | 5 | 6, BINARY) => {
                let bytes = varint(read, 5)?;
                io::copy(&mut read.by_ref().take(bytes), &mut io::sink())?;
            }
            _ => return Err(unusual()),
        }
        last = id;
    }
    Ok(())
}

/// Number and type of a struct's next field; `None` at its end. Numbers rise, and so each comes once.
fn next_field(read: &mut impl Read, last: u8) -> io::Result<Option<(u8, u8)>> {
    let byte = next_byte(read)?;
    let (distance, kind) = (byte >> 4, byte & 0xf);
    match (byte, distance) {
        (0, _) => Ok(None),
        // The number would be written out.
        (_, 0) => Err(unusual()),
        _ => Ok(Some((last.saturating_add(distance), kind))),
    }
}

fn check_claim(read: &mut impl Read, most: u32, of: &str) -> io::Result<()> {
    let zigzag = varint(read, 5)?;
    // An odd one is negative.
    if zigzag % 2 == 0 && zigzag / 2 <= most.into() {
        return Ok(());
    }
    let message = format!("a page claims to hold more than {most} {of}");
    Err(io::Error::new(ErrorKind::InvalidData, message))
}

fn varint(read: &mut impl Read, bytes_max: u32) -> io::Result<u64> {
    let mut value = 0;
    for place in 0..bytes_max {
        let byte = next_byte(read)?;
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(unusual())
}

fn next_byte(read: &mut impl Read) -> io::Result<u8> {
    let mut byte = [0];
    read.read_exact(&mut byte)?;
    Ok(byte[0])
}

fn unusual() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "the header of a page is of no form that is known")
}
