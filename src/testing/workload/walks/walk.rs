//! One session: somebody who walks through a city with a phone and listens.
//!
//! Owns: [`Walk`]: what a session does next and when, where it is, and what its phone's clock shows.
//! Does not own when it begins nor whether an event is late (`walks`).
//!
//! Invariants: a session says exactly as many events as it was given. Less than 21 seconds lie
//! between two of them.

use super::super::random::Random;
use super::hours::{City, LocalDates};
use crate::event::{Location, NewEvent, event_type};
use crate::time::SECOND;

const TAGS: usize = 40;
const TAGS_PER_CHOICE_MAX: u64 = 4;

/// Metres of a degree of latitude.
const LATITUDE_METRES: f64 = 111_195.0;

/// Who walks farther from the city's centre turns back.
const WALK_METRES_MAX: f64 = 3_000.0;

/// What is wrong with a fix, north and east, in metres.
const FIX_METRES: f64 = 2.5;

/// Messages with a number in them: the text before and after it.
const ERRORS: [(&str, &str); 20] = [
    ("Network timeout after ", " ms"),
    ("HTTP 503 from the server, attempt ", ""),
    ("Could not load asset ", ""),
    ("Audio stream stalled at ", " s"),
    ("Buffer underrun, ", " frames lost"),
    ("Location unavailable for ", " s"),
    ("Location accuracy is ", " m"),
    ("Error Domain=NSURLErrorDomain Code=-1001, task <", ">"),
    ("java.net.SocketTimeoutException: timeout after ", "ms"),
    ("TypeError: undefined is not an object (evaluating 'assets[", "].url')"),
    ("QuotaExceededError: ", " bytes needed"),
    ("Microphone permission denied, request ", ""),
    ("Recording is too short: ", " ms"),
    ("Upload interrupted at ", " %"),
    ("Decoder returned status ", ""),
    ("Session was restored after ", " s in the background"),
    ("Memory warning, ", " MB in use"),
    ("JSON parse error at line 1 column ", ""),
    ("Stream redirect ", " refused"),
    ("Battery level ", " %, stopping the location service"),
];

#[derive(Debug, Clone)]
pub(super) struct Walk {
    id: u64,
    city: &'static City,
    left: u64,
    next: Action,
    ending: Ending,
    heartbeat_micros: u64,
    heartbeat_at: i64,
    chore: Chore,
    chore_at: i64,
    recordings: u32,
    phone: Phone,
    feet: Feet,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    StartSession,
    StartStream,
    Heartbeat,
    Chore,
    StopStream,
    Cleanup,
}

/// How a session ends: the number of events that belong to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Vanished = 0,
    Stopped = 1,
    CleanedUp = 2,
}

/// What somebody does beside walking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chore {
    Any,
    StopRecord,
    StartUpload,
    StopUpload,
}

#[derive(Debug, Clone)]
struct Phone {
    skew_micros: i64,
    millis: bool,
    has_fix: bool,
}

/// Metres north and east of the city's centre, and where to.
#[derive(Debug, Clone)]
struct Feet {
    north: f64,
    east: f64,
    ahead_north: f64,
    ahead_east: f64,
    metres_per_second: f64,
    seen_at: i64,
}

/// How many events a session has: 80 on average, few where somebody only tries it.
pub(super) fn events(random: &mut Random) -> u64 {
    if random.one_in(12) { random.between(3, 20) } else { random.between(35, 137) }
}

/// A number of microseconds between two numbers of milliseconds.
fn micros(random: &mut Random, from_millis: u64, to_millis: u64) -> i64 {
    random.between(from_millis * 1_000, to_millis * 1_000) as i64
}

impl Walk {
    pub(super) fn new(
        id: u64,
        city: &'static City,
        now: i64,
        events: u64,
        random: &mut Random,
    ) -> Self {
        let ending = match random.below(100) {
            0..86 => Ending::CleanedUp,
            86..95 => Ending::Stopped,
            _ => Ending::Vanished,
        };
        Self {
            id,
            city,
            left: events,
            next: Action::StartSession,
            ending,
            heartbeat_micros: random.between(10_000_000, 20_000_000),
            heartbeat_at: now,
            chore: Chore::Any,
            chore_at: now + micros(random, 4_000, 30_000),
            recordings: 0,
            phone: Phone::new(random),
            feet: Feet::new(now, random),
        }
    }

