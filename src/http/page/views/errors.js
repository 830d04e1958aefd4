// Owns: what breaks: errors that clients reported, by message and over time.

import { event as askEvent, question } from '../api.js';
import { bucketSeconds, lengthName } from '../buckets.js';
import { TimeChart } from '../chart.js';
import { el, said, table, tiles } from '../dom.js';
import { counted, millis, number, span, time } from '../format.js';
import { histogram, plotted } from '../histogram.js';
import { Panel } from '../panel.js';

const LISTED = 100;

/** The groups of a report as a table. */
export function errorList(page, found, { sessions = true } = {}) {
  const open = async (group, button) => {
    button.disabled = true;
    try {
      const { session_id: id } = await askEvent(group.example_id);
      page.go({ view: 'session', session: id });
    } catch {
      button.disabled = false;
      page.say('The event could not be read.');
    }
  };
  const message = (group) => [
    group.pattern === null || group.pattern === undefined ? el('span', { class: 'soft', text: 'no message' }) : said(group.pattern, 300),
    group.example && group.example !== group.pattern ? el('details', { class: 'example', 'data-key': 'example ' + group.example_id }, el('summary', { text: 'Example', 'data-key': 'example of ' + group.example_id }), el('p', null, said(group.example, 1100))) : null,
  ];
  return table({ caption: 'Errors by message', rows: found.groups, key: (group) => String(group.example_id), className: 'errors', columns: [
    { title: 'Message', className: 'says', cell: message },
    { title: 'Errors', number: true, cell: (group) => number(group.count) },
    sessions ? { title: 'Sessions', number: true, cell: (group) => number(group.sessions) } : null,
    { title: 'First', className: 'time', cell: (group) => time(group.first) },
    { title: 'Last', className: 'time', cell: (group) => time(group.last) },
    sessions ? { title: 'First session', cell: (group) => el('button', { type: 'button', class: 'small', 'data-key': 'open ' + group.example_id,
      'aria-label': 'Open the session that reported it first', text: 'Open', onclick: (event) => open(group, event.target) }) } : null,
  ].filter(Boolean) });
}

function overTime(page) {
  let shown = { buckets: [] };
  const chart = new TimeChart({ label: 'Client errors over time', height: 140, say: page.say,
    reads: (place) => span(shown.buckets[place].start, shown.buckets[place].end) + ': ' + counted(shown.buckets[place].events, 'error') + ', ' + counted(shown.buckets[place].sessions, 'session'),
    onbrush: (from, to) => page.go({ range: null, from, to, page: 1 }),
    series: [{ label: 'Errors', colour: '--bad-bar', kind: 'bars' }] });
  return {
    chart,
    async ask(report, signal) {
      if (report.count === 0) return null;
      const from = Math.min(...report.groups.map((group) => millis(group.first)));
      const to = Math.max(...report.groups.map((group) => millis(group.last))) + 1;
      const seconds = bucketSeconds(from, to, 150);
      const { found } = await histogram(page.filter({ more: [{ event_type: ['client_error'] }] }), seconds, signal);
      return { buckets: found.buckets, seconds };
    },
    draw(found) {
      shown = found;
      chart.rest('A bar is ' + lengthName(found.seconds) + '. Select a stretch of time to filter by it.');
      chart.set(plotted(found.buckets, (bucket) => [bucket.events]), millis(found.buckets[0].start), millis(found.buckets.at(-1).end));
      return chart.element;
    },
  };
}

export function errors(page) {
  const times = overTime(page);
  const panel = new Panel({
    title: 'Errors by message',
    lead: 'Messages that differ in numbers and ids alone are one.',
    ask: async (signal) => {
      const { found, gaps } = await question('errors', { filter: page.filter(), limit: LISTED }, signal);
      return { found: { ...found, over: await times.ask(found, signal) }, gaps };
    },
    empty: (found) => (found.count ? null : page.filtered() ? 'No error passes these filters.' : 'No client has reported an error.'),
    draw: (found) => [
      tiles([
        ['Errors', number(found.count), null, 'tile-errors'],
        ['Messages', number(found.groups_found), 'told apart'],
        ['Sessions', number(found.sessions), 'with an error'],
      ]),
      times.draw(found.over),
      errorList(page, found),
      found.others ? el('p', { class: 'soft', text: counted(found.others.count, 'error') + ' of other messages, in ' + counted(found.others.sessions, 'session') + ', are not listed.' }) : null,
    ],
  });
  return {
    panels: [panel],
    nodes: [panel.element],
    stop: () => {
      panel.stop();
      times.chart.stop();
    },
  };
}
