//! Keeping a store small and sound: retention, `check` and `rebuild`.

pub(crate) mod check;
pub(crate) mod rebuild;
pub(crate) mod retention;
