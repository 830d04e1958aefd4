// Owns: the first view: how many, when, of which types, and what came last.

import { count, query, question } from '../api.js';
import { bucketSeconds, lengthName } from '../buckets.js';
import { TimeChart } from '../chart.js';
import { bar, el, replace, said, table, tiles } from '../dom.js';
import { eventTable } from '../events.js';
import { filterOf, reach, timeInWords } from '../filter.js';
import { counted, iso, millis, minute, number, span, time } from '../format.js';
import { histogram, merged, plotted } from '../histogram.js';
import { Panel } from '../panel.js';

/** A session that is silent for longer is not alive, in microseconds: as the service has it by default. */
const ALIVE_MICROS = 600e6;

/** Events in the list of the latest. */
const LATEST = 25;

/** Types in the list. */
const TYPES_MAX = 12;

/** Buckets of the table beside the chart. */
const ROWS_MAX = 500;

/** The whole answer is asked for again after so many times as long as it took, in milliseconds at least. */
const WHOLE_TIMES = 20;
const WHOLE_MIN = 60000;

/** Buckets may be so many times more than there is room for before longer ones are asked for. */
const TOO_MANY = 1.5;

const DAY = 86400000;

/** Where the shown stretch of time begins and ends, as far as is known before anything is asked. */
function stretch(page) {
  const [from, to] = reach(page.state, page.now());
  const info = page.store()?.info;
  const first = info?.first_day ? millis(info.first_day) : page.now() - DAY;
  const last = info?.last_day ? millis(info.last_day) + DAY : page.now();
  const end = to ?? (page.state.range ? page.now() : Math.min(last, Math.max(page.now(), last - DAY + 1)));
  const begin = from ?? Math.min(first, end - 60000);
  return { from: begin, to: Math.max(end, begin + 60000), openFrom: from === null, openTo: to === null && !page.state.range };
}

/** How many sessions have had an event of late and have not ended. */
async function aliveNow(page, signal) {
  const now = page.now();
  const more = [{ server_time: { from: iso(now - ALIVE_MICROS / 1000) } }];
  const body = { filter: filterOf(page.state, now, { time: false, more }), at: iso(now), open_micros: ALIVE_MICROS, limit: 0 };
  return (await question('health', body, signal)).found.total.open;
}

async function errorsOf(page, signal) {
  const body = { filter: page.filter({ more: [{ event_type: ['client_error'] }] }) };
  return (await count(body, signal)).found.count;
}

/** Asks for the buckets, all of them or, quietly, those at the end again. */
function asker(page, width) {
  let kept = null;

  async function whole(signal) {
    const began = performance.now();
    let { from, to, openFrom, openTo } = stretch(page);
    const most = Math.max(60, Math.min(400, Math.floor(width() / 3)));
    let seconds = bucketSeconds(from, to, most);
    let answer = await histogram(page.filter(), seconds, signal);
    const found = answer.found.buckets;
    // Events may lie in a small part of the days that the store has, or beyond those that were known.
    if (found.length > 0 && (openFrom || openTo)) {
      if (openFrom) from = millis(found[0].start);
      if (openTo) to = millis(found[found.length - 1].end);
      const fitting = bucketSeconds(from, to, most);
      if (fitting !== seconds) {
        seconds = fitting;
        answer = await histogram(page.filter(), seconds, signal);
      }
    }
    kept = { ...answer, seconds, most, key: page.state, due: performance.now() + Math.max(WHOLE_MIN, WHOLE_TIMES * (performance.now() - began)) };
    return kept;
  }

  async function tail(signal) {
    const last = kept.found.buckets.at(-1);
    // Sessions that are alive at its beginning have had an event within that silence.
    const from = millis(last.start);
    const more = [{ server_time: { from: iso(from - ALIVE_MICROS / 1000) } }];
    const { found, gaps } = await histogram(page.filter({ more }), kept.seconds, signal);
    const begin = reach(page.state, page.now())[0] ?? -Infinity;
    const reached = millis(found.buckets.at(-1)?.end ?? last.end) - Math.max(begin, millis(kept.found.buckets[0].start));
    if (reached > TOO_MANY * kept.most * kept.seconds * 1000) return whole(signal);
    const buckets = merged(kept.found.buckets, found.buckets, from).filter((bucket) => millis(bucket.end) > begin);
    const events = buckets.reduce((sum, bucket) => sum + bucket.events, 0);
    const peak = found.peak && (!kept.found.peak || found.peak.sessions > kept.found.peak.sessions) ? found.peak : kept.found.peak;
    kept = { ...kept, gaps: [...new Map([...kept.gaps, ...gaps].map((gap) => [gap.day, gap])).values()],
      found: { ...kept.found, events, peak, buckets } };
    return kept;
  }

  return (signal, quiet) => {
    const again = quiet && kept && kept.key === page.state && kept.found.buckets.length > 0 && performance.now() < kept.due;
    return again ? tail(signal) : whole(signal);
  };
}

