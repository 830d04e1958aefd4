//! Whether an import was asked to stop.
//!
//! Owns: what SIGINT does to the program while it imports: the first asks, the second ends it at once, which
//! a store withstands as it does a power cut. Does not own what is done when asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::SIGINT;
use signal_hook::flag;

use crate::failure::{Failure, INTERRUPTED};

/// A listener for Ctrl-C.
pub(super) struct Interrupt {
    asked: Arc<AtomicBool>,
}

impl Interrupt {
    pub(super) fn listen() -> Result<Self, Failure> {
        let asked = Arc::new(AtomicBool::new(false));
        // The order counts: the second time, the first of these finds the flag set.
        flag::register_conditional_shutdown(SIGINT, INTERRUPTED.into(), Arc::clone(&asked))
            .and_then(|_| flag::register(SIGINT, Arc::clone(&asked)))
            .map_err(|error| Failure::message(format!("cannot listen for Ctrl-C: {error}")))?;
        Ok(Self { asked })
    }

    pub(super) fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }
}
