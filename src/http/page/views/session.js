// Owns: one session whole: its figures, its way on a map, when it did what, its errors, its tags and its events.

/* global L */
import { query, question } from '../api.js';
import { bucketSeconds, lengthName } from '../buckets.js';
import { bar, el, facts, said, svg, table } from '../dom.js';
import { eventTable, tagList } from '../events.js';
import { ofSession } from '../filter.js';
import { counted, date, duration, hour, metres, micros, millis, minute, number, span, time } from '../format.js';
import { histogram } from '../histogram.js';
import { ALL, kindName, kindOf, mark, sample } from '../kinds.js';
import { BaseMap, beside, colour } from '../map.js';
import { Panel } from '../panel.js';
import { errorList } from './errors.js';

/** Events of a way that are drawn. */
const WAY_MAX = 10000;

/** More steps than this are a line alone. */
const STEPS_MAX = 3000;

const LISTED = 100;

/** Events that are listed at most, however often more are asked for. */
const LISTED_MAX = 2000;

const LANES_MAX = 14;

/** Milliseconds for which one answer serves several panels. */
const SHARED_FOR = 2000;

function figures(one) {
  return facts([
    ['First event', time(one.first)],
    ['Last event', time(one.last)],
    ['Duration', duration(one.duration_micros)],
    ['Active', duration(one.active_micros)],
    ['Events', number(one.events)],
    ['Actions', number(one.actions)],
    ['Distance', one.points ? metres(one.metres) + ' over ' + counted(one.points, 'point') : 'no place'],
    ['Listening', one.choices ? duration(one.listening_micros) + ', ' + counted(one.choices, 'choice') : 'nothing chosen'],
    ['Recordings', number(one.recordings_started) + ' started, ' + number(one.abandoned) + ' abandoned'],
    ['Uploads', number(one.uploads_started) + ' started, ' + number(one.uploads_stopped) + ' arrived'],
    ['Errors', el('span', { class: one.errors ? 'bad' : '', text: number(one.errors) })],
    ['Clock', one.skew_micros === undefined ? 'not told' : Math.abs(one.skew_micros) < 1000 ? 'as the service’s'
      : duration(Math.abs(one.skew_micros)) + (one.skew_micros > 0 ? ' fast' : ' slow')],
  ]);
}

/** What an event says, in a popup: nodes, never markup. */
function popup(event) {
  return el('div', { class: 'popup' }, facts([
    ['Type', said(event.event_type)],
    ['Time', time(event.server_time)],
    event.tags?.length ? ['Tags', tagList(event.tags)] : null,
    event.data ? ['Data', said(event.data)] : null,
  ]));
}

function wayPanel(page, id) {
  const map = new BaseMap('The way of the session');
  const legend = el('ul', { class: 'legend' });
  let group = null;
  let fitted = false;
  let report = null;

  function paint() {
    if (!map.map || !report) return;
    group?.remove();
    group = L.featureGroup();
    const placed = report.tracks.flatMap((track) => track.events).filter((event) => event.latitude !== undefined);
    const way = [];
    for (const event of placed) way.push([event.latitude, way.length ? beside(event.longitude, way[way.length - 1][1]) : event.longitude]);
    const line = L.polyline(way, { color: colour('--way'), weight: 2.5, opacity: 0.8, interactive: false });
    const counts = new Map();
    placed.forEach((event) => counts.set(kindOf(event.event_type), (counts.get(kindOf(event.event_type)) ?? 0) + 1));
    // Steps lie under the line, what tells more lies over it.
    for (const kind of [...ALL].reverse()) {
      if (kind === 'step' && (counts.get('step') ?? 0) > STEPS_MAX) continue;
      if (kind !== 'step' && !group.hasLayer(line)) group.addLayer(line);
      placed.forEach((event, place) => {
        if (kindOf(event.event_type) === kind) group.addLayer(mark(way[place], kind).bindPopup(() => popup(event), { maxWidth: 300 }));
      });
    }
    if (!group.hasLayer(line)) group.addLayer(line);
    if (way.length) {
      const end = (place, text, direction) => group.addLayer(L.tooltip({ permanent: true, direction, className: 'way-end' })
        .setLatLng(way[place]).setContent(el('span', { text })));
      end(0, 'begins ' + hour(placed[0].server_time).slice(0, 5), 'top');
      if (way.length > 1) end(way.length - 1, 'ends ' + hour(placed[placed.length - 1].server_time).slice(0, 5), 'bottom');
    }
    group.addTo(map.map);
    if (!fitted && way.length) map.fit(L.latLngBounds(way));
    fitted ||= way.length > 0;
    legend.replaceChildren(...ALL.filter((kind) => counts.has(kind)).map((kind) => el('li', null, sample(kind), kindName(kind) + ': ' + number(counts.get(kind)))));
  }

  const panel = new Panel({
    title: 'Way',
    holds: () => map.busy(),
    ask: (signal) => question('tracks', { filter: ofSession(id), events_max: WAY_MAX }, signal),
    empty: (found) => (found.events > found.nowhere ? null : 'No event of this session has a place.'),
    draw: (found) => {
      report = found;
      const said = counted(found.events - found.nowhere, 'event') + ' with a place, ' + number(found.nowhere) + ' without.'
        + (found.left_out ? ' The first ' + number(WAY_MAX) + ' are drawn.' : '');
      // Leaflet measures the element, so that it must be on the page first.
      requestAnimationFrame(() => {
        if (!map.map && map.element.isConnected) {
          map.onrepaint = paint;
          map.start();
        }
        paint();
      });
      note.textContent = said;
      return [note, map.element, legend];
    },
  });
  const note = el('p', { class: 'soft small-print' });
  panel.end = () => map.stop();
  return panel;
}

