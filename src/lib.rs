//! An embedded time-series event store.

mod builder;
mod catalog;
mod client_time;
mod clock;
mod codec;
mod day;
mod error;
mod event;
mod index;
pub mod limits;
mod query;
mod settings;
mod snapshot;
mod storage;
mod store;
mod time;
mod upkeep;
mod wire;
mod writer;

pub use builder::StoreBuilder;
pub use clock::{Clock, ManualClock, SystemClock};
pub use error::{Error, ErrorKind, Result};
pub use event::{Event, EventId, NewEvent, event_type};
pub use query::aggregate::{Explain, SessionSummary, Step};
pub use query::rows::{EventIds, Events};
pub use query::{BoundingBox, Circle, Count, Cursor, Filter, GroupBy, Order, Query};
pub use settings::{Durability, Retention};
pub use store::{Session, Store, StoreInfo};
pub use time::{Day, TimeRange, Timestamp};
pub use upkeep::check::{CheckReport, Problem};
pub use upkeep::rebuild::RebuildReport;
pub use upkeep::retention::{DayInfo, PruneReport};
