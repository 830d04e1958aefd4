// Owns: the row of filters above each view: time, type, tag and area, what of them is on, and the words for it.
// Does not own what they mean (`filter.js`), nor where they are kept (`address.js`).

import { RANGES, filtered, unfiltered } from './address.js';
import { count } from './api.js';
import { el, replace, said } from './dom.js';
import { boxInWords, filterOf, timeInWords } from './filter.js';
import { field, unfield, zoneName } from './format.js';
import { choices, disclosure } from './picker.js';
import { unfoldWhere } from './switches.js';

/** Values of a type or tag that are offered. */
const OFFERED_MAX = 1000;

function listInWords(values, none) {
  if (values.length === 0) return none;
  const first = values[0].length > 18 ? values[0].slice(0, 18) + '…' : values[0];
  return values.length === 1 ? first : first + ' and ' + (values.length - 1) + ' more';
}

function timeSheet(page, close) {
  const { state } = page;
  const choose = (changes) => {
    close(true);
    page.go({ range: null, from: null, to: null, page: 1, ...changes });
  };
  const preset = (range, name) => el('button', { type: 'button', 'aria-pressed': String(state.range === range && (range !== null || (state.from === null && state.to === null))),
    onclick: () => choose({ range }), text: name });
  const input = (id, label, at) => el('p', { class: 'row' }, el('label', { for: id, text: label }),
    el('input', { id, type: 'datetime-local', step: '1', value: at === null ? '' : field(at) }));
  const wrong = el('p', { class: 'wrong', role: 'alert' });
  const apply = (event) => {
    event.preventDefault();
    const [from, to] = ['time-from', 'time-to'].map((id) => event.target.querySelector('#' + id).value);
    const [first, last] = [from, to].map((text) => (text === '' ? null : unfield(text)));
    if (first !== null && last !== null && last <= first) wrong.textContent = 'The end must be after the beginning.';
    else choose({ from: first, to: last });
  };
  return [
    el('div', { class: 'presets' }, preset(null, 'All time'), RANGES.map(([range, name]) => preset(range, name))),
    el('form', { onsubmit: apply },
      input('time-from', 'From', state.from), input('time-to', 'Before', state.to), wrong,
      el('p', { class: 'actions' }, el('span', { class: 'soft', text: 'Clock: ' + zoneName() }), el('button', { class: 'primary', text: 'Apply' }))),
  ];
}

function areaSheet(page, close) {
  const { state } = page;
  const side = (id, label, value, bound) => el('p', { class: 'row' }, el('label', { for: id, text: label }),
    el('input', { id, type: 'number', step: 'any', min: -bound, max: bound, required: true, value: value ?? '' }));
  const wrong = el('p', { class: 'wrong', role: 'alert' });
  const apply = (event) => {
    event.preventDefault();
    const [west, south, east, north] = ['west', 'south', 'east', 'north'].map((name) => Number(event.target.querySelector('#area-' + name).value));
    if (south > north) {
      wrong.textContent = 'South must not be greater than north.';
      return;
    }
    close(true);
    page.go({ box: { west, south, east, north }, page: 1 });
  };
  return [
    el('p', { class: 'actions start' },
      el('button', { type: 'button', class: 'primary', text: 'Draw it on the map', onclick: () => {
        close();
        page.draw();
      } }),
      state.box ? el('button', { type: 'button', text: 'Anywhere', onclick: () => {
        close(true);
        page.go({ box: null, page: 1 });
      } }) : null),
    el('form', { onsubmit: apply },
      el('p', { class: 'soft', text: 'Or give its sides in degrees; west and south are negative.' }),
      side('area-north', 'North', state.box?.north, 90), side('area-south', 'South', state.box?.south, 90),
      side('area-west', 'West', state.box?.west, 180), side('area-east', 'East', state.box?.east, 180), wrong,
      el('p', { class: 'actions' }, el('button', { class: 'primary', text: 'Apply' }))),
  ];
}

function offered(page, by, own) {
  // The other filters narrow what is offered, a filter's own values do not.
  const filter = filterOf({ ...page.state, ...own }, page.now());
  return count({ filter, by, limit: OFFERED_MAX }).then(({ found }) => found.counts);
}

/** The row; `update` is to be called whenever the state has changed. */
export function filterBar(page) {
  const time = disclosure('Time', (close) => timeSheet(page, close));
  const types = disclosure('Type', () => choices({ noun: 'type', chosen: page.state.types,
    choices: () => offered(page, 'event_type', { types: [] }), onchange: (values) => page.go({ types: values, page: 1 }) }));
  const tags = disclosure('Tag', () => {
    const all = el('label', { class: 'check' }, el('input', { type: 'checkbox', checked: page.state.allTags,
      onchange: (event) => page.go({ allTags: event.target.checked, page: 1 }) }), 'An event must have all of them');
    return choices({ noun: 'tag', chosen: page.state.tags, extra: all,
      choices: () => offered(page, 'tag', { tags: [] }), onchange: (values) => page.go({ tags: values, page: 1 }) });
  });
  const area = disclosure('Area', (close) => areaSheet(page, close));
  const chips = el('ul', { class: 'chips', 'aria-label': 'Filters that are on' });
  const row = el('div', { class: 'pickers' }, [time, types, tags, area].map((one) => one.element));
  const summary = el('span', { text: 'Filters' });
  const fold = el('details', { class: 'fold' }, el('summary', null, summary), row);
  unfoldWhere(fold, '(min-width: 44rem)');
  const element = el('div', { class: 'filters', role: 'search', 'aria-label': 'Filters' }, fold, chips);

  function chip(label, value, without) {
    return el('li', null, el('span', { class: 'soft', text: label + ' ' }), value,
      el('button', { type: 'button', class: 'remove', 'data-key': 'without ' + label + value.textContent, onclick: () => page.go({ ...without, page: 1 }),
        'aria-label': 'Remove the filter ' + label + ' ' + value.textContent, text: '×' }));
  }

  function update() {
    const { state } = page;
    const timed = Boolean(state.range || state.from !== null || state.to !== null);
    time.name(timeInWords(state), timed);
    types.name(listInWords(state.types, 'Any'), state.types.length > 0);
    tags.name(listInWords(state.tags, 'Any'), state.tags.length > 0);
    area.name(state.box ? boxInWords(state.box) : 'Anywhere', Boolean(state.box));
    const on = (timed ? 1 : 0) + state.types.length + state.tags.length + (state.box ? 1 : 0);
    summary.textContent = on ? 'Filters (' + on + ')' : 'Filters';
    const without = (name, value) => ({ [name]: state[name].filter((one) => one !== value) });
    replace(chips,
      timed ? chip('time', el('span', { text: timeInWords(state) }), { range: null, from: null, to: null }) : null,
      state.types.map((value) => chip('type', said(value, 40), without('types', value))),
      state.tags.map((value, place) => chip(place > 0 ? (state.allTags ? 'and tag' : 'or tag') : 'tag', said(value, 40), without('tags', value))),
      state.box ? chip('area', el('span', { text: boxInWords(state.box) }), { box: null }) : null,
      filtered(state) ? el('li', { class: 'plain' }, el('button', { type: 'button', class: 'link', 'data-key': 'without all',
        onclick: () => page.go(unfiltered(state)), text: 'Clear all' })) : null);
    chips.hidden = !filtered(state);
    element.hidden = state.view === 'session' || state.view === 'store';
  }
  return { element, update };
}
