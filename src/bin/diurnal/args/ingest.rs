//! What `log` and `import` take.
//!
//! Owns: their options and help. Does not own how an event's fields are read (`fields`).
//!
//! Invariant: wherever a value may open with a hyphen, the option takes it.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
#[command(after_help = "\
Prints {\"success\":true,\"id\":N} once the event is safe on disk. Either give the fields as options
or the whole event as one query string or URL, in which unknown keys are ignored.

  diurnal log events --session-id 1 --event-type modify_stream --latitude 1 --longitude 1 --tags 1,2,3
  diurnal log events 'https://host/roundware/?operation=log_event&session_id=1&event_type=heartbeat'
  diurnal log events --session-id -1 --event-type client_error --data 'no signal'")]
pub(crate) struct LogArguments {
    /// The store's directory; created if absent.
    pub(crate) store: PathBuf,
    /// The whole event, as a query string or a URL with one, in place of the options.
    #[arg(value_name = "URL", conflicts_with = "fields")]
    pub(crate) url: Option<String>,
    #[command(flatten)]
    pub(crate) fields: EventArguments,
}

#[derive(Debug, Args)]
#[group(id = "fields", multiple = true)]
pub(crate) struct EventArguments {
    /// The session: any text of 1 to 128 bytes, or a number.
    #[arg(long, value_name = "ID", allow_hyphen_values = true, required_unless_present = "url")]
    pub(crate) session_id: Option<String>,
    /// What happened: any text of 1 to 64 bytes, such as heartbeat.
    #[arg(long, value_name = "TYPE", allow_hyphen_values = true, required_unless_present = "url")]
    pub(crate) event_type: Option<String>,
    /// Degrees north, WGS 84.
    #[arg(long, value_name = "DEGREES", allow_hyphen_values = true, requires = "longitude")]
    pub(crate) latitude: Option<String>,
    /// Degrees east, WGS 84.
    #[arg(long, value_name = "DEGREES", allow_hyphen_values = true, requires = "latitude")]
    pub(crate) longitude: Option<String>,
    /// Tags, separated by commas.
    #[arg(long, value_name = "TAG,…", allow_hyphen_values = true)]
    pub(crate) tags: Option<String>,
    /// The client's clock, kept as given.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) client_time: Option<String>,
    /// Anything more, often an error's message.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) data: Option<String>,
    /// When it was received, for a replay, as RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) server_time: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Prints {\"read\":N,\"imported\":N,\"rejected\":N}, with \"skipped\":N between them where --skip-existing
is given. A bad line is named on standard error and left out; every good one is imported, unless
--strict is given. The exit status is 1 if any was rejected. Blank lines are skipped.
From a pipe, what has come is committed at least every second. Ctrl-C ends an import once what it has
in hand is committed: the figures are printed, and the exit status is 130. A second one ends it at once.

  jsonl  one JSON object a line, as `query --format jsonl` prints them; session_id and tags may be
         numbers, tags may be comma text, without server_time the clock's is taken
  csv    a header with the same keys in any order, tags as comma text (or a JSON list); a cell with
         nothing in it is absent, except that \"\" in the data column is the empty text
  query  one query string or URL a line
  geojson, parquet, sqlite
         files as `export` writes them; rows take the place of lines, --rejects has nothing to keep,
         and only geojson can come from a pipe

  diurnal import events log.jsonl --rejects bad.jsonl
  tail -f log.jsonl | diurnal import events -")]
pub(crate) struct ImportArguments {
    /// The store's directory; created if absent.
    pub(crate) store: PathBuf,
    /// The file to read; - is standard input.
    #[arg(value_name = "FILE|-")]
    pub(crate) file: PathBuf,
    /// How events are written [default: as FILE's ending says: .csv, .query or .txt,
    /// .geojson, .parquet, .sqlite or .db, else jsonl]
    #[arg(long)]
    pub(crate) format: Option<ImportFormat>,
    /// Import nothing if any line is bad. The file is read twice, and so cannot be a pipe.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Skip what the store has already, equal in every field, so that an import can be run again after
    /// it was broken off. Every line must say its server_time; of equal lines one is kept.
    #[arg(long)]
    pub(crate) skip_existing: bool,
    /// Where to keep rejected lines as they are; created only if there are any.
    #[arg(long, value_name = "FILE")]
    pub(crate) rejects: Option<PathBuf>,
}

/// How an import's events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImportFormat {
    /// One JSON object a line.
    Jsonl,
    /// Comma separated values with a header.
    Csv,
    /// One query string or URL a line.
    Query,
    /// A GeoJSON feature collection.
    Geojson,
    /// A Parquet file (needs the feature `parquet`).
    Parquet,
    /// An SQLite database (needs the feature `sqlite`).
    Sqlite,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::args::Arguments;

    #[test]
    fn an_event_is_given_by_url_or_by_options() {
        let parses = |line: &str| Arguments::try_parse_from(line.split_whitespace()).is_ok();
        assert!(parses("diurnal log s session_id=1&event_type=x"));
        assert!(parses("diurnal log s --session-id -1 --event-type x --data -x"));
        assert!(!parses("diurnal log s session_id=1&event_type=x --data y"));
        assert!(!parses("diurnal log s --session-id 1"));
        assert!(!parses("diurnal log s --session-id 1 --event-type x --latitude 1"));
    }
}
