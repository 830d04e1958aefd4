// Owns: how figures, times and lengths are written. Does not own which zone is chosen (`switches.js`).

const WHOLE = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const FINE = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });
const SHORT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

let zone = 'UTC';
let clock = clockOf(zone);

function clockOf(name) {
  const parts = { year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit' };
  return new Intl.DateTimeFormat('sv-SE', { ...parts, hourCycle: 'h23', timeZone: name });
}

/** The zone of this browser, by name. */
export function localZone() {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
}

/** Times are written by the clock of this zone from now on. */
export function useZone(name) {
  zone = name;
  clock = clockOf(name);
}

export function zoneName() {
  return zone;
}

export function number(value) {
  return WHOLE.format(value);
}

/** In few characters, for axes. */
export function compact(value) {
  return Math.abs(value) < 10000 ? FINE.format(value) : SHORT.format(value);
}

export function counted(value, one, many = one + 's') {
  return number(value) + ' ' + (value === 1 ? one : many);
}

export function bytes(value) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let size = value;
  let unit = 0;
  while (size >= 1024 && unit + 1 < units.length) {
    size /= 1024;
    unit += 1;
  }
  return FINE.format(size) + ' ' + units[unit];
}

export function metres(value) {
  return value < 1000 ? WHOLE.format(value) + ' m' : FINE.format(value / 1000) + ' km';
}

/** A length of time in its two greatest units; of milliseconds and less where it is so short. */
export function duration(micros) {
  const sign = micros < 0 ? '−' : '';
  const seconds = Math.abs(micros) / 1e6;
  if (seconds < 1) return sign + FINE.format(seconds * 1000) + ' ms';
  if (seconds < 60) return sign + FINE.format(seconds) + ' s';
  const units = [['y', 31557600], ['d', 86400], ['h', 3600], ['min', 60], ['s', 1]];
  const whole = Math.round(seconds);
  const first = units.findIndex(([, length]) => whole >= length);
  const [name, length] = units[first];
  const count = Math.floor(whole / length);
  const [less, lesser] = units[first + 1];
  const rest = Math.floor((whole - count * length) / lesser);
  return sign + count + ' ' + name + (rest > 0 ? ' ' + rest + ' ' + less : '');
}

/** Milliseconds of a time as the service writes it; not a number where no calendar here reaches it. */
export function millis(text) {
  return Date.parse(text);
}

/** Microseconds of a time as the service writes it, whole. */
export function micros(text) {
  const fraction = /\.(\d+)Z$/.exec(text)?.[1] ?? '';
  const seconds = BigInt(Math.floor(Date.parse(text.replace(/\.\d+Z$/, 'Z')) / 1000));
  return seconds * 1000000n + BigInt(fraction.padEnd(6, '0').slice(0, 6));
}

/** An instant as the service reads it. */
export function iso(ms) {
  return new Date(ms).toISOString().replace(/\.000Z$/, 'Z');
}

function shown(ms, from, to) {
  const value = typeof ms === 'string' ? millis(ms) : ms;
  if (!Number.isFinite(value)) return String(ms);
  return clock.format(value).slice(from, to);
}

/** Date and time to the second. */
export function time(at) {
  return shown(at, 0, undefined);
}

export function date(at) {
  return shown(at, 0, 10);
}

/** Time of the day to the second. */
export function hour(at) {
  return shown(at, 11, 19);
}

/** Minutes, without the seconds. */
export function minute(at) {
  return shown(at, 0, 16);
}

/** Where a span reaches, without saying a day twice. */
export function span(from, to) {
  const [first, last] = [minute(from), minute(to)];
  if (first === last) return first;
  return first.slice(0, 10) === last.slice(0, 10) ? first + ' – ' + last.slice(11) : first + ' – ' + last;
}

/** A place in degrees, with so many decimals. */
export function degrees(latitude, longitude, decimals = 5) {
  return latitude.toFixed(decimals) + ', ' + longitude.toFixed(decimals);
}

/** What is filled into a field for local date and time, and what is read back. */
export function field(at) {
  return shown(at, 0, 19).replace(' ', 'T');
}

/** The instant at which a clock of the zone shows this local date and time; not a number where it is none. */
export function unfield(text) {
  const wall = Date.parse(text + (text.length === 16 ? ':00Z' : 'Z'));
  if (!Number.isFinite(wall)) return NaN;
  const off = (at) => Date.parse(clock.format(at).replace(' ', 'T') + 'Z') - at;
  const guess = wall - off(wall);
  return wall - off(guess);
}
