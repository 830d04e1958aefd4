//! The command line program `diurnal`: logs, imports, queries and keeps a store.
//!
//! Owns: the way from arguments to a command, and from its outcome to the process's end. Does not own the
//! commands (`log`, `import`, `query`, `tail`, `analysis`, `export`, `upkeep`, `erase`, `backup`, `serve`, `complete`),
//! what they take (`args`, `filters`), how results are written (`output`, `table`, `amounts`, `style`), what
//! is seen while one waits (`progress`) nor the exit status (`failure`).
//!
//! Invariants: standard output carries results alone, and everything else goes to standard error;
//! a reader that closes its end of a pipe is not an error.

mod amounts;
mod analysis;
mod args;
mod backup;
mod complete;
mod csv;
mod erase;
mod export;
mod failure;
mod fields;
mod file;
mod filters;
mod gaps;
mod import;
mod log;
mod near_miss;
mod output;
mod picture;
mod progress;
mod query;
#[cfg(feature = "http")]
mod serve;
mod style;
mod table;
mod tail;
mod text;
mod upkeep;

use std::io::{BufWriter, Write};
use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Command};
use failure::{Failure, Outcome};

/// Large enough that a long result costs few system calls, small beside a kiosk's memory.
const OUTPUT_BUFFER_BYTES: usize = 64 * 1024;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    style::choose(arguments.color);
    let mut out = BufWriter::with_capacity(OUTPUT_BUFFER_BYTES, std::io::stdout().lock());
    let outcome = run(arguments.command, &mut out);
    // What was written before a failure is shown; a failure of its own counts only where there is
    // no earlier one.
    let flushed = out.flush().map_err(Failure::from);
    match outcome.and_then(|outcome| flushed.map(|()| outcome)) {
        Ok(outcome) => ExitCode::from(outcome.status()),
        Err(failure) => {
            if !matches!(failure, Failure::ClosedPipe) {
                text::error(&failure.to_string());
            }
            ExitCode::from(failure.status())
        }
    }
}

fn run(command: Command, out: &mut dyn Write) -> Result<Outcome, Failure> {
    match command {
        Command::Log(arguments) => log::log(arguments, out),
        Command::Import(arguments) => import::import(&arguments, out),
        Command::Query(arguments) => query::query(arguments, out),
        Command::Tail(arguments) => tail::tail(&arguments, out),
        Command::Count(arguments) => query::count(&arguments, out),
        Command::Session(arguments) => analysis::sessions::session(&arguments, out),
        Command::Sessions(arguments) => analysis::sessions::sessions(&arguments, out),
        Command::Tags(arguments) => analysis::tags::tags(&arguments, out),
        Command::Paths(arguments) => analysis::flows::paths(&arguments, out),
        Command::Funnel(arguments) => analysis::flows::funnel(&arguments, out),
        Command::Health(arguments) => analysis::health::health(&arguments, out),
        Command::Silent(arguments) => analysis::health::silent(&arguments, out),
        Command::Errors(arguments) => analysis::errors::errors(&arguments, out),
        Command::Skew(arguments) => analysis::skew::skew(&arguments, out),
        Command::Export(arguments) => export::export(&arguments, out),
        Command::Histogram(arguments) => analysis::histogram::histogram(&arguments, out),
        Command::Heatmap(arguments) => analysis::heatmap::heatmap(&arguments, out),
        Command::Map(arguments) => analysis::map::map(&arguments, out),
        Command::Days(arguments) => upkeep::days(&arguments, out),
        Command::Info(arguments) => upkeep::info(&arguments, out),
        Command::Check(arguments) => upkeep::check(&arguments, out),
        Command::Prune(arguments) => upkeep::prune(&arguments, out),
        Command::Erase(arguments) => erase::erase(&arguments, out),
        Command::Backup(arguments) => backup::backup(&arguments, out),
        #[cfg(feature = "http")]
        Command::Serve(arguments) => serve::serve(&arguments),
        Command::Completions(arguments) => complete::completions(&arguments, out),
        Command::Man(arguments) => complete::man(&arguments, out),
    }
}
