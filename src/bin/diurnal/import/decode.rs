//! From a record to an event.
//!
//! Owns: the formats of an import, the columns of a CSV header, and the words of a rejection. Does
//! not own the shapes of JSON lines and query strings, which are the library's.

use diurnal::NewEvent;
use diurnal::export::csv::unguarded;

use crate::amounts::counted;
use crate::args::ingest::ImportFormat;
use crate::csv::{self, Cell};
use crate::fields::Fields;

/// How deep a line of JSON may nest: an event has two levels, and keys that are ignored may have more.
const JSON_DEPTH_MAX: usize = 32;

/// Whether JSON nests deeper than is read; of other texts it may say either.
fn nests_too_deep(text: &str) -> bool {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    text.bytes().any(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => depth += 1,
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > JSON_DEPTH_MAX
    })
}

/// How records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Records {
    Jsonl,
    Csv,
    Query,
}

impl Records {
    /// The records of a format; none where it has rows in place of lines.
    pub(super) fn of(format: ImportFormat) -> Option<Self> {
        match format {
            ImportFormat::Jsonl => Some(Self::Jsonl),
            ImportFormat::Csv => Some(Self::Csv),
            ImportFormat::Query => Some(Self::Query),
            ImportFormat::Geojson | ImportFormat::Parquet | ImportFormat::Sqlite => None,
        }
    }
}

/// What a record turned out to be.
pub(super) enum Decoded {
    Event(NewEvent),
    /// Nothing but blanks, or the header.
    Nothing,
}

/// Reads the records of one input.
pub(super) enum Decoder {
    Jsonl,
    Query,
    /// With the columns, once the header has been read.
    Csv(Option<Columns>),
}

impl Decoder {
    pub(super) fn new(records: Records) -> Self {
        match records {
            Records::Jsonl => Self::Jsonl,
            Records::Query => Self::Query,
            Records::Csv => Self::Csv(None),
        }
    }

    /// Whether the record is the header without which no other can be read.
    pub(super) fn awaits_header(&self) -> bool {
        matches!(self, Self::Csv(None))
    }

    pub(super) fn decode(&mut self, raw: &[u8]) -> Result<Decoded, String> {
        let text = std::str::from_utf8(raw).map_err(|error| {
            format!("is not UTF-8, at byte {} of the record", error.valid_up_to() + 1)
        })?;
        if text.trim().is_empty() {
            return Ok(Decoded::Nothing);
        }
        match self {
            Self::Jsonl if nests_too_deep(text) => {
                Err(format!("nests deeper than {JSON_DEPTH_MAX} levels"))
            }
            Self::Jsonl => serde_json::from_str(text).map_err(|error| json_reason(&error)),
            Self::Query => NewEvent::from_query(text.trim()).map_err(|error| reason(&error)),
            Self::Csv(columns) => {
                let text = text.strip_suffix('\n').unwrap_or(text);
                let cells = csv::cells(text.strip_suffix('\r').unwrap_or(text))?;
                match columns {
                    Some(columns) => columns.event(&cells),
                    None => {
                        *columns = Some(Columns::of_header(&cells)?);
                        return Ok(Decoded::Nothing);
                    }
                }
            }
        }
        .map(Decoded::Event)
    }
}

/// Where each field stands in a record.
pub(super) struct Columns {
    count: usize,
    session_id: usize,
    event_type: usize,
    server_time: Option<usize>,
    client_time: Option<usize>,
    latitude: Option<usize>,
    longitude: Option<usize>,
    tags: Option<usize>,
    data: Option<usize>,
}

impl Columns {
    fn of_header(header: &[Cell]) -> Result<Self, String> {
        let find = |name: &str| {
            let mut found = header.iter().enumerate().filter(|(_, cell)| cell.text.trim() == name);
            match (found.next(), found.next()) {
                (Some(_), Some(_)) => Err(format!("the header has two columns {name}")),
                (first, _) => Ok(first.map(|(index, _)| index)),
            }
        };
        let require =
            |name: &str| find(name)?.ok_or_else(|| format!("the header must have a column {name}"));
        Ok(Self {
            count: header.len(),
            session_id: require("session_id")?,
            event_type: require("event_type")?,
            server_time: find("server_time")?,
            client_time: find("client_time")?,
            latitude: find("latitude")?,
            longitude: find("longitude")?,
            tags: find("tags")?,
            data: find("data")?,
        })
    }

    fn event(&self, cells: &[Cell]) -> Result<NewEvent, String> {
        if cells.len() != self.count {
            let cells = counted(cells.len() as u64, "cell");
            return Err(format!("has {cells}, and the header has {}", self.count));
        }
        let filled = |column: Option<usize>| column.and_then(|column| cells[column].filled());
        Fields {
            session_id: unguarded(&cells[self.session_id].text),
            event_type: unguarded(&cells[self.event_type].text),
            server_time: filled(self.server_time),
            client_time: filled(self.client_time).map(unguarded),
            latitude: filled(self.latitude),
            longitude: filled(self.longitude),
            tags: filled(self.tags).map(unguarded),
            data: self.data.and_then(|column| cells[column].present()).map(unguarded),
        }
        .event()
    }
}

/// A rule that an event breaks, as one line's reason.
pub(super) fn reason(error: &diurnal::Error) -> String {
    error.detail().to_owned()
}

/// The reader counts lines within the record, which has one; the report names the input's.
fn json_reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    match text.strip_suffix(&place) {
        Some(what) if error.is_data() => what.to_owned(),
        Some(what) => format!("is not JSON: {what} at column {}", error.column()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(decoder: &mut Decoder, record: &str) -> Result<Option<NewEvent>, String> {
        decoder.decode(record.as_bytes()).map(|decoded| match decoded {
            Decoded::Event(event) => Some(event),
            Decoded::Nothing => None,
        })
    }

    #[test]
    fn columns_may_come_in_any_order_with_others_between() {
        let mut decoder = Decoder::new(Records::Csv);
        assert!(decoder.awaits_header());
        assert_eq!(decode(&mut decoder, "data,event_type,other,session_id,tags\r\n"), Ok(None));
        let event = NewEvent::new("-1", "heartbeat").tags(["3", "8"]);
        assert_eq!(decode(&mut decoder, ",heartbeat,x,-1,\"3, 8\"\r\n"), Ok(Some(event.clone())));
        assert_eq!(decode(&mut decoder, "\"\",heartbeat,x,-1,\"3, 8\""), Ok(Some(event.data(""))));
        assert!(decode(&mut decoder, "a,b").is_err_and(|reason| reason.contains("2 cells")));
    }

    #[test]
    fn json_may_nest_to_the_limit_and_no_deeper() {
        let nested = |depth: usize| {
            let inner = "[".repeat(depth) + &"]".repeat(depth);
            format!(
                "{{\"session_id\":1,\"event_type\":\"x\",\"data\":\"[\\\"[[\",\"more\":{inner}}}"
            )
        };
        let decode = |depth| decode(&mut Decoder::Jsonl, &nested(depth));
        assert_eq!(decode(31), Ok(Some(NewEvent::new(1, "x").data("[\"[["))));
        assert!(decode(32).is_err_and(|reason| reason.contains("deeper than 32")));
    }

    #[test]
    fn a_header_must_name_session_and_type_once() {
        for header in ["session_id,tags", "session_id,event_type,event_type", "a,b"] {
            assert!(decode(&mut Decoder::new(Records::Csv), header).is_err(), "{header}");
        }
    }
}
