//! The primitives of every layout: bounds-checked reading, writing, and the checksum.
//!
//! Owns: [`Reader`], the `put_` functions, [`checksum`]. Does not own any layout.
//!
//! Invariant: a [`Reader`] never reads past its bytes, and never allocates.
//!
//! ```text
//! u8, u16, u32, u64   fixed size, little-endian
//! varint              7 bits a byte, lowest first, the high bit set on all but the last; at most 10
//! zigzag              a varint of the signed number's (n << 1) ^ (n >> 63)
//! bytes               varint length, then that many bytes
//! ```

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::error::{Error, Result};

/// XXH3-64 of the bytes.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

/// XXH3-64 of the bytes under a seed.
#[inline]
pub(crate) fn checksum_with(seed: u64, bytes: &[u8]) -> u64 {
    xxh3_64_with_seed(bytes, seed)
}

/// Takes values off the front of a slice; errors name the place they were read from.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
    place: &'static str,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8], place: &'static str) -> Self {
        Self { bytes, position: 0, place }
    }

    /// Goes on at a position that an earlier reader of the same bytes came to.
    pub(crate) fn at(bytes: &'a [u8], position: usize, place: &'static str) -> Self {
        Self { bytes, position: position.min(bytes.len()), place }
    }

    /// An error that names the place.
    #[cold]
    pub(crate) fn corrupt(&self, what: &str) -> Error {
        Error::corrupt(format!("{}, byte {}: {what}", self.place, self.position))
    }

    /// Bytes read so far.
    pub(crate) fn position(&self) -> usize {
        self.position
    }

    /// Bytes left.
    pub(crate) fn remaining(&self) -> usize {
        self.bytes.len() - self.position
    }

    #[inline]
    pub(crate) fn slice(&mut self, length: usize) -> Result<&'a [u8]> {
        if length > self.remaining() {
            return Err(self.corrupt("ends early"));
        }
        let slice = &self.bytes[self.position..self.position + length];
        self.position += length;
        Ok(slice)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        match self.slice(N)?.try_into() {
            Ok(array) => Ok(array),
            Err(_) => Err(self.corrupt("ends early")),
        }
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> Result<u8> {
        match self.bytes.get(self.position) {
            Some(&byte) => {
                self.position += 1;
                Ok(byte)
            }
            None => Err(self.corrupt("ends early")),
        }
    }

    pub(crate) fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64> {
        self.array().map(i64::from_le_bytes)
    }

    pub(crate) fn f64(&mut self) -> Result<f64> {
        self.array().map(f64::from_le_bytes)
    }

    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64> {
        match self.bytes.get(self.position..) {
            // Most varints are lengths and gaps of one byte, and nearly all take at most two.
            Some(&[byte @ 0..0x80, ..]) => {
                self.position += 1;
                Ok(u64::from(byte))
            }
            Some(&[first, second @ 0..0x80, ..]) => {
                self.position += 2;
                Ok(u64::from(first & 0x7f) | u64::from(second) << 7)
            }
            _ => self.varint_long(),
        }
    }

    fn varint_long(&mut self) -> Result<u64> {
        let mut value = 0_u64;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return Err(self.corrupt("a number exceeds 64 bits"));
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.corrupt("a number exceeds 64 bits"))
    }

    /// A varint that must not exceed `max`.
    #[inline]
    pub(crate) fn varint_to(&mut self, max: usize) -> Result<usize> {
        match usize::try_from(self.varint()?) {
            Ok(value) if value <= max => Ok(value),
            _ => Err(self.corrupt("a number exceeds its limit")),
        }
    }

    /// A varint of 32 bits.
    pub(crate) fn varint_u32(&mut self) -> Result<u32> {
        u32::try_from(self.varint()?).map_err(|_| self.corrupt("a number exceeds its limit"))
    }

    pub(crate) fn zigzag(&mut self) -> Result<i64> {
        let value = self.varint()?;
        Ok((value >> 1).cast_signed() ^ -((value & 1).cast_signed()))
    }

    /// Bytes that follow their length.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8]> {
        let length = self.varint_to(self.remaining())?;
        self.slice(length)
    }

    /// An error unless everything was read.
    pub(crate) fn finish(&self) -> Result<()> {
        if self.remaining() > 0 {
            return Err(self.corrupt("does not end here"));
        }
        Ok(())
    }
}

pub(crate) fn put_u32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_le_bytes());
}

pub(crate) fn put_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_le_bytes());
}

#[inline]
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(crate) fn put_zigzag(out: &mut Vec<u8>, value: i64) {
    put_varint(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

/// The bytes after their length.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Bytes that a varint of this value takes.
#[inline]
pub(crate) fn varint_bytes(value: u64) -> usize {
    (u64::BITS - (value | 1).leading_zeros()).div_ceil(7) as usize
}

/// Appends the checksum of all that is there.
pub(crate) fn seal(out: &mut Vec<u8>) {
    put_u64(out, checksum(out));
}

/// The bytes before their checksum, once it has been found right.
pub(crate) fn unseal<'a>(bytes: &'a [u8], place: &'static str) -> Result<&'a [u8]> {
    match bytes.split_last_chunk::<8>() {
        Some((body, sum)) if u64::from_le_bytes(*sum) == checksum(body) => Ok(body),
        Some(_) => Err(Error::corrupt(format!("{place}: the checksum does not match"))),
        None => Err(Error::corrupt(format!("{place}: ends early"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_and_take_the_bytes_foretold() {
        for value in (0..64).flat_map(|bit| [(1_u64 << bit) - 1, 1 << bit]).chain([u64::MAX]) {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            assert_eq!(out.len(), varint_bytes(value), "{value}");
            put_zigzag(&mut out, value.cast_signed());
            put_zigzag(&mut out, value.cast_signed().wrapping_neg());
            let mut reader = Reader::new(&out, "test");
            assert_eq!(reader.varint().unwrap(), value);
            assert_eq!(reader.zigzag().unwrap(), value.cast_signed());
            assert_eq!(reader.zigzag().unwrap(), value.cast_signed().wrapping_neg());
            reader.finish().unwrap();
        }
    }

    #[test]
    fn what_is_not_there_is_an_error() {
        assert!(Reader::new(&[1, 2, 3], "test").u32().is_err());
        assert!(Reader::new(&[0x80], "test").varint().is_err());
        assert!(Reader::new(&[0xff; 9], "test").varint().is_err());
        assert!(Reader::new(&[0xff; 10], "test").varint().is_err(), "65 bits and more");
        assert!(Reader::new(&[5, 1, 2], "test").bytes().is_err());
        assert!(Reader::new(&[0], "test").finish().is_err());
        assert!(Reader::new(&[0], "test").slice(usize::MAX).is_err());
        assert!(unseal(&[1, 2], "test").is_err());
    }

    #[test]
    fn a_sealed_byte_that_changes_is_found() {
        let mut bytes = b"diurnal".to_vec();
        seal(&mut bytes);
        assert_eq!(unseal(&bytes, "test").unwrap(), b"diurnal");
        for at in 0..bytes.len() {
            bytes[at] ^= 1;
            assert!(unseal(&bytes, "test").is_err());
            bytes[at] ^= 1;
        }
    }
}
