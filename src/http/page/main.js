// Owns: the page as a whole: which view is shown, what all views are given, live events on their way to it, and what is
// said to screen readers. At most one view is there at a time, and it redraws at most once a second.

import { VIEWS, elsewhere, filtered, read, unfiltered, write } from './address.js';
import { store as askStore } from './api.js';
import * as chart from './chart.js';
import { el, replace } from './dom.js';
import { filterOf, ofSession, reach } from './filter.js';
import { filterBar } from './filters.js';
import { counted, millis, number } from './format.js';
import { follow } from './live.js';
import * as map from './map.js';
import { switches, unfoldWhere } from './switches.js';
import { clocks } from './views/clocks.js';
import { errors } from './views/errors.js';
import { health } from './views/health.js';
import { overview } from './views/overview.js';
import { places } from './views/places.js';
import { session } from './views/session.js';
import { sessions } from './views/sessions.js';
import { store } from './views/store.js';
import { tags } from './views/tags.js';

const MAKERS = { overview, sessions, session, map: places, tags, errors, clocks, health, store };

/** Milliseconds between two redraws for live events. */
const TICK = 1000;

/** Live events that wait for the next redraw; of more, the newest are kept. */
const WAITING_MAX = 100;

/** Milliseconds between two words about live events to screen readers. */
const SAID_EVERY = 20000;

/** Milliseconds after which the figures of the store are asked again. */
const STORE_EVERY = 60000;

const main = document.getElementById('main');
const status = document.getElementById('status');
const liveText = document.getElementById('live-text');
const liveButton = document.getElementById('live');

const live = { on: true, waiting: [], count: 0, rate: [], unsaid: 0, saidAt: 0, stop: null, state: 'connecting' };
let view = null;
let known = null;
let ahead = 0;

/** What views are given. */
const page = {
  state: read(location.hash),
  /** Milliseconds by the service's clock. */
  now: () => Date.now() + ahead,
  filter: (options) => filterOf(page.state, page.now(), options),
  link: (name, id) => write(elsewhere(page.state, name, id)),
  filtered: () => filtered(page.state),
  say: (text) => {
    status.textContent = '';
    status.textContent = text;
  },
  store: () => known,
  /** Events a second of late, by the stream. */
  rate: () => live.rate.reduce((sum, one) => sum + one, 0) / Math.max(1, live.rate.length),
  live,
  /** Goes to a changed state. */
  go: (changes) => {
    const address = write({ ...page.state, ...changes });
    if (address === location.hash) return;
    history.pushState(null, '', address);
    changed();
  },
  clear: () => page.go(unfiltered(page.state)),
  /** To the map, to draw an area there. */
  draw: () => {
    if (page.state.view !== 'map') page.go(elsewhere(page.state, 'map'));
    view.draw();
  },
  /** Whether live events can lie in the stretch of time that is shown. */
  reachesNow: () => {
    const [, to] = reach(page.state, page.now());
    return to === null || to > page.now();
  },
};

const filters = filterBar(page);

function heading() {
  return VIEWS.find(([name]) => name === page.state.view)?.[1] ?? 'Session';
}

function show(focus) {
  view?.stop();
  view = MAKERS[page.state.view](page);
  view.view = page.state.view;
  view.session = page.state.session;
  const title = el('h1', { tabindex: '-1' }, view.title ?? heading());
  replace(main, el('div', { class: 'head' }, title, view.aside ?? null), filters.element, view.nodes);
  view.start?.();
  document.title = (page.state.session ?? heading()) + ' · diurnal';
  if (focus) {
    title.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }
}

/** The address has changed. */
function changed() {
  const before = page.state;
  page.state = read(location.hash);
  const same = view && view.view === page.state.view && view.session === page.state.session;
  if (!same) show(view !== null);
  filters.update();
  links();
  if (same) view.update?.(before);
  view.panels.forEach((panel) => panel.load());
  if (JSON.stringify([before.types, before.tags, before.allTags, before.box, before.session])
    !== JSON.stringify([page.state.types, page.state.tags, page.state.allTags, page.state.box, page.state.session])) connect();
}

