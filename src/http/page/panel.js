// Owns: a part of a view that shows one answer: asking, waiting, errors and empty answers in words, days that were left
// out, and when it may ask again. An answer that a newer question has overtaken is dropped, its call ended.

import { Refusal } from './api.js';
import { el, replace } from './dom.js';
import { counted } from './format.js';

/** Milliseconds between two answers at least, while live events come in. */
const AGAIN_MIN = 4000;

/** And so many times as long as the last answer took, so that a large log is not kept busy by looking at it. */
const AGAIN_TIMES = 10;

let panels = 0;

function inWords(error) {
  if (!(error instanceof Refusal)) return 'The page could not show the answer: ' + error.message;
  if (error.kind === 'unreachable') return 'The service cannot be reached. Is it running, and is there a network?';
  if (error.status === 429 || error.status === 503) return 'The service is busy. ' + error.message;
  return error.message;
}

function gapsNote(gaps) {
  if (!gaps?.length) return null;
  const days = gaps.slice(0, 10).map((gap) => gap.day).join(', ') + (gaps.length > 10 ? ' and more' : '');
  return el('p', { class: 'note warning' },
    counted(gaps.length, 'day') + ' could not be read and ' + (gaps.length === 1 ? 'is' : 'are') + ' left out: ' + days + '.');
}

export class Panel {
  /**
   * `ask(signal, quiet)` gives `{ found, gaps }`; `draw(found)` gives nodes; `empty(found)` gives words where there is
   * nothing to draw, or nothing. `again` is the least time between two answers, `times` how often the
   * time that one took must go by before the next, `live` whether live events change them;
   * what is in a panel that `keeps` stays there whatever comes; while `holds()` somebody is busy with it.
   */
  constructor({ title, ask, draw, empty, lead, controls, className = '', again = AGAIN_MIN, times = AGAIN_TIMES, live = true, keeps = false, holds }) {
    Object.assign(this, { ask, draw, empty, again, times, live, keeps, holds });
    panels += 1;
    const id = 'panel-' + panels;
    this.body = el('div', { class: 'panel-body' });
    this.notes = el('div', { class: 'panel-notes' });
    this.element = el('section', { class: 'panel ' + className, 'aria-labelledby': id },
      el('div', { class: 'panel-head' },
        el('div', null, el('h2', { id, text: title }), lead ? el('p', { class: 'lead', text: lead }) : null),
        controls ? el('div', { class: 'controls' }, controls) : null),
      this.notes, this.body);
    this.stale = false;
    this.loading = null;
    this.drawn = keeps;
    this.next = 0;
  }

  /** Asks anew. Quietly, what is there stays as it is until the answer comes. */
  async load(quiet = false) {
    this.loading?.abort();
    const loading = new AbortController();
    this.loading = loading;
    this.stale = false;
    if (!this.drawn) replace(this.body, el('p', { class: 'waiting', role: 'status', text: 'Loading…' }));
    else if (!quiet) this.element.classList.add('old');
    this.element.setAttribute('aria-busy', String(!quiet || !this.drawn));
    const began = performance.now();
    try {
      const { found, gaps } = await this.ask(loading.signal, quiet);
      if (loading.signal.aborted) return;
      this.show(found, gaps);
    } catch (error) {
      if (loading.signal.aborted) return;
      if (!quiet || !this.drawn) this.refuse(error);
    }
    this.loading = null;
    this.element.classList.remove('old');
    this.element.setAttribute('aria-busy', 'false');
    this.next = performance.now() + Math.max(this.again, this.times * (performance.now() - began));
  }

  show(found, gaps) {
    const words = this.empty?.(found);
    const nodes = words ? [el('p', { class: 'nothing', text: words })] : this.draw(found);
    if (nodes) replace(this.body, nodes);
    this.drawn = true;
    this.notes.replaceChildren(...[gapsNote(gaps)].filter(Boolean));
  }

  refuse(error) {
    this.drawn = this.keeps;
    replace(this.keeps ? this.notes : this.body, el('div', { class: 'refused', role: 'alert' },
      el('p', { text: inWords(error) }),
      el('button', { type: 'button', 'data-key': 'again', onclick: () => this.load(), text: 'Try again' })));
  }

  /** Events have come that may change the answer. */
  touch() {
    this.stale = this.live;
  }

  /** Whether somebody is busy with what is shown, who would lose it. */
  held() {
    const selection = document.getSelection();
    return this.holds?.() || (selection?.isCollapsed === false && this.element.contains(selection.anchorNode));
  }

  /** Asks again where that is due. */
  tick() {
    if (this.stale && !this.loading && performance.now() >= this.next && !this.held()) this.load(true);
  }

  stop() {
    this.loading?.abort();
  }
}
