//! Goal: the disk keeps what was synced and no more than it must. Method: small scripts of operations,
//! and every seed of a range.

use super::*;
use crate::storage::{Access, Directory, LockError};

const SEEDS: u64 = 200;

/// A synced file `f` of so many bytes, all ones.
fn with_file(len: usize) -> FaultyStorage {
    let disk = FaultyStorage::new();
    let file = disk.create("f").unwrap();
    file.write(0, &vec![1; len]).unwrap();
    file.sync_data().unwrap();
    Directory::sync(&disk, "").unwrap();
    disk
}

fn survivors(disk: &FaultyStorage) -> Vec<FaultyStorage> {
    (0..SEEDS).map(|seed| disk.after_cut(seed)).collect()
}

#[test]
fn what_was_synced_survives_every_cut_and_the_rest_some() {
    let disk = with_file(10_000);
    let file = disk.open("f", Access::Write).unwrap();
    file.write(2_000, &[2; 3_000]).unwrap();
    file.write(9_000, &[3; 3_000]).unwrap();
    let found: Vec<_> = survivors(&disk).iter().map(|disk| disk.read("f").unwrap()).collect();
    assert_eq!(found[0], vec![1; 10_000], "seed 0: nothing unsynced");
    assert_eq!(Some(&found[1]), disk.read("f").as_ref(), "seed 1: everything");
    assert_eq!(found[2][..9_000], found[1][..9_000], "seed 2: all but the last write's end");
    assert_ne!(found[2], found[1]);
    for bytes in &found {
        assert!(bytes.len() >= 10_000);
        assert!(bytes[..2_000].iter().chain(&bytes[5_000..9_000]).all(|byte| *byte == 1));
        assert!(bytes[2_000..5_000].iter().all(|byte| [1, 2].contains(byte)));
        assert!(bytes[9_000..].iter().all(|byte| [0, 1, 3].contains(byte)));
    }
    let reordered = |bytes: &&Vec<u8>| bytes[2_000..5_000] == [1; 3_000] && bytes.len() == 12_000;
    let torn = |bytes: &&Vec<u8>| bytes[2_000] != bytes[4_999];
    assert!(found.iter().any(|bytes| reordered(&bytes)), "a later write without an earlier one");
    assert!(found.iter().any(|bytes| torn(&bytes)), "a part of a write");
    file.sync_data().unwrap();
    let synced = disk.read("f");
    assert!(survivors(&disk).iter().all(|disk| disk.read("f") == synced));
}

#[test]
fn a_length_that_was_not_synced_may_be_lost() {
    let disk = with_file(1_000);
    let file = disk.open("f", Access::Write).unwrap();
    file.set_len(500).unwrap();
    file.set_len(2_000).unwrap();
    let found: Vec<_> = survivors(&disk).iter().map(|disk| disk.read("f").unwrap()).collect();
    for len in [500, 1_000, 2_000] {
        assert!(found.iter().any(|bytes| bytes.len() == len), "length {len}");
    }
    let mut cut_off = vec![1; 500];
    cut_off.resize(2_000, 0);
    assert_eq!(found[1], cut_off, "what was cut off reads as zeros");
}

#[test]
fn a_name_is_durable_only_once_its_folder_is_synced() {
    let disk = FaultyStorage::new();
    let file = disk.create("days/a").unwrap();
    file.write(0, b"whole").unwrap();
    file.sync_data().unwrap();
    let there = |disk: &FaultyStorage| disk.read("days/a").is_some();
    assert!(survivors(&disk).iter().any(there) && !survivors(&disk).iter().all(there));
    Directory::sync(&disk, "").unwrap();
    assert!(!survivors(&disk).iter().all(there), "another folder's sync is none");
    Directory::sync(&disk, "days").unwrap();
    assert!(survivors(&disk).iter().all(|disk| disk.read("days/a").unwrap() == b"whole"));
    Directory::remove(&disk, "days/a").unwrap();
    assert!(disk.names().is_empty());
    assert!(survivors(&disk).iter().any(there) && !survivors(&disk).iter().all(there));
    Directory::sync(&disk, "days").unwrap();
    assert!(!survivors(&disk).iter().any(there));
}

#[test]
fn a_rename_is_whole_or_absent_and_brings_no_content_with_it() {
    let disk = with_file(10);
    let new = disk.create("new").unwrap();
    new.write(0, b"new").unwrap();
    disk.rename("new", "f").unwrap();
    let found: Vec<_> = survivors(&disk).iter().map(|disk| disk.read("f").unwrap()).collect();
    assert_eq!(found[0], [1; 10]);
    assert_eq!(found[1], b"new");
    assert!(found.iter().any(Vec::is_empty), "renamed, and its content lost");
    let old_or_new = |bytes: &Vec<u8>| bytes.as_slice() == [1; 10] || bytes.len() <= 3;
    assert!(found.iter().all(old_or_new));
}

