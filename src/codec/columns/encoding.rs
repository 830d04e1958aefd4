//! How the values of one column become bytes.
//!
//! Owns: [`Encoding`], [`Packed`], and the packing of numbers (pco), degrees, blobs (zstd) and lists of
//! texts. Does not own what the values mean.
//!
//! Invariants: a number comes back bit for bit. Decoding is told how many values to expect, and yields
//! exactly as many.
//!
//! ```text
//! blob      packing 0: the bytes as they are
//!           packing 1: varint length, then a zstd frame of that many bytes
//! numbers   packing 2: the value they all share, in the 4 or 8 bytes of its type
//!           packing 3: a pco file of i32, u32, i64 or f64
//! times     power d: numbers of i64 that count 10^d microseconds
//! degrees   power 0: numbers of f64; power d: numbers of i32, to be divided by 10^d
//! texts     a blob: varint count, varint length of each, then the texts one after another
//! ```

use std::cell::RefCell;

use pco::data_types::Number;
use pco::standalone::{simple_compress, simple_decompress_into};
use pco::{ChunkConfig, DeltaSpec, ModeSpec};
use zstd::bulk::{Compressor, Decompressor};

use super::values::{Degrees, Names, unscale};
use crate::codec::bytes::{Reader, put_varint};
use crate::error::{Error, Result};
use crate::limits::BLOCK_COLUMN_BYTES_MAX;

/// The most that texts come to, with their lengths, which take less than a row or a tag does beside
/// its text.
const BLOB_BYTES_MAX: usize = BLOCK_COLUMN_BYTES_MAX;

/// No zstd frame expands further: a block of 128 KiB takes at least 4 bytes.
const ZSTD_RATIO_MAX: usize = 1 << 15;

/// Beyond this level text shrinks little, and folding slows.
const ZSTD_LEVEL: i32 = 3;

/// Below this a zstd frame's own bytes outweigh what it saves.
const ZSTD_BYTES_MIN: usize = 64;

/// A million realistic events fold in 0.80 s at level 6, 0.70 s at 5 and 0.69 s at 4, and take 12.5,
/// 12.7 and 13.3 bytes each.
const PCO_LEVEL: usize = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Packing {
    Raw = 0,
    Zstd = 1,
    Constant = 2,
    Pco = 3,
}

/// A packing, and the power of ten by which numbers were scaled before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Encoding {
    packing: Packing,
    pub(super) power: u8,
}

impl Encoding {
    pub(super) fn to_byte(self) -> u8 {
        self.power << 4 | self.packing as u8
    }

    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        let packing = match byte & 0x0f {
            0 => Packing::Raw,
            1 => Packing::Zstd,
            2 => Packing::Constant,
            3 => Packing::Pco,
            _ => return None,
        };
        Some(Self { packing, power: byte >> 4 })
    }
}

/// A column's bytes and how to read them.
#[derive(Debug, Clone)]
pub(super) struct Packed {
    pub(super) encoding: Encoding,
    pub(super) bytes: Vec<u8>,
}

impl Packed {
    fn new(packing: Packing, bytes: Vec<u8>) -> Self {
        Self { encoding: Encoding { packing, power: 0 }, bytes }
    }

    pub(super) fn scaled(mut self, power: u8) -> Self {
        self.encoding.power = power;
        self
    }
}

/// How neighbours are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// They are not: codes, counts, lengths.
    Unordered,
    /// Each is near the one before.
    Walk,
    /// Each is near the one before, or goes on as that did: for pco to find out.
    Track,
}

impl Order {
    fn config<T: Fixed>(self) -> ChunkConfig {
        let config =
            ChunkConfig::default().with_compression_level(PCO_LEVEL).with_mode_spec(T::MODE);
        // Saying what is known spares pco the trials by which it would find out.
        config.with_delta_spec(match self {
            Self::Unordered => DeltaSpec::NoOp,
            Self::Walk => DeltaSpec::TryConsecutive(1),
            Self::Track => DeltaSpec::Auto,
        })
    }
}

