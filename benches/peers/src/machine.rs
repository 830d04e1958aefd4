//! What is asked of the machine: clocks, bytes of files, memory.
//!
//! Owns: the stopwatch, medians, bytes that files take, what an append takes, and a process's memory and
//! time of the processor. Does not own what is measured.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::Instant;

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Bytes of an event as a line of a log.
const FLOOR_BYTES: usize = 150;
const FLOOR_TIMES: usize = 200;

/// Adds up the time of what an engine does, and leaves out what is done around it.
#[derive(Debug, Default)]
pub struct Stopwatch(pub f64);

impl Stopwatch {
    pub fn time<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let done = work();
        self.0 += start.elapsed().as_secs_f64();
        done
    }
}

/// What was done, and the seconds it took.
pub fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, f64)> {
    let mut watch = Stopwatch::default();
    let done = watch.time(work)?;
    Ok((done, watch.0))
}

/// The value below which so large a share of all values lies; 0 where there are none.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = ((sorted.len() as f64 - 1.0) * share).round().max(0.0) as usize;
    sorted.get(place).copied().unwrap_or_default()
}

pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// Bytes of all files of a directory: as long as they are, and as they take room on the disk.
#[derive(Debug, Default, Clone, Copy)]
pub struct Bytes {
    pub length: u64,
    pub allocated: u64,
}

pub fn bytes_of(directory: &Path) -> Result<Bytes> {
    use std::os::unix::fs::MetadataExt;
    let mut sum = Bytes::default();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        let more = match metadata.is_dir() {
            true => bytes_of(&entry.path())?,
            false => Bytes { length: metadata.len(), allocated: metadata.blocks() * 512 },
        };
        sum.length += more.length;
        sum.allocated += more.allocated;
    }
    Ok(sum)
}

/// An empty directory in the place of whatever was there.
pub fn fresh(directory: &Path) -> Result<()> {
    if directory.exists() {
        fs::remove_dir_all(directory)?;
    }
    Ok(fs::create_dir_all(directory)?)
}

/// Lets what earlier measures wrote reach the disk, so that it does not weigh on the next.
pub fn settle() {
    rustix::fs::sync();
}

/// Microseconds of an append of so many bytes with its fdatasync, many times.
pub fn appends(file: &Path, bytes: usize, times: usize) -> Result<Vec<f64>> {
    let row = vec![b'.'; bytes];
    let mut file = File::create(file)?;
    (0..times)
        .map(|_| {
            let ((), seconds) = timed(|| {
                file.write_all(&row)?;
                Ok(file.sync_data()?)
            })?;
            Ok(seconds * 1e6)
        })
        .collect()
}

/// Gigabytes a second that one thread copies from memory to memory.
pub fn copies() -> f64 {
    let from = vec![7_u8; 256 << 20];
    let mut to = vec![0_u8; from.len()];
    let mut seconds = Vec::new();
    for _ in 0..5 {
        let mut watch = Stopwatch::default();
        watch.time(|| std::hint::black_box(&mut to).copy_from_slice(std::hint::black_box(&from)));
        seconds.push(watch.0);
    }
    from.len() as f64 / 1e9 / median(&seconds)
}

/// Seconds of an append with its fdatasync, now: on a disk that others use it changes from minute to
/// minute, so that it is measured again beside each figure that is held against it.
pub fn floor(directory: &Path) -> Result<f64> {
    let file = directory.join("floor");
    let micros = appends(&file, FLOOR_BYTES, FLOOR_TIMES)?;
    fs::remove_file(file)?;
    Ok(median(&micros) / 1e6)
}

/// The most memory that this process has had resident so far.
pub fn peak_bytes() -> Result<u64> {
    memory(std::process::id(), "VmHWM")
}

/// What the system says of a process's memory under this name.
pub fn memory(process: u32, name: &str) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kilobytes = kilobytes.ok_or_else(|| format!("/proc/{process}/status names no {name}"))?;
    Ok(kilobytes.trim().parse::<u64>()? * 1024)
}

/// Seconds that a process has had a processor so far, in and out of the system.
pub fn busy(process: u32) -> Result<f64> {
    let line = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name of the program, in brackets, may hold anything.
    let fields = line.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    let ticks = ticks.sum::<std::result::Result<u64, _>>()?;
    Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, Into::into)
}
