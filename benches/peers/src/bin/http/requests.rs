//! The requests, made before the clock runs.
//!
//! Owns: the events of the realistic workload as calls and as batches, and where in their bytes the session
//! stands. Does not own which session it is (`ledger`).

use std::net::SocketAddr;

use clap::ValueEnum;
use diurnal::Event;
use diurnal::testing::workload::{Workload, logged};

use crate::ledger::SESSION_DIGITS;
use crate::machine::Result;

/// Different calls; each connection repeats them from a place of its own.
const CALLS: usize = 8_192;

/// Different batches.
const BATCHES: usize = 16;

/// Stands where a session is written; no text of the workload holds it.
const SESSION: &str = "ssssssssss";
const _: () = assert!(SESSION.len() == SESSION_DIGITS);

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    Get,
    Post,
}

/// A request, whole but for the sessions of its events.
pub(crate) struct Request {
    bytes: Vec<u8>,
    sessions: Vec<usize>,
}

impl Request {
    /// `events` is the part that names sessions.
    fn new(head: &str, events: &str) -> Self {
        let sessions =
            events.match_indices(SESSION).map(|(at, _)| head.len() + at).collect::<Vec<_>>();
        Self { bytes: [head.as_bytes(), events.as_bytes()].concat(), sessions }
    }

    pub(crate) fn events(&self) -> usize {
        self.sessions.len()
    }

    /// The bytes, with a session for each event.
    pub(crate) fn write(&self, bytes: &mut Vec<u8>, mut session: impl FnMut() -> u64) {
        bytes.clear();
        bytes.extend_from_slice(&self.bytes);
        for at in &self.sessions {
            let mut rest = session();
            for digit in bytes[*at..*at + SESSION_DIGITS].iter_mut().rev() {
                *digit = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
        }
    }
}

fn events(number: usize) -> impl Iterator<Item = Event> {
    logged(Workload::realistic().events(number as u64).days(1).iter())
}

/// `log_event` of version 1.
pub(crate) fn calls(address: SocketAddr, form: Form) -> Result<Vec<Request>> {
    let call = |event: Event| {
        let fields = fields(&event);
        match form {
            Form::Get => Request::new(
                "GET /roundware/?",
                &format!("{fields} HTTP/1.1\r\nHost: {address}\r\n\r\n"),
            ),
            Form::Post => Request::new(
                &format!(
                    "POST /roundware/ HTTP/1.1\r\nHost: {address}\r\n\
                     Content-Type: application/x-www-form-urlencoded\r\n\
                     Content-Length: {}\r\n\r\n",
                    fields.len()
                ),
                &fields,
            ),
        }
    };
    let calls: Vec<_> = events(CALLS).map(call).collect();
    each_has(&calls, 1)?;
    Ok(calls)
}

/// `log_event`'s parameters, as in a query string.
fn fields(event: &Event) -> String {
    let mut fields = form_urlencoded::Serializer::new(String::new());
    fields.append_pair("operation", "log_event");
    fields.append_pair("session_id", SESSION);
    fields.append_pair("event_type", &event.event_type);
    if let Some((latitude, longitude)) = event.latitude.zip(event.longitude) {
        fields.append_pair("latitude", &latitude.to_string());
        fields.append_pair("longitude", &longitude.to_string());
    }
    if let Some(time) = &event.client_time {
        fields.append_pair("client_time", time);
    }
    if !event.tags.is_empty() {
        fields.append_pair("tags", &event.tags.join(","));
    }
    if let Some(data) = &event.data {
        fields.append_pair("data", data);
    }
    fields.finish()
}

/// So many events at once, a line each.
pub(crate) fn batches(address: SocketAddr, lines: usize) -> Result<Vec<Request>> {
    let events: Vec<_> = events(lines * BATCHES).map(line).collect::<Result<_>>()?;
    let batches: Vec<_> = events
        .chunks(lines)
        .map(|chunk| {
            let body = chunk.concat();
            let head = format!(
                "POST /v1/events HTTP/1.1\r\nHost: {address}\r\n\
                 Content-Type: application/x-ndjson\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            Request::new(&head, &body)
        })
        .collect();
    each_has(&batches, lines)?;
    Ok(batches)
}

fn line(event: Event) -> Result<String> {
    let mut event = serde_json::to_value(event)?;
    let fields = event.as_object_mut().ok_or("an event is no object")?;
    // Both are given by the service.
    fields.remove("id");
    fields.remove("server_time");
    fields.insert("session_id".to_owned(), SESSION.into());
    Ok(format!("{event}\n"))
}

fn each_has(requests: &[Request], events: usize) -> Result<()> {
    match requests.iter().all(|request| request.events() == events) {
        true => Ok(()),
        false => Err(format!("{SESSION:?} stands in an event of the workload").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 80);

    #[test]
    fn a_call_names_its_session_and_ends_where_it_says() {
        for form in [Form::Get, Form::Post] {
            for call in calls(ADDRESS, form).unwrap() {
                let mut bytes = Vec::new();
                call.write(&mut bytes, || 1_234_567_890);
                let text = String::from_utf8(bytes).unwrap();
                assert_eq!(text.matches("session_id=1234567890&").count(), 1, "{text}");
                let (head, body) = text.split_once("\r\n\r\n").unwrap();
                let length = head.split_once("Content-Length: ").map_or("0", |(_, length)| length);
                assert_eq!(length.parse(), Ok(body.len()));
            }
        }
    }

    #[test]
    fn each_line_of_a_batch_is_an_event_of_its_session() {
        let batches = batches(ADDRESS, 50).unwrap();
        assert_eq!(batches.len(), BATCHES);
        let mut bytes = Vec::new();
        let mut sessions = 1_000_000_000..;
        batches[0].write(&mut bytes, || sessions.next().unwrap());
        let text = String::from_utf8(bytes).unwrap();
        let (_, body) = text.split_once("\r\n\r\n").unwrap();
        for (line, session) in body.lines().zip(1_000_000_000_u64..) {
            serde_json::from_str::<diurnal::NewEvent>(line).unwrap();
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(line["session_id"], session.to_string());
        }
    }
}
