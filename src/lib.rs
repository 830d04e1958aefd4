//! An embedded time-series event store.
//!
//! People stand at a kiosk or walk with a phone through an audio artwork, a museum, a city; the
//! installation logs every action as an event, and later somebody asks how a session went, where
//! people walked, which tags they want to hear and what broke. diurnal is that log as a library: one
//! directory, no server, no database beside it.
//!
//! ```
//! use diurnal::{Filter, GroupBy, NewEvent, Query, Store, event_type};
//!
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path().join("store");
//! let store = Store::open(path)?;
//! store.log_event(
//!     NewEvent::new(2894, event_type::MODIFY_STREAM).location(42.36, -71.06).tags([3, 8]),
//! )?;
//! store.log_event(NewEvent::from_query("session_id=2894&event_type=client_error&data=no+fix")?)?;
//!
//! assert_eq!(store.count(&Filter::session(2894))?, 2);
//! for event in store.query(&Query::from(Filter::tag(8)))? {
//!     println!("{}", event?.server_time);
//! }
//! let wanted = store.count_by(&Filter::event_type("modify_stream"), GroupBy::Tag)?;
//! assert_eq!(wanted[0].key, "3");
//! store.close()?;
//! # Ok::<(), diurnal::Error>(())
//! ```
//!
//! - [`Store`]: open, log, query, keep. [`StoreBuilder`]: durability, clock, cache, retention.
//! - [`NewEvent`] and [`Event`]: what is logged and what comes back. [`limits`]: every maximum.
//! - [`Filter`] and [`Query`]: what can be asked, as plain values.
//! - [`guide`]: how it works, what the files hold, what is promised.
//!
//! # Features
//!
//! None by default: the library alone. `cli` builds the program `diurnal`. `tz` has [`Zone`] know the zones
//! of the world by name. `geojson` adds the module `map` with maps as GeoJSON, and `map` those as pages and
//! pictures, and plots; it brings some 60 crates, to draw text into PNG. `export` adds the module `export`:
//! events as JSON lines, CSV and GeoJSON, and with `parquet` or `sqlite` as such files. `arrow` adds
//! `Store::record_batches`. `http` adds the module `http`, a service with a page over axum and tokio; with `cli` it is the
//! command `serve`. `testing` adds the module
//! `testing`: tools for property tests of the store and of programs that use it.
//!
//! # The house
//!
//! Modules stand on floors, and lower ones never import upper ones; see
//! [`guide::architecture`].

pub mod analysis;
#[cfg(feature = "arrow")]
mod batches;
mod builder;
mod catalog;
mod client_time;
mod clock;
mod codec;
mod day;
mod error;
mod event;
#[cfg(feature = "export")]
pub mod export;
pub mod guide;
#[cfg(feature = "http")]
pub mod http;
mod index;
pub mod limits;
#[cfg(feature = "geojson")]
pub mod map;
mod query;
mod settings;
mod snapshot;
mod storage;
mod store;
mod subscription;
#[cfg(feature = "testing")]
pub mod testing;
mod time;
mod upkeep;
mod wire;
mod writer;
mod zone;

#[cfg(feature = "arrow")]
pub use batches::RecordBatches;
pub use builder::StoreBuilder;
pub use clock::{Clock, ManualClock, SystemClock};
pub use error::{Error, ErrorKind, Result};
pub use event::{Event, EventId, NewEvent, event_type};
pub use query::aggregate::{Explain, SessionSummary, Step};
pub use query::gaps::{Gap, WithGaps};
pub use query::rows::{EventIds, Events};
pub use query::{BoundingBox, Circle, Count, Cursor, Filter, GroupBy, Order, Query};
pub use settings::{Durability, Retention};
pub use store::{AllowGaps, Store, StoreInfo};
pub use subscription::position::Position;
pub use subscription::{Batch, Start, Subscription};
pub use time::{Day, TimeRange, Timestamp};
pub use upkeep::backup::BackupReport;
pub use upkeep::check::{CheckReport, Problem};
pub use upkeep::erase::{ErasedDay, ErasureReport, Remains};
pub use upkeep::progress::Progress;
pub use upkeep::rebuild::RebuildReport;
pub use upkeep::retention::{DayInfo, PruneReport};
pub use zone::Zone;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
