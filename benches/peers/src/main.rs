//! diurnal beside SQLite, redb, fjall and DuckDB: the same work on the same machine in one run.
//!
//! Owns: the command line and what is printed. The rooms below it: `engines`, `measures`, `question`
//! (what is asked), `source` (the events), `table`; and those of the library.

mod engines;
mod measures;
mod question;
mod source;
mod table;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use diurnal::testing::workload::Workload;
use diurnal_peers::{machine, tables, text};

use engines::Engine;
use engines::diurnal::Diurnal;
use engines::duckdb::DuckDb;
use engines::fjall_rows::FjallRows;
use engines::redb_rows::RedbRows;
use engines::sqlite::Sqlite;
use machine::Result;
use measures::child::{self, Child};
use measures::{Bench, Measure};
use source::{Source, Survey};
use table::Table;
use text::{Unit, rounded, shown};

const ENGINES: [&str; 5] = ["diurnal", "sqlite", "redb", "fjall", "duckdb"];

/// Runs the same work against diurnal, SQLite, redb, fjall and DuckDB, and prints one table.
#[derive(Debug, Parser)]
struct Arguments {
    /// Events of the workload.
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// Days that they are spread over.
    #[arg(long, default_value_t = 30)]
    days: u32,
    /// Runs of everything; the table has their medians.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// These measures alone; growth is measured only if it is named.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Measure>,
    /// `realistic`, `hostile`, or a file of JSON lines.
    #[arg(long, default_value = "realistic")]
    workload: String,
    /// Where to work: on the disk that is to be measured. DuckDB is installed there, too.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/work"))]
    dir: PathBuf,
    /// These engines alone.
    #[arg(long, value_delimiter = ',', default_values = ENGINES)]
    engines: Vec<String>,
    /// Prints the table as Markdown.
    #[arg(long)]
    markdown: bool,
    #[arg(long, hide = true)]
    child: Option<Child>,
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

fn run(arguments: &Arguments) -> Result<()> {
    let source = match arguments.workload.as_str() {
        "realistic" => Source::Made(sized(Workload::realistic(), arguments)),
        "hostile" => Source::Made(sized(Workload::hostile(), arguments)),
        file => Source::read(Path::new(file))?,
    };
    if let (Some(child), Source::Made(workload)) = (arguments.child, &source) {
        println!("{}", child::run(child, &arguments.dir, workload)?);
        return Ok(());
    }
    std::fs::create_dir_all(&arguments.dir)?;
    let survey = Survey::of(&source);
    let (engines, missing) = engines(arguments)?;
    let hostile = arguments.workload == "hostile";
    let names = engines.iter().map(|engine| engine.name()).collect();
    let mut bench = Bench {
        source,
        survey,
        engines,
        measures: measures(arguments, hostile),
        work: arguments.dir.clone(),
        table: Table::new(names, &arguments.workload),
        answers: HashMap::new(),
    };
    for round in 1..=arguments.rounds {
        eprintln!("round {round} of {}", arguments.rounds);
        bench.round()?;
    }
    print_head(arguments, &mut bench)?;
    missing.iter().for_each(|line| println!("- {line}"));
    println!("\n{}", bench.table.text(arguments.markdown));
    Ok(())
}

fn sized(workload: Workload, arguments: &Arguments) -> Workload {
    workload.events(arguments.events).days(arguments.days)
}

fn measures(arguments: &Arguments, hostile: bool) -> Vec<Measure> {
    use Measure::{Bulk, Drop, Floor, Kiosk, Memory, Open, Queries, Single, Size, Threads};
    match (arguments.only.is_empty(), hostile) {
        (false, _) => arguments.only.clone(),
        (true, true) => vec![Bulk, Size],
        (true, false) => {
            vec![Floor, Bulk, Size, Kiosk, Single, Threads, Queries, Open, Drop, Memory]
        }
    }
}

type Engines = Vec<Box<dyn Engine>>;

/// The engines asked for that there are, and a line for each that there is not.
fn engines(arguments: &Arguments) -> Result<(Engines, Vec<String>)> {
    let mut engines: Engines = Vec::new();
    let mut missing = Vec::new();
    if let Some(unknown) = arguments.engines.iter().find(|name| !ENGINES.contains(&name.as_str())) {
        return Err(format!("there is no engine {unknown}; there are {ENGINES:?}").into());
    }
    for name in ENGINES {
        if !arguments.engines.iter().any(|asked| asked == name) {
            continue;
        }
        match name {
            "diurnal" => engines.push(Box::<Diurnal>::default()),
            "sqlite" => engines.push(Box::<Sqlite>::default()),
            "redb" => engines.push(Box::<RedbRows>::default()),
            "fjall" => engines.push(Box::<FjallRows>::default()),
            _ => match DuckDb::start(&arguments.dir) {
                Ok(engine) => engines.push(Box::new(engine)),
                Err(error) => missing.push(format!("DuckDB: not measured: {error}")),
            },
        }
    }
    Ok((engines, missing))
}

fn print_head(arguments: &Arguments, bench: &mut Bench) -> Result<()> {
    let floor = machine::median(&bench.table.floor);
    println!(
        "{} events of the workload {} over {} days; medians of {} rounds; {} processors.",
        bench.survey.events,
        arguments.workload,
        bench.survey.days,
        arguments.rounds,
        machine::processors(),
    );
    if floor > 0.0 {
        println!(
            "An append of 150 bytes with fdatasync, the floor of what is durable, took {} at the \
             start of a round; one thread copies {} GB/s in memory.",
            shown(Unit::Seconds, floor),
            rounded(machine::copies()),
        );
    }
    println!("In brackets: how many times better diurnal is than this engine.\n");
    for engine in &mut bench.engines {
        println!("- {}", engine.about()?);
    }
    Ok(())
}