#[test]
fn a_cut_stops_everything_and_may_tear_what_was_under_way() {
    let disk = with_file(4_096);
    let file = disk.open("f", Access::Write).unwrap();
    disk.cut_at(disk.operations() + 1);
    file.write(0, &[2; 512]).unwrap();
    assert!(file.write(512, &[3; 2_048]).is_err());
    assert!(file.sync_data().is_err() && file.len().is_err() && disk.list("").is_err());
    assert!(disk.lock().is_err() && disk.create("g").is_err());
    let found: Vec<_> = survivors(&disk).iter().map(|disk| disk.read("f").unwrap()).collect();
    assert_eq!(found[0], vec![1; 4_096]);
    assert_eq!(found[1][..2_560], [[2; 512].as_slice(), &[3; 2_048]].concat()[..]);
    assert_eq!(found[2][..512], [2; 512]);
    assert_ne!(found[2], found[1]);
}

#[test]
fn a_replay_gives_what_a_run_that_is_cut_gives() {
    let script = |disk: &FaultyStorage| -> io::Result<()> {
        let file = disk.create("days/a.tmp")?;
        file.set_len(3_000)?;
        file.write(0, &[1; 2_000])?;
        file.sync_data()?;
        file.write(1_000, &[2; 3_000])?;
        disk.rename("days/a.tmp", "days/a")?;
        Directory::sync(disk, "days")?;
        file.write(500, &[3; 1_000])?;
        Directory::remove(disk, "days/a")?;
        Directory::sync(disk, "days")
    };
    let whole = FaultyStorage::new();
    whole.record();
    script(&whole).unwrap();
    let recording = whole.recording();
    assert_eq!(recording.end(), 10);
    let mut replay = recording.replay();
    for operation in 0..10 {
        let cut = FaultyStorage::new();
        cut.record();
        cut.cut_at(operation);
        assert!(script(&cut).is_err());
        assert_eq!(cut.trace()[..], recording.trace()[..operation as usize], "one trace");
        replay.advance_to(operation);
        for seed in 0..50 {
            let (left, right) = (replay.after_cut(seed), cut.after_cut(seed));
            assert_eq!(left.names(), right.names(), "operation {operation}, seed {seed}");
            for name in left.names() {
                assert_eq!(left.read(&name), right.read(&name), "{name} at {operation}, {seed}");
            }
        }
    }
}

#[test]
fn faults_come_when_they_are_planned_once_or_for_good() {
    let disk = with_file(10);
    let file = disk.open("f", Access::Write).unwrap();
    let now = disk.operations();
    disk.fail(Fault::io(now));
    disk.fail(Fault::full(now + 2).after(3).for_good());
    assert_eq!(file.write(0, b"x").unwrap_err().kind(), io::ErrorKind::Other);
    file.write(0, b"y").unwrap();
    for _ in 0..2 {
        let failed = file.write(4, b"zzzzz").unwrap_err();
        assert_eq!(failed.kind(), io::ErrorKind::StorageFull);
    }
    assert_eq!(disk.read("f").unwrap(), b"y\x01\x01\x01zzz\x01\x01\x01", "a short write");
    Directory::remove(&disk, "f").unwrap();
    disk.mend();
    file.write(0, b"again").unwrap();
}

#[test]
fn a_sync_that_failed_may_have_lost_what_later_syncs_do_not_bring_back() {
    let mut lost = 0;
    for number in 0..50 {
        let disk = with_file(10);
        for _ in 0..number {
            Directory::sync(&disk, "").unwrap();
        }
        let file = disk.open("f", Access::Write).unwrap();
        file.write(0, &[2; 10]).unwrap();
        disk.fail(Fault::io(disk.operations()));
        assert!(file.sync_data().is_err());
        file.sync_data().unwrap();
        lost += usize::from(disk.after_cut(1).read("f").unwrap() == [1; 10]);
    }
    assert!((5..45).contains(&lost), "{lost} of 50 lost");
}

#[test]
fn a_sync_that_lies_does_nothing_and_the_next_makes_up_for_it() {
    let disk = with_file(4);
    let file = disk.open("f", Access::Write).unwrap();
    let next = disk.operations();
    disk.fail(Fault::lie(next).for_good());
    file.write(0, &[2; 4]).unwrap();
    file.sync_data().unwrap();
    disk.rename("f", "g").unwrap();
    Directory::sync(&disk, "").unwrap();
    assert_eq!(disk.counts().syncs, 2);
    let found = disk.after_cut(0);
    assert_eq!((found.names(), found.read("f")), (vec!["f".to_owned()], Some(vec![1; 4])));
    disk.mend();
    file.sync_data().unwrap();
    Directory::sync(&disk, "").unwrap();
    assert_eq!(disk.after_cut(0).read("g"), Some(vec![2; 4]));
}

