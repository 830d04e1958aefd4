//! Bytes of a store: see `diurnal::testing::fuzzing`.

#![no_main]

use diurnal::testing::fuzzing::{self, Kind};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzzing::read(Kind::Contents, bytes));
