//! Plots of figures as SVG.
//!
//! Owns: [`TimePlot`], columns over time, and [`BarPlot`], named bars; their axes and legends. Does not own the
//! figures: these come as plain labelled series, from a histogram, from tags, from clock skew.

use svg::Document;
use svg::node::element::{Path, Rectangle};

use super::draw::{
    self, Anchor, COLOURS, FAINT, GREY, HEIGHT, INK, MIDDLE, SMALL, WIDTH, fit, label, line, sheet,
    thousands,
};
use super::frame::Area;
use crate::time::{DAY, SECOND, Timestamp};
use crate::zone::Zone;

/// Values under one name.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What the values are of.
    pub name: String,
    /// One for each span of time or each bar; those that are missing are 0.
    pub values: Vec<f64>,
}

impl Series {
    /// Under a name.
    #[must_use]
    pub fn new(name: impl Into<String>, values: impl IntoIterator<Item = f64>) -> Self {
        Self { name: name.into(), values: values.into_iter().collect() }
    }

    fn at(&self, place: usize) -> f64 {
        self.values.get(place).copied().filter(|value| value.is_finite()).unwrap_or(0.0)
    }
}

/// Columns over time: panels below each other, each with series that are piled up.
#[derive(Debug, Clone, PartialEq)]
pub struct TimePlot {
    /// What the plot is of.
    pub title: String,
    /// A line below the title.
    pub note: String,
    /// Whose clocks the axis shows.
    pub zone: Zone,
    /// The first instant of each column and the one after its last, in order.
    pub spans: Vec<(Timestamp, Timestamp)>,
    /// At least one; the first is twice as high as others.
    pub panels: Vec<Panel>,
}

/// A part of a [`TimePlot`] with an axis of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// What is counted.
    pub title: String,
    /// Piled up in this order; those after the sixth are drawn as one.
    pub series: Vec<Series>,
}

/// Bars beside their names, the first on top; values may be below 0.
#[derive(Debug, Clone, PartialEq)]
pub struct BarPlot {
    /// What the plot is of.
    pub title: String,
    /// A line below the title.
    pub note: String,
    /// Of each bar.
    pub names: Vec<String>,
    /// Each with a column of bars of its own; at most three are drawn.
    pub series: Vec<Series>,
}

/// Series with a colour of their own.
const SERIES_MAX: usize = 6;

/// Bars that have room.
const BARS_MAX: usize = 40;

/// Room for the figures left of an axis.
const LEFT: f64 = 84.0;
const RIGHT: f64 = 20.0;

/// Room above a panel for its name and legend, and below the last for the times.
const ABOVE: f64 = 34.0;
const BELOW: f64 = 46.0;

impl TimePlot {
    /// As an SVG picture of 1200 by 800.
    #[must_use]
    pub fn svg(&self) -> String {
        let sheet = sheet(&self.title, &self.note);
        let (Some(first), Some(last)) = (self.spans.first(), self.spans.last()) else {
            return nothing(sheet).to_string();
        };
        let (from, to) = (first.0.as_micros(), last.1.as_micros());
        let shares = self.panels.len() as f64 + 1.0;
        let room = HEIGHT - 58.0 - BELOW;
        let mut top = 58.0;
        let mut sheet = sheet;
        let mut axis = Axis { from, to: to.max(from + 1), zone: self.zone, area: area(top, 1.0) };
        for (number, panel) in self.panels.iter().enumerate() {
            let height = room / shares * if number == 0 { 2.0 } else { 1.0 };
            axis.area = area(top + ABOVE, height - ABOVE);
            sheet = self.panel(sheet, panel, &axis);
            top += height;
        }
        axis.write_times(sheet).to_string()
    }

    fn panel(&self, sheet: Document, panel: &Panel, axis: &Axis) -> Document {
        let series = merged(&panel.series);
        let pile = |place: usize| series.iter().map(|it| it.at(place).max(0.0)).sum::<f64>();
        let most = (0..self.spans.len()).map(pile).fold(0.0, f64::max);
        let top = draw::round_up(most.max(1.0));
        let sheet = heading(sheet, panel, &series, axis.area);
        let mut sheet = axis.write_net(value_axis(sheet, axis.area, top));
        for (colour, way) in self.columns(&series, axis, top).into_iter().enumerate() {
            sheet = sheet.add(Path::new().set("d", way).set("fill", COLOURS[colour]));
        }
        sheet
    }

