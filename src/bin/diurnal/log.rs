//! The command `log`.
//!
//! Owns: one event on its way from the command line to the store. Does not own its rules.

use std::io::Write;

use diurnal::{NewEvent, Store};

use crate::args::ingest::{EventArguments, LogArguments};
use crate::failure::{Failure, Outcome};
use crate::fields::Fields;

pub(crate) fn log(arguments: LogArguments, out: &mut dyn Write) -> Result<Outcome, Failure> {
    // Read before the store is opened, so that a wrong event does not create one.
    let event = match &arguments.url {
        Some(url) => NewEvent::from_query(url)?,
        None => event(&arguments.fields)?,
    };
    let store = Store::open(&arguments.store)?;
    let id = store.log_event(event)?;
    store.close()?;
    writeln!(out, "{{\"success\":true,\"id\":{id}}}")?;
    Ok(Outcome::Done)
}

fn event(arguments: &EventArguments) -> Result<NewEvent, Failure> {
    let fields = Fields {
        session_id: arguments.session_id.as_deref().unwrap_or_default(),
        event_type: arguments.event_type.as_deref().unwrap_or_default(),
        server_time: arguments.server_time.as_deref(),
        client_time: arguments.client_time.as_deref(),
        latitude: arguments.latitude.as_deref(),
        longitude: arguments.longitude.as_deref(),
        tags: arguments.tags.as_deref(),
        data: arguments.data.as_deref(),
    };
    fields.event().map_err(|reason| Failure::usage(format!("invalid input: {reason}")))
}
