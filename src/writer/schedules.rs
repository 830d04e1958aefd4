//! Goal: the group commit is right in whatever order its threads run.
//!
//! Method: the queue's source is compiled a second time, here, with `shuttle`'s threads and locks in the
//! place of the system's (see `threads`). `shuttle` runs one thread at a time and chooses at each step which, at
//! random and by priorities that change now and then; a thread that waits for ever fails the test. The
//! disk is a list that checks what it is given. `DIURNAL_SHUTTLE_SCHEDULES` is how many schedules each
//! test runs, 5,000 by default.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use shuttle::rand::Rng;

use crate::codec::row::Row;
use crate::error::{Error, ErrorKind, Result};
use crate::event::EventId;
use crate::limits::DAY_EVENTS_MAX;
use crate::time::Day;

mod threads {
    pub(super) use shuttle::sync::{Condvar, Mutex, MutexGuard};
    pub(super) use shuttle::thread::{Thread, current, park, yield_now};
}

#[allow(clippy::duplicate_mod, reason = "the same source, with the threads above")]
#[allow(dead_code, reason = "what only the days and the flusher ask of a queue")]
#[path = "queue.rs"]
mod queue;

use queue::{Enqueued, Outcome, Queue, Waiting};

/// What becomes of a write.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Refused,
    /// The first rows are written, and what becomes of the others nobody knows.
    Failed,
    Panicked,
}

/// A disk that keeps sessions by their ids, and sees to it that it is written to in order.
#[derive(Default)]
struct Disk {
    rows: std::sync::Mutex<BTreeMap<EventId, String>>,
    writing: AtomicBool,
    writes: AtomicUsize,
    /// The number of a write, and what becomes of it.
    planned: Option<(usize, Fate)>,
}

impl Disk {
    fn rows(&self) -> BTreeMap<EventId, String> {
        self.rows.lock().unwrap().clone()
    }

    fn write(&self, waiting: &[Waiting]) -> Outcome {
        assert!(!self.writing.swap(true, Ordering::SeqCst), "two threads write at once");
        let number = self.writes.fetch_add(1, Ordering::SeqCst);
        let fate = self.planned.filter(|(at, _)| *at == number).map(|(_, fate)| fate);
        let error = |kind| Error::new(kind, "planned");
        let mut outcome = Outcome::Written;
        if fate == Some(Fate::Panicked) {
            shuttle::thread::yield_now();
            // A panic that nothing is printed of.
            resume_unwind(Box::new("planned"));
        } else if fate == Some(Fate::Refused) {
            outcome = Outcome::Refused(error(ErrorKind::DiskFull));
        } else {
            for (place, rows) in waiting.iter().enumerate() {
                shuttle::thread::yield_now();
                if place > 0 && fate == Some(Fate::Failed) {
                    break;
                }
                self.keep(rows);
                rows.acknowledge();
            }
            if fate == Some(Fate::Failed) {
                outcome = Outcome::Failed(error(ErrorKind::OutcomeUnknown));
            }
        }
        self.writing.store(false, Ordering::SeqCst);
        outcome
    }

    fn keep(&self, waiting: &Waiting) {
        let mut kept = self.rows.lock().unwrap();
        for (after, row) in (0..).zip(waiting.rows.iter()) {
            let id = EventId::new(waiting.day, waiting.first + after);
            let before = kept.keys().filter(|kept| kept.day() == waiting.day).count();
            assert_eq!(
                id.ordinal() as usize,
                before,
                "ordinals are dense, and none is given twice"
            );
            kept.insert(id, row.session_id.clone());
        }
    }
}

/// A queue with two open days, and its disk.
struct Setup {
    queue: Queue,
    disk: Disk,
}

fn day(number: usize) -> Day {
    Day::from_number(20_780 + (number % 2) as u32).unwrap()
}

impl Setup {
    fn new(unattended: bool, planned: Option<(usize, Fate)>) -> Arc<Self> {
        let queue = Queue::new(unattended);
        (0..2).for_each(|number| queue.open_day(day(number), 0));
        Arc::new(Self { queue, disk: Disk { planned, ..Disk::default() } })
    }

