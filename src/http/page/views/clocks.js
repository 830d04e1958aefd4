// Owns: how far clients' clocks are off, and where the service's own clock jumped.

import { question } from '../api.js';
import { bar, el, table, tiles } from '../dom.js';
import { sessionLink } from '../events.js';
import { counted, duration, number, time } from '../format.js';
import { Panel } from '../panel.js';

const LISTED = 50;

/** A skew in words. */
function off(micros) {
  if (Math.abs(micros) < 1000) return 'none';
  return duration(Math.abs(micros)) + (micros > 0 ? ' fast' : ' slow');
}

function bounds({ from_micros: from, to_micros: to }) {
  const name = (micros) => (micros === 0 ? '0' : (micros > 0 ? '+' : '') + duration(micros));
  if (from === undefined || from === null) return 'under ' + name(to);
  return to === undefined || to === null ? name(from) + ' and more' : name(from) + ' to ' + name(to);
}

export function clocks(page) {
  const panel = new Panel({
    title: 'Clients’ clocks',
    lead: 'Client time minus the service’s time: a clock that is fast is ahead. The way of an event through the network makes it look slower.',
    ask: (signal) => question('skew', { filter: page.filter(), limit: LISTED }, signal),
    empty: (found) => (found.readings || found.server_jumps_total ? null : 'No event here has a client time that can be read; ' + counted(found.unreadable, 'has', 'have') + ' one that cannot be, and ' + counted(found.without, 'has', 'have') + ' none.'),
    draw: (found) => {
      const spread = found.skew_micros;
      const most = Math.max(1, ...found.buckets.map((bucket) => bucket.sessions));
      return [
        tiles([
          ['Median', spread ? off(spread.median) : '–', 'of the sessions’ medians'],
          ['Half lie within', spread ? off(spread.q1) + ' to ' + off(spread.q3) : '–', null],
          ['Sessions', number(found.sessions_total), 'with a clock', 'tile-clocks'],
          ['Readings', number(found.readings), number(found.unreadable) + ' unreadable, ' + number(found.without) + ' without'],
          ['Jumps', number(found.jumps), 'of clients’ clocks'],
        ]),
        el('h3', { text: 'How many are how far off' }),
        table({ caption: 'Sessions by how far their clock is off', rows: found.buckets, key: bounds, columns: [
          { title: 'Off by', className: 'time', cell: bounds },
          { title: 'Sessions', number: true, cell: (bucket) => number(bucket.sessions) },
          { title: 'Readings', number: true, cell: (bucket) => number(bucket.readings) },
          { title: 'Share', className: 'bar-cell', cell: (bucket) => bar(bucket.sessions / most) },
        ] }),
        found.sessions.length ? el('h3', { text: 'Sessions that are off most' }) : null,
        found.sessions.length ? table({ caption: 'Sessions whose clocks are off most', rows: found.sessions, key: (one) => one.id, columns: [
          { title: 'Session', cell: (one) => sessionLink(page, one.id) },
          { title: 'Median', number: true, cell: (one) => off(one.skew_micros.median) },
          { title: 'Least', number: true, cell: (one) => off(one.skew_micros.min) },
          { title: 'Most', number: true, cell: (one) => off(one.skew_micros.max) },
          { title: 'Readings', number: true, cell: (one) => number(one.readings) },
          { title: 'Drift an hour', number: true, cell: (one) => (one.drift_micros_per_second === undefined || one.drift_micros_per_second === null ? '–' : off(one.drift_micros_per_second * 3600)) },
          { title: 'Jumps', number: true, cell: (one) => number(one.jumps) },
        ] }) : null,
        el('h3', { text: 'The service’s own clock' }),
        el('p', { class: 'soft', text: 'Events that were logged with a time of their own, as an import does, look like a clock that was set back.' }),
        found.server_jumps.length === 0 ? el('p', { text: 'It is not seen to have jumped.' })
          : table({ caption: 'Jumps of the service’s clock', rows: found.server_jumps, key: (one) => one.before + one.after, columns: [
            { title: 'Before', className: 'time', cell: (one) => time(one.before) },
            { title: 'After', className: 'time', cell: (one) => time(one.after) },
            { title: 'By', number: true, cell: (one) => (one.micros < 0 ? 'set back ' : 'ahead ') + duration(Math.abs(one.micros)) },
            { title: 'Told by', cell: (one) => (one.sessions ? counted(one.sessions, 'session') : 'the order of arrival') },
          ] }),
      ];
    },
  });
  return { panels: [panel], nodes: [panel.element], stop: () => panel.stop() };
}
