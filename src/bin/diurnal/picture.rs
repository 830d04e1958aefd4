//! Pictures, where the program was built with them.
//!
//! Owns: what is said where it was not, the width of pictures, and the files of plots.

use std::io::Write;
use std::path::Path;

use crate::failure::Failure;

/// Pixels of a picture's width: twice those that it is laid out for, so that it can be printed.
#[cfg(feature = "map")]
const WIDTH: u32 = 2_400;

/// An error where pictures were left out when the program was built.
pub(crate) fn available() -> Result<(), Failure> {
    if cfg!(feature = "map") {
        return Ok(());
    }
    Err(Failure::built_without("map"))
}

/// The bytes of a file: the SVG as it is, or drawn.
#[cfg(feature = "map")]
pub(crate) fn encode(svg: String, png: bool) -> Result<Vec<u8>, Failure> {
    if png { Ok(diurnal::map::png(&svg, WIDTH)?) } else { Ok(svg.into_bytes()) }
}

/// Writes a plot to a file, whose ending says as what.
pub(crate) fn write_plot(
    path: &Path,
    out: &mut dyn Write,
    svg: impl FnOnce() -> String,
) -> Result<(), Failure> {
    available()?;
    let ending = path.extension().and_then(|it| it.to_str()).map(str::to_ascii_lowercase);
    let png = match ending.as_deref() {
        Some("png") => true,
        Some("svg") => false,
        _ => {
            let file = path.display();
            return Err(Failure::usage(format!("{file}: must end with .svg or .png")));
        }
    };
    let bytes = plotted(svg, png)?;
    crate::file::write_to(Some(path), out, |out| Ok(out.write_all(&bytes)?))
}

#[cfg(feature = "map")]
fn plotted(svg: impl FnOnce() -> String, png: bool) -> Result<Vec<u8>, Failure> {
    encode(svg(), png)
}

#[cfg(not(feature = "map"))]
fn plotted(_: impl FnOnce() -> String, _: bool) -> Result<Vec<u8>, Failure> {
    available().map(|()| Vec::new())
}
