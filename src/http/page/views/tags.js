// Owns: tag interest: which tags are chosen, for how long they are heard, and with which others.

import { question } from '../api.js';
import { bar, el, said, table, tiles } from '../dom.js';
import { counted, duration, number } from '../format.js';
import { Panel } from '../panel.js';

const LISTED = 200;

const SORTS = ['choices', 'sessions', 'listening'];

export function tags(page) {
  const sort = () => (SORTS.includes(page.state.sort) ? page.state.sort : 'choices');
  const only = (tag) => page.go({ tags: page.state.tags.includes(tag) ? page.state.tags : [...page.state.tags, tag], page: 1 });
  const tagButton = (tag) => el('button', { type: 'button', class: 'link', 'data-key': 'tag ' + tag, title: 'Filter by this tag', onclick: () => only(tag) }, said(tag, 64));
  const together = (one) => el('span', { class: 'tag-list' }, one.together.map((other) =>
    el('span', { class: 'tag' }, said(other.key, 40), el('span', { class: 'count', text: number(other.count) }))));
  const panel = new Panel({
    title: 'Tag interest',
    lead: 'What people chose to hear: every change of a stream is a choice of its tags.',
    ask: (signal) => question('tags', { filter: page.filter(), sort: sort(), limit: LISTED }, signal),
    empty: (found) => (found.tags.length ? null : page.filtered() ? 'No choice of tags passes these filters.' : 'No tags have been chosen yet.'),
    draw: (found) => {
      const by = sort();
      const figure = (one) => (by === 'listening' ? one.listening_micros : one[by]);
      const most = Math.max(1, figure(found.tags[0]));
      return [
        tiles([
          ['Choices', number(found.choices), null, 'tile-choices'],
          ['Tags', number(found.tags_chosen), 'different ones chosen'],
          ['Sessions', number(found.sessions), 'that chose'],
          ['Listening', duration(found.listening_micros), 'of all sessions together'],
        ]),
        page.state.types.length || page.state.tags.length
          ? el('p', { class: 'note', text: 'Filtered by type or tag, a tag is heard only until the next event that passes the filter.' }) : null,
        table({ caption: 'Tags that were chosen', rows: found.tags, key: (one) => one.tag, sort: by, order: 'desc',
          onsort: (key) => page.go({ sort: key, order: 'desc' }), columns: [
            { title: 'Tag', cell: (one) => tagButton(one.tag) },
            { title: 'Choices', sort: 'choices', number: true, cell: (one) => number(one.choices) },
            { title: 'Sessions', sort: 'sessions', number: true, cell: (one) => number(one.sessions) },
            { title: 'Listening', sort: 'listening', number: true, cell: (one) => duration(one.listening_micros) },
            { title: 'Share', className: 'bar-cell', cell: (one) => bar(figure(one) / most) },
            { title: 'Most often with', cell: together },
          ] }),
        found.tags_chosen > found.tags.length ? el('p', { class: 'soft', text: 'The first ' + number(found.tags.length) + ' of ' + counted(found.tags_chosen, 'tag') + ' are listed.' }) : null,
      ];
    },
  });
  return { panels: [panel], nodes: [panel.element], stop: () => panel.stop() };
}
