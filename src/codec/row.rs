//! An event as a day keeps it before it has a number.
//!
//! Owns: [`Row`]. Does not own its bytes (`columns`), nor the rules it keeps (`event`).
//!
//! Invariant: a row without a session id is a *hole*, the place of an event that was erased; an event
//! has a session id of at least a byte.

use crate::event::Location;
use crate::limits::TAG_COST_BYTES;
use crate::time::Timestamp;

/// An event that passed its checks and has its server time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) session_id: String,
    pub(crate) event_type: String,
    pub(crate) server_time: Timestamp,
    pub(crate) client_time: Option<String>,
    pub(crate) location: Option<Location>,
    pub(crate) tags: Vec<String>,
    pub(crate) data: Option<String>,
}

impl Row {
    /// The place of an event that was erased. The time is some time of its day and says nothing.
    pub(crate) fn hole(server_time: Timestamp) -> Self {
        Self {
            session_id: String::new(),
            event_type: String::new(),
            server_time,
            client_time: None,
            location: None,
            tags: Vec::new(),
            data: None,
        }
    }

    /// Whether it holds no event.
    pub(crate) fn is_hole(&self) -> bool {
        self.session_id.is_empty()
    }

    /// About what it costs in memory.
    pub(crate) fn bytes(&self) -> usize {
        let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let tags = self.tags.iter().map(|tag| tag.len() + TAG_COST_BYTES).sum::<usize>();
        size_of::<Self>()
            + self.session_id.len()
            + self.event_type.len()
            + optional(&self.client_time)
            + optional(&self.data)
            + tags
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{
        CLIENT_TIME_BYTES_MAX, DATA_BYTES_MAX, EVENT_TYPE_BYTES_MAX, ROW_BYTES_MAX,
        SESSION_ID_BYTES_MAX, TAG_BYTES_MAX, TAGS_MAX,
    };

    #[test]
    fn no_event_costs_more_than_the_limit() {
        let text = |bytes: usize| "x".repeat(bytes);
        let row = Row {
            session_id: text(SESSION_ID_BYTES_MAX),
            event_type: text(EVENT_TYPE_BYTES_MAX),
            client_time: Some(text(CLIENT_TIME_BYTES_MAX)),
            location: Some(Location { latitude: 0.0, longitude: 0.0 }),
            tags: vec![text(TAG_BYTES_MAX); TAGS_MAX],
            data: Some(text(DATA_BYTES_MAX)),
            ..Row::hole(Timestamp::from_micros(0))
        };
        assert!((ROW_BYTES_MAX - 256..=ROW_BYTES_MAX).contains(&row.bytes()), "{}", row.bytes());
        assert!(size_of::<String>() <= TAG_COST_BYTES);
    }
}

#[cfg(test)]
pub(crate) mod any {
    //! Rows for tests.

    use proptest::prelude::*;

    use super::*;

    /// A plain row, the `number`th of its day.
    pub(crate) fn row(number: u32) -> Row {
        Row {
            session_id: (number % 7).to_string(),
            event_type: "heartbeat".to_owned(),
            server_time: Timestamp::from_micros(
                1_795_000_000_000_000 + i64::from(number) * 999_983,
            ),
            client_time: None,
            location: None,
            tags: Vec::new(),
            data: None,
        }
    }

    /// Rows with something of everything.
    pub(crate) fn rows(count: u32) -> Vec<Row> {
        let some = |number: u32, every: u32| number % every == 1;
        (0..count)
            .map(|number| {
                let mut row = row(number);
                if some(number, 3) {
                    row.event_type = "modify_stream".to_owned();
                    row.tags = vec!["a".to_owned(), (number % 5).to_string(), "a".to_owned()];
                }
                if !some(number, 4) {
                    let angle = f64::from(number % 10_000) / 100.0;
                    row.location = Some(Location { latitude: angle.sin(), longitude: angle });
                }
                row.client_time = match number % 4 {
                    0 => None,
                    1 => Some("yesterday".to_owned()),
                    2 => Some("1795000000000".to_owned()),
                    _ => Some(format!("2026-11-23T10:{:02}:00.250Z", number % 60)),
                };
                if some(number, 5) {
                    row.data =
                        Some(if number % 2 == 0 { String::new() } else { "été".repeat(9) });
                }
                row
            })
            .collect()
    }

    fn location() -> impl Strategy<Value = Location> {
        let degrees = |bound: f64| {
            prop_oneof![
                -bound..=bound,
                (-bound..=bound).prop_map(|degrees| (degrees * 1e6).round() / 1e6),
                Just(0.0),
                Just(-0.0),
                Just(bound),
                Just(-bound),
                Just(f64::MIN_POSITIVE / 8.0),
            ]
        };
        (degrees(90.0), degrees(180.0))
            .prop_map(|(latitude, longitude)| Location { latitude, longitude })
    }

    fn client_time() -> impl Strategy<Value = String> {
        let clock = (0..24_u8, 0..60_u8, 0..1000_u16);
        prop_oneof![
            clock.prop_map(|(h, s, ms)| format!("2026-11-23T{h:02}:30:{s:02}.{ms:03}Z")),
            "[ -~]{1,20}",
        ]
    }

    prop_compose! {
        pub(crate) fn any_row()(
            session_id in "[a-dß]{1,3}",
            event_type in prop_oneof![Just("heartbeat".to_owned()), "[a-z]{1,4}"],
            micros in prop_oneof![
                Just(0), Just(crate::Day::MAX.range().to.as_micros() - 1), 0..86_400_000_000_i64,
            ],
            client_time in prop::option::of(client_time()),
            location in prop::option::of(location()),
            tags in prop::collection::vec("[0-9]{1,2}", 0..5),
            data in prop::option::of("\\PC{0,40}"),
        ) -> Row {
            let server_time = Timestamp::from_micros(micros);
            Row { session_id, event_type, server_time, client_time, location, tags, data }
        }
    }
}
