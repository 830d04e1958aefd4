//! The command `import`.
//!
//! Owns: the way of an input's events into the store: the thread that reads, the batches that are
//! committed, the tally, and what is said of rejected lines. The rooms below it: `records` (where a
//! record ends), `decode` (what it means), `rejects` (where a bad one is kept), `rows` (files that have rows
//! in place of lines), `interrupt` (whether to stop).
//!
//! Invariants: every good event is imported, whatever stands beside it, or, strictly, none beside a bad
//! one; an input of any length, or
//! with a line of any length, is read in bounded memory; an event that has come is committed within
//! [`BATCH_DELAY`], even if nothing follows it; interrupted, it ends after a commit, and its figures say what is
//! stored.

mod decode;
mod interrupt;
mod records;
mod rejects;
mod rows;

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use diurnal::export::Row;
use diurnal::{Durability, ErrorKind, NewEvent, Store};
use indicatif::ProgressBar;

use crate::amounts::counted;
use crate::args::ingest::{ImportArguments, ImportFormat};
use crate::failure::{Failure, Outcome};
use crate::progress;
use crate::text;
use decode::{Decoded, Decoder, Records};
use interrupt::Interrupt;
use records::{Piece, Splitter};
use rejects::Rejects;
use rows::RowFile;

/// Events of one commit: far above what makes an fsync cheap per event.
const BATCH_EVENTS_MAX: usize = 8192;
/// Bytes of records of one commit.
const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How long an event waits for others: half of the second within which it must be visible.
const BATCH_DELAY: Duration = Duration::from_millis(500);
/// How long an interruption may go unseen while nothing comes.
const INTERRUPT_DELAY: Duration = Duration::from_millis(200);
/// Bytes asked of the input at a time.
const READ_BYTES: usize = 64 * 1024;
/// Reads that may wait while a batch is committed.
const READS_WAITING_MAX: usize = 4;

/// What one read of the input completed.
type Received = Result<Batch, Failure>;

enum Batch {
    Pieces(Vec<Piece>),
    Rows(Vec<Row>),
}

pub(crate) fn import(arguments: &ImportArguments, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let path = arguments.file.as_path();
    if let Some(kind) = RowFile::of(arguments.format.unwrap_or_else(|| format_of(path))) {
        kind.check(path, arguments.rejects.is_some())?;
    }
    // Opened before the store, so that a wrong name does not create one.
    let (input, bytes) = open_input(path)?;
    let interrupt = Interrupt::listen()?;
    if arguments.strict {
        if bytes.is_none() {
            return Err(Failure::usage("--strict reads the input twice, and needs a file"));
        }
        // The rules of a store do not depend on what is in it.
        let input = (input, bytes);
        let rehearsal = pass(arguments, &Store::in_memory()?, Pass::Rehearsal, input, &interrupt)?;
        if rehearsal.rejected > 0 || rehearsal.interrupted {
            return rehearsal.write(arguments, out);
        }
        let store = open_store(arguments)?;
        let tally = pass(arguments, &store, Pass::Import, open_input(path)?, &interrupt)?;
        store.close()?;
        return tally.write(arguments, out);
    }
    let store = open_store(arguments)?;
    let tally = pass(arguments, &store, Pass::Import, (input, bytes), &interrupt)?;
    store.close()?;
    tally.write(arguments, out)
}

fn open_store(arguments: &ImportArguments) -> Result<Store, Failure> {
    Ok(Store::builder().durability(Durability::Sync).open(&arguments.store)?)
}

/// What is done with good events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// Nothing: bad ones are looked for.
    Rehearsal,
    Import,
}

