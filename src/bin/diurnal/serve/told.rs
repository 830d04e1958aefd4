//! What the service says of itself.
//!
//! Owns: where its log goes and in which form, the line that says where it listens, what systemd is told, and the
//! warning of token files that others can read.

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::Path;

use anstream::{AutoStream, ColorChoice};
use tracing_subscriber::EnvFilter;

use crate::args::serve::{LogFormat, ServeArguments};
use crate::text;

/// Has what is traced written to standard error.
pub(super) fn begin_log(arguments: &ServeArguments) {
    let filter = EnvFilter::builder().parse_lossy(&arguments.log_level);
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // The only log of the process is begun once.
    let _ = match arguments.log_format {
        LogFormat::Json => log.json().flatten_event(true).try_init(),
        LogFormat::Text => {
            let error = std::io::stderr();
            let colored = error.is_terminal() && AutoStream::choice(&error) != ColorChoice::Never;
            log.with_ansi(colored).try_init()
        }
    };
}

/// Says where the service is: with port 0 nobody knows otherwise.
pub(super) fn listening(format: LogFormat, address: SocketAddr) {
    let line = format!("listening on http://{address}/");
    match format {
        LogFormat::Json => tracing::info!("{line}"),
        LogFormat::Text => {
            // Nowhere is left to say that standard error is closed.
            let _ = writeln!(std::io::stderr(), "{line}");
        }
    }
}

/// Tells systemd, where it has started the service and wants to be told.
pub(super) fn systemd(state: &str) {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let sent = std::os::unix::net::UnixDatagram::unbound()
        .and_then(|datagram| datagram.send_to(state.as_bytes(), Path::new(&socket)));
    if let Err(error) = sent {
        tracing::warn!(%error, "systemd could not be told: {state}");
    }
}

/// A token that others can read guards nothing.
pub(super) fn warn_of_readers(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    /// Whoever is neither the owner nor of the group may read.
    const OTHERS_READ: u32 = 0o004;

    let others_read = std::fs::metadata(path)
        .is_ok_and(|metadata| metadata.permissions().mode() & OTHERS_READ != 0);
    if others_read {
        let line = format!("{}: every user of this machine can read the tokens", path.display());
        text::warning("diurnal: warning:", &line);
    }
}
