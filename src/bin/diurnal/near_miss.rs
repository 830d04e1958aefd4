//! What was probably meant where a filter found nothing.
//!
//! Owns: telling of names in filters that the store does not have where it has a similar one. Does not own
//! the answer, which is empty all the same.
//!
//! Invariant: it costs no more than counts by a key of a store of bounded size, and never fails a command.

use diurnal::{Filter, GroupBy, Store};

use crate::args::filters::FilterArguments;
use crate::text;

/// Events of a store up to which sessions and tags are looked through; of types there are few.
const EVENTS_MAX: u64 = 2_000_000;
/// How alike two names must be, from 0 to 1, to be taken for each other.
const LIKENESS_MIN: f64 = 0.7;

/// Says on standard error which names of the filters, and which other types that were looked for, do not occur
/// where similar ones do. For commands that found nothing.
pub(crate) fn tell(store: &Store, filters: &FilterArguments, mut types: Vec<String>) {
    let FilterArguments { session_id, event_type, any_tag, tag, .. } = filters;
    let tags: Vec<_> = any_tag.iter().chain(tag).cloned().collect();
    types.retain(|name| !event_type.contains(name));
    types.splice(..0, event_type.iter().cloned());
    look(store, GroupBy::EventType, "event of type", &types);
    // Where the figures cannot be read, the command has said so or the days are allowed to be left out.
    if store.info().is_ok_and(|info| info.events <= EVENTS_MAX) {
        look(store, GroupBy::Tag, "event with tag", &tags);
        look(store, GroupBy::Session, "session", session_id);
    }
}

fn look(store: &Store, by: GroupBy, what: &str, names: &[String]) {
    if names.is_empty() {
        return;
    }
    let Ok(counts) = store.count_by(&Filter::All, by) else { return };
    for name in names {
        if counts.iter().any(|count| count.key == *name) {
            continue;
        }
        if let Some(near) = nearest(name, counts.iter().map(|count| count.key.as_str())) {
            let line = format!("no {what} {name:?} in this store; did you mean {near:?}?");
            text::warning("diurnal:", &line);
        }
    }
}

/// The most alike of some names, if any is alike enough.
fn nearest<'a>(name: &str, among: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let (mut best, mut likeness) = (None, LIKENESS_MIN);
    for other in among {
        let alike = strsim::normalized_damerau_levenshtein(name, other);
        if alike > likeness {
            (best, likeness) = (Some(other), alike);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_mended_and_another_word_is_not() {
        let types = ["start_session", "heartbeat", "modify_stream"];
        assert_eq!(nearest("hearbeat", types.into_iter()), Some("heartbeat"));
        assert_eq!(nearest("modify-stream", types.into_iter()), Some("modify_stream"));
        assert_eq!(nearest("upload", types.into_iter()), None);
    }
}
