// Owns: the store itself: its size, its days, what is thrown away and when, and whether it is well.

import { ready, store as askStore } from '../api.js';
import { bar, el, table, tiles } from '../dom.js';
import { bytes, counted, number, time } from '../format.js';
import { Panel } from '../panel.js';

const PAGE = 60;

function retentionInWords(retention) {
  const days = retention?.max_age_days;
  const most = retention?.max_bytes;
  const parts = [
    days ? 'days older than ' + counted(days, 'day') + ' before the newest are dropped' : null,
    most ? 'the oldest days are dropped once all take more than ' + bytes(most) : null,
  ].filter(Boolean);
  if (parts.length === 0) return 'Nothing is thrown away: every day is kept.';
  const text = parts.join(', and ') + '.';
  return text[0].toUpperCase() + text.slice(1);
}

function wellInWords({ info, days, writable, ready: isReady }) {
  const damaged = days.filter((day) => day.events > 0 && (day.first === undefined || day.first === null));
  const said = [];
  if (!isReady) said.push(['bad', 'The service says that it is not ready.']);
  if (damaged.length) said.push(['bad', counted(damaged.length, 'day') + ' cannot be read: ' + damaged.slice(0, 10).map((day) => day.day).join(', ') + '.']);
  if (info.erasure_pending) said.push(['warn', 'An erasure has begun that is not done.']);
  if (writable === false) said.push(['warn', 'The store is open for reading only.']);
  if (said.length === 0) said.push(['good', 'The service is ready, and every day can be read.']);
  return el('ul', { class: 'health' }, said.map(([kind, text]) => el('li', { class: kind }, text)));
}

export function store(page) {
  const at = (instant) => (instant ? time(instant) : 'cannot be read');
  const panel = new Panel({
    title: 'What is kept',
    again: 5000,
    ask: async (signal) => {
      const [found, isReady] = await Promise.all([askStore(signal), ready(signal)]);
      return { found: { ...found, ready: isReady }, gaps: [] };
    },
    draw: (found) => {
      const { info, retention, version } = found;
      const days = [...found.days].reverse();
      const most = days.reduce((greatest, day) => Math.max(greatest, day.bytes), 1);
      const pages = Math.max(1, Math.ceil(days.length / PAGE));
      const turned = Math.min(page.state.page, pages);
      const turn = (text, to) => el('button', { type: 'button', disabled: to < 1 || to > pages, 'data-key': 'days ' + text, onclick: () => page.go({ page: to }), text });
      return [
        tiles([
          ['Events', number(info.events), null, 'tile-store-events'],
          ['Days', number(info.days), info.first_day ? info.first_day + ' to ' + info.last_day : null],
          ['Size', bytes(info.bytes), info.events ? (info.bytes / info.events).toFixed(1) + ' bytes an event' : null, 'tile-bytes'],
          ['Commits', info.commits === undefined || info.commits === null ? '–' : number(info.commits), 'since the service started'],
          ['Version', version, 'of diurnal; format ' + info.format_version],
        ]),
        el('h3', { text: 'Health' }), wellInWords(found),
        el('h3', { text: 'Retention' }), el('p', { text: retentionInWords(retention) }),
        el('h3', { text: 'Days (UTC)' }),
        days.length === 0 ? el('p', { class: 'nothing', text: 'There is no day yet.' }) : table({ caption: 'Days of the store, the newest first', rows: days.slice((turned - 1) * PAGE, turned * PAGE), key: (day) => day.day, columns: [
          { title: 'Day', className: 'time', cell: (day) => day.day },
          { title: 'Events', number: true, cell: (day) => number(day.events) },
          { title: 'Size', number: true, cell: (day) => bytes(day.bytes) },
          { title: 'Share', className: 'bar-cell', cell: (day) => bar(day.bytes / most) },
          { title: 'First event', className: 'time', cell: (day) => at(day.first) },
          { title: 'Last event', className: 'time', cell: (day) => at(day.last) },
          { title: 'State', cell: (day) => (day.sealed ? 'sealed' : 'being written') },
        ] }),
        pages > 1 ? el('nav', { class: 'pager', 'aria-label': 'Pages of days' }, turn('Previous', turned - 1),
          el('span', { text: 'Page ' + turned + ' of ' + number(pages) }), turn('Next', turned + 1)) : null,
      ];
    },
  });
  return { panels: [panel], nodes: [panel.element], stop: () => panel.stop() };
}
