//! Goal: no input makes a decoder panic, loop or take memory without bound, where no fuzzer is at hand.
//!
//! Method: sound inputs are damaged from a seed, and given to the harnesses that the fuzz targets beside
//! this file run. `DIURNAL_FUZZ_INPUTS` says how many of each kind, `DIURNAL_FUZZ_SEED` begins elsewhere.
//! With cargo-fuzz the same harnesses are guided by what they reach:
//!
//! ```sh
//! RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir tests/fuzz --sanitizer none block
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says what it expects by failing"
)]

#[path = "../../src/bin/diurnal/amounts.rs"]
#[allow(dead_code, reason = "the program uses the rest")]
mod amounts;
#[path = "../../src/bin/diurnal/args/mod.rs"]
#[allow(dead_code, reason = "the program uses the rest")]
mod args;
#[path = "../../src/bin/diurnal/csv.rs"]
#[allow(dead_code, reason = "the program uses the rest")]
mod csv;
#[path = "../../src/bin/diurnal/import/decode.rs"]
#[allow(dead_code, reason = "the program uses the rest")]
mod decode;
#[path = "../../src/bin/diurnal/failure.rs"]
#[allow(dead_code, reason = "the program uses the rest")]
mod failure;
#[path = "../../src/bin/diurnal/fields.rs"]
#[allow(dead_code, reason = "the program uses the rest")]
mod fields;
#[path = "../../src/bin/diurnal/filters.rs"]
#[allow(dead_code, reason = "the program uses the rest")]
mod filters;
mod harness;
#[path = "../../src/bin/diurnal/import/records.rs"]
#[allow(dead_code, reason = "the program uses the rest")]
mod records;

use std::panic::{AssertUnwindSafe, catch_unwind};

use diurnal::testing::fuzzing::{self, Kind};
use harness::Text;

/// Inputs of each kind unless the environment says otherwise; a store takes longer than a decoder.
const INPUTS_DEFAULT: u64 = 8_000;
const STORE_SHARE: u64 = 40;

fn number_from(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

/// Numbers that are the same for the same seed (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

/// Numbers at the edges of what lengths and counts can be.
const EDGES: [u64; 8] = [0, 1, 0x7f, 0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff, u64::MAX];

/// Words of the texts' grammars.
const WORDS: [&str; 16] = [
    "\"",
    "\\",
    ",",
    "&",
    "=",
    "%00",
    "%ff",
    "[",
    "]",
    "{",
    "}",
    "null",
    "1e999",
    "-0.0",
    "\u{1f333}",
    "\n",
];

/// One of the samples, changed in a few places.
fn mutated(samples: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = samples[random.below(samples.len())].clone();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        match random.below(8) {
            0 | 1 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            2 if at < bytes.len() => bytes[at] = random.next() as u8,
            3 => {
                let edge = EDGES[random.below(EDGES.len())].to_le_bytes();
                let len = [1, 2, 4, 8][random.below(4)];
                let end = (at + len).min(bytes.len());
                bytes[at..end].copy_from_slice(&edge[..end - at]);
            }
            4 => bytes.truncate(at),
            5 => drop(bytes.splice(at..at, WORDS[random.below(WORDS.len())].bytes())),
            6 => {
                let end = (at + random.below(40)).min(bytes.len());
                bytes.drain(at..end);
            }
            _ => {
                let other = &samples[random.below(samples.len())];
                let from = random.below(other.len());
                let to = (from + random.below(60)).min(other.len());
                drop(bytes.splice(at..at, other[from..to].iter().copied()));
            }
        }
    }
    bytes
}

fn assert_read(name: &str, samples: &[Vec<u8>], inputs: u64, read: impl Fn(&[u8])) {
    assert!(!samples.is_empty(), "no samples of {name}");
    samples.iter().for_each(|sample| read(sample));
    let mut random = Random(number_from("DIURNAL_FUZZ_SEED", 1));
    for number in 0..inputs {
        let input = mutated(samples, &mut random);
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| read(&input))) {
            println!("input {number} of {name}: {:?}", String::from_utf8_lossy(&input));
            println!("as bytes: {input:?}");
            std::panic::resume_unwind(panic);
        }
    }
    println!("{name}: {inputs} inputs");
}

fn inputs() -> u64 {
    number_from("DIURNAL_FUZZ_INPUTS", INPUTS_DEFAULT)
}

#[test]
fn no_bytes_of_a_file_break_their_decoder() {
    for kind in Kind::ALL {
        let share = match kind {
            Kind::DayFile | Kind::Log | Kind::Catalog => STORE_SHARE,
            _ => 1,
        };
        let name = format!("{kind:?}");
        assert_read(&name, &fuzzing::samples(kind), inputs() / share, |bytes| {
            fuzzing::read(kind, bytes);
        });
    }
}

/// The kept inputs of a fuzz target: what it was taught, and what it once found.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = format!("{}/tests/fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| std::fs::read(path).unwrap()).collect()
}

#[test]
fn no_text_breaks_its_reader() {
    for (text, target) in [
        (Text::QueryString, "query_string"),
        (Text::Json, "json"),
        (Text::Csv, "csv"),
        (Text::FilterJson, "filter"),
        (Text::GeoJson, "geojson"),
    ] {
        assert_read(target, &corpus(target), inputs() / 4, |bytes| harness::read(text, bytes));
    }
}

#[test]
fn every_kept_input_is_read() {
    for (kind, target) in [
        (Kind::Batch, "batch"),
        (Kind::Block, "block"),
        (Kind::Zone, "zone"),
        (Kind::Page, "page"),
        (Kind::Contents, "contents"),
        (Kind::Parts, "parts"),
        (Kind::DayFile, "day_file"),
    ] {
        corpus(target).iter().for_each(|bytes| fuzzing::read(kind, bytes));
    }
}

/// Writes the sound bytes of each kind to the corpora, when asked to: a fuzzer begins with them.
#[test]
#[ignore = "writes to the source tree: DIURNAL_WRITE_CORPUS=1 cargo test --test fuzz -- --ignored"]
fn samples_are_written_to_the_corpora() {
    if std::env::var_os("DIURNAL_WRITE_CORPUS").is_none() {
        return;
    }
    for (kind, target) in [
        (Kind::Batch, "batch"),
        (Kind::Block, "block"),
        (Kind::Zone, "zone"),
        (Kind::Page, "page"),
        (Kind::Contents, "contents"),
        (Kind::Parts, "parts"),
        (Kind::DayFile, "day_file"),
    ] {
        let folder = format!("{}/tests/fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
        std::fs::create_dir_all(&folder).unwrap();
        for (number, sample) in fuzzing::samples(kind).iter().enumerate() {
            std::fs::write(format!("{folder}/sample-{number}"), sample).unwrap();
        }
    }
}
