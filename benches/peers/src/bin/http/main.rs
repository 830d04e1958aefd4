//! diurnal's service beside a plain one of axum and SQLite: the same calls over HTTP, on the same machine, in
//! one run.
//!
//! Owns: the command line. The rooms: `compare` and `overload` (what is run), `load` (the connections) with
//! `client`, `requests` and `ledger`, `service` (the processes that are asked) with `plain`, `figures`.
//!
//! Invariants: each service is a process of its own, over an empty directory. After each run every event that
//! was answered as logged is looked up in what the service left behind.

mod client;
mod compare;
mod figures;
mod ledger;
mod load;
mod overload;
mod plain;
mod requests;
mod service;

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use diurnal_peers::{machine, tables, text};

use service::Kind;

/// Logs over HTTP with diurnal's service and with a plain one of axum and SQLite, and prints one table.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    compare: compare::Arguments,
    #[command(subcommand)]
    task: Option<Task>,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct Place {
    /// Where to work: on the disk that is to be measured.
    #[arg(long, global = true, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/work"))]
    dir: PathBuf,
    /// Prints JSON.
    #[arg(long, global = true)]
    json: bool,
    /// Prints the table as Markdown.
    #[arg(long, global = true)]
    markdown: bool,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Asks one service for more than it can do, and tells how its memory grows.
    Overload(overload::Arguments),
    /// Serves an empty directory until the standard input ends.
    #[command(hide = true)]
    Serve {
        kind: Kind,
        #[arg(long)]
        rate: Option<NonZeroU32>,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> machine::Result<()> {
    match &arguments.task {
        None => compare::run(&arguments.compare, &arguments.place),
        Some(Task::Overload(overload)) => overload::run(overload, &arguments.place),
        Some(Task::Serve { kind, rate }) => service::serve(*kind, &arguments.place.dir, *rate),
    }
}