/// Reads an input from end to end, or until it is interrupted.
fn pass(
    arguments: &ImportArguments,
    store: &Store,
    pass: Pass,
    (input, bytes): Input,
    interrupt: &Interrupt,
) -> Result<Tally, Failure> {
    let path = arguments.file.as_path();
    let rejects = Rejects::new(arguments.rejects.as_deref(), path)?;
    let format = arguments.format.unwrap_or_else(|| format_of(path));
    let rows = RowFile::of(format);
    let records = Records::of(format);

    let (sender, receiver) = sync_channel(READS_WAITING_MAX);
    let splitter = Splitter::new(format == ImportFormat::Csv);
    let read_path = path.to_owned();
    let reader = std::thread::Builder::new()
        .name("import-input".to_owned())
        .spawn(move || match rows {
            Some(kind) => read_rows(kind, &read_path, input, &sender),
            None => read_input(input, &read_path, splitter, &sender),
        })
        .map_err(|error| Failure::message(format!("cannot start a thread: {error}")))?;

    let mut importer = Importer {
        store,
        interrupt,
        pass,
        skip_existing: arguments.skip_existing,
        decoder: Decoder::new(records.unwrap_or(Records::Jsonl)),
        unit: rows.map_or("line", RowFile::unit),
        batch: Vec::new(),
        batch_bytes: 0,
        batch_lines: HashSet::new(),
        rejects,
        tally: Tally::default(),
        progress: bar(rows, bytes),
    };
    let result = importer.run(&receiver).and_then(|()| {
        // Only an import that ran to its end waits for the thread, which has ended then; another's
        // ends with the program.
        if importer.tally.interrupted {
            return Ok(());
        }
        reader.join().map_err(|_| Failure::message("the input was not read to its end"))
    });
    importer.progress.finish_and_clear();
    let tally = importer.tally;
    let kept = importer.rejects.finish();
    result.map_err(|failure| tally.stopped(&failure))?;
    kept.map(|()| tally)
}

/// An input, and its length where that is known.
type Input = (Box<dyn Read + Send>, Option<u64>);

fn open_input(path: &Path) -> Result<Input, Failure> {
    if path == Path::new("-") {
        return Ok((Box::new(io::stdin()), None));
    }
    let cannot = |error| Failure::file("read", path, &error);
    let file = File::open(path).map_err(cannot)?;
    let metadata = file.metadata().map_err(cannot)?;
    if metadata.is_dir() {
        return Err(Failure::message(format!("cannot read {}: is a directory", path.display())));
    }
    Ok((Box::new(file), metadata.is_file().then_some(metadata.len())))
}

fn format_of(path: &Path) -> ImportFormat {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    match extension.to_ascii_lowercase().as_str() {
        "csv" => ImportFormat::Csv,
        "txt" | "query" => ImportFormat::Query,
        "geojson" => ImportFormat::Geojson,
        "parquet" => ImportFormat::Parquet,
        "sqlite" | "sqlite3" | "db" => ImportFormat::Sqlite,
        _ => ImportFormat::Jsonl,
    }
}

/// What a person sees who waits for a file.
fn bar(rows: Option<RowFile>, bytes: Option<u64>) -> ProgressBar {
    match (rows, bytes) {
        // How many rows a file has is known at its end.
        (Some(_), _) => progress::count_of("rows"),
        (None, Some(bytes)) => progress::of_bytes(bytes),
        // A pipe has no end to show.
        (None, None) => ProgressBar::hidden(),
    }
}

/// Sends what each read completes, so that a pause of the input holds nothing back.
fn read_input(
    mut input: Box<dyn Read + Send>,
    path: &Path,
    mut splitter: Splitter,
    sender: &SyncSender<Received>,
) {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let pieces = match input.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => Ok(Batch::Pieces(splitter.push(&buffer[..length]))),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(Failure::file("read", path, &error)),
        };
        let failed = pieces.is_err();
        // Nobody listens any more where the import has failed.
        if sender.send(pieces).is_err() || failed {
            return;
        }
    }
    let _ = sender.send(Ok(Batch::Pieces(splitter.finish())));
}

fn read_rows(kind: RowFile, path: &Path, input: impl Read, sender: &SyncSender<Received>) {
    let send = |rows| sender.send(Ok(Batch::Rows(rows))).is_ok();
    if let Err(failure) = rows::read(kind, path, input, send) {
        let _ = sender.send(Err(failure));
    }
}

