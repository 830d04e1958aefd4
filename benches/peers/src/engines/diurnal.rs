//! diurnal, through its public interface.
//!
//! Owns: what diurnal is asked for each question. Settings are the defaults, but for
//! `shared_readers(false)` in exclusive mode.

use std::path::Path;

use diurnal::{Day, Event, Filter, GroupBy, NewEvent, Query, Store, Timestamp};
use geo::{Intersects, Point, Polygon};

use super::{Calls, Engine, Together, alone, together};
use crate::machine::{Result, Stopwatch, timed};
use crate::question::{Answer, Line, Question};
use crate::source::{Source, Survey};

const HOUR_MICROS: i64 = 3_600_000_000;

#[derive(Default)]
pub(crate) struct Diurnal(Option<Store>);

impl Diurnal {
    fn store(&self) -> Result<&Store> {
        Ok(self.0.as_ref().ok_or("the store is not open")?)
    }
}

fn new_store(at: &Path, shared: bool) -> Result<Store> {
    Ok(Store::builder().shared_readers(shared).open(at)?)
}

impl Engine for Diurnal {
    fn name(&self) -> &'static str {
        "diurnal"
    }

    fn about(&mut self) -> Result<String> {
        Ok(format!(
            "diurnal {} of this checkout: Durability::Sync and all other defaults; log_events in \
             batches of {}",
            super::version("diurnal"),
            crate::source::BATCH_EVENTS
        ))
    }

    fn load(&mut self, at: &Path, source: &Source, _survey: &Survey) -> Result<f64> {
        let mut watch = Stopwatch::default();
        let store = watch.time(|| new_store(at, true))?;
        for batch in source.batches() {
            let batch: Vec<_> = batch.into_iter().map(NewEvent::from).collect();
            watch.time(|| store.log_events(batch))?;
        }
        watch.time(|| store.close())?;
        Ok(watch.0)
    }

    fn open(&mut self, at: &Path) -> Result<f64> {
        let (store, seconds) = timed(|| Ok(Store::open(at)?))?;
        self.0 = Some(store);
        Ok(seconds)
    }

    fn close(&mut self) -> Result<()> {
        Ok(self.0.take().map_or(Ok(()), Store::close)?)
    }

    fn ask(&mut self, question: &Question) -> Result<Option<(Answer, f64)>> {
        let store = self.store()?;
        Ok(Some(match question {
            Question::AllTags => {
                let (counts, seconds) = timed(|| Ok(store.count_by(&Filter::All, GroupBy::Tag)?))?;
                let pairs = counts.into_iter().map(|count| (count.key, count.count));
                (Answer::counts(pairs.collect()), seconds)
            }
            Question::Hours(kind) => {
                let filter = Filter::event_type(kind);
                let (counts, seconds) = timed(|| Ok(store.count_by(&filter, GroupBy::Hour)?))?;
                let hour = |key: &str| -> Result<String> {
                    Ok((key.parse::<Timestamp>()?.as_micros() / HOUR_MICROS).to_string())
                };
                let pairs = counts.iter().map(|count| Ok((hour(&count.key)?, count.count)));
                (Answer::counts(pairs.collect::<Result<_>>()?), seconds)
            }
            Question::Timeline(id) => {
                let query = Query::from(Filter::session(id));
                let read = || Ok(store.query(&query)?.collect::<diurnal::Result<Vec<_>>>()?);
                let (events, seconds) = timed(read)?;
                (Answer::Timeline(events.into_iter().map(Line::from).collect()), seconds)
            }
            Question::Sessions => {
                let (sessions, seconds) = timed(|| Ok(store.sessions(&Filter::All)?))?;
                let lines = sessions.into_iter().map(|session| {
                    let first = session.first_seen.as_micros();
                    (session.id, first, session.last_seen.as_micros(), session.events)
                });
                (Answer::sessions(lines.collect()), seconds)
            }
            Question::PolygonByScan(polygon) => {
                let (count, seconds) = timed(|| scan(store, polygon))?;
                (Answer::Count(count), seconds)
            }
            counted => {
                let filter = filter(counted).ok_or("not a count")?;
                let (count, seconds) = timed(|| Ok(store.count(&filter)?))?;
                (Answer::Count(count), seconds)
            }
        }))
    }

    fn drop_day(&mut self, day: Day) -> Result<Option<f64>> {
        let store = self.store()?;
        Ok(Some(timed(|| Ok(store.drop_day(day)?))?.1))
    }

    fn alone(&mut self, at: &Path, events: &[Event], shared: bool) -> Result<Option<Vec<f64>>> {
        let store = new_store(at, shared)?;
        let micros = alone(events, |event| {
            store.log_event(event.clone().into())?;
            Ok(())
        });
        store.close()?;
        micros
    }

    fn together(&mut self, at: &Path, calls: &Calls, shared: bool) -> Result<Option<Together>> {
        let store = new_store(at, shared)?;
        let done = together(calls, |event| {
            store.log_event(event.clone().into())?;
            Ok(())
        });
        store.close()?;
        done
    }
}

/// The filter of a question that one filter answers.
fn filter(question: &Question) -> Option<Filter> {
    Some(match question {
        Question::Type(kind) => Filter::event_type(kind),
        Question::TypeIn(kind, range) => Filter::event_type(kind).and(Filter::ServerTime(*range)),
        Question::Tag(tag) => Filter::tag(tag),
        Question::Tags(first, second) => Filter::all_tags([first, second]),
        Question::TagTypeIn(tag, kind, range) => {
            Filter::tag(tag).and(Filter::event_type(kind)).and(Filter::ServerTime(*range))
        }
        Question::Box(bounds) => Filter::BoundingBox(*bounds),
        Question::Circle(circle) => Filter::Circle(*circle),
        Question::Polygon(polygon) => Filter::polygon(polygon.clone()),
        _ => return None,
    })
}

/// Reads every event and asks each by `geo`.
fn scan(store: &Store, polygon: &Polygon<f64>) -> Result<u64> {
    let mut inside = 0;
    for event in store.query(&Query::new())? {
        let event = event?;
        let place = event.longitude.zip(event.latitude);
        inside += u64::from(place.is_some_and(|(x, y)| polygon.intersects(&Point::new(x, y))));
    }
    Ok(inside)
}