/** Types as lanes, shaded where there is more. */
function lanes(buckets, seconds, from, to) {
  const totals = new Map();
  buckets.forEach((bucket) => bucket.by_type.forEach((one) => totals.set(one.key, (totals.get(one.key) ?? 0) + one.count)));
  const types = [...totals.keys()].sort((a, b) => totals.get(b) - totals.get(a)).slice(0, LANES_MAX);
  const length = Math.max(1, to - from);
  const rows = types.map((type) => {
    const of = buckets.map((bucket) => [bucket, bucket.by_type.find((one) => one.key === type)?.count ?? 0]).filter(([, count]) => count > 0);
    const most = of.reduce((greatest, [, count]) => Math.max(greatest, count), 1);
    const marks = of.map(([bucket, count]) => {
      const x = ((millis(bucket.start) - from) / length) * 1000;
      const width = Math.max(4, ((millis(bucket.end) - millis(bucket.start)) / length) * 1000 - 1);
      return svg('rect', { x: Math.max(0, x).toFixed(1), y: 2, width: width.toFixed(1), height: 14, class: type === 'client_error' ? 'lane-mark lane-bad' : 'lane-mark',
        'fill-opacity': (0.35 + 0.65 * (Math.log1p(count) / Math.log1p(most))).toFixed(2) },
      svg('title', { text: span(bucket.start, bucket.end) + ': ' + number(count) }));
    });
    return el('li', null, el('span', { class: 'lane-name' }, said(type, 40)), el('span', { class: 'count', text: number(totals.get(type)) }),
      svg('svg', { class: 'lane', viewBox: '0 0 1000 18', preserveAspectRatio: 'none', 'aria-hidden': 'true' }, marks));
  });
  const label = date(from) === date(to) ? hour : minute;
  return [
    el('ul', { class: 'lanes' }, rows),
    el('p', { class: 'lane-axis', 'aria-hidden': 'true' }, el('span', { text: label(from) }), el('span', { text: label(to) })),
    el('p', { class: 'soft small-print', text: (totals.size > types.length ? 'The ' + LANES_MAX + ' most frequent of ' + totals.size + ' types. ' : '')
      + 'A mark is ' + lengthName(seconds) + '; the stronger, the more events.' }),
  ];
}

function timelinePanel(id, report) {
  return new Panel({
    title: 'Timeline',
    ask: async (signal) => {
      const whole = await report();
      if (!whole) return { found: null, gaps: [] };
      const [from, to] = [millis(whole.first), millis(whole.last)];
      const seconds = bucketSeconds(from, to, 160);
      const { found, gaps } = await histogram(ofSession(id), seconds, signal, { by_type: true });
      return { found: { buckets: found.buckets, seconds, from: Math.min(from, millis(found.buckets[0].start)), to: Math.max(to, millis(found.buckets.at(-1).end)) }, gaps };
    },
    empty: (found) => (found ? null : 'There is nothing to show.'),
    draw: ({ buckets, seconds, from, to }) => lanes(buckets, seconds, from, to),
  });
}

