// Owns: charts over time, drawn by uPlot: their colours, axes in the chosen zone, what a bucket reads, and the brush
// by mouse, finger and keyboard. Does not own what is drawn, nor what a selection means.

/* global uPlot */
import { el } from './dom.js';
import { compact, date, hour, zoneName } from './format.js';

/** A shorter stroke is a click, in pixels. */
const BRUSH_MIN = 6;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Charts that are on the page, to be painted again in another scheme. */
const shown = new Set();

export function repaint() {
  shown.forEach((chart) => chart.plot.redraw(false));
}

function axes(series) {
  const font = '12px ' + getComputedStyle(document.body).fontFamily;
  const common = { font, stroke: () => colour('--soft'), grid: { stroke: () => colour('--line'), width: 1 }, ticks: { show: false } };
  const label = (at, step) => {
    if (step >= 86400 * 365) return date(at).slice(0, 4);
    if (step >= 86400 * 28) return date(at).slice(0, 7);
    if (step >= 86400) return date(at).slice(5);
    return step >= 60 ? hour(at).slice(0, 5) : hour(at);
  };
  const values = (plot, splits, axis, space, step) => {
    let before = null;
    return splits.map((split) => {
      const at = split * 1000;
      const day = date(at);
      const text = label(at, step);
      // The day, or the year, is said where it changes.
      const context = step >= 86400 * 28 ? null : step >= 86400 ? day.slice(0, 4) : day;
      const more = context !== null && context !== before ? '\n' + context : '';
      before = context;
      return text + more;
    });
  };
  return [
    { ...common, values, space: 70, size: 40, grid: { show: false } },
    { ...common, size: series.some((one) => one.wide) ? 64 : 48, space: 32, values: (plot, splits) => splits.map((value) => (Number.isInteger(value) ? compact(value) : '')) },
  ];
}

function lines(series) {
  return series.map((one) => {
    const common = { label: one.label, points: { show: false }, stroke: () => colour(one.colour) };
    if (one.kind === 'line') return { ...common, width: 1.5, paths: uPlot.paths.stepped({ align: 1 }) };
    return { ...common, width: 0, fill: () => colour(one.colour), paths: uPlot.paths.bars({ size: [0.92, 64], align: 1, gap: 0 }) };
  });
}

/**
 * A chart of buckets. `series` have a label, the name of a colour and a kind, `bars` or `line`; `reads(place)` says a
 * bucket in words; `onbrush(from, to)`, where it is given, gets milliseconds; `say` speaks to screen readers.
 */