/// A number of a fixed size that pco packs.
pub(super) trait Fixed: Number {
    /// Whole numbers are scaled before they get here; among floats, pco finds those that came from
    /// decimals or from fewer bits.
    const MODE: ModeSpec;
    fn put(self, out: &mut Vec<u8>);
    fn read(reader: &mut Reader<'_>) -> Result<Self>;
    fn same(self, other: Self) -> bool;
}

macro_rules! fixed {
    ($($number:ty, $bits:ty, $read:ident, $mode:ident;)*) => {$(
        impl Fixed for $number {
            const MODE: ModeSpec = ModeSpec::$mode;
            fn put(self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
            fn read(reader: &mut Reader<'_>) -> Result<Self> {
                reader.$read().map(|bits| Self::from_le_bytes(bits.to_le_bytes()))
            }
            fn same(self, other: Self) -> bool {
                <$bits>::from_le_bytes(self.to_le_bytes())
                    == <$bits>::from_le_bytes(other.to_le_bytes())
            }
        }
    )*};
}

fixed! {
    u32, u32, u32, Classic;
    i32, u32, u32, Classic;
    i64, u64, u64, Classic;
    f64, u64, u64, Auto;
}

/// `None` of no numbers: such a column is left out.
pub(super) fn pack_numbers<T: Fixed>(numbers: &[T], order: Order) -> Result<Option<Packed>> {
    let Some((&first, rest)) = numbers.split_first() else {
        return Ok(None);
    };
    if rest.iter().all(|&number| number.same(first)) {
        let mut bytes = Vec::new();
        first.put(&mut bytes);
        return Ok(Some(Packed::new(Packing::Constant, bytes)));
    }
    match simple_compress(numbers, &order.config::<T>()) {
        Ok(bytes) => Ok(Some(Packed::new(Packing::Pco, bytes))),
        Err(error) => {
            Err(Error::invalid("block", "must be packable", numbers.len()).caused_by(error))
        }
    }
}

/// Exactly `count` numbers; the caller has bounded it.
pub(super) fn unpack_numbers<T: Fixed>(
    encoding: Encoding,
    bytes: &[u8],
    count: usize,
    place: &'static str,
) -> Result<Vec<T>> {
    match encoding.packing {
        Packing::Constant => {
            let mut reader = Reader::new(bytes, place);
            let value = T::read(&mut reader)?;
            reader.finish()?;
            Ok(vec![value; count])
        }
        Packing::Pco => {
            // One more than expected, so that a surplus shows.
            let mut numbers = vec![T::default(); count + 1];
            let progress = simple_decompress_into(bytes, &mut numbers).map_err(|error| {
                Error::corrupt(format!("{place}: pco cannot read it")).caused_by(error)
            })?;
            if progress.n_processed != count || !progress.finished {
                return Err(Error::corrupt(format!("{place}: not one number a value")));
            }
            numbers.truncate(count);
            Ok(numbers)
        }
        Packing::Raw | Packing::Zstd => Err(Error::corrupt(format!("{place}: not numbers"))),
    }
}

/// The largest of 10^6, 10^3 and 1 that divides all these microseconds, as its power of ten: digits
/// that a clock does not have would only be noise.
pub(super) fn unit_power(mut micros: impl Iterator<Item = i64> + Clone) -> u8 {
    let divides = |power: &u8| micros.clone().all(|micros| micros % unit(*power) == 0);
    let power = [6, 3].into_iter().find(divides).unwrap_or(0);
    if micros.next().is_some() { power } else { 0 }
}

/// Microseconds of a unit; `power` is a half byte, so that it fits.
pub(super) fn unit(power: u8) -> i64 {
    10_i64.pow(u32::from(power))
}

/// Degrees, as whole numbers of a fraction of a degree where all of them are: phones round to
/// 6 or 7 decimals, and such numbers pack better and faster than the floats they are read as.
pub(super) fn pack_degrees(degrees: &[f64]) -> Result<Option<Packed>> {
    for power in DECIMALS {
        let scale = 10_f64.powi(i32::from(power));
        let scaled = degrees.iter().map(|&degrees| {
            // Saturates, and then does not come back as it was.
            let whole = (degrees * scale).round() as i32;
            (unscale(whole, scale).to_bits() == degrees.to_bits()).then_some(whole)
        });
        if let Some(scaled) = scaled.collect::<Option<Vec<i32>>>() {
            return Ok(pack_numbers(&scaled, Order::Walk)?.map(|packed| packed.scaled(power)));
        }
    }
    pack_numbers(degrees, Order::Walk)
}

/// The decimals tried: with 7, half a turn still fits an i32.
const DECIMALS: [u8; 3] = [5, 6, 7];

/// Exactly `count` degrees, each within `bound`.
pub(super) fn unpack_degrees(
    encoding: Encoding,
    bytes: &[u8],
    count: usize,
    bound: f64,
    place: &'static str,
) -> Result<Degrees> {
    let degrees = match encoding.power {
        0 => Degrees::Exact(unpack_numbers(encoding, bytes, count, place)?),
        power => {
            let units = unpack_numbers(encoding, bytes, count, place)?;
            Degrees::Whole { scale: 10_f64.powi(i32::from(power)), units }
        }
    };
    match degrees.are_within(bound) {
        true => Ok(degrees),
        false => Err(Error::corrupt(format!("{place}: beyond the globe"))),
    }
}

/// Packs one blob after the other: to set up zstd takes longer than to compress a list of names.
#[derive(Default)]
pub(super) struct BlobPacker {
    zstd: Option<Compressor<'static>>,
}

impl BlobPacker {
    /// Bytes, compressed where that helps.
    pub(super) fn pack(&mut self, bytes: Vec<u8>) -> Result<Packed> {
        if bytes.len() > BLOB_BYTES_MAX {
            let rule = format!("must have at most {BLOB_BYTES_MAX} bytes of text");
            return Err(Error::invalid("block", rule, bytes.len()));
        }
        if bytes.len() >= ZSTD_BYTES_MIN {
            let frame = self.compress(&bytes);
            let frame = frame.map_err(|error| Error::io("compressing a block", error))?;
            let mut packed = Vec::with_capacity(frame.len() + 5);
            put_varint(&mut packed, bytes.len() as u64);
            packed.extend_from_slice(&frame);
            if packed.len() < bytes.len() {
                return Ok(Packed::new(Packing::Zstd, packed));
            }
        }
        Ok(Packed::new(Packing::Raw, bytes))
    }

    fn compress(&mut self, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
        let zstd = match self.zstd.take() {
            Some(zstd) => zstd,
            None => Compressor::new(ZSTD_LEVEL)?,
        };
        self.zstd.insert(zstd).compress(bytes)
    }

    pub(super) fn pack_texts<'a>(
        &mut self,
        texts: impl ExactSizeIterator<Item = &'a str> + Clone,
    ) -> Result<Packed> {
        let mut bytes = Vec::new();
        put_varint(&mut bytes, texts.len() as u64);
        for text in texts.clone() {
            put_varint(&mut bytes, text.len() as u64);
        }
        for text in texts {
            bytes.extend_from_slice(text.as_bytes());
        }
        self.pack(bytes)
    }
}

/// Unpacks one blob after the other with one working memory, as [`BlobPacker`] packs them.
#[derive(Default)]
pub(super) struct BlobUnpacker {
    zstd: RefCell<Option<Decompressor<'static>>>,
}

impl BlobUnpacker {
    pub(super) fn unpack(
        &self,
        encoding: Encoding,
        bytes: &[u8],
        place: &'static str,
    ) -> Result<Vec<u8>> {
        match encoding.packing {
            Packing::Raw => Ok(bytes.to_vec()),
            Packing::Zstd => {
                let mut reader = Reader::new(bytes, place);
                let length = reader.varint_to(BLOB_BYTES_MAX)?;
                let frame = reader.slice(reader.remaining())?;
                if length > frame.len().saturating_mul(ZSTD_RATIO_MAX) {
                    return Err(reader.corrupt("more than zstd can have packed"));
                }
                let text = self.decompress(frame, length).map_err(|error| {
                    Error::corrupt(format!("{place}: zstd cannot read it")).caused_by(error)
                })?;
                if text.len() != length {
                    return Err(reader.corrupt("not as long as it says"));
                }
                Ok(text)
            }
            Packing::Constant | Packing::Pco => Err(Error::corrupt(format!("{place}: not bytes"))),
        }
    }

    fn decompress(&self, frame: &[u8], length: usize) -> std::io::Result<Vec<u8>> {
        let mut kept = self.zstd.borrow_mut();
        let mut zstd = match kept.take() {
            Some(zstd) => zstd,
            None => Decompressor::new()?,
        };
        let text = zstd.decompress(frame, length);
        *kept = Some(zstd);
        text
    }

    /// At most `count_max` texts.
    pub(super) fn unpack_texts(
        &self,
        encoding: Encoding,
        bytes: &[u8],
        count_max: usize,
        place: &'static str,
    ) -> Result<Names> {
        let bytes = self.unpack(encoding, bytes, place)?;
        let mut reader = Reader::new(&bytes, place);
        let count = reader.varint_to(count_max.min(bytes.len()))?;
        let mut ends = Vec::with_capacity(count);
        let mut end = 0;
        for _ in 0..count {
            // No text exceeds the blob, whose length fits a u32.
            end += reader.varint_to(bytes.len() - end)?;
            ends.push(end as u32);
        }
        let text = reader.slice(end)?;
        reader.finish()?;
        Names::new(text.to_vec(), ends)
            .ok_or_else(|| Error::corrupt(format!("{place}: texts are not UTF-8")))
    }
}
