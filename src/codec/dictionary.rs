//! Texts as dense codes, and rows by code.
//!
//! Owns: [`Dictionary`] and [`group`]. Does not own how names or codes become bytes (`columns`), nor
//! what is listed by them (`index::postings`).
//!
//! Invariant: names are sorted by their bytes and distinct, and every code has a name.

use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::hash::{BuildHasher, Hasher};

use super::bytes::checksum_with;

/// The distinct texts of a sequence, and for each text of it the number of its name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Dictionary<'a> {
    pub(crate) names: Vec<&'a str>,
    pub(crate) codes: Vec<u32>,
}

impl<'a> Dictionary<'a> {
    /// Of fewer than 2^32 texts.
    pub(crate) fn of(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut codes = Vec::with_capacity(texts.size_hint().0);
        let mut names: Vec<&str> = Vec::new();
        let mut seen: HashMap<&str, u32, Seed> = HashMap::with_hasher(Seed::new());
        for text in texts {
            // Neighbours are often equal, and comparing is cheaper than hashing.
            let code = match codes.last() {
                Some(&last) if names[last as usize] == text => last,
                _ => match seen.entry(text) {
                    Entry::Occupied(seen) => *seen.get(),
                    Entry::Vacant(unseen) => {
                        names.push(text);
                        *unseen.insert(names.len() as u32 - 1)
                    }
                },
            };
            codes.push(code);
        }
        let mut order: Vec<u32> = (0..names.len() as u32).collect();
        order.sort_unstable_by_key(|&code| names[code as usize]);
        let mut rank = vec![0; names.len()];
        for (place, &code) in order.iter().enumerate() {
            rank[code as usize] = place as u32;
        }
        for code in &mut codes {
            *code = rank[*code as usize];
        }
        Self { names: order.iter().map(|&code| names[code as usize]).collect(), codes }
    }
}

/// XXH3 under a seed of its own: names are short, and std's own hash takes three times as long. The
/// seed keeps clients, who choose the names, from choosing those that collide.
struct Seed(u64);

impl Seed {
    fn new() -> Self {
        Self(RandomState::new().build_hasher().finish())
    }
}

impl BuildHasher for Seed {
    type Hasher = Hash;

    fn build_hasher(&self) -> Hash {
        Hash(self.0)
    }
}

struct Hash(u64);

impl Hasher for Hash {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = checksum_with(self.0, bytes);
    }

    fn write_u8(&mut self, _end: u8) {
        // A key is one text: nothing follows that its end would have to be told from.
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Places by code: those of code `c` are `places[starts[c]..starts[c + 1]]`, ascending.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Groups {
    pub(crate) starts: Vec<u32>,
    pub(crate) places: Vec<u32>,
}

/// Sorts the places of these codes, all below `count`, by code: stable, in linear time.
pub(crate) fn group(codes: &[u32], count: usize) -> Groups {
    let mut starts = vec![0_u32; count + 1];
    for &code in codes {
        starts[code as usize + 1] += 1;
    }
    for code in 0..count {
        starts[code + 1] += starts[code];
    }
    let mut next = starts.clone();
    let mut places = vec![0; codes.len()];
    for (place, &code) in codes.iter().enumerate() {
        let slot = &mut next[code as usize];
        places[*slot as usize] = place as u32;
        *slot += 1;
    }
    Groups { starts, places }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_codes_point_at_them() {
        let texts = ["b", "b", "a", "", "c", "a"];
        let dictionary = Dictionary::of(texts.into_iter());
        assert_eq!(dictionary.names, ["", "a", "b", "c"]);
        assert_eq!(dictionary.codes, [2, 2, 1, 0, 3, 1]);
    }

    #[test]
    fn groups_keep_the_order_of_places() {
        let groups = group(&[2, 2, 1, 0, 4, 1], 5);
        assert_eq!(groups.starts, [0, 1, 3, 5, 5, 6]);
        assert_eq!(groups.places, [3, 2, 5, 0, 1, 4]);
        assert_eq!(group(&[], 0), Groups { starts: vec![0], places: vec![] });
    }
}