    /// When it speaks again; `None` once it has said everything.
    pub(super) fn next_due(&mut self, now: i64, random: &mut Random) -> Option<i64> {
        self.left -= 1;
        if self.left == 0 {
            return None;
        }
        if self.next == Action::StartSession {
            self.next = Action::StartStream;
            self.heartbeat_at = now + self.heartbeat_micros as i64;
            return Some(now + micros(random, 300, 3_000));
        }
        if self.left <= self.ending as u64 {
            let stops = self.left == self.ending as u64 && self.next != Action::StopStream;
            self.next = if stops { Action::StopStream } else { Action::Cleanup };
            return Some(now + micros(random, 500, 12_000));
        }
        let (action, due) = match self.chore_at < self.heartbeat_at {
            true => (Action::Chore, self.chore_at),
            false => (Action::Heartbeat, self.heartbeat_at),
        };
        self.next = action;
        // What was due while the stream was being started comes just after.
        Some(due.max(now + micros(random, 1, 40)))
    }

    /// What it says now, without a server time.
    pub(super) fn event(
        &mut self,
        now: i64,
        random: &mut Random,
        dates: &mut LocalDates,
    ) -> NewEvent {
        let mut event = NewEvent {
            session_id: self.id.to_string(),
            event_type: String::new(),
            server_time: None,
            client_time: None,
            location: None,
            tags: Vec::new(),
            data: None,
        };
        // The server begins and clears away sessions by itself: no phone tells where and when.
        if !matches!(self.next, Action::StartSession | Action::Cleanup) {
            self.feet.walk(now, random);
            event.location = Some(self.fix(random));
            event.client_time = Some(self.phone.time(now, self.city, random, dates));
        }
        let name = match self.next {
            Action::StartSession => event_type::START_SESSION,
            Action::StartStream => event_type::START_STREAM,
            Action::StopStream => event_type::STOP_STREAM,
            Action::Cleanup => event_type::CLEANUP_SESSION,
            Action::Heartbeat => {
                let late = micros(random, 0, 400);
                self.heartbeat_at = now + self.heartbeat_micros as i64 + late;
                event_type::HEARTBEAT
            }
            Action::Chore => self.do_chore(now, random, &mut event),
        };
        event.event_type = name.to_owned();
        event
    }

    /// Does what is to be done beside walking, decides what comes after it, and says its name.
    fn do_chore(&mut self, now: i64, random: &mut Random, event: &mut NewEvent) -> &'static str {
        let (name, then, wait) = match self.chore {
            Chore::Any => match random.below(100) {
                0..72 => {
                    event.tags = choice(random);
                    (event_type::MODIFY_STREAM, Chore::Any, micros(random, 6_000, 80_000))
                }
                72..86 => {
                    self.recordings += 1;
                    (event_type::START_RECORD, Chore::StopRecord, micros(random, 4_000, 60_000))
                }
                _ => {
                    event.data = Some(message(random));
                    (event_type::CLIENT_ERROR, Chore::Any, micros(random, 3_000, 80_000))
                }
            },
            Chore::StopRecord => {
                event.data = Some(random.between(4, 60).to_string());
                (event_type::STOP_RECORD, Chore::StartUpload, micros(random, 1_000, 9_000))
            }
            Chore::StartUpload => {
                event.data = Some(self.file_name());
                (event_type::START_UPLOAD, Chore::StopUpload, micros(random, 1_500, 25_000))
            }
            Chore::StopUpload => {
                event.data = Some(self.file_name());
                (event_type::STOP_UPLOAD, Chore::Any, micros(random, 6_000, 60_000))
            }
        };
        // Some think better of it, or their phone does.
        let given_up = then != Chore::Any && random.one_in(9);
        self.chore = if given_up { Chore::Any } else { then };
        self.chore_at = now + wait;
        name
    }

    fn file_name(&self) -> String {
        format!("{}-{}.m4a", self.id, self.recordings)
    }

    fn fix(&self, random: &mut Random) -> Location {
        // What phones send that do not know where they are.
        if !self.phone.has_fix {
            return Location { latitude: 1.0, longitude: 1.0 };
        }
        let north = self.feet.north + random.normal() * FIX_METRES;
        let east = self.feet.east + random.normal() * FIX_METRES;
        Location {
            latitude: six_decimals(self.city.latitude + north / LATITUDE_METRES),
            longitude: six_decimals(self.city.longitude + east / self.city.longitude_metres),
        }
    }
}