    /// Of each series the outline of its columns. Where several begin in the same pixel, the highest is drawn.
    fn columns(&self, series: &[Series], axis: &Axis, top: f64) -> Vec<String> {
        use std::fmt::Write as _;
        let mut ways = vec![String::new(); series.len()];
        let bottom = axis.area.bottom();
        let pile = |place: usize| series.iter().map(|it| it.at(place).max(0.0)).sum::<f64>();
        let column = |place: &usize| axis.x_of(self.spans[*place].0.as_micros()).floor() as i64;
        let places: Vec<usize> = (0..self.spans.len()).collect();
        for together in places.chunk_by(|a, b| column(a) == column(b)) {
            let highest = together.iter().copied().max_by(|a, b| pile(*a).total_cmp(&pile(*b)));
            let Some(place) = highest else { continue };
            let (from, to) = self.spans[place];
            let left = axis.x_of(from.as_micros());
            let wide = axis.x_of(to.as_micros()) - left;
            // A gap between columns where there is room for one.
            let width = if wide > 4.0 { wide - 1.0 } else { wide.max(1.0) };
            let mut below = 0.0;
            for (way, value) in ways.iter_mut().zip(series.iter().map(|it| it.at(place).max(0.0))) {
                let height = axis.area.height / top;
                let (low, high) = (bottom - below * height, bottom - (below + value) * height);
                below += value;
                if value > 0.0 {
                    let (left, width) = (draw::tenth(left), draw::tenth(width));
                    let (low, high) = (draw::tenth(low), draw::tenth(high));
                    // Writing to a string cannot fail.
                    let _ = write!(way, "M{left} {low}V{high}h{width}V{low}z");
                }
            }
        }
        ways
    }
}

fn area(top: f64, height: f64) -> Area {
    Area { x: LEFT, y: top, width: WIDTH - LEFT - RIGHT, height }
}

fn nothing(sheet: Document) -> Document {
    let text =
        label(WIDTH / 2.0, HEIGHT / 2.0, MIDDLE, Anchor::Middle, "There is nothing to draw.");
    sheet.add(text.set("fill", GREY))
}

/// At most [`SERIES_MAX`], the last of them all that are left.
fn merged(series: &[Series]) -> Vec<Series> {
    if series.len() <= SERIES_MAX {
        return series.to_vec();
    }
    let (own, rest) = series.split_at(SERIES_MAX - 1);
    let length = rest.iter().map(|it| it.values.len()).max().unwrap_or(0);
    let sum = |place| rest.iter().map(|it| it.at(place).max(0.0)).sum();
    let name = format!("{} others", rest.len());
    let mut merged = own.to_vec();
    merged.push(Series::new(name, (0..length).map(sum)));
    merged
}

/// The panel's name, and its series where there are several.
fn heading(mut sheet: Document, panel: &Panel, series: &[Series], area: Area) -> Document {
    let y = area.y - 12.0;
    let name = label(area.x, y, MIDDLE, Anchor::Start, &panel.title).set("font-weight", "bold");
    sheet = sheet.add(name);
    if series.len() < 2 {
        return sheet;
    }
    let mut x = area.x + draw::width(&panel.title, MIDDLE) + 24.0;
    let room = (area.right() - x) / series.len() as f64;
    for (number, series) in series.iter().enumerate() {
        let name = fit(&series.name, room - 28.0, SMALL);
        let swatch = Rectangle::new()
            .set("x", draw::tenth(x))
            .set("y", y - 9.0)
            .set("width", 11)
            .set("height", 11)
            .set("fill", COLOURS[number]);
        sheet = sheet.add(swatch).add(label(x + 15.0, y, SMALL, Anchor::Start, &name));
        x += 28.0 + draw::width(&name, SMALL);
    }
    sheet
}

/// Lines across an area at round values from 0 to the top.
fn value_axis(mut sheet: Document, area: Area, top: f64) -> Document {
    // 1, 2 and 5 have no more than these.
    let steps = if area.height < 120.0 { 2 } else { 5 };
    for step in 0..=steps {
        let value = top * f64::from(step) / f64::from(steps);
        if value.fract() != 0.0 && top >= 1.0 && value < 10.0 {
            continue;
        }
        let y = area.bottom() - area.height * f64::from(step) / f64::from(steps);
        let colour = if step == 0 { GREY } else { FAINT };
        let text = thousands(value.round() as u64);
        sheet = sheet
            .add(line(&[vec![(area.x, y), (area.right(), y)]], colour, 1.0))
            .add(label(area.x - 8.0, y + 4.0, SMALL, Anchor::End, &text).set("fill", GREY));
    }
    sheet
}

