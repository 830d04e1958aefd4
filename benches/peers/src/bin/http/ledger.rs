//! What was sent and what was answered as logged, held against what is stored.
//!
//! Owns: the sessions of each connection, and the comparison. Does not own how a store is read (`service`).
//!
//! Invariants: no two connections log to the same session, and a session has [`SESSION_EVENTS`] events, so that
//! counts by session tell a lost event from another that was logged twice.

use std::collections::HashMap;

use crate::machine::Result;

/// All sessions are numbers of so many digits, so that requests keep their lengths.
pub(crate) const SESSION_DIGITS: usize = 10;

const FIRST_SESSION: u64 = 1_000_000_000;
const CONNECTION_SESSIONS: u64 = 4_000_000;
pub(crate) const CONNECTIONS_MAX: usize = 2_000;
const _: () = assert!(
    FIRST_SESSION + CONNECTION_SESSIONS * CONNECTIONS_MAX as u64
        <= 10_u64.pow(SESSION_DIGITS as u32)
);

/// As many events as a session of the realistic workload has.
const SESSION_EVENTS: u64 = 80;

#[derive(Debug, Default, Clone, Copy)]
struct Session {
    sent: u32,
    logged: u32,
}

/// What one connection did.
#[derive(Debug)]
pub(crate) struct Ledger {
    connection: u64,
    sent: u64,
    sessions: Vec<Session>,
}

#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Outcome {
    /// Answered as logged.
    pub(crate) logged: u64,
    pub(crate) stored: u64,
}

impl Ledger {
    pub(crate) fn new(connection: usize) -> Self {
        Self { connection: connection as u64, sent: 0, sessions: Vec::new() }
    }

    fn first_session(&self) -> u64 {
        FIRST_SESSION + self.connection * CONNECTION_SESSIONS
    }

    /// Whether so many more events would need the sessions of the next connection.
    pub(crate) fn is_full(&self, more: usize) -> bool {
        self.sent + more as u64 > CONNECTION_SESSIONS * SESSION_EVENTS
    }

    /// How many events were sent so far.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    /// One more event is sent: its session.
    pub(crate) fn send(&mut self) -> u64 {
        let session = self.sent / SESSION_EVENTS;
        self.sent += 1;
        if session as usize == self.sessions.len() {
            self.sessions.push(Session::default());
        }
        self.sessions[session as usize].sent += 1;
        self.first_session() + session
    }

    /// The event that was sent after so many others was answered as logged.
    pub(crate) fn logged(&mut self, place: u64) {
        self.sessions[(place / SESSION_EVENTS) as usize].logged += 1;
    }
}

/// Compares all connections with the number of stored events of each session.
pub(crate) fn compare(ledgers: &[Ledger], stored: &HashMap<u64, u64>) -> Result<Outcome> {
    let mut outcome = Outcome { logged: 0, stored: stored.values().sum() };
    let mut known = 0;
    for ledger in ledgers {
        for (session, counts) in (ledger.first_session()..).zip(&ledger.sessions) {
            let (sent, logged) = (u64::from(counts.sent), u64::from(counts.logged));
            let found = stored.get(&session).copied().unwrap_or(0);
            if found < logged || found > sent {
                return Err(format!(
                    "session {session}: {sent} events sent, {logged} answered as logged, {found} \
                     stored"
                )
                .into());
            }
            known += found;
            outcome.logged += logged;
        }
    }
    match known == outcome.stored {
        true => Ok(outcome),
        false => {
            Err(format!("{} events are of sessions never sent", outcome.stored - known).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two connections that sent 100 events each; all of the first were answered as logged, and half of the
    /// second.
    fn ledgers() -> (Vec<Ledger>, HashMap<u64, u64>) {
        let mut stored = HashMap::new();
        let ledgers = [(3, 1), (7, 2)].map(|(connection, step)| {
            let mut ledger = Ledger::new(connection);
            for place in 0..100 {
                let session = ledger.send();
                if place % step == 0 {
                    ledger.logged(place);
                    *stored.entry(session).or_default() += 1;
                }
            }
            ledger
        });
        (ledgers.into(), stored)
    }

    #[test]
    fn events_answered_as_logged_are_found() {
        let (ledgers, mut stored) = ledgers();
        let outcome = compare(&ledgers, &stored).unwrap();
        assert_eq!((outcome.logged, outcome.stored), (150, 150));
        // One that was sent, and not answered before the connection broke.
        *stored.get_mut(&(FIRST_SESSION + 7 * CONNECTION_SESSIONS)).unwrap() += 1;
        assert_eq!(compare(&ledgers, &stored).unwrap().stored, 151);
    }

    #[test]
    fn a_lost_event_is_not_made_up_for_by_another() {
        let (ledgers, mut stored) = ledgers();
        let lost = FIRST_SESSION + 3 * CONNECTION_SESSIONS;
        *stored.get_mut(&lost).unwrap() -= 1;
        *stored.get_mut(&(lost + 1)).unwrap() += 1;
        assert!(compare(&ledgers, &stored).is_err());
    }

    #[test]
    fn an_event_that_nobody_sent_is_found() {
        let (ledgers, mut stored) = ledgers();
        stored.insert(FIRST_SESSION, 1);
        assert!(compare(&ledgers, &stored).is_err());
    }
}
