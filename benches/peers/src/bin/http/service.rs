//! The services that are asked, each as a process of its own.
//!
//! Owns: how a service is started and ended, what its process has taken, and how its store is read
//! afterwards. Does not own the plain service (`plain`).
//!
//! Invariants: a service ends when its standard input does, so that none outlives the program.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use clap::ValueEnum;
use diurnal::http::Settings;
use diurnal::{Filter, GroupBy, Store};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::machine::{self, Result};
use crate::plain;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Kind {
    Diurnal,
    /// Without other processes that may read meanwhile.
    Exclusive,
    Plain,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Diurnal => "diurnal",
            Self::Exclusive => "diurnal, exclusive",
            Self::Plain => "axum + SQLite",
        }
    }

    fn argument(self) -> &'static str {
        match self {
            Self::Diurnal => "diurnal",
            Self::Exclusive => "exclusive",
            Self::Plain => "plain",
        }
    }

    /// Its settings where they matter.
    pub(crate) fn about(self) -> String {
        match self {
            Self::Diurnal => {
                "diurnal: the library's service and store with every default, so without tokens and without a \
                 limit to what one client asks"
                    .to_owned()
            }
            Self::Exclusive => {
                "diurnal, exclusive: the same without shared readers: no second sync for each commit"
                    .to_owned()
            }
            Self::Plain => plain::about(),
        }
    }

    /// How many events are stored of each session.
    pub(crate) fn stored(self, at: &Path) -> Result<HashMap<u64, u64>> {
        match self {
            Self::Diurnal | Self::Exclusive => {
                let store = Store::open_read_only(at)?;
                let counts = store.count_by(&Filter::All, GroupBy::Session)?;
                let parsed = counts.into_iter().map(|count| Ok((count.key.parse()?, count.count)));
                parsed.collect()
            }
            Self::Plain => plain::stored(at),
        }
    }
}

/// A service that runs.
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    child: Child,
    input: Option<ChildStdin>,
}

impl Service {
    /// Starts a service over an empty directory. diurnal's limits a client to `rate` requests a second, where it
    /// is given.
    pub(crate) fn start(kind: Kind, at: &Path, rate: Option<NonZeroU32>) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["serve", kind.argument(), "--dir"]).arg(at);
        if let Some(rate) = rate {
            command.args(["--rate", &rate.to_string()]);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = child.stdin.take();
        let output = child.stdout.take().ok_or("the service has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let address = line.trim().parse();
        let address = address.map_err(|_| format!("{} has not started", kind.name()))?;
        Ok(Self { address, child, input })
    }

    pub(crate) fn peak_bytes(&self) -> Result<u64> {
        machine::memory(self.child.id(), "VmHWM")
    }

    /// Seconds that it has had a processor.
    pub(crate) fn busy(&self) -> Result<f64> {
        machine::busy(self.child.id())
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Lets it end as when it is told to.
    pub(crate) fn stop(mut self) -> Result<()> {
        drop(self.input.take());
        match self.child.wait()? {
            status if status.success() => Ok(()),
            status => Err(format!("the service ended with {status}").into()),
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if self.input.is_some() {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}

/// Serves until the standard input ends: what the process does that [`Service::start`] starts.
pub(crate) fn serve(kind: Kind, at: &Path, rate: Option<NonZeroU32>) -> Result<()> {
    let (end, ended) = oneshot::channel();
    std::thread::spawn(move || {
        drop(std::io::stdin().read_to_end(&mut Vec::new()));
        let _ = end.send(());
    });
    let until = async move { drop(ended.await) };
    let settings = Settings::new().requests_per_second(rate);
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.enable_all().max_blocking_threads(settings.blocking_threads());
    runtime.build()?.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let mut output = std::io::stdout();
        writeln!(output, "{}", listener.local_addr()?)?;
        output.flush()?;
        match kind {
            Kind::Diurnal | Kind::Exclusive => {
                let shared = kind == Kind::Diurnal;
                let store = Store::builder().shared_readers(shared).open(at)?;
                let service = diurnal::http::Service::new(store, settings)?;
                Ok(diurnal::http::serve(listener, service, until).await?)
            }
            Kind::Plain => plain::serve(listener, at, until).await,
        }
    })
}
