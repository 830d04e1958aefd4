//! Goal: postings say of each term exactly where it occurs. Method: pages against a naive map, merged
//! pages against pages built at once, every byte of a small page damaged in turn, and the bytes of a
//! smallest page spelt out.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::page::PostingsBuilder;
use super::*;
use crate::codec::row::{Row, any};
use crate::error::Error;
use crate::index::cells::Cell;
use crate::index::term::{Field, Term};
use crate::time::quarter_of_day;

/// Pages in memory.
struct Pages {
    first_terms: Vec<Vec<u8>>,
    pages: Vec<Arc<OpenPage>>,
}

impl Pages {
    fn open(pages: Vec<Page>) -> Result<Self> {
        let mut opened = Self { first_terms: Vec::new(), pages: Vec::new() };
        for page in pages {
            opened.first_terms.push(page.first_term);
            opened.pages.push(Arc::new(OpenPage::open(page.bytes)?));
        }
        Ok(opened)
    }
}

impl PageSource for Pages {
    fn pages(&self) -> usize {
        self.pages.len()
    }

    fn first_term(&self, page: usize) -> &[u8] {
        &self.first_terms[page]
    }

    fn page(&self, page: usize) -> Result<Arc<OpenPage>> {
        self.pages.get(page).cloned().ok_or_else(|| Error::corrupt("no such page"))
    }
}

type Naive = BTreeMap<Term, BTreeSet<u32>>;

fn naive(rows: &[Row]) -> Naive {
    let mut naive = Naive::new();
    for (row, event) in rows.iter().enumerate() {
        let mut put = |field, key: &[u8]| {
            naive.entry(Term::new(field, key)).or_default().insert(row as u32);
        };
        put(Field::Session, event.session_id.as_bytes());
        put(Field::EventType, event.event_type.as_bytes());
        event.tags.iter().for_each(|tag| put(Field::Tag, tag.as_bytes()));
        if let Some(place) = event.location {
            put(Field::Cell, &Cell::of(place.latitude, place.longitude).key());
        }
        put(Field::QuarterHour, &[quarter_of_day(event.server_time)]);
    }
    naive
}

fn collected(pages: &Pages, field: Field, keys: Range<&[u8]>) -> Result<Vec<(Vec<u8>, Posting)>> {
    let mut found = Vec::new();
    scan(pages, field, keys, |key, posting| {
        found.push((key.to_vec(), posting.clone()));
        Ok(())
    })?;
    Ok(found)
}

/// Everything that is listed, by scanning, each term also looked up.
fn listed(pages: &Pages) -> Result<Naive> {
    let mut found = Naive::new();
    for field in Field::ALL {
        for (key, posting) in collected(pages, field, &[]..&[])? {
            let term = Term::new(field, key);
            let rows = posting.bitmap()?;
            let mut offsets = Vec::new();
            posting.offsets_into(&mut offsets)?;
            assert_eq!(rows.iter().collect::<Vec<_>>(), offsets);
            assert_eq!(posting.times.is_some(), field == Field::Session);
            let again = lookup(pages, &term)?.unwrap();
            assert_eq!(again.bitmap()?, rows);
            assert_eq!(again.times, posting.times);
            found.insert(term, offsets.into_iter().collect());
        }
    }
    Ok(found)
}

fn of_rows(rows: &[Row]) -> Pages {
    Pages::open(block_postings(&BlockTerms::of(rows))).unwrap()
}

#[test]
fn postings_list_what_a_naive_map_lists() {
    let rows = any::rows(3000);
    let pages = of_rows(&rows);
    assert_eq!(listed(&pages).unwrap(), naive(&rows));
    for absent in ["", "!", "77", "zzz"] {
        for field in Field::ALL {
            assert!(lookup(&pages, &Term::new(field, absent)).unwrap().is_none());
        }
    }
    let empty = Pages::open(Vec::new()).unwrap();
    assert!(lookup(&empty, &Term::new(Field::Tag, "a")).unwrap().is_none());
    assert!(collected(&empty, Field::Tag, &[]..&[]).unwrap().is_empty());
}

#[test]
fn a_hole_is_listed_under_the_session_without_a_name_alone() {
    let mut rows = any::rows(300);
    let is_hole = |row: u32| row % 7 == 3 || row > 290;
    for (row, event) in (0..).zip(&mut rows) {
        if is_hole(row) {
            *event = Row::hole(event.server_time);
        }
    }
    let mut expected = naive(&rows);
    for (_, listed) in expected.iter_mut().filter(|(term, _)| term.field != Field::Session) {
        listed.retain(|row| !is_hole(*row));
    }
    expected.retain(|_, listed| !listed.is_empty());
    let found = listed(&of_rows(&rows)).unwrap();
    assert_eq!(found, expected);
    let holes = found.get(&Term::new(Field::Session, "")).unwrap();
    assert!(holes.iter().copied().eq((0..300).filter(|row| is_hole(*row))));
    assert!(!found.contains_key(&Term::new(Field::EventType, "")));
}

