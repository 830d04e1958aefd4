// Owns: a button that opens a small sheet beside itself, and the sheet in which values are ticked. A sheet closes by
// Escape, by its button, and when the focus or a press goes elsewhere.

import { bar, el, replace, said } from './dom.js';
import { number } from './format.js';

/** As many choices as are shown at once; a search finds the others. */
const SHOWN_MAX = 60;

let sheets = 0;

/** A button with a sheet; `content(close)` makes what the sheet holds, each time it is opened. */
export function disclosure(label, content) {
  sheets += 1;
  const id = 'sheet-' + sheets;
  const name = el('span', { class: 'name' });
  const button = el('button', { type: 'button', class: 'picker', 'aria-expanded': 'false', 'aria-controls': id, onclick: () => toggle() },
    el('span', { class: 'label', text: label }), name, el('span', { class: 'caret', 'aria-hidden': 'true', text: '▾' }));
  const sheet = el('div', { class: 'sheet', id, role: 'group', 'aria-label': label, hidden: true });
  const holder = el('div', { class: 'disclosure' }, button, sheet);

  function close(back = false) {
    if (sheet.hidden) return;
    sheet.hidden = true;
    sheet.replaceChildren();
    button.setAttribute('aria-expanded', 'false');
    document.removeEventListener('pointerdown', outside, true);
    if (back) button.focus();
  }
  function outside(event) {
    if (!holder.contains(event.target)) close();
  }
  function toggle() {
    if (!sheet.hidden) {
      close();
      return;
    }
    replace(sheet, content(close));
    sheet.hidden = false;
    button.setAttribute('aria-expanded', 'true');
    document.addEventListener('pointerdown', outside, true);
    sheet.querySelector('input, button, select')?.focus();
  }
  holder.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && !sheet.hidden) {
      event.stopPropagation();
      close(true);
    }
  });
  holder.addEventListener('focusout', (event) => {
    if (event.relatedTarget && !holder.contains(event.relatedTarget)) close();
  });
  return { element: holder, close, name: (text, active) => {
    name.textContent = text;
    button.classList.toggle('active', active);
  } };
}

/**
 * What a sheet of values holds: a search, and a list to tick. `choices()` promises values with their counts,
 * `chosen` are those that are ticked; `onchange` is told of all that are.
 */
export function choices({ noun, chosen, choices: ask, onchange, extra }) {
  const ticked = new Set(chosen);
  const list = el('ul', { class: 'choices' });
  const status = el('p', { class: 'soft', role: 'status', text: 'Loading…' });
  const search = el('input', { type: 'search', placeholder: 'Search, or type one', 'aria-label': 'Search for a ' + noun,
    autocomplete: 'off', spellcheck: 'false', maxlength: '64', oninput: () => draw() });
  let known = [];

  function tick(value, on) {
    if (on) ticked.add(value);
    else ticked.delete(value);
    onchange([...ticked]);
  }

  function draw() {
    const wanted = search.value.trim().toLowerCase();
    const most = known.reduce((greatest, one) => Math.max(greatest, one.count), 1);
    const all = [...[...ticked].filter((value) => !known.some((one) => one.key === value)).map((key) => ({ key, count: null })), ...known];
    const found = all.filter((one) => one.key.toLowerCase().includes(wanted));
    const typed = search.value.trim();
    if (typed !== '' && !all.some((one) => one.key === typed)) found.push({ key: typed, count: null });
    replace(list, found.slice(0, SHOWN_MAX).map((one) => el('li', null, el('label', null,
      el('input', { type: 'checkbox', checked: ticked.has(one.key), 'data-key': 'tick ' + one.key,
        onchange: (event) => tick(one.key, event.target.checked) }),
      said(one.key, 80),
      one.count === null ? null : el('span', { class: 'count', text: number(one.count) }),
      bar((one.count ?? 0) / most)))));
    status.textContent = found.length > SHOWN_MAX ? 'The first ' + SHOWN_MAX + ' are shown. Search for others.'
      : found.length === 0 ? 'There is no ' + noun + ' yet.' : '';
  }

  ask().then((counts) => {
    known = counts;
    draw();
  }, () => {
    status.textContent = 'The list could not be loaded. Type one instead.';
  });
  draw();
  return [search, extra, status, list].filter(Boolean);
}
