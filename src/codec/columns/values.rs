//! Columns as a query uses them.
//!
//! Owns: the decoded form of each logical column. Does not own their bytes.
//!
//! Invariants: every column has one value a row, in order of arrival; every code has a name. Methods
//! that take a row take one below the block's rows.

use crate::client_time::Form;
use crate::error::{Error, Result};
use crate::event::Location;
use crate::time::Timestamp;

/// Texts side by side.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Names {
    text: String,
    /// Where each text ends, and the next begins.
    ends: Vec<u32>,
}

impl Names {
    /// `None` unless `ends` ascend to at most the text's length, and every piece is UTF-8.
    pub(super) fn new(text: Vec<u8>, ends: Vec<u32>) -> Option<Self> {
        let text = String::from_utf8(text).ok()?;
        let whole = ends.is_sorted() && ends.iter().all(|&end| text.is_char_boundary(end as usize));
        whole.then_some(Self { text, ends })
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn get(&self, index: usize) -> &str {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        &self.text[start..self.ends[index] as usize]
    }

    /// Whether the texts of these codes, each as often as it occurs, come to at most so many bytes.
    pub(super) fn fit(&self, codes: &[u32], bytes_max: usize) -> bool {
        let longest = (0..self.len()).map(|index| self.get(index).len()).max().unwrap_or(0);
        // Most often the longest text fits as often as there are codes.
        longest.saturating_mul(codes.len()) <= bytes_max
            || codes.iter().map(|&code| self.get(code as usize).len()).sum::<usize>() <= bytes_max
    }

    pub(super) fn is_dictionary(&self) -> bool {
        (1..self.len()).all(|index| self.get(index - 1) < self.get(index))
    }

    pub(crate) fn bytes(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * size_of::<u32>()
    }
}

/// One text a row, of a sorted dictionary.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Strings {
    pub(crate) dictionary: Names,
    pub(crate) codes: Vec<u32>,
}

impl Strings {
    pub(crate) fn get(&self, row: usize) -> &str {
        self.dictionary.get(self.codes[row] as usize)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.dictionary.bytes() + self.codes.capacity() * size_of::<u32>()
    }
}

/// Where each row was. Empty where no row has a location.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Locations {
    pub(super) latitudes: Degrees,
    pub(super) longitudes: Degrees,
}

/// Degrees, kept as they are packed: whole numbers of a fraction of a degree take half the memory.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Degrees {
    /// To be divided by the scale; [`NOWHERE`](Self::NOWHERE) where a row has no location.
    Whole { scale: f64, units: Vec<i32> },
    /// NaN where a row has no location.
    Exact(Vec<f64>),
}

impl Default for Degrees {
    fn default() -> Self {
        Self::Exact(Vec::new())
    }
}

impl Degrees {
    const NOWHERE: i32 = i32::MIN;

    fn get(&self, row: usize) -> Option<f64> {
        match self {
            Self::Whole { scale, units } => {
                let whole = units.get(row).copied().filter(|whole| *whole != Self::NOWHERE)?;
                Some(unscale(whole, *scale))
            }
            Self::Exact(degrees) => degrees.get(row).copied().filter(|degrees| !degrees.is_nan()),
        }
    }

    /// These degrees as those of the rows `located`, out of `rows`.
    pub(super) fn at_rows(self, located: &[u32], rows: usize) -> Self {
        match self {
            Self::Whole { scale, units } => {
                Self::Whole { scale, units: scatter(&units, located, Self::NOWHERE, rows) }
            }
            Self::Exact(degrees) => Self::Exact(scatter(&degrees, located, f64::NAN, rows)),
        }
    }

    /// Whether each of them is within `bound`; a NaN is not.
    pub(super) fn are_within(&self, bound: f64) -> bool {
        match self {
            Self::Whole { scale, units } => {
                let least = units.iter().copied().min().unwrap_or(0);
                let most = units.iter().copied().max().unwrap_or(0);
                [least, most].into_iter().all(|whole| unscale(whole, *scale).abs() <= bound)
            }
            Self::Exact(degrees) => degrees.iter().all(|degrees| degrees.abs() <= bound),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Whole { units, .. } => units.capacity() * size_of::<i32>(),
            Self::Exact(degrees) => degrees.capacity() * size_of::<f64>(),
        }
    }
}