/// Time from left to right.
#[derive(Debug, Clone, Copy)]
struct Axis {
    from: i64,
    to: i64,
    zone: Zone,
    area: Area,
}

/// Pixels of a time's label, with room.
const TIME_PIXELS: f64 = 92.0;

impl Axis {
    fn x_of(&self, at: i64) -> f64 {
        let share = at.saturating_sub(self.from) as f64 / self.to.saturating_sub(self.from) as f64;
        self.area.x + share * self.area.width
    }

    /// Local times in round steps, as instants.
    fn ticks(&self) -> (i64, Vec<i64>) {
        const MINUTE: i64 = 60 * SECOND;
        const HOUR: i64 = 60 * MINUTE;
        let steps = [
            SECOND,
            10 * SECOND,
            MINUTE,
            5 * MINUTE,
            15 * MINUTE,
            30 * MINUTE,
            HOUR,
            3 * HOUR,
            6 * HOUR,
            12 * HOUR,
            DAY,
            2 * DAY,
            7 * DAY,
            14 * DAY,
            28 * DAY,
            91 * DAY,
            364 * DAY,
            3_640 * DAY,
        ];
        let span = self.to.saturating_sub(self.from);
        let room = (self.area.width / TIME_PIXELS).floor() as i64;
        let step = steps.into_iter().find(|step| span / step <= room).unwrap_or(i64::MAX / 4);
        let local = |at: i64| at.saturating_add(self.zone.offset(at));
        let first = local(self.from).div_euclid(step).saturating_mul(step);
        let ticks = (0..room + 2)
            .map(|number| self.zone.earliest(first.saturating_add(step.saturating_mul(number))))
            .filter(|at| (self.from..=self.to).contains(at));
        (step, ticks.collect())
    }

    fn write_net(&self, mut sheet: Document) -> Document {
        for at in self.ticks().1 {
            let x = self.x_of(at);
            sheet = sheet.add(line(&[vec![(x, self.area.y), (x, self.area.bottom())]], FAINT, 1.0));
        }
        sheet
    }

    /// The time of day, and below it the date where it is another than before.
    fn write_times(&self, mut sheet: Document) -> Document {
        let (step, ticks) = self.ticks();
        let mut date_before = String::new();
        for at in ticks {
            let text = self.zone.text(Timestamp::from_micros(at));
            let date = text.get(..10).unwrap_or(&text).to_owned();
            let time = text.get(11..if step < 60 * SECOND { 19 } else { 16 }).unwrap_or_default();
            let half = TIME_PIXELS / 2.0 - 8.0;
            let x = self.x_of(at).clamp(half, WIDTH - half);
            let y = self.area.bottom() + 17.0;
            let (upper, lower) =
                if step < DAY { (time, date.as_str()) } else { (date.as_str(), "") };
            sheet = sheet.add(label(x, y, SMALL, Anchor::Middle, upper).set("fill", INK));
            if !lower.is_empty() && date != date_before {
                sheet =
                    sheet.add(label(x, y + 15.0, SMALL, Anchor::Middle, lower).set("fill", GREY));
            }
            date_before = date;
        }
        sheet
    }
}

impl BarPlot {
    /// As an SVG picture of 1200 by 800.
    #[must_use]
    pub fn svg(&self) -> String {
        let mut sheet = sheet(&self.title, &self.note);
        if self.names.is_empty() || self.series.is_empty() {
            return nothing(sheet).to_string();
        }
        let shown = self.names.len().min(BARS_MAX);
        let series = &self.series[..self.series.len().min(3)];
        let names = self.names[..shown].iter().map(|name| draw::width(name, SMALL));
        // As wide as the widest to the bit, which then is not cut.
        let room = names.fold(60.0, f64::max).min(300.0);
        let left = room + 32.0;
        let (top, bottom) = (92.0, HEIGHT - 34.0);
        let height = ((bottom - top) / shown as f64).min(34.0);
        for (place, name) in self.names[..shown].iter().enumerate() {
            let y = top + height * (place as f64 + 0.5) + 4.0;
            let name = fit(name, room, SMALL);
            sheet = sheet.add(label(left - 12.0, y, SMALL, Anchor::End, &name));
        }
        let width = (WIDTH - left - RIGHT) / series.len() as f64;
        for (number, series) in series.iter().enumerate() {
            let x = left + width * number as f64;
            let area = Area { x, y: top, width: width - 16.0, height: height * shown as f64 };
            sheet = bars(sheet, series, shown, area, COLOURS[number]);
        }
        if self.names.len() > shown {
            let more = format!("and {} more", thousands((self.names.len() - shown) as u64));
            let more = label(left, HEIGHT - 14.0, SMALL, Anchor::Start, &more);
            sheet = sheet.add(more.set("fill", GREY));
        }
        sheet.to_string()
    }
}