function tagsPanel(page, report) {
  return new Panel({
    title: 'Tags chosen',
    ask: async () => ({ found: (await report())?.tags ?? [], gaps: [] }),
    empty: (tags) => (tags.length ? null : 'This session chose no tags.'),
    draw: (tags) => table({ caption: 'Tags that the session chose', rows: tags.slice(0, 200), key: (one) => one.tag, columns: [
      { title: 'Tag', cell: (one) => said(one.tag, 64) },
      { title: 'Choices', number: true, cell: (one) => number(one.choices) },
      { title: 'Listening', number: true, cell: (one) => duration(one.listening_micros) },
      { title: '', className: 'bar-cell', cell: (one) => bar(one.listening_micros / Math.max(1, tags[0].listening_micros)) },
    ] }),
  });
}

function eventsPanel(page, id) {
  const kept = [];
  let more = false;

  async function read(signal, after, limit) {
    const body = { filter: ofSession(id), limit: limit + 1 };
    if (after) body.after = micros(after.server_time) + ':' + after.id;
    const { found, gaps } = await query(body, signal);
    more = found.length > limit;
    return { found: found.slice(0, limit), gaps };
  }

  const panel = new Panel({
    title: 'Events',
    className: 'wide',
    ask: async (signal) => {
      const { found, gaps } = await read(signal, null, Math.max(LISTED, kept.length));
      kept.splice(0, kept.length, ...found);
      return { found: kept, gaps };
    },
    empty: (events) => (events.length ? null : 'There are none.'),
    draw: (events) => [
      eventTable(page, 'Events of the session, the earliest first', events, { session: false }),
      el('p', { class: 'pager' },
        el('span', { role: 'status', text: 'The first ' + number(events.length) + (more ? '' : ', which are all') + '.' }),
        more && events.length < LISTED_MAX ? el('button', { type: 'button', text: 'Show more', 'data-key': 'more', onclick: async (event) => {
          event.target.disabled = true;
          const added = await read(undefined, kept[kept.length - 1], LISTED).catch(() => null);
          if (added) kept.push(...added.found);
          panel.show(kept, added?.gaps ?? []);
        } }) : null,
        more && events.length >= LISTED_MAX ? el('span', { class: 'soft', text: 'The list ends here; the query call gives all.' }) : null),
    ],
  });
  return panel;
}

export function session(page) {
  const id = page.state.session;
  const left = new AbortController();
  let shared = null;
  // Three panels wait for one answer.
  const report = () => {
    if (!shared || performance.now() > shared.until) {
      shared = { until: performance.now() + SHARED_FOR, promise: question('session', { id }, left.signal) };
    }
    return shared.promise.then(({ found }) => found);
  };
  const summary = new Panel({
    title: 'Figures',
    ask: async () => ({ found: await report(), gaps: [] }),
    empty: (found) => (found ? null : 'The log has no event of a session with this id.'),
    draw: (found) => figures(found),
  });
  const failures = new Panel({
    title: 'Errors',
    ask: (signal) => question('errors', { filter: ofSession(id), limit: 50 }, signal),
    empty: (found) => (found.count ? null : 'This session reported no errors.'),
    draw: (found) => errorList(page, found, { sessions: false }),
  });
  const way = wayPanel(page, id);
  const panels = [summary, way, timelinePanel(id, report), failures, tagsPanel(page, report), eventsPanel(page, id)];
  const [, , timeline, , heard, events] = panels;
  return {
    title: el('span', null, 'Session ', said(id, 128)),
    aside: el('a', { class: 'back', href: page.link('sessions'), text: 'All sessions' }),
    panels,
    nodes: [summary.element, way.element, timeline.element, el('div', { class: 'columns even' }, failures.element, heard.element), events.element],
    stop: () => {
      panels.forEach((panel) => panel.stop());
      left.abort();
      way.end();
    },
  };
}
