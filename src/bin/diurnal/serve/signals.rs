//! How the service is asked to end.
//!
//! Owns: what SIGTERM and SIGINT do: the first asks, the second ends the process at once, which a store withstands as
//! it does a power cut. Does not own what is done when asked.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::{Failure, INTERRUPTED};

/// As a shell has it for a program that SIGTERM ended.
const TERMINATED: u8 = 143;

/// A listener for both.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(super) fn listen() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind)
                .map_err(|error| Failure::message(format!("cannot listen for signals: {error}")))
        };
        let interrupt = listen(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: listen(SignalKind::terminate())? })
    }

    /// Waits for the first, and has the second end the process.
    pub(super) async fn first(mut self) {
        self.next().await;
        tracing::info!("asked to end");
        tokio::spawn(async move {
            let status = self.next().await;
            std::process::exit(status.into());
        });
    }

    /// Waits for either; the status of a program that it ended.
    async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => INTERRUPTED,
            _ = self.terminate.recv() => TERMINATED,
        }
    }
}
