//! Keeping a store small and sound.
//!
//! Owns: the rooms below: `retention` (which days go), `check` (whether indexes and log agree), `rebuild`
//! (damaged days made whole as far as they can be read), `quarantine` (damaged days that go on being
//! written), `sections` (a day's file without its list), `erase` (a session forgotten), `backup` (a store
//! copied while it is in use), `progress` (how far these have come). Does not own the writing of days (`writer`).

pub(crate) mod backup;
pub(crate) mod check;
pub(crate) mod erase;
pub(crate) mod progress;
pub(crate) mod quarantine;
pub(crate) mod rebuild;
pub(crate) mod retention;
pub(crate) mod sections;
