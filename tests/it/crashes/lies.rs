//! Goal: a card that says that it has synced and has not costs events, and the store says which days it
//! costs: it never gives what was not logged, and goes on.
//!
//! Method: a script is played on a disk that lies about every sync of a stretch; then the power is
//! cut. `DIURNAL_LIE_RUNS` says how often.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says what it expects by failing, and how much it looked at"
)]

use std::collections::HashSet;

use diurnal::testing::{Fault, FaultyStorage};
use diurnal::{Day, ErrorKind, Event, Filter, Query, Store, TimeRange};

use super::script::{Player, Setup, Step, one_more, script};
use crate::common::{Draft, Random, assert_clean, later, noon, number_from};

/// Runs unless the environment says otherwise.
const RUNS_DEFAULT: u64 = 300;
const STEPS: usize = 60;

/// Plays a script whose syncs are lies for a while; the disk, what it was given, and the last day.
fn play(setup: Setup, seed: u64) -> (FaultyStorage, Vec<Draft>, Day) {
    let mut random = Random::new(seed);
    let mut player = Player::new(setup, FaultyStorage::new());
    let from = random.below(500) as u64;
    let lies = random.below(150) as u64;
    (from..from + lies).for_each(|operation| player.disk.fail(Fault::lie(operation)));
    player.disk.cut_at(from + random.below(lies as usize + 20) as u64);
    let script = script(seed, STEPS);
    player.play_until_it_fails(&script);
    let given = script.into_iter().filter_map(|step| match step {
        Step::Log(drafts) => Some(drafts),
        _ => None,
    });
    (player.disk.clone(), given.flatten().collect(), player.today())
}

/// The days that can be read hold nothing but what was given, once; how many cannot.
fn damaged_days(store: &Store, given: &[Draft], what: &str) -> usize {
    let (mut damaged, mut found) = (0, HashSet::new());
    for info in store.days().unwrap() {
        let range = TimeRange { from: info.day.start(), to: later(info.day, 1).start() };
        let query = Query::from(Filter::ServerTime(range));
        let events: Result<Vec<Event>, _> = store.query(&query).and_then(Iterator::collect);
        match events {
            Ok(events) => {
                for event in events.iter().filter(|event| event.session_id != "one more") {
                    let draft = given.iter().position(|draft| draft.logged(event.id) == *event);
                    assert!(draft.is_some(), "{what}: nobody logged {event:?}");
                    assert!(found.insert(draft), "{what}: logged once, {event:?}");
                }
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{what}: {error}");
                assert_eq!(error.day(), Some(info.day), "{what}: {error}");
                damaged += 1;
            }
        }
    }
    damaged
}

#[test]
fn a_card_that_lies_about_syncs_costs_events_and_makes_none_up() {
    let mut damaged = 0;
    let runs = number_from("DIURNAL_LIE_RUNS", RUNS_DEFAULT);
    for seed in 0..runs {
        let setup = [Setup::Readers, Setup::Alone][seed as usize % 2];
        let (disk, given, today) = play(setup, seed);
        for cut in [0, 1, 2, 3 + seed, 1_000 + seed] {
            let what = format!("{setup:?} script {seed}, cut {cut}");
            let builder = || setup.builder().retention(diurnal::Retention::KEEP_ALL);
            let disk = disk.after_cut(cut);
            let store = builder().clock(noon(today)).open_on(&disk);
            let store = store.unwrap_or_else(|error| panic!("{what}: opening: {error}"));
            let days = damaged_days(&store, &given, &what);
            damaged += days;
            let logged = store.log_event(one_more(later(today, 1)));
            logged.unwrap_or_else(|error| panic!("{what}: logging on: {error}"));
            assert!(days == 0 || !store.check().unwrap().is_clean(), "{what}: unseen damage");
            let report = store.rebuild().unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(damaged_days(&store, &given, &what), 0, "{what}: {report:?}");
            store.log_event(one_more(today)).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_clean(&store);
        }
    }
    println!("{} disks after lies, {damaged} damaged days", runs * 5);
    assert!(damaged > 0, "the lies are bad enough to matter");
}