#[test]
fn block_terms_answer_as_their_postings_do() {
    let rows = any::rows(300);
    let terms = BlockTerms::of(&rows);
    for (term, expected) in naive(&rows) {
        assert!(terms.rows(&term).iter().eq(&expected));
    }
    assert!(terms.rows(&Term::new(Field::Tag, "none")).is_empty());
    assert_eq!(terms, crate::codec::columns::encode(&rows).unwrap().index);
}

#[test]
fn a_session_has_the_times_of_its_rows() {
    let mut rows = any::rows(50);
    rows[10].server_time = crate::Timestamp::from_micros(7);
    let of_session = |row: &&Row| row.session_id == rows[10].session_id;
    let last = rows.iter().filter(of_session).map(|row| row.server_time.as_micros()).max();
    let term = Term::new(Field::Session, rows[10].session_id.as_str());
    let posting = lookup(&of_rows(&rows), &term).unwrap().unwrap();
    assert_eq!(posting.times, Some((7, last.unwrap())));
}

#[test]
fn every_shape_of_offsets_comes_back_the_smallest_way() {
    let shapes: [(Vec<u32>, Packing); 8] = [
        (vec![0], Packing::Bitmap),
        (vec![65_535], Packing::Gaps),
        ((0..65_536).collect(), Packing::Runs),
        ((300..40_000).collect(), Packing::Runs),
        ((0..65_536).step_by(3).collect(), Packing::Bitmap),
        ((0..65_536).step_by(97).collect(), Packing::Gaps),
        ((0..65_536).filter(|n| n % 1000 < 500).collect(), Packing::Runs),
        ((0..8_000).filter(|n| n * n % 7 < 3).collect(), Packing::Bitmap),
    ];
    for (offsets, packing) in shapes {
        let mut payload = Vec::new();
        assert_eq!(pack_offsets(&offsets, &mut payload), packing, "{offsets:?}");
        let mut builder = PostingsBuilder::new();
        builder.add(Field::Tag, b"x", &offsets, None);
        let pages = Pages::open(builder.finish()).unwrap();
        let posting = lookup(&pages, &Term::new(Field::Tag, "x")).unwrap().unwrap();
        assert_eq!(posting.cardinality as usize, offsets.len());
        assert_eq!(posting.bitmap().unwrap().iter().collect::<Vec<_>>(), offsets);
        let mut again = Vec::new();
        posting.offsets_into(&mut again).unwrap();
        assert_eq!(again, offsets);
    }
}

#[test]
fn combining_packed_offsets_is_combining_sets() {
    let shapes: [Vec<u32>; 6] = [
        vec![7, 65_535],
        (0..65_536).collect(),
        (300..40_000).collect(),
        (0..65_536).step_by(3).collect(),
        (0..65_536).step_by(497).collect(),
        (0..65_536).filter(|n| n % 1000 < 500).collect(),
    ];
    let mut builder = PostingsBuilder::new();
    for (number, offsets) in (b'a'..).zip(&shapes) {
        builder.add(Field::Tag, &[number], offsets, None);
    }
    let pages = Pages::open(builder.finish()).unwrap();
    let posting = |number: usize| {
        lookup(&pages, &Term::new(Field::Tag, [b'a' + number as u8])).unwrap().unwrap()
    };
    let sets: Vec<BTreeSet<u32>> =
        shapes.iter().map(|shape| shape.iter().copied().collect()).collect();
    for (one, left) in sets.iter().enumerate() {
        for (other, right) in sets.iter().enumerate() {
            let both: Vec<u32> = left.intersection(right).copied().collect();
            let found = intersection(vec![posting(one), posting(other)]).unwrap();
            assert!(found == both, "shapes {one} and {other}");
            let rows = posting(other).bitmap().unwrap();
            assert_eq!(posting(one).count_in(&rows).unwrap(), both.len() as u64);
            let mut union = Union::new(65_536);
            posting(one).add_to(&mut union).unwrap();
            posting(other).add_to(&mut union).unwrap();
            assert!(union.finish().iter().eq(left.union(right).copied()));
        }
    }
    assert!(intersection(Vec::new()).unwrap().is_empty());
}

