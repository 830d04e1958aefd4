// Owns: which mark stands for which event, by colour and shape, so that either tells them apart. The same as on the
// maps that the command line program makes.

/* global L */
import { el } from './dom.js';

const regular = (corners, from) => Array.from({ length: corners }, (_, corner) => {
  const angle = from + (corner / corners) * 2 * Math.PI;
  return [Math.cos(angle), Math.sin(angle)];
});

/** Two bars across each other. */
function crossed(angle) {
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)];
  const quarter = [[1, -0.3], [1, 0.3], [0.3, 0.3]];
  const turned = (times, [x, y]) => (times === 0 ? [x, y] : turned(times - 1, [-y, x]));
  return [0, 1, 2, 3].flatMap((times) => quarter.map((corner) => turned(times, corner)))
    .map(([x, y]) => [x * cosine - y * sine, x * sine + y * cosine]);
}

const KINDS = {
  error: { name: 'client error', colour: '--kind-error', outline: crossed(Math.PI / 4), radius: 7 },
  record: { name: 'recording', colour: '--kind-record', outline: regular(20, 0), radius: 6 },
  upload: { name: 'upload', colour: '--kind-upload', outline: regular(3, -Math.PI / 2), radius: 6 },
  choice: { name: 'choice of tags', colour: '--kind-choice', outline: regular(4, 0), radius: 6 },
  listen: { name: 'listening', colour: '--kind-listen', outline: regular(3, 0), radius: 6 },
  session: { name: 'session begins or ends', colour: '--kind-session', outline: regular(4, Math.PI / 4), radius: 6 },
  other: { name: 'other', colour: '--kind-other', outline: crossed(0), radius: 6 },
  step: { name: 'heartbeat, location', colour: '--kind-step', outline: regular(8, 0), radius: 2.5 },
};

const TYPES = {
  client_error: 'error', start_record: 'record', stop_record: 'record', start_upload: 'upload', stop_upload: 'upload',
  modify_stream: 'choice', start_stream: 'listen', stop_stream: 'listen', pause_stream: 'listen', start_listen: 'listen',
  stop_listen: 'listen', start_session: 'session', cleanup_session: 'session', heartbeat: 'step', location_update: 'step',
};

/** The kinds, those that tell most first. */
export const ALL = Object.keys(KINDS);

export const kindOf = (type) => (Object.hasOwn(TYPES, type) ? TYPES[type] : 'other');

export const kindName = (kind) => KINDS[kind].name;

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function paint(context, { outline, radius, colour }, x, y, bare) {
  context.beginPath();
  outline.forEach(([right, down], corner) => context[corner ? 'lineTo' : 'moveTo'](x + right * radius, y + down * radius));
  context.closePath();
  context.globalAlpha = 1;
  context.fillStyle = css(colour);
  context.fill();
  if (bare) return;
  context.lineWidth = 1;
  context.setLineDash([]);
  context.strokeStyle = css('--surface');
  context.stroke();
}

/** A mark of a kind for Leaflet's canvas. */
export function mark(place, kind) {
  const Mark = L.CircleMarker.extend({
    _updatePath() {
      const renderer = this._renderer;
      if (renderer._drawing && !this._empty()) paint(renderer._ctx, KINDS[kind], this._point.x, this._point.y, kind === 'step');
    },
  });
  return new Mark(place, { radius: KINDS[kind].radius, weight: 1 });
}

/** A small picture of a kind, for lists. */
export function sample(kind) {
  const canvas = el('canvas', { width: '36', height: '36', class: 'sample', 'aria-hidden': 'true' });
  const context = canvas.getContext('2d');
  context.scale(2, 2);
  paint(context, KINDS[kind], 9, 9, false);
  return canvas;
}
