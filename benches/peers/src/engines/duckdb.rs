//! DuckDB, through its Python wheel and the script beside this package.
//!
//! Owns: the process, the CSV that is loaded, and the SQL of the questions. Does not own the clock, which
//! runs in the script around DuckDB alone. Two threads, no index; tags are a column of lists. A second
//! table for them has not been tried.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use diurnal::{Day, Event, TimeRange};
use geo::{BoundingRect, Haversine, Polygon};
use serde_json::{Value, json};

use super::{Engine, rows};
use crate::machine::Result;
use crate::question::{Answer, Line, Question};
use crate::source::{Source, Survey};

/// The wheel that is installed where none is found.
const WHEEL: &str = "duckdb==2.0.0";

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/duckdb_engine.py");

pub(crate) struct DuckDb {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    version: String,
}

impl DuckDb {
    /// Starts the script, with DuckDB put into a virtual environment of the work directory where it
    /// is not there yet.
    pub(crate) fn start(work: &Path) -> Result<Self> {
        let python = environment(work)?;
        let mut child = Command::new(python)
            .arg(SCRIPT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take().ok_or("no pipe")?;
        let output = BufReader::new(child.stdout.take().ok_or("no pipe")?);
        let mut engine = Self { child, input, output, version: String::new() };
        let reply = engine.tell(&json!({"do": "version"}))?;
        engine.version = reply["version"].as_str().unwrap_or("of unknown version").to_owned();
        Ok(engine)
    }

    fn tell(&mut self, command: &Value) -> Result<Value> {
        writeln!(self.input, "{command}")?;
        self.input.flush()?;
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            return Err("duckdb_engine.py has ended".into());
        }
        let reply: Value = serde_json::from_str(&line)?;
        match reply.get("error") {
            Some(error) => Err(format!("duckdb_engine.py: {error}").into()),
            None => Ok(reply),
        }
    }

    fn rows(&mut self, sql: &str, many: bool) -> Result<(Vec<Value>, f64)> {
        let reply = self.tell(&json!({"do": "ask", "sql": sql, "many": many}))?;
        Ok((reply["rows"].as_array().cloned().unwrap_or_default(), seconds(&reply)?))
    }
}

impl Drop for DuckDb {
    fn drop(&mut self) {
        // It may have ended by itself; there is nobody to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The Python that has DuckDB.
fn environment(work: &Path) -> Result<PathBuf> {
    let venv = work.join("venv");
    let python = venv.join("bin/python3");
    let ready = venv.join("ready");
    if !ready.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", WHEEL]))?;
        File::create(ready)?;
    }
    Ok(python)
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim()).into())
}

fn seconds(reply: &Value) -> Result<f64> {
    Ok(reply["seconds"].as_f64().ok_or("a reply without seconds")?)
}

fn csv_line(out: &mut impl Write, event: &Event) -> Result<()> {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    // Without quotes an empty field is NULL, with them it is an empty text.
    let maybe = |text: &Option<String>| text.as_deref().map(quoted).unwrap_or_default();
    let degrees = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    writeln!(
        out,
        "{},{},{},{},{},{},{},{}",
        quoted(&event.session_id),
        quoted(&event.event_type),
        event.server_time.as_micros(),
        maybe(&event.client_time),
        degrees(event.latitude),
        degrees(event.longitude),
        quoted(&format!("[{}]", event.tags.join(","))),
        maybe(&event.data),
    )?;
    Ok(())
}

