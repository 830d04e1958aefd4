// Owns: whether sessions end well, who comes back, and which kiosk fell silent.

import { question } from '../api.js';
import { el, said, table, tiles } from '../dom.js';
import { sessionLink } from '../events.js';
import { duration, iso, number, time } from '../format.js';
import { Panel } from '../panel.js';

const DAYS = 60;

const LISTED = 50;

const share = (part, whole) => (whole ? Math.round((part / whole) * 100) + ' %' : '–');

function daysPanel(page) {
  return new Panel({
    title: 'How sessions end',
    ask: (signal) => question('health', { filter: page.filter(), limit: LISTED }, signal),
    empty: (found) => (found.days.length ? null : page.filtered() ? 'No event passes these filters.' : 'There are no events yet.'),
    draw: ({ total, days, unended }) => [
      tiles([
        ['Sessions', number(total.sessions), share(total.returning, total.sessions) + ' came back on another day', 'tile-health-sessions'],
        ['Open', number(total.open), 'at the newest event'],
        ['Ended without cleanup', number(total.without_cleanup), share(total.without_cleanup, total.ended) + ' of those that ended'],
        ['Heartbeat gaps', number(total.heartbeat_gaps), total.heartbeat_gaps ? 'the longest ' + duration(total.longest_gap_micros) : null],
        ['Uploads that never stopped', number(total.uploads_unstopped), 'of ' + number(total.uploads)],
      ]),
      el('h3', { text: 'By day (UTC)' }),
      table({ caption: 'Sessions by day', rows: days.slice(-DAYS).reverse(), key: (one) => one.day, columns: [
        { title: 'Day', className: 'time', cell: (one) => one.day },
        { title: 'Events', number: true, cell: (one) => number(one.events) },
        { title: 'Sessions', number: true, cell: (one) => number(one.sessions) },
        { title: 'Returning', number: true, cell: (one) => number(one.returning) },
        { title: 'Ended', number: true, cell: (one) => number(one.ended) },
        { title: 'Without cleanup', number: true, cell: (one) => number(one.without_cleanup) },
        { title: 'Heartbeat gaps', number: true, cell: (one) => number(one.heartbeat_gaps) },
        { title: 'Uploads', number: true, cell: (one) => number(one.uploads) },
        { title: 'Never stopped', number: true, cell: (one) => number(one.uploads_unstopped) },
      ] }),
      days.length > DAYS ? el('p', { class: 'soft', text: 'The last ' + DAYS + ' of ' + number(days.length) + ' days are listed. Filter by time for others.' }) : null,
      unended.length ? el('h3', { text: 'Ended without cleanup, the latest first' }) : null,
      unended.length ? table({ caption: 'Sessions that ended without cleanup', rows: unended, key: (one) => one.id, columns: [
        { title: 'Session', cell: (one) => sessionLink(page, one.id) },
        { title: 'Last event', className: 'time', cell: (one) => time(one.last) },
        { title: 'Its type', cell: (one) => said(one.last_type, 64) },
      ] }) : null,
    ],
  });
}

function silentPanel(page) {
  let prefix = '';
  const input = el('input', { id: 'prefix', type: 'text', maxlength: '64', placeholder: 'kiosk:', autocomplete: 'off', spellcheck: 'false' });
  const form = el('form', { class: 'inline', onsubmit: (event) => {
    event.preventDefault();
    prefix = input.value;
    panel.load();
  } }, el('label', { for: 'prefix', text: 'By tags that open with' }), input, el('button', { text: 'Show' }));
  const panel = new Panel({
    title: 'Fell silent',
    lead: 'Sessions, or devices that tags name, whose heartbeats have stopped for over 10 minutes and that did not end.',
    controls: form,
    ask: (signal) => {
      const body = { filter: page.filter(), limit: LISTED };
      if (prefix) body.by_tag = prefix;
      // Of a log that is still written, now is now; of an old one it is its newest event.
      const newest = page.store()?.info.last_day;
      if (page.reachesNow() && newest && newest >= iso(page.now() - 86400000).slice(0, 10)) body.at = iso(page.now());
      return question('silent', body, signal);
    },
    draw: (found) => [
      el('p', null, found.sources + found.without_heartbeat === 0 ? 'There is no event to judge by.'
        : number(found.silent) + ' of ' + number(found.sources) + ' with a heartbeat ' + (found.silent === 1 ? 'is' : 'are') + ' silent'
        + (found.at ? ' at ' + time(found.at) : '') + '. ' + number(found.without_heartbeat) + ' never sent one.'),
      found.list.length ? table({ caption: 'Who fell silent, the latest first', rows: found.list, key: (one) => one.id, columns: [
        { title: prefix ? 'Device' : 'Session', cell: (one) => (prefix ? said(one.id, 64) : sessionLink(page, one.id)) },
        { title: 'Since', className: 'time', cell: (one) => time(one.since) },
        { title: 'For', number: true, cell: (one) => duration(one.silent_micros) },
        { title: 'Last event', cell: (one) => said(one.last_type, 64) },
      ] }) : null,
      found.silent > found.list.length ? el('p', { class: 'soft', text: 'The latest ' + number(found.list.length) + ' are listed.' }) : null,
    ].filter(Boolean),
  });
  return panel;
}

export function health(page) {
  const panels = [silentPanel(page), daysPanel(page)];
  return { panels, nodes: panels.map((panel) => panel.element), stop: () => panels.forEach((panel) => panel.stop()) };
}