export class TimeChart {
  constructor({ label, series, height = 200, reads, onbrush, say }) {
    Object.assign(this, { reads, onbrush, say, buckets: [], range: [0, 1], selection: null, place: null });
    this.readout = el('p', { class: 'readout' });
    this.area = el('div', { class: 'plot', tabindex: '0', role: 'application', 'aria-roledescription': 'chart', 'aria-label': label
      + '. Left and right read the buckets' + (onbrush ? ', with Shift they select, Enter filters by the selection.' : '.'), 'data-key': 'chart ' + label });
    this.element = el('div', { class: 'chart' }, this.area, this.readout);
    this.height = height;
    this.plot = new uPlot({
      width: 600,
      height,
      padding: [8, 34, 0, 0],
      legend: { show: false },
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zoneName() === 'UTC' ? 'Etc/UTC' : zoneName()),
      cursor: { y: false, points: { show: false }, drag: { x: Boolean(onbrush), y: false, setScale: false } },
      scales: {
        x: { time: true, range: () => this.range },
        y: { range: (plot, least, most) => [0, Math.max(1, most ?? 1) * 1.08] },
      },
      axes: axes(series),
      series: [{}, ...lines(series)],
      hooks: { setSelect: [() => this.brushed()], setCursor: [() => this.read()] },
    }, [[], ...series.map(() => [])], this.area);
    this.area.addEventListener('keydown', (event) => this.key(event));
    if (onbrush) this.touch();
    this.sizes = new ResizeObserver(() => this.fit());
    this.sizes.observe(this.element);
    shown.add(this);
  }

  /** Buckets with `from` and `to` in milliseconds and a value for each series; and where the axis begins and ends. */
  set(buckets, from, to) {
    this.buckets = buckets;
    this.range = [from / 1000, Math.max(from + 1000, to) / 1000];
    const rows = [];
    buckets.forEach((bucket, place) => {
      rows.push([bucket.from / 1000, bucket.values]);
      const next = buckets[place + 1];
      // Where buckets are missing there was nothing.
      if (!next || next.from > bucket.to) rows.push([bucket.to / 1000, bucket.values.map(() => 0)]);
    });
    const count = buckets[0]?.values.length ?? this.plot.series.length - 1;
    const columns = Array.from({ length: count }, (_, series) => rows.map((row) => row[1][series]));
    this.plot.setData([rows.map((row) => row[0]), ...columns]);
    this.fit();
    this.read();
  }

  fit() {
    const width = Math.floor(this.element.clientWidth);
    if (width > 0 && width !== this.plot.width) this.plot.setSize({ width, height: this.height });
  }

  bucketAt(seconds) {
    return this.buckets.findIndex((bucket) => seconds * 1000 >= bucket.from && seconds * 1000 < bucket.to);
  }

  read() {
    const left = this.plot.cursor.left;
    if (this.place !== null && (left === undefined || left < 0)) return;
    const place = left === undefined || left < 0 ? -1 : this.bucketAt(this.plot.posToVal(left, 'x'));
    this.readout.textContent = place >= 0 ? this.reads(place) : this.resting ?? '';
  }

  /** What is read while no bucket is pointed at. */
  rest(text) {
    this.resting = text;
    this.read();
  }

  brushed() {
    const { left, width } = this.plot.select;
    if (width < BRUSH_MIN || !this.onbrush || this.keyed) return;
    const [from, to] = [left, left + width].map((at) => this.plot.posToVal(at, 'x') * 1000);
    this.clear();
    this.choose(from, to);
  }

  /** Buckets that are touched are meant whole. */
  choose(from, to) {
    const touched = this.buckets.filter((bucket) => bucket.to > from && bucket.from < to);
    if (touched.length) this.onbrush(touched[0].from, touched[touched.length - 1].to);
    else this.onbrush(Math.floor(from / 1000) * 1000, Math.ceil(to / 1000) * 1000);
  }

  clear() {
    this.selection = null;
    this.plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
  }

  key(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
    if (event.key in steps && this.buckets.length) {
      event.preventDefault();
      const last = this.buckets.length - 1;
      const before = this.place ?? (steps[event.key] < 0 ? last + 1 : -1);
      this.place = Math.max(0, Math.min(last, before + steps[event.key]));
      this.point(event.shiftKey ? Math.max(0, before) : null);
    } else if (event.key === 'Enter' && this.selection && this.onbrush) {
      const [first, last] = [...this.selection].sort((a, b) => a - b);
      const [from, to] = [this.buckets[first].from, this.buckets[last].to];
      this.clear();
      this.onbrush(from, to);
    } else if (event.key === 'Escape' && this.selection) {
      this.clear();
      this.say?.('Nothing is selected.');
    }
  }

  point(anchor) {
    const bucket = this.buckets[this.place];
    if (anchor === null) this.clear();
    else this.selection = [this.selection?.[0] ?? Math.min(anchor, this.buckets.length - 1), this.place];
    this.readout.textContent = this.reads(this.place);
    this.keyed = true;
    if (this.selection) {
      const [first, last] = [...this.selection].sort((a, b) => a - b);
      const left = this.plot.valToPos(this.buckets[first].from / 1000, 'x');
      const right = this.plot.valToPos(this.buckets[last].to / 1000, 'x');
      this.plot.setSelect({ left, width: right - left, top: 0, height: this.plot.over.clientHeight }, false);
    }
    this.plot.setCursor({ left: this.plot.valToPos((bucket.from + bucket.to) / 2000, 'x'), top: 0 }, false);
    this.keyed = false;
    this.say?.(this.reads(this.place) + (this.selection ? '. Selected.' : ''));
  }

  /** uPlot follows the mouse alone: a finger that goes sideways selects as well. */
  touch() {
    const over = this.plot.over;
    let from = null;
    const at = (event) => Math.max(0, Math.min(over.clientWidth, event.clientX - over.getBoundingClientRect().left));
    over.addEventListener('pointerdown', (event) => {
      if (event.pointerType === 'touch' && event.isPrimary) from = at(event);
    });
    over.addEventListener('pointermove', (event) => {
      if (from === null || event.pointerType !== 'touch') return;
      const to = at(event);
      this.plot.setSelect({ left: Math.min(from, to), width: Math.abs(to - from), top: 0, height: over.clientHeight }, false);
      this.plot.setCursor({ left: to, top: 0 }, false);
      this.read();
    });
    over.addEventListener('pointerup', (event) => {
      if (from === null || event.pointerType !== 'touch') return;
      from = null;
      this.brushed();
    });
    over.addEventListener('pointercancel', () => {
      from = null;
      this.clear();
    });
  }

  stop() {
    shown.delete(this);
    this.sizes.disconnect();
    this.plot.destroy();
  }
}
