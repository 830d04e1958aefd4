//! Pictures as PNG.
//!
//! Owns: the font, which is part of the program since a kiosk has none, and the way from SVG to pixels.

use std::sync::Arc;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::fontdb::Database;
use resvg::usvg::{Options, Tree};

use crate::error::{Error, ErrorKind, Result};

/// Letters of Latin, Greek and Cyrillic, and the signs that pictures use.
const FONT: &[u8] = include_bytes!("assets/DejaVuSans-subset.ttf");

/// Sides of a picture that is still drawn in bounded memory: 256 MB.
const SIDE_MAX: u32 = 8_192;

/// An SVG picture, so many pixels wide, as PNG. Letters other than Latin, Greek and Cyrillic ones, which SVG and
/// HTML show by the fonts of the system, are boxes.
///
/// # Errors
///
/// `InvalidInput` where it is no SVG, or a side would have no pixel or more than 8192.
pub fn png(svg: &str, width: u32) -> Result<Vec<u8>> {
    let mut fonts = Database::new();
    fonts.load_font_data(FONT.to_vec());
    fonts.set_sans_serif_family("DejaVu Sans");
    let options = Options { fontdb: Arc::new(fonts), ..Options::default() };
    let wrong = |error: &dyn std::fmt::Display| {
        Error::new(ErrorKind::InvalidInput, format!("svg: cannot be drawn: {error}"))
    };
    let tree = Tree::from_str(svg, &options).map_err(|error| wrong(&error))?;
    let scale = f64::from(width) / f64::from(tree.size().width());
    let height = (f64::from(tree.size().height()) * scale).ceil();
    if !(1..=SIDE_MAX).contains(&width) || !(1.0..=f64::from(SIDE_MAX)).contains(&height) {
        return Err(Error::invalid("width", "must give sides of 1 to 8192 pixels", width));
    }
    let mut pixels = Pixmap::new(width, height as u32).ok_or_else(|| wrong(&"it is too large"))?;
    let scale = scale as f32;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| wrong(&error))
}