/** Buttons that move and zoom the stretch of time, for those without a mouse. */
function zoomButtons(page, shown) {
  const move = (from, to) => {
    const { first, last } = shown.limits;
    if (from <= first && to >= last) page.go({ range: null, from: null, to: null, page: 1 });
    else page.go({ range: null, from: Math.floor(from / 1000) * 1000, to: Math.ceil(to / 1000) * 1000, page: 1 });
  };
  const by = (turn) => () => {
    const length = shown.to - shown.from;
    turn(shown.from, shown.to, length);
  };
  const button = (text, name, turn) => el('button', { type: 'button', class: 'small', 'aria-label': name, title: name, onclick: by(turn), text, 'data-key': name });
  return el('div', { class: 'button-row', role: 'group', 'aria-label': 'Move and zoom the stretch of time' },
    button('◀', 'Earlier', (from, to, length) => move(from - length / 2, to - length / 2)),
    button('−', 'Zoom out', (from, to, length) => move(from - length / 2, to + length / 2)),
    button('+', 'Zoom in', (from, to, length) => move(from + length / 4, to - length / 4)),
    button('▶', 'Later', (from, to, length) => move(from + length / 2, to + length / 2)),
    el('button', { type: 'button', class: 'small', text: 'All time', 'data-key': 'all time', onclick: () => page.go({ range: null, from: null, to: null, page: 1 }) }));
}

function bucketTable(shown) {
  const rows = shown.buckets.slice(-ROWS_MAX);
  return [
    shown.buckets.length > ROWS_MAX ? el('p', { class: 'soft', text: 'The last ' + ROWS_MAX + ' buckets are listed.' }) : null,
    table({ caption: 'Events and sessions by bucket of time', rows, key: (row) => row.start, columns: [
      { title: 'From', className: 'time', cell: (row) => time(row.start) },
      { title: 'Events', number: true, cell: (row) => number(row.events) },
      { title: 'Sessions', number: true, cell: (row) => number(row.sessions) },
      { title: 'Alive at once', number: true, cell: (row) => number(row.alive_max) },
    ] }),
  ];
}

function activityPanel(page) {
  const shown = { buckets: [], from: 0, to: 1, limits: { first: 0, last: 0 } };
  const brush = (from, to) => page.go({ range: null, from, to, page: 1 });
  const reads = (place) => {
    const bucket = shown.buckets[place];
    return span(bucket.start, bucket.end) + ': ' + counted(bucket.events, 'event') + ', '
      + counted(bucket.sessions, 'session') + ', up to ' + number(bucket.alive_max) + ' alive at once';
  };
  const events = new TimeChart({ label: 'Events over time', height: 220, reads, onbrush: brush, say: page.say,
    series: [{ label: 'Events', colour: '--bar', kind: 'bars' }] });
  const alive = new TimeChart({ label: 'Sessions alive at once over time', height: 120, reads, onbrush: brush, say: page.say,
    series: [{ label: 'Alive', colour: '--second', kind: 'line' }] });
  const tileRow = el('div');
  const rows = el('div');
  const details = el('details', { class: 'alternative', ontoggle: () => {
    if (details.open) replace(rows, bucketTable(shown));
  } }, el('summary', { text: 'The same as a table' }), rows);
  const charts = el('div', null,
    el('h3', { class: 'chart-title', text: 'Events' }), events.element,
    el('h3', { class: 'chart-title', text: 'Sessions alive at once' }), alive.element, details);
  const ask = asker(page, () => panel.body.clientWidth);

  function drawTiles({ found, alive: aliveCount, errors }) {
    const peak = found.peak;
    replace(tileRow, tiles([
      ['Events', number(found.events), timeInWords(page.state), 'tile-events'],
      ['Sessions', number(found.sessions), 'with an event in it', 'tile-sessions'],
      ['Alive now', number(aliveCount), 'an event within 10 minutes', 'tile-alive'],
      ['Most alive at once', peak ? number(peak.sessions) : '–', peak ? minute(peak.at) : null, 'tile-peak'],
      ['Client errors', number(errors), el('a', { href: page.link('errors'), 'data-key': 'to errors', text: 'by message' }), 'tile-errors'],
    ]));
  }

  const panel = new Panel({
    title: 'Activity',
    // What is asked for again is the end alone.
    times: 2,
    controls: zoomButtons(page, shown),
    ask: async (signal, quiet) => {
      const [answer, aliveCount, errors] = await Promise.all([ask(signal, quiet), aliveNow(page, signal), errorsOf(page, signal)]);
      return { found: { ...answer, alive: aliveCount, errors }, gaps: answer.gaps };
    },
    draw: (answer) => {
      const { found, seconds } = answer;
      const { from, to } = stretch(page);
      const [setFrom, setTo] = reach(page.state, page.now());
      shown.buckets = found.buckets;
      shown.limits = { first: from, last: to };
      if (setFrom === null && found.buckets.length) shown.from = millis(found.buckets[0].start);
      else shown.from = from;
      if (setTo === null && !page.state.range && found.buckets.length) shown.to = millis(found.buckets.at(-1).end);
      else shown.to = to;
      const info = page.store()?.info;
      if (info?.first_day) shown.limits = { first: millis(info.first_day), last: millis(info.last_day) + DAY };
      drawTiles(answer);
      if (found.buckets.length === 0) {
        return [tileRow, el('p', { class: 'nothing' }, nothing(page), ' ', page.filtered()
          ? el('button', { type: 'button', class: 'link', text: 'Clear the filters', onclick: () => page.clear() }) : null)];
      }
      events.rest('A bar is ' + lengthName(seconds) + '. Select a stretch of time to filter by it.');
      alive.rest('A session is alive for 10 minutes after each event, unless it ends.');
      events.set(plotted(found.buckets, (bucket) => [bucket.events]), shown.from, shown.to);
      alive.set(plotted(found.buckets, (bucket) => [bucket.alive_max]), shown.from, shown.to);
      if (details.open) replace(rows, bucketTable(shown));
      return [tileRow, charts];
    },
  });
  panel.end = () => {
    events.stop();
    alive.stop();
  };
  return panel;
}

