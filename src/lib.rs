//! An embedded time-series event store.

mod clock;
mod error;
mod event;
mod index;
pub mod limits;
mod query;
mod settings;
mod time;

pub use clock::{Clock, ManualClock, SystemClock};
pub use error::{Error, ErrorKind, Result};
pub use event::{Event, EventId, NewEvent, event_type};
pub use query::{BoundingBox, Circle, Count, Cursor, Filter, GroupBy, Order, Query};
pub use settings::{Durability, Retention};
pub use time::{Day, TimeRange, Timestamp};

mod client_time {
    pub(crate) fn instant(_text: &str) -> Option<crate::time::Timestamp> { None }
}