    /// Queues an event: its id, its ticket, and how many are not written.
    fn enqueue(
        &self,
        thread: usize,
        number: usize,
    ) -> Result<(EventId, Arc<queue::Ticket>, usize)> {
        let row = Row {
            session_id: format!("{thread} {number}"),
            event_type: "heartbeat".to_owned(),
            server_time: day(0).start(),
            client_time: None,
            location: None,
            tags: Vec::new(),
            data: None,
        };
        match self.queue.enqueue(day(thread + number), Arc::new(vec![row]))? {
            Enqueued::Accepted { first, ticket, unwritten_rows } => {
                Ok((first, ticket, unwritten_rows))
            }
            Enqueued::DayNotOpen(_) => panic!("both days are open"),
        }
    }

    /// Logs an event as `Durability::Sync` does; what is acknowledged is on the disk.
    fn log(&self, thread: usize, number: usize) -> Result<EventId> {
        let (id, ticket, _) = self.enqueue(thread, number)?;
        self.queue.settle(&ticket, |waiting| self.disk.write(waiting))?;
        let kept = self.disk.rows().get(&id).cloned();
        assert_eq!(kept, Some(format!("{thread} {number}")), "acknowledged before it is written");
        Ok(id)
    }

    fn flush(&self) -> Result<()> {
        self.queue.flush(|waiting| self.disk.write(waiting))
    }
}

