//! What `serve` takes.
//!
//! Owns: its options, and how the names of the service and the level of its log are read. Does not own what follows
//! from them (`crate::serve`).

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

use super::values::parse_size;

#[derive(Debug, Args)]
#[command(after_help = "\
On a loopback address, as by default, whoever can log in to this machine may log and read, unless there
are token files. Any other address needs both of them, or --open. A token file holds one token a line, of
16 or more characters; lines that open with # are none. Clients send one as `Authorization: Bearer TOKEN`.
There is no encryption: beyond a network that is trusted, put a proxy with TLS before it.

It ends well on SIGTERM and SIGINT: what was asked is answered and the store is closed; a second signal
ends it at once. It ends with status 1 when the store has failed, to be started again.

  diurnal serve events
  diurnal serve events --token-file log.tokens --read-token-file read.tokens --listen 0.0.0.0:8888
  diurnal serve events --allow-origin https://walk.example --keep-days 90
  diurnal serve events --listen '[::1]:0' --log-format json --log-level warn")]
pub(crate) struct ServeArguments {
    /// The store's directory; made if absent.
    pub(crate) store: PathBuf,
    /// Where to listen: an address and a port, 0 for any that is free.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8888")]
    pub(crate) listen: SocketAddr,
    /// Let only those log that have a token of this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Let only those read that have a token of this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) read_token_file: Option<PathBuf>,
    /// Let the pages of this origin call, as https://walk.example; * for all. May be repeated.
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) allow_origin: Vec<String>,
    /// Answer requests that call the service by this name: on a loopback address to those that it has
    /// of itself, elsewhere then no other is answered. May be repeated.
    #[arg(long, value_name = "HOST", value_parser = parse_host)]
    pub(crate) allow_host: Vec<String>,
    /// Let everyone who reaches the address do what no token file guards.
    #[arg(long)]
    pub(crate) open: bool,
    /// Keep so many days and drop older ones, when a day begins and at the start.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) keep_days: Option<u32>,
    /// Keep the newest days within so many bytes: 500M (of 1000) or 2GiB (of 1024) are understood.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) keep_bytes: Option<u64>,
    /// Connections at once, of which one client on another machine has a quarter at most; others wait.
    #[arg(long, value_name = "N", default_value = "512")]
    pub(crate) connections: NonZeroUsize,
    /// Requests a second that one client may make, 0 for no limit [default: 200; none on a loopback
    /// address]
    #[arg(long, value_name = "N")]
    pub(crate) rate: Option<u32>,
    /// How to log, to standard error.
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
    /// What to log: off, error, warn, info, debug or trace, or such of parts, as warn,diurnal=debug.
    #[arg(long, value_name = "LEVEL", value_parser = parse_level, default_value = "info")]
    pub(crate) log_level: String,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// A name as it stands in an address, without a port.
fn parse_host(text: &str) -> Result<String, String> {
    let in_brackets = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let fits = match in_brackets {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
            !text.is_empty() && text.chars().all(part)
        }
    };
    match fits {
        true => Ok(text.to_owned()),
        false => Err("must be a name or an address without a port, as kiosk.example".to_owned()),
    }
}

fn parse_level(text: &str) -> Result<String, String> {
    match EnvFilter::builder().parse(text) {
        Ok(_) if !text.trim().is_empty() => Ok(text.to_owned()),
        _ => Err("must be off, error, warn, info, debug or trace, or as warn,diurnal=debug".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_no_port_and_no_path() {
        for host in ["kiosk.example", "10.0.0.7", "[2001:db8::7]", "localhost"] {
            assert!(parse_host(host).is_ok(), "{host}");
        }
        for host in ["", "kiosk:80", "http://kiosk", "kiosk/", "2001:db8::7", "[x]", "*"] {
            assert!(parse_host(host).is_err(), "{host}");
        }
    }

    #[test]
    fn a_level_is_a_word_or_a_list() {
        for level in ["info", "off", "warn,diurnal=debug"] {
            assert!(parse_level(level).is_ok(), "{level}");
        }
        for level in ["", "loud=very", "=,"] {
            assert!(parse_level(level).is_err(), "{level}");
        }
    }
}