/// The degrees that a whole number of fractions stands for.
pub(super) fn unscale(whole: i32, scale: f64) -> f64 {
    f64::from(whole) / scale
}

fn scatter<T: Copy>(values: &[T], places: &[u32], absent: T, rows: usize) -> Vec<T> {
    let mut aligned = vec![absent; rows];
    for (&row, &value) in places.iter().zip(values) {
        aligned[row as usize] = value;
    }
    aligned
}

impl Locations {
    pub(crate) fn get(&self, row: usize) -> Option<Location> {
        let latitude = self.latitudes.get(row)?;
        let longitude = self.longitudes.get(row)?;
        Some(Location { latitude, longitude })
    }

    pub(crate) fn bytes(&self) -> usize {
        self.latitudes.bytes() + self.longitudes.bytes()
    }
}

/// The client's clock of each row: as an instant where it can be read, and as text on demand.
/// Empty where no row has one.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct ClientTimes {
    /// Per row: 0 none, [`KEPT_AS_TEXT`], or [`FIRST_FORM`] and more.
    pub(super) forms: Vec<u32>,
    pub(super) instants: Vec<Option<Timestamp>>,
    /// Per row kept as text, its place among the texts; empty where there are none.
    pub(super) places: Vec<u32>,
    pub(super) texts: Names,
}

pub(super) const KEPT_AS_TEXT: u32 = 1;
/// What is added to a form's number.
pub(super) const FIRST_FORM: u32 = 2;

impl ClientTimes {
    pub(crate) fn instant(&self, row: usize) -> Option<Timestamp> {
        self.instants.get(row).copied().flatten()
    }

    /// Whether a row has a client time, whether it can be read or not.
    pub(crate) fn is_told(&self, row: usize) -> bool {
        self.forms.get(row).is_some_and(|form| *form != 0)
    }

    /// The text as the client wrote it; an error where the instant cannot have been written so.
    pub(crate) fn text(&self, row: usize) -> Result<Option<String>> {
        match self.forms.get(row) {
            None | Some(0) => Ok(None),
            Some(&KEPT_AS_TEXT) => Ok(Some(self.texts.get(self.places[row] as usize).to_owned())),
            Some(form) => {
                let text = Form::from_u32(form - FIRST_FORM)
                    .zip(self.instant(row))
                    .and_then(|(form, instant)| form.format(instant));
                match text {
                    Some(text) => Ok(Some(text)),
                    None => Err(Error::corrupt(format!(
                        "column of client times, row {row}: an instant that its form cannot name"
                    ))),
                }
            }
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        (self.forms.capacity() + self.places.capacity()) * size_of::<u32>()
            + self.instants.capacity() * size_of::<Option<Timestamp>>()
            + self.texts.bytes()
    }
}

/// The tags of each row, in the order given, of a sorted dictionary. Empty where no row has any.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Tags {
    pub(crate) dictionary: Names,
    /// Row `r` has `codes[offsets[r]..offsets[r + 1]]`.
    pub(crate) offsets: Vec<u32>,
    pub(crate) codes: Vec<u32>,
}

impl Tags {
    /// The codes of a row's tags, repeats included.
    pub(crate) fn codes(&self, row: usize) -> &[u32] {
        match self.offsets.get(row..row + 2) {
            Some(&[start, end]) => &self.codes[start as usize..end as usize],
            _ => &[],
        }
    }

    pub(crate) fn get(&self, row: usize) -> impl Iterator<Item = &str> {
        self.codes(row).iter().map(|&code| self.dictionary.get(code as usize))
    }

    pub(crate) fn bytes(&self) -> usize {
        self.dictionary.bytes()
            + (self.offsets.capacity() + self.codes.capacity()) * size_of::<u32>()
    }
}

/// The data of each row. Empty where no row has any.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Texts {
    /// Per row: 0 absent, 1 present.
    pub(super) present: Vec<bool>,
    pub(super) texts: Names,
}

impl Texts {
    pub(crate) fn get(&self, row: usize) -> Option<&str> {
        if *self.present.get(row)? { Some(self.texts.get(row)) } else { None }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.present.capacity() + self.texts.bytes()
    }
}
