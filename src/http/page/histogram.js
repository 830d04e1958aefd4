// Owns: the question of events by bucket of time, in the zone of the page, and its answer as a chart takes it.

import { Refusal, question } from './api.js';
import { millis, zoneName } from './format.js';

/** Whether the service knows zones by name; one that does not is told the offset. */
let named = true;

function offset() {
  const minutes = -new Date().getTimezoneOffset();
  const two = (value) => String(Math.floor(value)).padStart(2, '0');
  return (minutes < 0 ? '-' : '+') + two(Math.abs(minutes) / 60) + ':' + two(Math.abs(minutes) % 60);
}

function zone() {
  if (zoneName() === 'UTC') return 'UTC';
  return named ? zoneName() : offset();
}

/** Events by buckets of so many seconds. */
export async function histogram(filter, seconds, signal, more = {}) {
  const body = () => ({ filter, bucket_micros: seconds * 1e6, zone: zone(), ...more });
  try {
    return await question('histogram', body(), signal);
  } catch (error) {
    const unknown = error instanceof Refusal && error.status === 400 && /zone/i.test(error.message) && named && zone() !== 'UTC';
    if (!unknown) throw error;
    named = false;
    return question('histogram', body(), signal);
  }
}

/** Buckets as a chart takes them; `values` picks the figures of one. */
export function plotted(buckets, values) {
  return buckets.map((bucket) => ({ from: millis(bucket.start), to: millis(bucket.end), values: values(bucket) }));
}

/** Where the newer answer begins it takes the place of the older one. */
export function merged(older, newer, fromMs) {
  return [...older.filter((bucket) => millis(bucket.start) < fromMs), ...newer.filter((bucket) => millis(bucket.start) >= fromMs)];
}
