// Owns: how elements are made. Whatever came from a client gets into the page as text alone: there is no way here
// to write markup, and no other file makes elements.

const SVG = 'http://www.w3.org/2000/svg';

function fill(made, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else if (name === 'text') made.textContent = value;
    else if (name === 'value' || name === 'checked') made[name] = value;
    else made.setAttribute(name, value === true ? '' : value);
  }
  made.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== false));
  return made;
}

/** An element: `on…` are listeners, `text` is its text, all else attributes; children are nodes or text. */
export function el(name, properties, ...children) {
  return fill(document.createElement(name), properties, children);
}

/** As `el`, of SVG. */
export function svg(name, properties, ...children) {
  return fill(document.createElementNS(SVG, name), properties, children);
}

/** Signs that show nothing, as signs: those that control, and those that turn the direction of what follows. */
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** Text that a client sent: kept apart from the direction of the text around it, and cut where it is long. */
export function said(text, charsMax = 300) {
  const whole = String(text).replace(UNSEEN, (sign) => (sign < ' ' ? String.fromCharCode(0x2400 + sign.charCodeAt(0)) : '\ufffd'));
  const shown = whole.length > charsMax ? whole.slice(0, charsMax) + '…' : whole;
  if (shown.trim() === '') return el('span', { class: 'soft', text: whole === '' ? '(empty)' : '(blank)' });
  return el('bdi', { class: 'said', text: shown });
}

/**
 * Replaces what an element holds; the focus stays on what has the same `data-key`, what was folded open stays so, and
 * tables stay where they scrolled.
 */
export function replace(parent, ...children) {
  const nodes = children.flat().filter(Boolean);
  if (nodes.length === parent.childNodes.length && nodes.every((node, place) => node === parent.childNodes[place])) return;
  const focused = parent.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  const scrolled = [...parent.querySelectorAll('.scroller')].map((one) => [one.dataset.key, one.scrollLeft, one.scrollTop]);
  const unfolded = [...parent.querySelectorAll('details[open][data-key]')].map((one) => one.dataset.key);
  parent.replaceChildren(...nodes);
  for (const one of parent.querySelectorAll('details[data-key]')) one.open ||= unfolded.includes(one.dataset.key);
  for (const one of parent.querySelectorAll('.scroller')) {
    const [, left, top] = scrolled.find(([key]) => key === one.dataset.key) ?? [];
    if (left || top) one.scrollTo({ left, top, behavior: 'instant' });
  }
  if (focused === undefined) return;
  const again = [...parent.querySelectorAll('[data-key]')].find((one) => one.dataset.key === focused);
  again?.focus({ preventScroll: true });
}

/** A length in the share of the most, told by a style that only scripts can set. */
export function bar(share) {
  const made = el('span', { class: 'bar', 'aria-hidden': 'true' });
  made.style.setProperty('--share', String(Math.max(0, Math.min(1, share || 0))));
  return made;
}

/** A table that scrolls by itself where it is wider than the page, reachable by keyboard. */
export function table({ caption, columns, rows, sort, order, onsort, key, className }) {
  const head = columns.map((column) => {
    const sorted = column.sort !== undefined && column.sort === sort;
    const aria = sorted ? (order === 'desc' ? 'descending' : 'ascending') : undefined;
    const title = column.sort === undefined || !onsort
      ? column.title
      : el('button', { type: 'button', class: 'sort', 'data-key': 'sort ' + column.sort,
        onclick: () => onsort(column.sort, sorted && order === 'desc' ? 'asc' : 'desc') }, column.title,
      el('span', { class: 'arrow', 'aria-hidden': 'true', text: sorted ? (order === 'desc' ? '▼' : '▲') : '' }));
    return el('th', { scope: 'col', class: column.number ? 'number' : undefined, 'aria-sort': aria }, title);
  });
  const line = (row) => el('tr', key ? { 'data-row': key(row) } : null, columns.map((column, place) => {
    const cell = column.cell(row);
    const name = place === 0 ? 'th' : 'td';
    const style = [column.number ? 'number' : '', column.className ?? ''].join(' ').trim();
    return el(name, { class: style || undefined, scope: place === 0 ? 'row' : undefined }, cell);
  }));
  return el('div', { class: 'scroller', role: 'region', 'aria-label': caption, tabindex: '0', 'data-key': 'table ' + caption },
    el('table', { class: className },
      el('caption', { class: 'unseen', text: caption }),
      el('thead', null, el('tr', null, head)),
      el('tbody', null, rows.map(line))));
}

/** Names with values. */
export function facts(pairs) {
  return el('dl', { class: 'facts' }, pairs.filter(Boolean).map(([name, value]) =>
    el('div', null, el('dt', { text: name }), el('dd', null, value))));
}

/** Figures as tiles: name, value, and a line more. */
export function tiles(list) {
  return el('dl', { class: 'tiles' }, list.filter(Boolean).map(([name, value, more, id]) =>
    el('div', { class: 'tile', id },
      el('dt', { text: name }),
      el('dd', { class: 'figure' }, value),
      more ? el('dd', { class: 'more' }, more) : null)));
}
