//! The body of a batch.
//!
//! Owns: how it is received, and unpacked. Invariants: all bodies that are being received are bounded together; a
//! body is unpacked once it is there as a whole and its turn has come, and no further than it may be large.

use std::io::{self, Read};
use std::sync::Arc;

use axum::body::HttpBody;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use flate2::read::MultiGzDecoder;
use http_body_util::BodyExt;
use tokio::sync::OwnedSemaphorePermit;

use super::super::super::answer::Failure;
use super::super::super::state::{ROOM_UNIT_BYTES, Shared};

/// The window that a body packed by zstd may ask for, as a power of two: the 8 MiB of RFC 9659, which is what
/// unpacking takes in memory.
const WINDOW_LOG_MAX: u32 = 23;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    None,
    Gzip,
    Zstd,
}

/// A body as it came.
#[derive(Debug)]
pub(super) struct Packed {
    bytes: Vec<u8>,
    packing: Packing,
    /// Room for it among all that are held.
    _room: Option<OwnedSemaphorePermit>,
}

/// A body to be read.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    _room: Option<OwnedSemaphorePermit>,
}

impl Packed {
    /// Takes in a body to its end.
    pub(super) async fn receive(state: &Shared, request: Request) -> Result<Self, Failure> {
        let packing = packing_of(request.headers())?;
        let bytes_max = state.settings.batch_bytes;
        let mut body = request.into_body();
        if body.size_hint().lower() > bytes_max as u64 {
            return Err(too_large(bytes_max));
        }
        let mut bytes = Vec::new();
        let mut room: Option<OwnedSemaphorePermit> = None;
        while let Some(frame) = body.frame().await {
            let frame =
                frame.map_err(|_| Failure::invalid("body: could not be read to its end"))?;
            let Ok(data) = frame.into_data() else { continue };
            let needed = bytes.len() + data.len();
            if needed > bytes_max {
                return Err(too_large(bytes_max));
            }
            let held = room.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
            let missing = needed.div_ceil(ROOM_UNIT_BYTES).saturating_sub(held);
            if missing > 0 {
                let more = more_room(state, missing).await?;
                match &mut room {
                    Some(room) => room.merge(more),
                    None => room = Some(more),
                }
            }
            bytes.extend_from_slice(&data);
        }
        Ok(Self { bytes, packing, _room: room })
    }

    /// The body unpacked, which takes a while.
    pub(super) fn unpack(self, bytes_max: usize) -> Result<Body, Failure> {
        let mut bytes = Vec::new();
        let unpacked = match self.packing {
            Packing::None => return Ok(Body { bytes: self.bytes, _room: self._room }),
            Packing::Gzip => unpack(MultiGzDecoder::new(&*self.bytes), bytes_max, &mut bytes),
            Packing::Zstd => zstd::Decoder::with_buffer(&*self.bytes).and_then(|mut decoder| {
                decoder.window_log_max(WINDOW_LOG_MAX)?;
                unpack(decoder, bytes_max, &mut bytes)
            }),
        };
        unpacked.map_err(|_| Failure::invalid("body: is not packed as Content-Encoding says"))?;
        match bytes.len() > bytes_max {
            true => Err(too_large(bytes_max)),
            false => Ok(Body { bytes, _room: self._room }),
        }
    }
}

/// Unpacks one byte more than may be there at most.
fn unpack(packed: impl Read, bytes_max: usize, bytes: &mut Vec<u8>) -> io::Result<usize> {
    packed.take((bytes_max as u64).saturating_add(1)).read_to_end(bytes)
}

async fn more_room(state: &Shared, units: usize) -> Result<OwnedSemaphorePermit, Failure> {
    let full = || Failure::busy("too many batches are being received");
    let units = u32::try_from(units).map_err(|_| full())?;
    let room = Arc::clone(&state.batch_room).acquire_many_owned(units);
    let room = tokio::time::timeout(state.settings.patience / 2, room).await;
    room.ok().and_then(Result::ok).ok_or_else(full)
}

fn packing_of(headers: &HeaderMap) -> Result<Packing, Failure> {
    let mut given = headers.get_all(header::CONTENT_ENCODING).iter();
    let Some(name) = given.next() else { return Ok(Packing::None) };
    let is = |known: &str| name.as_bytes().eq_ignore_ascii_case(known.as_bytes());
    match given.next().is_none() {
        true if is("identity") => Ok(Packing::None),
        true if is("gzip") || is("x-gzip") => Ok(Packing::Gzip),
        true if is("zstd") => Ok(Packing::Zstd),
        _ => Err(Failure::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "the Content-Encoding must be gzip, zstd or none",
        )),
    }
}

fn too_large(bytes_max: usize) -> Failure {
    Failure::too_large(format!("a batch may have {bytes_max} bytes, unpacked"))
}
