//! The command `serve`.
//!
//! Owns: what is safe of itself, from options to the settings of the service, and its life from the first connection
//! to the last. The rooms below: `signals` (how it is asked to end), `told` (what it says to people and to systemd).
//! Does not own what is answered, which is the library's.
//!
//! Invariant: what others can reach is guarded by tokens, unless it was said that it need not be.

mod signals;
mod told;

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::Path;

use diurnal::http::{self, Service, Settings, Tokens};
use diurnal::{Retention, Store};
use tokio::net::TcpListener;

use crate::args::serve::ServeArguments;
use crate::failure::{Failure, Outcome};
use signals::Signals;

/// Requests that one client may make in a second where the service is reached from elsewhere: two phones
/// that walk, behind one address, make two.
const RATE_DEFAULT: u32 = 200;

/// Names of this machine that no other can be made to have.
const OWN_HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

pub(crate) fn serve(arguments: &ServeArguments) -> Result<Outcome, Failure> {
    check_safe(arguments)?;
    let settings = settings(arguments)?;
    told::begin_log(arguments);
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.enable_all().max_blocking_threads(settings.blocking_threads());
    let runtime = runtime
        .build()
        .map_err(|error| Failure::message(format!("cannot start threads: {error}")))?;
    let outcome = runtime.block_on(serve_until_told(arguments, settings));
    // A question that is still being answered is nobody's any more.
    runtime.shutdown_background();
    outcome
}

async fn serve_until_told(
    arguments: &ServeArguments,
    settings: Settings,
) -> Result<Outcome, Failure> {
    let signals = Signals::listen()?;
    let cannot_listen = |error: std::io::Error| {
        Failure::message(format!("cannot listen on {}: {error}", arguments.listen))
    };
    // Before the store is made: another service may have the address.
    let listener = TcpListener::bind(arguments.listen).await.map_err(cannot_listen)?;
    let address = listener.local_addr().map_err(cannot_listen)?;
    let store = Store::builder().retention(retention(arguments)).open(&arguments.store)?;
    let service = Service::new(store.clone(), settings)?;
    told::listening(arguments.log_format, address);
    told::systemd("READY=1");
    let ended = http::serve(listener, service, signals.first()).await;
    told::systemd("STOPPING=1");
    let closed = store.close();
    ended?;
    closed?;
    Ok(Outcome::Done)
}

/// Refuses to let in whoever reaches an address of a network.
fn check_safe(arguments: &ServeArguments) -> Result<(), Failure> {
    let guarded = arguments.token_file.is_some() && arguments.read_token_file.is_some();
    if is_loopback(arguments.listen) || guarded || arguments.open {
        return Ok(());
    }
    let address = arguments.listen;
    let message = format!(
        "--listen {address}: others can reach this address, so that --token-file and \
         --read-token-file are needed; --open lets everyone do what they do not guard"
    );
    Err(Failure::usage(message))
}

fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

fn settings(arguments: &ServeArguments) -> Result<Settings, Failure> {
    let tokens = |path: &Option<_>| path.as_deref().map(read_tokens).transpose();
    let connections = arguments.connections.get();
    let settings = Settings::new()
        .write_tokens(tokens(&arguments.token_file)?)
        .read_tokens(tokens(&arguments.read_token_file)?)
        .origins(arguments.allow_origin.clone())
        .hosts(hosts(arguments))
        .requests_per_second(rate(arguments))
        .connections(connections)
        .connections_per_client(connections.div_ceil(4))
        .retention(retention(arguments));
    // Before a store is made.
    settings.validate()?;
    Ok(settings)
}

/// On a loopback address a page elsewhere could reach the service by a name that it has led here.
fn hosts(arguments: &ServeArguments) -> Vec<String> {
    let mut hosts = arguments.allow_host.clone();
    if is_loopback(arguments.listen) {
        hosts.extend(OWN_HOSTS.map(str::to_owned));
        hosts.push(match arguments.listen.ip() {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        });
    }
    hosts
}

fn rate(arguments: &ServeArguments) -> Option<NonZeroU32> {
    let unless_told = if is_loopback(arguments.listen) { 0 } else { RATE_DEFAULT };
    NonZeroU32::new(arguments.rate.unwrap_or(unless_told))
}

fn retention(arguments: &ServeArguments) -> Retention {
    let mut retention = Retention::KEEP_ALL;
    retention.max_age_days = arguments.keep_days;
    retention.max_bytes = arguments.keep_bytes;
    retention
}

fn read_tokens(path: &Path) -> Result<Tokens, Failure> {
    told::warn_of_readers(path);
    let text =
        std::fs::read_to_string(path).map_err(|error| Failure::file("read", path, &error))?;
    let tokens = Tokens::parse(&text).map_err(Failure::from);
    tokens.map_err(|failure| failure.in_words(format!("{}: {failure}", path.display())))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a failed test says where")]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Arguments, Command};

    fn arguments(line: &str) -> ServeArguments {
        let line = format!("diurnal serve s {line}");
        match Arguments::try_parse_from(line.split_whitespace()).unwrap().command {
            Command::Serve(arguments) => arguments,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_address_that_others_reach_needs_both_tokens_or_the_word() {
        let is_safe = |line: &str| check_safe(&arguments(line)).is_ok();
        for line in
            ["", "--listen 127.0.0.2:80", "--listen [::1]:0", "--listen [::ffff:127.0.0.1]:0"]
        {
            assert!(is_safe(line), "{line}");
        }
        for listen in ["0.0.0.0:80", "10.0.0.7:80", "[::]:80", "[2001:db8::1]:80"] {
            let line = format!("--listen {listen}");
            assert!(!is_safe(&line), "{line}");
            assert!(!is_safe(&format!("{line} --token-file t")), "{line}");
            assert!(!is_safe(&format!("{line} --read-token-file t")), "{line}");
            assert!(is_safe(&format!("{line} --token-file t --read-token-file r")), "{line}");
            assert!(is_safe(&format!("{line} --open")), "{line}");
        }
    }

    #[test]
    fn names_are_known_and_paces_set_by_where_the_service_listens() {
        let here = arguments("--allow-host kiosk.example --listen 127.0.0.9:80");
        let names = hosts(&here);
        for name in ["kiosk.example", "localhost", "127.0.0.1", "[::1]", "127.0.0.9"] {
            assert!(names.iter().any(|known| known == name), "{name}");
        }
        assert_eq!(rate(&here), None);
        let elsewhere = arguments("--listen 0.0.0.0:80 --open");
        assert!(hosts(&elsewhere).is_empty());
        assert_eq!(rate(&elsewhere).map(NonZeroU32::get), Some(200));
        assert_eq!(rate(&arguments("--listen 0.0.0.0:80 --open --rate 0")), None);
        assert_eq!(rate(&arguments("--rate 7")).map(NonZeroU32::get), Some(7));
    }

    #[test]
    fn what_is_kept_is_told_to_the_store_and_the_page() {
        let kept = retention(&arguments("--keep-days 7 --keep-bytes 2GiB"));
        assert_eq!((kept.max_age_days, kept.max_bytes), (Some(7), Some(2 << 30)));
        assert_eq!(retention(&arguments("")), Retention::KEEP_ALL);
        let all = settings(&arguments("--keep-days 7 --connections 9")).unwrap();
        assert_eq!(all.retention.max_age_days, Some(7));
        assert_eq!((all.connections, all.connections_per_client), (9, 3));
    }
}