function links() {
  replace(document.getElementById('views'), VIEWS.map(([name, text]) => el('li', null,
    el('a', { href: page.link(name), 'data-key': 'view ' + name, text,
      'aria-current': name === page.state.view || (name === 'sessions' && page.state.view === 'session') ? 'page' : null }))));
}

function tellLive() {
  const rate = page.rate();
  liveButton.setAttribute('aria-pressed', String(live.on));
  document.body.dataset.live = live.on ? live.state : 'paused';
  liveText.textContent = !live.on ? 'Paused' : live.state === 'open' ? (rate > 0 ? 'Live · ' + (rate < 10 ? rate.toFixed(1) : number(rate)) + '/s' : 'Live')
    : live.state === 'broken' ? 'Reconnecting…' : 'Connecting…';
}

function connect() {
  live.stop?.abort();
  live.stop = null;
  Object.assign(live, { waiting: [], count: 0, rate: [], state: 'connecting' });
  if (live.on && !document.hidden) {
    live.stop = new AbortController();
    const { signal } = live.stop;
    const filter = page.state.session ? ofSession(page.state.session) : page.filter({ time: false });
    follow(filter, {
      signal,
      onevents: (events) => {
        if (signal.aborted) return;
        live.count += events.length;
        live.waiting.push(...events.slice(-WAITING_MAX));
        if (live.waiting.length > WAITING_MAX) live.waiting.splice(0, live.waiting.length - WAITING_MAX);
      },
      onstate: (state, resumed) => {
        if (signal.aborted) return;
        if (state === 'open' && live.state === 'broken' && !resumed) view?.panels.forEach((panel) => panel.touch());
        if (state !== 'gap') live.state = state;
        tellLive();
      },
    });
  }
  tellLive();
}

/** Once a second: what came in is shown, and what may ask again does. */
function tick() {
  if (document.hidden || !view) return;
  const { count, waiting } = live;
  if (live.on) {
    live.rate.push(count);
    if (live.rate.length > 5) live.rate.shift();
  }
  live.count = 0;
  live.waiting = [];
  if (count > 0) {
    view.panels.forEach((panel) => panel.touch());
    view.events?.(waiting, count);
    live.unsaid += count;
    if (Date.now() - live.saidAt > SAID_EVERY) {
      page.say(counted(live.unsaid, 'new event') + '.');
      Object.assign(live, { unsaid: 0, saidAt: Date.now() });
    }
  }
  tellLive();
  if (live.on) view.panels.forEach((panel) => panel.tick());
}

async function learn() {
  try {
    known = await askStore();
    const now = millis(known.now);
    if (Number.isFinite(now)) ahead = now - Date.now();
  } catch {
    // The view says so itself.
  }
}

async function begin() {
  document.getElementById('switches').append(...switches({
    onscheme: () => {
      chart.repaint();
      map.repaint();
      view?.scheme?.();
    },
    onzone: () => {
      show(false);
      filters.update();
      view.panels.forEach((panel) => panel.load());
    },
  }));
  unfoldWhere(document.getElementById('settings'), '(min-width: 64rem)');
  liveButton.addEventListener('click', () => {
    live.on = !live.on;
    page.say(live.on ? 'Live events are followed.' : 'Live events are paused.');
    connect();
    if (live.on) view?.panels.forEach((panel) => panel.touch());
  });
  links();
  await learn();
  window.addEventListener('popstate', changed);
  document.addEventListener('visibilitychange', () => {
    connect();
    if (!document.hidden) view?.panels.forEach((panel) => panel.touch());
  });
  changed();
  connect();
  setInterval(tick, TICK);
  setInterval(() => {
    if (!document.hidden) learn();
  }, STORE_EVERY);
}

begin();
