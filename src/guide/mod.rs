//! How diurnal works, for those who run it, mend it or read its files.
//!
//! Documentation only: there is nothing to call here.

pub mod architecture;
pub mod benchmarks;
pub mod export;
pub mod format;
pub mod http;
pub mod promises;
pub mod questions;
pub mod testing;
