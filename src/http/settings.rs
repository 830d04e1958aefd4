//! What can be set of the service.
//!
//! Owns: [`Settings`] and [`Tokens`], and their rules. Does not own who is asked for a token (`access`).

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use subtle::{Choice, ConstantTimeEq};

use crate::error::{Error, Result};
use crate::settings::Retention;

/// Characters of a token: 16 random ones cannot be guessed.
const TOKEN_BYTES_MIN: usize = 16;
/// Far more than any token has.
const TOKEN_BYTES_MAX: usize = 512;
/// Tokens of one kind: each is compared on each request.
const TOKENS_MAX: usize = 64;

/// Batches that are logged at once, each of them piece by piece.
pub(super) const BATCHES_AT_ONCE: usize = 4;
/// Threads for what is short: a piece of a batch that is parsed, the event of an id, the number of a new session. As
/// many as a kiosk has processors: more would be no faster, and hold more memory.
const SHORT_TASKS_AT_ONCE: usize = 2;

/// What can be set of a [`Service`](super::Service). By default everything is open to whoever reaches it: that is for a
/// loopback address.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// Tokens of which one is needed to log; none is needed where absent.
    pub write_tokens: Option<Tokens>,
    /// Tokens of which one is needed to read; none is needed where absent.
    pub read_tokens: Option<Tokens>,
    /// Origins whose pages may call, as `https://walk.example`; `*` is all of them. None by default.
    pub origins: Vec<String>,
    /// Names under which the service is called: a request whose `Host` is none of them is refused, so that a page
    /// elsewhere cannot reach it by a name that it has led here. All names where empty.
    pub hosts: Vec<String>,
    /// Requests of one client's address in a second, with bursts of twice as many; no limit where absent.
    pub requests_per_second: Option<NonZeroU32>,
    /// Connections at once; 512 unless set. Others wait, and those that are answered make way for them.
    pub connections: usize,
    /// Connections at once of one client's address, a loopback one aside; 128 unless set. More are closed.
    pub connections_per_client: usize,
    /// Clients that follow live events at once; 64 unless set.
    pub followers: usize,
    /// Questions and queries that are answered at once, 2 unless set; others wait for their turn. Each takes memory: of
    /// 10 million events in 125,000 sessions up to 160 MB.
    pub readers: usize,
    /// Bytes of a batch once it is unpacked: 32 MiB unless set.
    pub batch_bytes: usize,
    /// How long a request may take to come, an answer to begin, and a client to take 16 KiB of it: 30 s unless
    /// set. A connection without a request is closed after 10 s, or after as long where that is less.
    pub patience: Duration,
    /// What the store keeps, to be shown.
    pub retention: Retention,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            write_tokens: None,
            read_tokens: None,
            origins: Vec::new(),
            hosts: Vec::new(),
            requests_per_second: None,
            connections: 512,
            connections_per_client: 128,
            followers: 64,
            readers: 2,
            batch_bytes: 32 * 1024 * 1024,
            patience: Duration::from_secs(30),
            retention: Retention::KEEP_ALL,
        }
    }
}

macro_rules! setting {
    ($name:ident: $type:ty, $text:literal) => {
        #[doc = $text]
        #[must_use]
        pub fn $name(mut self, $name: $type) -> Self {
            self.$name = $name;
            self
        }
    };
}

impl Settings {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    setting!(write_tokens: Option<Tokens>, "Tokens of which one is needed to log.");
    setting!(read_tokens: Option<Tokens>, "Tokens of which one is needed to read.");
    setting!(origins: Vec<String>, "Origins whose pages may call.");
    setting!(hosts: Vec<String>, "Names under which the service is called.");
    setting!(requests_per_second: Option<NonZeroU32>, "Requests of one client's address in a second.");
    setting!(connections: usize, "Connections at once, at least 1.");
    setting!(connections_per_client: usize, "Connections at once of one client's address, at least 1.");
    setting!(followers: usize, "Clients that follow live events at once.");
    setting!(readers: usize, "Questions and queries that are answered at once, at least 1.");
    setting!(batch_bytes: usize, "Bytes of a batch once it is unpacked.");
    setting!(patience: Duration, "How long a request may take to come, an answer to begin, and a part of it to be taken.");
    setting!(retention: Retention, "What the store keeps, to be shown.");

    /// Threads that the service keeps busy beside those that answer: with
    /// [`max_blocking_threads`](tokio::runtime::Builder::max_blocking_threads) of so many, a runtime that serves nothing
    /// else makes no more. Under load it would, and allocators keep memory for each.
    #[must_use]
    pub fn blocking_threads(&self) -> usize {
        self.readers.saturating_add(SHORT_TASKS_AT_ONCE)
    }

