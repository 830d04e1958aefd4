//! Texts that people and programs hand in: see `harness`.

#![no_main]
#![allow(dead_code, reason = "the program uses the rest")]

#[path = "../../../src/bin/diurnal/args/mod.rs"]
mod args;
#[path = "../../../src/bin/diurnal/csv.rs"]
mod csv;
#[path = "../../../src/bin/diurnal/import/decode.rs"]
mod decode;
#[path = "../../../src/bin/diurnal/failure.rs"]
mod failure;
#[path = "../../../src/bin/diurnal/fields.rs"]
mod fields;
#[path = "../../../src/bin/diurnal/filters.rs"]
mod filters;
#[path = "../harness.rs"]
mod harness;
#[path = "../../../src/bin/diurnal/import/records.rs"]
mod records;

use harness::Text;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| harness::read(Text::Json, bytes));