impl Engine for DuckDb {
    fn name(&self) -> &'static str {
        "duckdb"
    }

    fn about(&mut self) -> Result<String> {
        Ok(format!(
            "DuckDB {} (Python): 2 threads, defaults, no index; bulk is read_csv of a file written \
             beforehand, and a checkpoint",
            self.version
        ))
    }

    fn load(&mut self, at: &Path, source: &Source, survey: &Survey) -> Result<f64> {
        let csv = at.with_extension("csv");
        let mut out = BufWriter::new(File::create(&csv)?);
        let mut numeric_tags = true;
        for batch in source.batches() {
            for event in &batch {
                numeric_tags &= event.tags.iter().all(|tag| tag.parse::<i32>().is_ok());
                csv_line(&mut out, event)?;
            }
        }
        out.flush()?;
        drop(out);
        let reply = self.tell(&json!({
            "do": "load",
            "path": at.join("events.duckdb"),
            "csv": csv,
            "session_type": if survey.numeric { "BIGINT" } else { "VARCHAR" },
            "tag_type": if numeric_tags { "INTEGER" } else { "VARCHAR" },
        }))?;
        std::fs::remove_file(csv)?;
        seconds(&reply)
    }

    fn open(&mut self, at: &Path) -> Result<f64> {
        let reply = self.tell(&json!({"do": "open", "path": at.join("events.duckdb")}))?;
        seconds(&reply)
    }

    fn close(&mut self) -> Result<()> {
        self.tell(&json!({"do": "close"}))?;
        Ok(())
    }

    fn ask(&mut self, question: &Question) -> Result<Option<(Answer, f64)>> {
        let Some(sql) = sql(question)? else { return Ok(None) };
        let (rows, seconds) = self.rows(&sql, matches!(question, Question::Sessions))?;
        let answer = match question {
            Question::AllTags | Question::Hours(_) => {
                let pair = |row: &Value| (text(&row[0]), row[1].as_u64().unwrap_or_default());
                Answer::counts(rows.iter().map(pair).collect())
            }
            Question::Timeline(_) => Answer::Timeline(rows.iter().map(line).collect()),
            Question::Sessions => Answer::sessions(rows.iter().map(session).collect()),
            _ => Answer::Count(rows.first().and_then(|row| row[0].as_u64()).unwrap_or_default()),
        };
        Ok(Some((answer, seconds)))
    }

    fn drop_day(&mut self, day: Day) -> Result<Option<f64>> {
        let within = within(&day.range());
        Ok(Some(self.rows(&format!("DELETE FROM events WHERE {within}"), false)?.1))
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn line(row: &Value) -> Line {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    Line {
        micros: row[0].as_i64().unwrap_or_default(),
        event_type: text(&row[1]).unwrap_or_default(),
        client_time: text(&row[2]),
        latitude: row[3].as_f64(),
        longitude: row[4].as_f64(),
        tags: row[5].as_array().into_iter().flatten().map(self::text).collect(),
        data: text(&row[6]),
    }
}

fn session(row: &Value) -> (String, i64, i64, u64) {
    let time = |value: &Value| value.as_i64().unwrap_or_default();
    (text(&row[0]), time(&row[1]), time(&row[2]), row[3].as_u64().unwrap_or_default())
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn within(range: &TimeRange) -> String {
    let (from, to) = (range.from.as_micros(), range.to.as_micros());
    format!("server_time >= {from} AND server_time < {to}")
}

fn sql(question: &Question) -> Result<Option<String>> {
    let count = |condition: String| format!("SELECT count(*) FROM events WHERE {condition}");
    let has = |tag: &str| format!("list_contains(tags, {})", quoted(tag));
    let of_type = |kind: &str| format!("type = {}", quoted(kind));
    Ok(Some(match question {
        Question::Type(kind) => count(of_type(kind)),
        Question::TypeIn(kind, range) => count(format!("{} AND {}", of_type(kind), within(range))),
        Question::Tag(tag) => count(has(tag)),
        Question::Tags(first, second) => count(format!("{} AND {}", has(first), has(second))),
        Question::TagTypeIn(tag, kind, range) => {
            count(format!("{} AND {} AND {}", of_type(kind), within(range), has(tag)))
        }
        Question::AllTags => {
            "SELECT tag, count(*) FROM (SELECT unnest(list_distinct(tags)) AS tag \
                              FROM events) GROUP BY tag"
                .to_owned()
        }
        Question::Timeline(id) => format!(
            "SELECT server_time, type, client_time, lat, lon, tags, data FROM events \
             WHERE session = {} ORDER BY server_time, rowid",
            quoted(id)
        ),
        Question::Sessions => "SELECT session, min(server_time), max(server_time), count(*) \
                               FROM events GROUP BY session"
            .to_owned(),
        Question::Box(bounds) => {
            count(between([bounds.south, bounds.north, bounds.west, bounds.east]))
        }
        Question::Circle(circle) => {
            let radius = Haversine.radius();
            let (latitude, longitude) = (circle.latitude, circle.longitude);
            let metres = format!(
                "2 * {radius} * asin(sqrt(pow(sin(radians(lat - {latitude}) / 2), 2) + \
                 cos(radians({latitude})) * cos(radians(lat)) * \
                 pow(sin(radians(lon - {longitude}) / 2), 2)))"
            );
            count(format!("{} AND {metres} <= {}", between(rows::around(circle)), circle.metres))
        }
        Question::Polygon(polygon) => count(inside(polygon)?),
        Question::PolygonByScan(_) => return Ok(None),
        Question::Hours(kind) => format!(
            "SELECT server_time // 3600000000 AS hour, count(*) FROM events WHERE {} GROUP BY hour",
            of_type(kind)
        ),
    }))
}

fn between([south, north, west, east]: [f64; 4]) -> String {
    format!("lat BETWEEN {south} AND {north} AND lon BETWEEN {west} AND {east}")
}

/// A place is inside where a line from it to the east crosses the outline an odd number of times.
fn inside(polygon: &Polygon<f64>) -> Result<String> {
    let rect = polygon.bounding_rect().ok_or("a polygon without points")?;
    let crossings: Vec<_> = polygon
        .exterior()
        .lines()
        .map(|edge| {
            let ((x, y), (to_x, to_y)) = (edge.start.x_y(), edge.end.x_y());
            format!(
                "(CASE WHEN ({y} > lat) <> ({to_y} > lat) \
                 AND lon < ({to_x} - {x}) * (lat - {y}) / ({to_y} - {y}) + {x} \
                 THEN 1 ELSE 0 END)"
            )
        })
        .collect();
    let around = between([rect.min().y, rect.max().y, rect.min().x, rect.max().x]);
    Ok(format!("{around} AND ({}) % 2 = 1", crossings.join(" + ")))
}