    /// Checks the rules, as [`Service::new`](super::Service::new) does.
    ///
    /// # Errors
    ///
    /// `InvalidInput` where a setting breaks one.
    pub fn validate(&self) -> Result<()> {
        for (name, value) in [
            ("connections", self.connections),
            ("connections_per_client", self.connections_per_client),
            ("readers", self.readers),
        ] {
            if value == 0 {
                return Err(Error::invalid(name, "must be at least 1", value));
            }
        }
        if self.patience.is_zero() {
            return Err(Error::invalid("patience", "must be longer than nothing", "0 s"));
        }
        self.origins.iter().try_for_each(|origin| check_origin(origin))
    }
}

/// An origin is a scheme and a host, without a path.
fn check_origin(origin: &str) -> Result<()> {
    let host = origin.split_once("://").map(|(_scheme, host)| host);
    let plain = |host: &str| !host.is_empty() && !host.contains(['/', '?', '#', ' ', '*']);
    match origin == "*" || host.is_some_and(plain) {
        true if origin.is_ascii() => Ok(()),
        _ => Err(Error::invalid(
            "origin",
            "must be * or as https://walk.example, without a path",
            origin,
        )),
    }
}

/// Tokens any of which opens a door.
#[derive(Clone)]
pub struct Tokens(Vec<Box<[u8]>>);

impl Tokens {
    /// Reads tokens, one on each line; blank lines and those that open with `#` are none.
    ///
    /// # Errors
    ///
    /// `InvalidInput` where there is none or there are more than 64, and where one is not 16 to 512 visible ASCII
    /// characters. The message does not repeat it.
    pub fn parse(text: &str) -> Result<Self> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let tokens: Vec<_> = lines.filter(|line| !line.starts_with('#')).collect();
        let said = |count: usize| match count {
            1 => "1 token".to_owned(),
            _ => format!("{count} tokens"),
        };
        if tokens.is_empty() || tokens.len() > TOKENS_MAX {
            let rule = format!("must hold 1 to {TOKENS_MAX} tokens, one a line");
            return Err(Error::invalid("tokens", rule, said(tokens.len())));
        }
        let fits = |token: &&str| (TOKEN_BYTES_MIN..=TOKEN_BYTES_MAX).contains(&token.len());
        let visible = |token: &&str| token.bytes().all(|byte| byte.is_ascii_graphic());
        if !tokens.iter().all(|token| fits(token) && visible(token)) {
            let rule = format!(
                "must each be {TOKEN_BYTES_MIN} to {TOKEN_BYTES_MAX} visible ASCII characters"
            );
            return Err(Error::invalid("tokens", rule, "one that is not"));
        }
        Ok(Self(tokens.into_iter().map(|token| token.as_bytes().into()).collect()))
    }

    /// Whether it is one of them, in a time that tells nothing but its length.
    pub(super) fn contain(&self, token: &[u8]) -> bool {
        let none = Choice::from(0);
        self.0.iter().fold(none, |found, known| found | known.ct_eq(token)).into()
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tokens({})", self.0.len())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test says where")]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_read_from_lines_and_known_again() {
        let tokens = Tokens::parse("# kiosk\n0123456789abcdef\n\n  fedcba9876543210  \n").unwrap();
        assert!(tokens.contain(b"0123456789abcdef") && tokens.contain(b"fedcba9876543210"));
        for other in ["", "0123456789abcde", "0123456789abcdef0", "# kiosk", "0123456789abcdeg"] {
            assert!(!tokens.contain(other.as_bytes()), "{other}");
        }
        assert_eq!(format!("{tokens:?}"), "Tokens(2)");
    }

    #[test]
    fn tokens_that_could_be_guessed_or_not_be_sent_are_refused_and_not_repeated() {
        for text in
            ["", "# nothing\n", "short", "with a blank in it", "0123456789abcdéf", &"x".repeat(513)]
        {
            let error = Tokens::parse(text).unwrap_err().to_string();
            assert!(error.contains("tokens: must"), "{error}");
            assert!(text.is_empty() || !error.contains(text.trim()), "{error}");
        }
    }

    #[test]
    fn an_origin_has_a_scheme_and_no_path() {
        let check = |origin: &str| Settings::new().origins(vec![origin.to_owned()]).validate();
        for origin in
            ["*", "https://walk.example", "http://localhost:3000", "capacitor://localhost"]
        {
            assert!(check(origin).is_ok(), "{origin}");
        }
        for origin in ["", "walk.example", "https://", "https://walk.example/", "https://*.example"]
        {
            assert!(check(origin).is_err(), "{origin}");
        }
    }
}
