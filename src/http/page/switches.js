// Owns: the switches of the page itself: colour scheme and zone of times, kept in this browser.

import { el } from './dom.js';
import { localZone, useZone } from './format.js';

function kept(key, fallback) {
  try {
    return localStorage.getItem('diurnal.' + key) ?? fallback;
  } catch {
    return fallback;
  }
}

function keep(key, value) {
  try {
    localStorage.setItem('diurnal.' + key, value);
  } catch {
    // It lasts as long as the page then.
  }
}

function choice(name, label, options, value, onchange) {
  return el('label', { class: 'switch' }, el('span', { text: label }),
    el('select', { name, onchange: (event) => onchange(event.target.value) },
      options.map(([key, text]) => el('option', { value: key, selected: key === value, text }))));
}

/** Opens a fold where there is room for what it holds, and closes it where there is none. */
export function unfoldWhere(fold, query) {
  const room = window.matchMedia(query);
  const turn = () => {
    fold.open = room.matches;
  };
  room.addEventListener('change', turn);
  turn();
}

/** The switches; each is told to `onscheme` or `onzone` after it has taken effect. */
export function switches({ onscheme, onzone }) {
  const scheme = kept('theme', 'system');
  const zone = kept('zone', 'local');
  const set = (chosen) => useZone(chosen === 'utc' ? 'UTC' : localZone());
  set(zone);
  window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', onscheme);
  return [
    choice('theme', 'Colours', [['system', 'As the system'], ['light', 'Light'], ['dark', 'Dark']], scheme, (chosen) => {
      keep('theme', chosen);
      if (chosen === 'system') delete document.documentElement.dataset.theme;
      else document.documentElement.dataset.theme = chosen;
      onscheme();
    }),
    choice('zone', 'Times', [['local', 'Local (' + localZone() + ')'], ['utc', 'UTC']], zone, (chosen) => {
      keep('zone', chosen);
      set(chosen);
      onzone();
    }),
  ];
}