/// What has become of the records.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    read: u64,
    imported: u64,
    /// Those that the store had already.
    skipped: u64,
    rejected: u64,
    /// Whether it was stopped before the end of the input.
    interrupted: bool,
}

impl Tally {
    fn write(self, arguments: &ImportArguments, out: &mut dyn Write) -> Result<Outcome, Failure> {
        let Self { read, imported, skipped, rejected, interrupted } = self;
        write!(out, "{{\"read\":{read},\"imported\":{imported}")?;
        if arguments.skip_existing {
            write!(out, ",\"skipped\":{skipped}")?;
        }
        writeln!(out, ",\"rejected\":{rejected}}}")?;
        Ok(match (interrupted, rejected) {
            (true, _) => Outcome::Interrupted,
            (false, 0) => Outcome::Done,
            (false, _) => Outcome::Wanting,
        })
    }

    fn stopped(self, failure: &Failure) -> Failure {
        let Self { imported, rejected, .. } = self;
        failure.in_words(format!(
            "{failure}; the import stopped after {imported} imported and {rejected} rejected"
        ))
    }
}

/// An event that waits to be committed, and its record, should the store refuse it.
struct Waiting {
    line: u64,
    raw: Vec<u8>,
    event: NewEvent,
}

/// An import under way.
struct Importer<'a> {
    store: &'a Store,
    interrupt: &'a Interrupt,
    pass: Pass,
    skip_existing: bool,
    decoder: Decoder,
    /// What a record is called.
    unit: &'static str,
    batch: Vec<Waiting>,
    batch_bytes: usize,
    /// The records of the batch, where equal ones are to be skipped.
    batch_lines: HashSet<Vec<u8>>,
    rejects: Rejects,
    tally: Tally,
    progress: ProgressBar,
}

