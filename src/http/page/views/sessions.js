// Owns: the list of sessions with their figures: sorted by the service, and paged here.

import { question } from '../api.js';
import { el, table, tiles } from '../dom.js';
import { sessionLink } from '../events.js';
import { counted, duration, metres, number, time } from '../format.js';
import { Panel } from '../panel.js';

const PAGE = 50;

/** Sessions are asked for in steps of so many, so that a turned page most often asks nothing. */
const STEP = 250;

/** The most that the service lists. */
const LISTED_MAX = 10000;

const COLUMNS = [
  { title: 'Session', sort: 'id' },
  { title: 'First', sort: 'first', className: 'time', cell: (one) => time(one.first) },
  { title: 'Last', sort: 'last', className: 'time', cell: (one) => time(one.last) },
  { title: 'Duration', sort: 'duration', number: true, cell: (one) => duration(one.duration_micros) },
  { title: 'Active', sort: 'active', number: true, cell: (one) => duration(one.active_micros) },
  { title: 'Events', sort: 'events', number: true, cell: (one) => number(one.events) },
  { title: 'Actions', sort: 'actions', number: true, cell: (one) => number(one.actions) },
  { title: 'Distance', sort: 'metres', number: true, cell: (one) => (one.points ? metres(one.metres) : '–') },
  { title: 'Listening', sort: 'listening', number: true, cell: (one) => (one.choices ? duration(one.listening_micros) : '–') },
  { title: 'Recordings', sort: 'recordings_started', number: true, cell: (one) => number(one.recordings_started) },
  { title: 'Abandoned', sort: 'abandoned', number: true, cell: (one) => number(one.abandoned) },
  { title: 'Errors', sort: 'errors', number: true, cell: (one) => el('span', { class: one.errors ? 'bad' : '', text: number(one.errors) }) },
];

function sorting(state) {
  const known = COLUMNS.some((column) => column.sort === state.sort);
  return known ? { sort: state.sort, order: state.order ?? 'desc' } : { sort: 'last', order: 'desc' };
}

function pager(page, total) {
  const pages = Math.max(1, Math.ceil(Math.min(total, LISTED_MAX) / PAGE));
  const at = Math.min(page.state.page, pages);
  const button = (text, to) => el('button', { type: 'button', disabled: to < 1 || to > pages, 'data-key': 'page ' + text, onclick: () => page.go({ page: to }), text });
  const first = (at - 1) * PAGE;
  return el('nav', { class: 'pager', 'aria-label': 'Pages of the list' },
    button('Previous', at - 1),
    el('span', { role: 'status', text: number(total === 0 ? 0 : first + 1) + '–' + number(Math.min(total, first + PAGE)) + ' of ' + number(total) }),
    button('Next', at + 1));
}

export function sessions(page) {
  let kept = null;

  async function ask(signal, quiet) {
    const { sort, order } = sorting(page.state);
    const limit = Math.min(LISTED_MAX, Math.ceil((page.state.page * PAGE) / STEP) * STEP);
    const key = JSON.stringify([sort, order, page.filter({ time: false }), page.state.range, page.state.from, page.state.to]);
    if (!quiet && kept && kept.key === key && kept.limit >= limit) return kept;
    kept = { ...await question('sessions', { filter: page.filter(), sort, order, limit }, signal), key, limit };
    return kept;
  }

  const columns = [{ ...COLUMNS[0], cell: (one) => sessionLink(page, one.id) }, ...COLUMNS.slice(1)];
  const panel = new Panel({
    title: 'All sessions',
    ask,
    empty: ({ sessions: list }) => (list.length ? null : page.filtered() ? 'No session has an event that passes these filters.' : 'There are no sessions yet.'),
    draw: ({ totals, duration_micros: lengths, events, metres: ways, sessions: list }) => {
      const { sort, order } = sorting(page.state);
      const first = (page.state.page - 1) * PAGE;
      return [
        tiles([
          ['Sessions', number(totals.sessions), null, 'tile-sessions'],
          ['Events', number(totals.events), events ? 'half have up to ' + number(events.median) : null],
          ['Duration', lengths ? duration(lengths.median) : '–', lengths ? 'median; a tenth over ' + duration(lengths.p90) : null],
          ['Distance', ways ? metres(ways.median) : '–', ways ? 'median of ' + counted(ways.count, 'session') + ' with a place' : 'no places'],
          ['Recordings', number(totals.recordings_started), counted(totals.abandoned, 'was', 'were') + ' abandoned'],
          ['Errors', number(totals.errors), null],
        ]),
        page.state.types.length || page.state.tags.length || page.state.box
          ? el('p', { class: 'note', text: 'Figures are of the events that pass the filters, not of whole sessions.' }) : null,
        table({ caption: 'Sessions with their figures', columns, rows: list.slice(first, first + PAGE), key: (one) => one.id, sort, order,
          onsort: (by, turned) => page.go({ sort: by, order: turned, page: 1 }) }),
        pager(page, totals.sessions),
        totals.sessions > LISTED_MAX ? el('p', { class: 'soft', text: 'The list ends after ' + number(LISTED_MAX) + ' sessions. Sort or filter to see others.' }) : null,
      ];
    },
  });
  return { panels: [panel], nodes: [panel.element], stop: () => panel.stop() };
}
