//! An event from texts, one for each field.
//!
//! Owns: [`Fields`], for the options of `log` and the cells of a CSV file. Does not own the text form of
//! tags, which is the library's, nor the rules of an event, which the store checks.

use diurnal::export::csv::parse_tags;
use diurnal::{Day, NewEvent, Timestamp};

/// What is known of an event, field by field.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Fields<'a> {
    pub(crate) session_id: &'a str,
    pub(crate) event_type: &'a str,
    pub(crate) server_time: Option<&'a str>,
    pub(crate) client_time: Option<&'a str>,
    pub(crate) latitude: Option<&'a str>,
    pub(crate) longitude: Option<&'a str>,
    pub(crate) tags: Option<&'a str>,
    pub(crate) data: Option<&'a str>,
}

impl Fields<'_> {
    pub(crate) fn event(self) -> Result<NewEvent, String> {
        let mut event = NewEvent::new(self.session_id, self.event_type);
        if let Some(text) = self.server_time {
            event = event.server_time(server_time(text)?);
        }
        if let Some(text) = self.client_time {
            event = event.client_time(text);
        }
        match (self.latitude, self.longitude) {
            (Some(latitude), Some(longitude)) => {
                let latitude = degrees("latitude", latitude)?;
                event = event.location(latitude, degrees("longitude", longitude)?);
            }
            (None, None) => {}
            (Some(_), None) => return Err("latitude: must come with a longitude".to_owned()),
            (None, Some(_)) => return Err("longitude: must come with a latitude".to_owned()),
        }
        if let Some(text) = self.tags {
            event = event.tags(parse_tags(text));
        }
        if let Some(text) = self.data {
            event = event.data(text);
        }
        Ok(event)
    }
}

/// A server time that a store can file. A date alone says no instant at which a server received
/// something.
fn server_time(text: &str) -> Result<Timestamp, String> {
    let time: Option<Timestamp> = text.parse().ok().filter(|_| text.len() > "2026-11-23".len());
    match time.map(|time| (time, Day::of(time))) {
        Some((time, Some(_))) => Ok(time),
        Some((_, None)) => {
            Err(format!("server_time: must be from {} to {}, not {text:?}", Day::MIN, Day::MAX))
        }
        None => {
            Err(format!("server_time: must be RFC 3339, as 2026-11-23T10:00:00Z, not {text:?}"))
        }
    }
}

fn degrees(field: &str, text: &str) -> Result<f64, String> {
    text.trim().parse().map_err(|_| format!("{field}: must be a number of degrees, not {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_location_is_refused() {
        let fields = Fields { latitude: Some("1"), ..Fields::default() };
        assert!(fields.event().is_err_and(|reason| reason.contains("longitude")));
    }
}