#[test]
fn a_union_leaves_out_what_lies_beyond_its_rows() {
    for range in [0..0, 0..1, 3..5, 7..9, 0..8, 5..27, 8..16, 20..29] {
        let mut union = Union::new(30);
        union.add_range(range.clone());
        assert!(union.finish().iter().eq(range));
    }
    let mut union = Union::new(8);
    union.add(9);
    union.add_range(6..40);
    assert!(union.finish().iter().eq(6..8));
}

#[test]
fn a_union_tells_its_rows_in_any_range_and_keeps_those_of_a_set() {
    for rows in [1, 63, 64, 65, 200, 1000] {
        let held: Vec<u32> = (0..rows).filter(|row| row % 7 == 3 || row % 64 > 61).collect();
        let mut union = Union::new(rows);
        held.iter().for_each(|&row| union.add(row));
        for range in [0..0, 0..rows, 5..rows, 63..64, 64..129, 190..rows + 50, rows..rows + 9] {
            let within: Vec<u32> = held.iter().copied().filter(|row| range.contains(row)).collect();
            assert_eq!(union.iter_in(range.clone()).collect::<Vec<_>>(), within, "{range:?}");
        }
        let set = Bitmap::from_sorted((0..rows + 20).filter(|row| row % 2 == 1));
        union.keep(&set);
        assert!(union.finish().iter().eq(held.into_iter().filter(|row| row % 2 == 1)));
    }
}

#[test]
fn pages_hold_16_kib_unless_one_term_needs_more() {
    let mut builder = PostingsBuilder::new();
    let key = |number: u32| format!("session {number:05}");
    let scattered: Vec<u32> =
        (0..65_536).filter(|&n: &u32| n.wrapping_mul(2_654_435_761) % 5 < 2).collect();
    for number in 0..20_000 {
        let offsets = if number % 5000 == 7 { &scattered[..] } else { &[number, number + 9] };
        let time = i64::from(number) * 1_000_000;
        builder.add(Field::Session, key(number).as_bytes(), offsets, Some((time, time + 5)));
    }
    let pages = builder.finish();
    assert!(pages.len() > 10);
    assert!(pages.iter().all(|page| page.bytes.len() <= page::PAGE_BYTES));
    let pages = Pages::open(pages).unwrap();
    for number in (0..20_000).step_by(13) {
        let posting = lookup(&pages, &Term::new(Field::Session, key(number))).unwrap().unwrap();
        assert_eq!(
            posting.times,
            Some((i64::from(number) * 1_000_000, i64::from(number) * 1_000_000 + 5))
        );
        let near = Term::new(Field::Session, key(number) + "!");
        assert!(lookup(&pages, &near).unwrap().is_none());
    }
    let (from, to) = (key(700), key(1900));
    let keys = collected(&pages, Field::Session, from.as_bytes()..to.as_bytes()).unwrap();
    let keys: Vec<_> = keys.into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, (700..1900).map(|number| key(number).into_bytes()).collect::<Vec<_>>());
}

#[test]
fn extreme_session_times_come_back() {
    let mut builder = PostingsBuilder::new();
    let times = [(i64::MIN, i64::MAX), (0, 0), (i64::MAX, i64::MAX), (i64::MIN, i64::MIN)];
    for (number, times) in times.into_iter().enumerate() {
        builder.add(Field::Session, &[b'0' + number as u8], &[1], Some(times));
    }
    let pages = Pages::open(builder.finish()).unwrap();
    let found = collected(&pages, Field::Session, &[]..&[]).unwrap();
    assert!(found.into_iter().map(|(_, posting)| posting.times.unwrap()).eq(times));
}

#[test]
fn merging_parts_is_building_from_all_their_rows() {
    let rows = any::rows(2500);
    for size in [1, 16, 999, 2500] {
        let parts: Vec<Pages> = rows.chunks(size).map(of_rows).collect();
        let parts: Vec<(u32, &dyn PageSource)> = parts
            .iter()
            .enumerate()
            .map(|(at, part)| ((at * size) as u32, part as &dyn PageSource))
            .collect();
        assert_eq!(
            merge(&parts).unwrap(),
            block_postings(&BlockTerms::of(&rows)),
            "parts of {size}"
        );
    }
    assert_eq!(merge(&[]).unwrap(), Vec::new());
}

#[test]
fn parts_that_overlap_or_are_too_long_together_do_not_merge() {
    let part = of_rows(&any::rows(100));
    for shift in [50, 65_500, u32::MAX] {
        assert!(merge(&[(0, &part), (shift, &part)]).is_err());
    }
}