/// Runs what a thread does on so many threads; what each has come to.
fn on_threads<T: Send + 'static>(
    count: usize,
    setup: &Arc<Setup>,
    run: impl Fn(&Setup, usize) -> T + Copy + Send + 'static,
) -> Vec<T> {
    let spawn = |thread| {
        let setup = setup.clone();
        shuttle::thread::spawn(move || run(&setup, thread))
    };
    let threads: Vec<_> = (0..count).map(spawn).collect();
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

/// Runs a test under many schedules.
fn under_schedules(test: impl Fn() + Copy + Send + Sync + 'static) {
    let told = std::env::var("DIURNAL_SHUTTLE_SCHEDULES").ok().and_then(|it| it.parse().ok());
    let schedules: usize = told.unwrap_or(5_000);
    shuttle::check_random(test, schedules / 2);
    shuttle::check_pct(test, schedules.div_ceil(2), 3);
}

#[test]
fn every_event_is_written_once_and_each_threads_in_order() {
    under_schedules(|| {
        let setup = Setup::new(false, None);
        let logged = on_threads(3, &setup, |setup, thread| {
            (0..3).map(|number| setup.log(thread, number).unwrap()).collect::<Vec<_>>()
        });
        let rows = setup.disk.rows();
        assert_eq!(rows.len(), 9);
        for ids in logged {
            // The first and the last of each thread are of one day.
            assert!(ids[0] < ids[2], "a thread's events are in the order that it logged them");
        }
    });
}

#[test]
fn a_write_that_fails_is_told_to_all_whose_rows_are_not_durable_and_ends_the_queue() {
    under_schedules(|| {
        let planned = shuttle::rand::thread_rng().gen_range(0..4);
        let setup = Setup::new(false, Some((planned, Fate::Failed)));
        let told = on_threads(3, &setup, |setup, thread| {
            let outcomes: Vec<_> = (0..3).map(|number| setup.log(thread, number)).collect();
            let first = outcomes.iter().position(Result::is_err).unwrap_or(outcomes.len());
            for error in outcomes[first..].iter().filter_map(|outcome| outcome.as_ref().err()) {
                let kind = error.kind();
                assert!(matches!(kind, ErrorKind::OutcomeUnknown | ErrorKind::Poisoned), "{error}");
            }
            assert!(outcomes[first..].iter().all(Result::is_err), "it goes on after a failure");
            first
        });
        let failed = setup.disk.writes.load(Ordering::SeqCst) > planned;
        assert_eq!(setup.queue.is_broken(), failed);
        assert_eq!(setup.disk.rows().len(), told.iter().sum::<usize>(), "all that is told is kept");
        assert!(setup.queue.pending().is_empty());
        assert_eq!(setup.flush().is_err(), failed);
    });
}

#[test]
fn a_write_that_panics_is_told_to_all_who_wait_and_ends_the_queue() {
    under_schedules(|| {
        let setup = Setup::new(false, Some((0, Fate::Panicked)));
        let told = on_threads(3, &setup, |setup, thread| {
            catch_unwind(AssertUnwindSafe(|| setup.log(thread, 0)))
        });
        let panicked = told.iter().filter(|outcome| outcome.is_err()).count();
        assert_eq!(panicked, 1, "the panic is that of the thread that wrote");
        for outcome in told.into_iter().flatten() {
            let kind = outcome.unwrap_err().kind();
            assert!(matches!(kind, ErrorKind::OutcomeUnknown | ErrorKind::Poisoned), "{kind:?}");
        }
        assert!(setup.queue.is_broken() && setup.queue.pending().is_empty());
    });
}

#[test]
fn a_write_that_is_refused_gives_its_ids_back_and_the_queue_goes_on() {
    under_schedules(|| {
        let planned = shuttle::rand::thread_rng().gen_range(0..4);
        let setup = Setup::new(false, Some((planned, Fate::Refused)));
        let logged = on_threads(3, &setup, |setup, thread| {
            let outcomes = (0..3).map(|number| setup.log(thread, number));
            let is_full = |error: &Error| error.kind() == ErrorKind::DiskFull;
            outcomes
                .map(|outcome| outcome.map_err(|error| assert!(is_full(&error))).is_ok())
                .collect()
        });
        let logged: Vec<bool> =
            logged.into_iter().flat_map(|of_thread: Vec<bool>| of_thread).collect();
        assert_eq!(setup.disk.rows().len(), logged.iter().filter(|was| **was).count());
        // Threads that shared their writes may not have come to that one.
        while setup.disk.writes.load(Ordering::SeqCst) <= planned {
            let _ = setup.log(0, 0);
        }
        // The disk sees to it that what comes later has the next ordinals.
        setup.log(0, 0).unwrap();
        setup.log(1, 0).unwrap();
    });
}

#[test]
fn a_day_is_given_its_last_ordinal_and_none_beyond() {
    let fill = || {
        let last = u32::try_from(DAY_EVENTS_MAX - 1).unwrap();
        let setup = Setup { queue: Queue::new(false), disk: Disk::default() };
        setup.queue.open_day(day(0), last);
        assert_eq!(setup.enqueue(0, 0).unwrap().0, EventId::new(day(0), last));
        assert_eq!(setup.enqueue(0, 0).unwrap_err().kind(), ErrorKind::InvalidInput);
    };
    shuttle::check_random(fill, 1);
}

#[test]
fn a_flush_or_a_close_returns_once_all_that_was_accepted_is_written() {
    under_schedules(|| {
        let setup = Setup::new(true, None);
        let accepted = on_threads(4, &setup, |setup, thread| match thread {
            0 => {
                let (id, ..) = setup.enqueue(0, 7).ok()?;
                setup.flush().unwrap();
                assert!(setup.disk.rows().contains_key(&id), "flushed and not written");
                Some(1)
            }
            1 => {
                setup.queue.close();
                setup.flush().unwrap();
                assert!(setup.queue.pending().is_empty(), "closed with rows that wait");
                Some(0)
            }
            _ => Some((0..3).take_while(|number| setup.enqueue(thread, *number).is_ok()).count()),
        });
        let accepted: usize = accepted.into_iter().flatten().sum();
        assert_eq!(setup.disk.rows().len(), accepted, "what was accepted is written once");
    });
}

#[test]
fn what_is_acknowledged_and_not_written_is_less_than_the_window() {
    const WINDOW: usize = 3;
    under_schedules(|| {
        let setup = Setup::new(true, None);
        let acknowledged = Arc::new(std::sync::Mutex::new(BTreeSet::new()));
        let log = |setup: &Setup, thread: usize, number: usize| {
            let (id, ticket, unwritten_rows) = setup.enqueue(thread, number).unwrap();
            if unwritten_rows >= WINDOW {
                setup.queue.settle(&ticket, |waiting| setup.disk.write(waiting)).unwrap();
            }
            id
        };
        let note = |setup: &Setup, acknowledged: &std::sync::Mutex<BTreeSet<EventId>>, id| {
            let mut acknowledged = acknowledged.lock().unwrap();
            acknowledged.insert(id);
            let rows = setup.disk.rows();
            let at_risk = acknowledged.iter().filter(|id| !rows.contains_key(*id)).count();
            assert!(at_risk < WINDOW, "a power cut would lose {at_risk}");
        };
        let threads: Vec<_> = (0..3)
            .map(|thread| {
                let (setup, acknowledged) = (setup.clone(), acknowledged.clone());
                shuttle::thread::spawn(move || {
                    for number in 0..4 {
                        let id = log(&setup, thread, number);
                        note(&setup, &acknowledged, id);
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}