function nothing(page) {
  const info = page.store()?.info;
  if (!info?.first_day) return 'The log is empty. Events appear here as soon as they are logged.';
  return page.filtered() ? 'No event passes these filters. The log has events from ' + info.first_day + ' to ' + info.last_day + '.' : 'There are no events.';
}

function typesPanel(page) {
  return new Panel({
    title: 'Types',
    lead: 'Choose one to filter by it.',
    ask: async (signal) => {
      const { found, gaps } = await count({ filter: filterOf({ ...page.state, types: [] }, page.now()), by: 'event_type', limit: 1000 }, signal);
      return { found: found.counts, gaps };
    },
    empty: (counts) => (counts.length ? null : 'No event, no type.'),
    draw: (counts) => {
      const all = counts.reduce((sum, one) => sum + one.count, 0);
      const chosen = new Set(page.state.types);
      const shown = [...counts.slice(0, TYPES_MAX), ...counts.slice(TYPES_MAX).filter((one) => chosen.has(one.key))];
      const rest = counts.filter((one) => !shown.includes(one));
      const toggle = (key) => page.go({ types: chosen.has(key) ? page.state.types.filter((one) => one !== key) : [...page.state.types, key], page: 1 });
      return [
        el('ul', { class: 'bars' }, shown.map((one) => el('li', null,
          el('button', { type: 'button', class: 'bar-row', 'data-key': 'type ' + one.key, 'aria-pressed': String(chosen.has(one.key)), onclick: () => toggle(one.key) },
            said(one.key, 64), el('span', { class: 'count', text: number(one.count) }), bar(one.count / counts[0].count))))),
        rest.length ? el('p', { class: 'soft', text: 'And ' + counted(rest.length, 'other type') + ' with '
          + counted(rest.reduce((sum, one) => sum + one.count, 0), 'event') + ' of ' + number(all) + '.' }) : null,
      ];
    },
  });
}

function latestPanel(page) {
  const kept = [];
  const panel = new Panel({
    title: 'Latest events',
    lead: 'The newest first.',
    className: 'wide',
    live: false,
    ask: async (signal) => {
      const { found, gaps } = await query({ filter: page.filter(), order: 'desc', limit: LATEST }, signal);
      kept.splice(0, kept.length, ...found);
      return { found: kept, gaps };
    },
    empty: (events) => (events.length ? null : 'There is none.'),
    draw: (events) => [
      eventTable(page, 'Latest events', events),
    ],
  });
  /** Live events go to the front; as many as before stay. */
  panel.add = (events) => {
    if (panel.loading || panel.held() || !page.reachesNow()) return;
    const [from] = reach(page.state, page.now());
    const known = new Set(kept.map((event) => event.id));
    const fresh = events.filter((event) => !known.has(event.id) && (from === null || millis(event.server_time) >= from));
    if (fresh.length === 0) return;
    kept.push(...fresh);
    kept.sort((a, b) => millis(b.server_time) - millis(a.server_time) || b.id - a.id);
    kept.length = Math.min(kept.length, LATEST);
    panel.show(kept, []);
  };
  return panel;
}

export function overview(page) {
  const [activity, types, latest] = [activityPanel(page), typesPanel(page), latestPanel(page)];
  const panels = [activity, types, latest];
  return {
    panels,
    nodes: [activity.element, el('div', { class: 'columns' }, types.element, latest.element)],
    events: (events) => latest.add(events),
    stop: () => {
      panels.forEach((panel) => panel.stop());
      activity.end();
    },
  };
}
