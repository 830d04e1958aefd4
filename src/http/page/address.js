// Owns: what the address says: the view, the filters, and how a list is sorted. All of it lives behind the `#`, so
// that back, forward and a bookmark work, and no filter is sent to any server as a part of an address.

/** Views by name, the first is where one begins. */
export const VIEWS = [
  ['overview', 'Overview'],
  ['sessions', 'Sessions'],
  ['map', 'Map'],
  ['tags', 'Tags'],
  ['errors', 'Errors'],
  ['clocks', 'Clocks'],
  ['health', 'Health'],
  ['store', 'Store'],
];

/** Stretches up to now, with their seconds. */
export const RANGES = [
  ['15m', 'Last 15 minutes', 900],
  ['1h', 'Last hour', 3600],
  ['24h', 'Last 24 hours', 86400],
  ['7d', 'Last 7 days', 604800],
  ['30d', 'Last 30 days', 2592000],
  ['365d', 'Last 365 days', 31536000],
];

/** As many values as a filter may have here. */
const VALUES_MAX = 200;

function instant(text) {
  const at = text === null ? NaN : Date.parse(text);
  return Number.isFinite(at) ? at : null;
}

function box(text) {
  const sides = (text ?? '').split(',').map(Number);
  if (sides.length !== 4 || !sides.every(Number.isFinite)) return null;
  const [west, south, east, north] = sides;
  const within = Math.abs(west) <= 180 && Math.abs(east) <= 180 && Math.abs(south) <= 90 && Math.abs(north) <= 90;
  return within && south <= north ? { west, south, east, north } : null;
}

function unescaped(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What an address says. What it says wrongly is as if it were not there. */
export function read(hash) {
  const [path, search] = hash.replace(/^#\/?/, '').split(/\?(.*)/s);
  const parameters = new URLSearchParams(search ?? '');
  const [name, ...rest] = path.split('/');
  const session = name === 'session' ? unescaped(rest.join('/')) : null;
  const view = session ? 'session' : VIEWS.some(([known]) => known === name) ? name : 'overview';
  const range = RANGES.some(([known]) => known === parameters.get('range')) ? parameters.get('range') : null;
  const from = range ? null : instant(parameters.get('from'));
  const to = range ? null : instant(parameters.get('to'));
  const values = (key) => [...new Set(parameters.getAll(key))].filter((value) => value !== '').slice(0, VALUES_MAX);
  return {
    view,
    session,
    range,
    from,
    to: from !== null && to !== null && to <= from ? null : to,
    types: values('type'),
    tags: values('tag'),
    allTags: parameters.get('tags') === 'all',
    box: box(parameters.get('box')),
    sort: parameters.get('sort'),
    order: parameters.get('order') === 'asc' ? 'asc' : parameters.get('order') === 'desc' ? 'desc' : null,
    page: Math.max(1, Math.min(1000, Number.parseInt(parameters.get('page') ?? '1', 10) || 1)),
  };
}

/** The address of a state. */
export function write(state) {
  const parameters = new URLSearchParams();
  if (state.range) parameters.set('range', state.range);
  if (state.from !== null) parameters.set('from', new Date(state.from).toISOString().replace('.000Z', 'Z'));
  if (state.to !== null) parameters.set('to', new Date(state.to).toISOString().replace('.000Z', 'Z'));
  state.types.forEach((value) => parameters.append('type', value));
  state.tags.forEach((value) => parameters.append('tag', value));
  if (state.allTags && state.tags.length > 1) parameters.set('tags', 'all');
  if (state.box) {
    const { west, south, east, north } = state.box;
    parameters.set('box', [west, south, east, north].map((side) => Number(side.toFixed(6))).join(','));
  }
  if (state.sort) parameters.set('sort', state.sort);
  if (state.order) parameters.set('order', state.order);
  if (state.page > 1) parameters.set('page', String(state.page));
  const path = state.view === 'session' ? 'session/' + encodeURIComponent(state.session) : state.view;
  const search = parameters.toString();
  return '#/' + path + (search ? '?' + search : '');
}

/** Another view with the same filters; how a list was sorted is of the view that is left. */
export function elsewhere(state, view, session = null) {
  return { ...state, view, session, sort: null, order: null, page: 1 };
}

/** Without any filter. */
export function unfiltered(state) {
  return { ...state, range: null, from: null, to: null, types: [], tags: [], allTags: false, box: null, page: 1 };
}

export function filtered(state) {
  return Boolean(state.range || state.from !== null || state.to !== null || state.types.length || state.tags.length || state.box);
}