/// The bars of one series from the line of 0 to either side, each with its value.
fn bars(mut sheet: Document, series: &Series, shown: usize, area: Area, colour: &str) -> Document {
    let heading =
        label(area.x, area.y - 10.0, MIDDLE, Anchor::Start, &fit(&series.name, area.width, MIDDLE));
    sheet = sheet.add(heading.set("font-weight", "bold"));
    let values = || (0..shown).map(|place| series.at(place));
    let (least, most) = (values().fold(0.0, f64::min), values().fold(0.0, f64::max));
    let room_for_value = 74.0;
    let sides = if least < 0.0 { 2.0 } else { 1.0 };
    let scale = (area.width - room_for_value * sides) / (most - least).max(f64::MIN_POSITIVE);
    let zero = area.x + if least < 0.0 { room_for_value - least * scale } else { 0.0 };
    let height = area.height / shown as f64;
    for (place, value) in values().enumerate() {
        let length = value.abs() * scale;
        let (x, text_x, anchor) = match value < 0.0 {
            true => (zero - length, zero - length - 6.0, Anchor::End),
            false => (zero, zero + length + 6.0, Anchor::Start),
        };
        let y = area.y + height * place as f64;
        let bar = Rectangle::new()
            .set("x", draw::tenth(x))
            .set("y", draw::tenth(y + height * 0.15))
            .set("width", draw::tenth(length))
            .set("height", draw::tenth(height * 0.7))
            .set("fill", colour);
        let text = figure(value);
        sheet = sheet.add(bar).add(label(text_x, y + height / 2.0 + 4.0, SMALL, anchor, &text));
    }
    let axis = vec![(zero, area.y), (zero, area.bottom())];
    sheet.add(line(&[axis], GREY, 1.0))
}

/// Whole figures with commas, others with as many decimals as tell them apart.
fn figure(value: f64) -> String {
    let sign = if value < 0.0 { "-" } else { "" };
    let size = value.abs();
    match size {
        _ if size.fract() == 0.0 && size < 1e15 => format!("{sign}{}", thousands(size as u64)),
        ..1.0 => format!("{sign}{size:.3}"),
        ..100.0 => format!("{sign}{size:.1}"),
        _ => format!("{sign}{}", thousands(size.round() as u64)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn series_beyond_the_colours_are_piled_up_as_one() {
        let series: Vec<_> = (0..9).map(|n| Series::new(n.to_string(), [1.0, 2.0])).collect();
        let merged = merged(&series);
        assert_eq!(merged.len(), SERIES_MAX);
        assert_eq!(merged[5], Series::new("4 others", [4.0, 8.0]));
    }

    #[test]
    fn times_are_round_in_their_zone() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap().as_micros();
        let axis = Axis {
            from: at("2026-11-23T09:50:00Z"),
            to: at("2026-11-23T15:10:00Z"),
            zone: "+05:30".parse().unwrap(),
            area: area(0.0, 100.0),
        };
        let (step, ticks) = axis.ticks();
        assert_eq!(step, 1_800 * SECOND);
        assert_eq!((ticks.first(), ticks.len()), (Some(&at("2026-11-23T10:00:00Z")), 11));
        let decades = Axis { from: i64::MIN / 2, to: i64::MAX / 2, ..axis };
        assert!(decades.ticks().1.len() < 20);
    }

    #[test]
    fn names_that_have_room_are_whole() {
        let names = ["less than 10 ms off", "10 ms to 100 ms slow", "1 d to 30 d fast", "a"];
        for name in names {
            let plot = BarPlot {
                title: String::new(),
                note: String::new(),
                names: vec![name.to_owned()],
                series: vec![Series::new("Sessions", [1.0])],
            };
            assert!(plot.svg().contains(name), "{name}");
        }
    }

    #[test]
    fn figures_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (-1_234.0, "-1,234"),
            (0.25, "0.250"),
            (12.34, "12.3"),
            (1e18, "1,000,000,000,000,000,000"),
        ] {
            assert_eq!(figure(value), text);
        }
    }
}
