// Owns: a list of events as a table, for the latest of all and for a session's timeline.

import { el, said, table } from './dom.js';
import { degrees, time } from './format.js';

/** Tags that are shown of an event. */
const TAGS_MAX = 12;

export function tagList(tags) {
  if (!tags?.length) return null;
  const shown = tags.slice(0, TAGS_MAX).map((tag) => el('span', { class: 'tag' }, said(tag, 40)));
  return el('span', { class: 'tag-list' }, shown, tags.length > TAGS_MAX ? el('span', { class: 'soft', text: '+' + (tags.length - TAGS_MAX) }) : null);
}

export function sessionLink(page, id) {
  return el('a', { href: page.link('session', id), 'data-key': 'session ' + id }, said(id, 60));
}

export function eventTable(page, caption, events, { session = true, place = true } = {}) {
  const where = (event) => (event.latitude === undefined || event.latitude === null ? null
    : degrees(event.latitude, event.longitude, 4));
  const columns = [
    { title: 'Time', className: 'time', cell: (event) => el('time', { datetime: event.server_time, text: time(event.server_time) }) },
    session ? { title: 'Session', cell: (event) => sessionLink(page, event.session_id) } : null,
    { title: 'Type', cell: (event) => el('span', { class: event.event_type === 'client_error' ? 'bad' : '' }, said(event.event_type, 64)) },
    { title: 'Tags and data', className: 'says', cell: (event) => [tagList(event.tags), event.data ? said(event.data, 160) : null] },
    place ? { title: 'Place', className: 'time', cell: where } : null,
  ];
  return table({ caption, columns: columns.filter(Boolean), rows: events, key: (event) => event.id });
}