#[test]
fn a_damaged_byte_of_a_page_is_an_error() {
    let [page] = &block_postings(&BlockTerms::of(&any::rows(40)))[..] else { unreachable!() };
    for at in 0..page.bytes.len() {
        let mut bytes = page.bytes.clone();
        bytes[at] ^= 1 << (at % 8);
        assert!(OpenPage::open(bytes).is_err(), "byte {at}");
        assert!(OpenPage::open(page.bytes[..at].to_vec()).is_err(), "{at} bytes");
    }
}

#[test]
fn damage_that_the_checksum_misses_never_panics() {
    let [page] = &block_postings(&BlockTerms::of(&any::rows(40)))[..] else { unreachable!() };
    for at in 0..page.bytes.len() - 8 {
        for change in [0x01, 0x04, 0x80, 0xff] {
            let mut bytes = page.bytes[..page.bytes.len() - 8].to_vec();
            bytes[at] ^= change;
            crate::codec::bytes::seal(&mut bytes);
            let Ok(page) = OpenPage::open(bytes) else { continue };
            let pages = Pages { first_terms: vec![b"\x010".to_vec()], pages: vec![Arc::new(page)] };
            // What comes back may be wrong; it only has to come back.
            for field in Field::ALL {
                let _ = scan(&pages, field, &[]..&[], |_, posting| {
                    let _ = posting.bitmap();
                    let _ = posting.offsets_into(&mut Vec::new());
                    Ok(())
                });
            }
            let _ = lookup(&pages, &Term::new(Field::Tag, "a"));
            let _ = merge(&[(0, &pages), (100, &pages)]);
        }
    }
}

#[test]
fn the_bytes_of_a_small_page_are_these() {
    let mut builder = PostingsBuilder::new();
    builder.add(Field::Session, b"ab", &[0, 2, 3], Some((10, 12)));
    builder.add(Field::Session, b"ac", &[1000], Some((9, 9)));
    builder.add(Field::Tag, b"t", &(5..105).collect::<Vec<_>>(), None);
    let mut expected = vec![1, 3, 20];
    expected.extend([0, 3, 1, b'a', b'b', 3, 0, 2, 1 << 2 | 2, 0b1101]);
    expected.extend([2, 1, b'c', 1, 1, 0, 2 << 2, 0xe8, 0x07]);
    expected.extend([0, 2, 3, b't', 100, 2 << 2 | 1, 5, 99]);
    expected.extend(xxhash_rust::xxh3::xxh3_64(&expected).to_le_bytes());
    let pages = builder.finish();
    assert_eq!(pages, [Page { first_term: b"\x01ab".to_vec(), bytes: expected }]);
}

#[test]
fn sets_combine_by_value_and_by_reference() {
    let (a, b) = (Bitmap::range(10..20), Bitmap::from_sorted([5, 15, 70_000]));
    assert_eq!((&a & &b).iter().collect::<Vec<_>>(), [15]);
    assert_eq!((&a | &b).len(), 12);
    assert_eq!(a.clone() - b.clone(), &a - &b);
    assert_eq!(a.intersection_len(&b), 1);
    assert_eq!((b.min(), b.max(), Bitmap::empty().min()), (Some(5), Some(70_000), None));
    assert_eq!(b.iter_in(6..70_000).collect::<Vec<_>>(), [15]);
    let inverted = std::ops::Range { start: 9, end: 3 };
    assert_eq!(b.iter_in(inverted.clone()).count(), 0);
    assert_eq!(b.range_len(inverted), 0);
    assert!(Bitmap::full(0).is_empty() && Bitmap::full(3).contains(2));
    let mut c = a.clone();
    c |= &b;
    c &= a.clone();
    c -= &Bitmap::full(15);
    assert_eq!(c, Bitmap::range(15..20));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_rows_are_listed_and_merge(
        rows in prop::collection::vec(any::any_row(), 1..80), size in 1..40_usize,
    ) {
        let whole = of_rows(&rows);
        prop_assert_eq!(listed(&whole).unwrap(), naive(&rows));
        let parts: Vec<Pages> = rows.chunks(size).map(of_rows).collect();
        let parts: Vec<(u32, &dyn PageSource)> = parts
            .iter()
            .enumerate()
            .map(|(at, part)| ((at * size) as u32, part as &dyn PageSource))
            .collect();
        prop_assert_eq!(merge(&parts).unwrap(), block_postings(&BlockTerms::of(&rows)));
    }
}
