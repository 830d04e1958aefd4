// Owns: the filters of the address as the service takes them, and in words. Does not own where they are chosen
// (`filters.js`).

import { RANGES } from './address.js';
import { iso, minute } from './format.js';

/** Where a state's stretch of time begins and ends, in milliseconds; `null` where it is open. */
export function reach(state, now) {
  const range = RANGES.find(([name]) => name === state.range);
  return range ? [now - range[2] * 1000, null] : [state.from, state.to];
}

/** The filter as the service takes it; `more` are conditions beside it. */
export function filterOf(state, now, { time = true, more = [] } = {}) {
  const all = [];
  const [from, to] = reach(state, now);
  if (time && (from !== null || to !== null)) {
    const range = {};
    if (from !== null) range.from = iso(from);
    if (to !== null) range.to = iso(to);
    all.push({ server_time: range });
  }
  if (state.types.length) all.push({ event_type: state.types });
  if (state.tags.length) all.push({ [state.allTags ? 'all_tags' : 'any_tag']: state.tags });
  if (state.box) all.push({ bounding_box: state.box });
  all.push(...more);
  if (all.length === 0) return 'all';
  return all.length === 1 ? all[0] : { and: all };
}

export const ofSession = (id) => ({ session: [id] });

/** The stretch of time in words. */
export function timeInWords(state) {
  const range = RANGES.find(([name]) => name === state.range);
  if (range) return range[1];
  if (state.from !== null && state.to !== null) return minute(state.from) + ' – ' + minute(state.to);
  if (state.from !== null) return 'Since ' + minute(state.from);
  return state.to === null ? 'All time' : 'Before ' + minute(state.to);
}

export function boxInWords({ west, south, east, north }) {
  const decimals = Math.max(0, Math.min(4, Math.ceil(1 - Math.log10(Math.max(1e-6, north - south)))));
  const side = (value, letters) => Math.abs(value).toFixed(decimals) + '°' + letters[value < 0 ? 1 : 0];
  return side(south, 'NS') + '–' + side(north, 'NS') + ', ' + side(west, 'EW') + '–' + side(east, 'EW');
}