impl Importer<'_> {
    fn run(&mut self, receiver: &Receiver<Received>) -> Result<(), Failure> {
        // The moment by which the waiting events must be committed.
        let mut due: Option<Instant> = None;
        loop {
            let wait = due.map_or(INTERRUPT_DELAY, |due| {
                due.saturating_duration_since(Instant::now()).min(INTERRUPT_DELAY)
            });
            let received = receiver.recv_timeout(wait);
            if self.interrupt.is_asked() {
                self.tally.interrupted = true;
                return self.commit();
            }
            match received {
                Ok(Ok(Batch::Pieces(pieces))) => {
                    pieces.into_iter().try_for_each(|piece| self.take(piece))?;
                }
                Ok(Ok(Batch::Rows(rows))) => {
                    rows.into_iter().try_for_each(|row| self.take_row(row))?;
                }
                Ok(Err(failure)) => {
                    self.commit()?;
                    return Err(failure);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.commit(),
            }
            if due.is_some_and(|due| Instant::now() >= due) {
                self.commit()?;
            }
            due = match (self.batch.is_empty(), due) {
                (true, _) => None,
                (false, due) => Some(due.unwrap_or_else(|| Instant::now() + BATCH_DELAY)),
            };
        }
    }

    fn take(&mut self, piece: Piece) -> Result<(), Failure> {
        self.progress.inc(piece.len() as u64);
        match piece {
            Piece::Record { line, raw } => self.take_record(line, raw),
            Piece::Broken { reason, .. } if self.decoder.awaits_header() => {
                Err(Failure::message(format!("the header: {reason}")))
            }
            Piece::Broken { line, raw, reason } => {
                self.tally.read += 1;
                self.reject(line, &raw, &reason)
            }
            Piece::Rest { raw } => self.rejects.keep_rest(&raw),
        }
    }

    fn take_record(&mut self, line: u64, raw: Vec<u8>) -> Result<(), Failure> {
        if self.decoder.awaits_header() {
            self.decoder.decode(&raw).map_err(Failure::message)?;
            self.rejects.header(&raw);
            return Ok(());
        }
        let event = match self.decoder.decode(&raw) {
            Ok(Decoded::Nothing) => return Ok(()),
            Ok(Decoded::Event(event)) => {
                self.store.validate(&event).map(|()| event).map_err(|error| decode::reason(&error))
            }
            Err(reason) => Err(reason),
        };
        let bytes = raw.len();
        self.take_decoded(line, raw, bytes, event)
    }

    fn take_row(&mut self, Row { number, bytes, event, .. }: Row) -> Result<(), Failure> {
        self.progress.inc(1);
        let valid = event.and_then(|event| self.store.validate(&event).map(|()| event));
        // Tells an event from others as a line of its own would.
        let raw = match &valid {
            Ok(event) if self.skip_existing => format!("{event:?}").into_bytes(),
            _ => Vec::new(),
        };
        self.take_decoded(number, raw, bytes, valid.map_err(|error| decode::reason(&error)))
    }

    fn take_decoded(
        &mut self,
        line: u64,
        raw: Vec<u8>,
        bytes: usize,
        event: Result<NewEvent, String>,
    ) -> Result<(), Failure> {
        self.tally.read += 1;
        match event {
            Err(reason) => self.reject(line, &raw, &reason),
            Ok(event) if self.skip_existing => match self.is_there(&event, &raw) {
                Ok(true) => {
                    self.tally.skipped += 1;
                    Ok(())
                }
                Ok(false) => self.take_event(line, raw, bytes, event),
                Err(error) if error.kind() == ErrorKind::InvalidInput => {
                    self.reject(line, &raw, &decode::reason(&error))
                }
                Err(error) => Err(error.into()),
            },
            Ok(event) => self.take_event(line, raw, bytes, event),
        }
    }

    /// Whether the store has the event, or will have it once the batch is committed.
    fn is_there(&mut self, event: &NewEvent, raw: &[u8]) -> diurnal::Result<bool> {
        let there = self.store.find(event)?.is_some();
        Ok(there || !self.batch_lines.insert(raw.to_vec()))
    }

    fn take_event(
        &mut self,
        line: u64,
        raw: Vec<u8>,
        bytes: usize,
        event: NewEvent,
    ) -> Result<(), Failure> {
        self.batch_bytes += bytes;
        self.batch.push(Waiting { line, raw, event });
        if self.batch.len() >= BATCH_EVENTS_MAX || self.batch_bytes >= BATCH_BYTES_MAX {
            return self.commit();
        }
        Ok(())
    }

    fn reject(&mut self, line: u64, raw: &[u8], reason: &str) -> Result<(), Failure> {
        self.tally.rejected += 1;
        let unit = self.unit;
        self.progress.suspend(|| text::warning(&format!("{unit} {line}:"), reason));
        self.rejects.keep(raw)
    }

    fn commit(&mut self) -> Result<(), Failure> {
        self.batch_bytes = 0;
        self.batch_lines.clear();
        let batch = std::mem::take(&mut self.batch);
        match self.pass {
            Pass::Rehearsal => Ok(()),
            Pass::Import => self.commit_part(&batch),
        }
    }

    /// Commits waiting events. A batch that the store refuses for one event of it is refused whole
    /// before anything is written; halving it finds that event and imports the others.
    fn commit_part(&mut self, part: &[Waiting]) -> Result<(), Failure> {
        if part.is_empty() {
            return Ok(());
        }
        match self.store.log_events(part.iter().map(|waiting| waiting.event.clone())) {
            Ok(ids) => {
                self.tally.imported += ids.len() as u64;
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::InvalidInput => match part {
                [refused] => self.reject(refused.line, &refused.raw, &decode::reason(&error)),
                _ => {
                    let (first, second) = part.split_at(part.len() / 2);
                    self.commit_part(first)?;
                    self.commit_part(second)
                }
            },
            // Days of one batch are committed one after the other.
            Err(error) => Err(Failure::Stopped(
                error.kind(),
                format!(
                    "{error} (of {} from {} {} on, some may be stored)",
                    counted(part.len() as u64, "event"),
                    self.unit,
                    part.first().map_or(0, |waiting| waiting.line)
                ),
            )),
        }
    }
}