impl Phone {
    fn new(random: &mut Random) -> Self {
        let skew_seconds = match random.below(100) {
            0..3 => (random.below(11) as f64 - 5.0) * 3_600.0 + random.normal() * 30.0,
            3..25 => random.normal() * 150.0,
            _ => random.normal() * 6.0,
        };
        Self {
            skew_micros: (skew_seconds * SECOND as f64) as i64,
            millis: random.one_in(3),
            has_fix: !random.one_in(30),
        }
    }

    /// What its clock showed when it sent what the server receives now.
    fn time(&self, now: i64, city: &City, random: &mut Random, dates: &mut LocalDates) -> String {
        let sent = now - micros(random, 40, 700) + self.skew_micros;
        dates.text(sent + city.offset_hours * 3_600 * SECOND, city.offset_hours, self.millis)
    }
}

impl Feet {
    fn new(now: i64, random: &mut Random) -> Self {
        let mut feet = Self {
            north: random.normal() * 700.0,
            east: random.normal() * 700.0,
            ahead_north: 1.0,
            ahead_east: 0.0,
            metres_per_second: 1.4 + random.normal() * 0.15,
            seen_at: now,
        };
        feet.turn(random.normal(), random.normal());
        feet
    }

    /// Where it has got to since it was seen last; some stand still and listen.
    fn walk(&mut self, now: i64, random: &mut Random) {
        let seconds = (now - self.seen_at) as f64 / SECOND as f64;
        self.seen_at = now;
        if random.one_in(6) {
            return;
        }
        let metres = self.metres_per_second * seconds;
        self.north += self.ahead_north * metres;
        self.east += self.ahead_east * metres;
        let far = self.north.abs().max(self.east.abs()) > WALK_METRES_MAX;
        match far {
            true => self.turn(-self.north, -self.east),
            false => self.turn(
                self.ahead_north + random.normal() * 0.25,
                self.ahead_east + random.normal() * 0.25,
            ),
        }
    }

    /// Heads there, whatever its length.
    fn turn(&mut self, north: f64, east: f64) {
        let length = (north * north + east * east).sqrt();
        if length > 1e-6 {
            self.ahead_north = north / length;
            self.ahead_east = east / length;
        }
    }
}

fn six_decimals(degrees: f64) -> f64 {
    (degrees * 1e6).round() / 1e6
}

/// One to four different tags. The tag of rank n is drawn n times as seldom as the first (Zipf's law);
/// its name has nothing to do with its rank.
fn choice(random: &mut Random) -> Vec<String> {
    let wanted = random.between(1, TAGS_PER_CHOICE_MAX + 1) as usize;
    let mut ranks = [0; TAGS_PER_CHOICE_MAX as usize];
    let mut drawn = 0;
    while drawn < wanted {
        let rank = rank(random.unit());
        if !ranks[..drawn].contains(&rank) {
            ranks[drawn] = rank;
            drawn += 1;
        }
    }
    ranks[..wanted].iter().map(|rank| ((rank * 17 + 3) % TAGS + 1).to_string()).collect()
}

/// A rank from 0, by Zipf's law, for a number from 0 to 1.
fn rank(unit: f64) -> usize {
    let sought = unit * ZIPF[TAGS - 1];
    ZIPF[..TAGS - 1].partition_point(|sum| *sum <= sought)
}

/// Sums of 1/1, 1/2, 1/3 and so on.
static ZIPF: [f64; TAGS] = {
    let mut sums = [1.0; TAGS];
    let mut rank = 1;
    while rank < TAGS {
        sums[rank] = sums[rank - 1] + 1.0 / (rank as f64 + 1.0);
        rank += 1;
    }
    sums
};

fn message(random: &mut Random) -> String {
    // The lower of two draws: some errors are more common than others.
    let kinds = ERRORS.len() as u64;
    let kind = random.below(kinds).min(random.below(kinds)) as usize;
    let (before, after) = ERRORS[kind];
    format!("{before}{}{after}", random.between(1, 3_000))
}