#[test]
fn disks_and_runs_that_are_alike_have_one_fingerprint() {
    let run = |byte: u8| {
        let disk = with_file(4);
        disk.record();
        disk.open("f", Access::Write).unwrap().write(0, &[byte]).unwrap();
        (disk.fingerprint(), disk.recording().fingerprint())
    };
    assert_eq!(run(5), run(5));
    assert!(run(5).0 != run(6).0 && run(5).1 != run(6).1);
    assert_ne!(with_file(4).fingerprint(), with_file(5).fingerprint());
}

#[test]
fn a_full_disk_says_so_and_has_room_again_when_a_file_goes() {
    let disk = with_file(8_000);
    disk.set_capacity_bytes(Some(10_000));
    assert_eq!(disk.free_bytes().unwrap(), Some(2_000));
    let other = disk.create("g").unwrap();
    assert_eq!(other.write(0, &[0; 2_001]).unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert_eq!(other.set_len(2_001).unwrap_err().kind(), io::ErrorKind::StorageFull);
    other.write(0, &[0; 2_000]).unwrap();
    let open = disk.open("f", Access::Write).unwrap();
    open.write(0, &[0; 8_000]).unwrap();
    Directory::remove(&disk, "f").unwrap();
    assert!(other.set_len(2_001).is_err(), "who has it open keeps its bytes");
    drop(open);
    other.set_len(10_000).unwrap();
}

#[test]
fn counts_tell_what_a_card_gets() {
    let disk = with_file(0);
    disk.reset_counts();
    let file = disk.open("f", Access::Write).unwrap();
    file.write(0, &[0; 100]).unwrap();
    file.write(100, &[0; 100]).unwrap();
    file.write(4_090, &[0; 10]).unwrap();
    file.sync_data().unwrap();
    file.write(0, &[0; 1]).unwrap();
    let counts = disk.counts();
    assert_eq!((counts.writes, counts.bytes_written, counts.syncs), (4, 211, 1));
    assert_eq!(counts.device_bytes_written, 3 * 4_096);
    let other = disk.open("f", Access::Read).unwrap();
    assert_eq!((disk.opened(), disk.counts().open_files_max), (vec!["f".to_owned(); 2], 2));
    drop((file, other));
    disk.reset_counts();
    assert_eq!((disk.opened(), disk.counts().open_files_max), (Vec::new(), 0));
}

#[test]
fn bytes_are_flipped_cut_off_and_put_in_place_of_others() {
    let disk = with_file(3);
    assert!(disk.flip("f", 1, 0x80) && !disk.flip("f", 3, 1) && !disk.flip("g", 0, 1));
    assert_eq!(disk.read("f").unwrap(), [1, 0x81, 1]);
    assert!(disk.truncate("f", 1) && !disk.truncate("f", 1));
    disk.replace("g", [7; 2]);
    let found = disk.after_cut(0);
    assert_eq!((found.read("f"), found.read("g")), (Some(vec![1]), Some(vec![7; 2])));
    disk.remove("f");
    assert_eq!(disk.after_cut(0).names(), ["g"]);
}

#[test]
fn one_writer_at_a_time_has_the_store() {
    let disk = FaultyStorage::new();
    let held = disk.lock().unwrap();
    assert!(matches!(disk.lock(), Err(LockError::Held(_))));
    assert!(disk.after_cut(0).lock().is_ok(), "a cut frees it");
    drop(held);
    assert!(disk.lock().is_ok());
}

#[test]
fn a_part_of_a_file_is_locked_against_others() {
    use std::ops::Bound::{Excluded, Included, Unbounded};
    let disk = with_file(0);
    let [a, b] = [(); 2].map(|()| disk.open("f", Access::Write).unwrap());
    assert!(a.try_lock_range(Included(5), Excluded(10)).unwrap());
    assert!(!b.try_lock_shared_range(Included(9), Included(9)).unwrap());
    assert!(b.try_lock_range(Included(10), Unbounded).unwrap());
    assert!(b.query_lock_range(Included(0), Included(5)).unwrap());
    a.unlock_range(Included(5), Excluded(10)).unwrap();
    assert!(!b.query_lock_range(Included(0), Included(5)).unwrap());
    drop(b);
    assert!(a.try_lock_range(Unbounded, Unbounded).unwrap());
}
