// Owns: the heatmap: where people act, by cells whose size follows the zoom, and the area that is drawn to filter by.

/* global L */
import { question } from '../api.js';
import { el, facts, replace, table } from '../dom.js';
import { boxInWords } from '../filter.js';
import { counted, degrees, metres, number } from '../format.js';
import { BaseMap, boundsOf, boxOf, colour } from '../map.js';
import { Panel } from '../panel.js';

/** Cells that are drawn at most. */
const CELLS_MAX = 4000;

/** A cell is about so many pixels wide. */
const CELL_PIXELS = 9;

/** Cells of the first look at where events are at all. */
const LOOK_METRES = 20000;
const LOOK_MAX = 10000;

/** The share of events that the first look keeps in sight: a few lost ones far away do not make the rest a dot. */
const IN_SIGHT = 0.98;

const LISTED = 25;

const SHADES = 6;

/** Classes in equal ratios up to the most. */
function classes(most) {
  const ratio = most ** (1 / SHADES);
  const found = [];
  let from = 1;
  for (let shade = 0; shade < SHADES && from <= most; shade += 1) {
    const to = shade + 1 === SHADES ? most : Math.floor(ratio ** (shade + 1));
    if (to >= from) {
      found.push({ from, to: Math.min(to, most), colour: '--heat-' + (shade + 1) });
      from = to + 1;
    }
  }
  return found;
}

/** The lengths 1, 2 and 5 times a power of ten. */
function rounded(length) {
  const power = 10 ** Math.floor(Math.log10(length));
  return [1, 2, 5, 10].map((times) => times * power).find((one) => one >= length * 0.99);
}

const middle = (cell) => [(cell.bounds.south + cell.bounds.north) / 2, (cell.bounds.west + cell.bounds.east) / 2];

export function places(page) {
  const map = new BaseMap('Where events happened');
  const legend = el('ul', { class: 'legend' });
  const note = el('p', { class: 'soft small-print', role: 'status' });
  const list = el('div');
  let group = null;
  let heat = null;
  let looked = null;
  let wantsToDraw = false;
  let waiting = null;

  const drawButton = el('button', { type: 'button', class: 'primary', 'data-key': 'draw', text: 'Draw an area', onclick: () => draw() });
  const viewButton = el('button', { type: 'button', 'data-key': 'visible', text: 'Filter to what is visible', onclick: () => page.go({ box: boxOf(map.map.getBounds()), page: 1 }) });
  const anywhere = el('button', { type: 'button', 'data-key': 'anywhere', text: 'Anywhere', onclick: () => page.go({ box: null, page: 1 }) });

  async function draw() {
    if (!map.map) {
      wantsToDraw = true;
      return;
    }
    if (map.stopDrawing) {
      map.stopDrawing();
      return;
    }
    drawButton.textContent = 'Cancel drawing';
    page.say('Drag across the map to draw an area. Escape calls it off.');
    map.element.scrollIntoView({ block: 'nearest' });
    const box = await map.draw();
    drawButton.textContent = 'Draw an area';
    if (box) page.go({ box, page: 1 });
  }

  /** Where events are at all, to begin with. */
  async function look(signal) {
    const key = JSON.stringify([page.filter({ time: false }), page.state.range, page.state.from, page.state.to]);
    if (looked?.key === key) return looked;
    const { found } = await question('heatmap', { filter: page.filter(), cell_metres: LOOK_METRES, limit: LOOK_MAX }, signal);
    let seen = 0;
    const kept = [];
    for (const cell of found.cells) {
      if (seen >= found.events * IN_SIGHT) break;
      seen += cell.events;
      kept.push(cell);
    }
    let bounds = kept.length ? L.latLngBounds(kept.flatMap(({ bounds: b }) => [[b.south, b.west], [b.north, b.east]])) : null;
    if (page.state.box) bounds = boundsOf(page.state.box);
    looked = { key, bounds, fitted: false, events: found.events, nowhere: found.nowhere };
    return looked;
  }

  function cellMetres() {
    const centre = map.map.getCenter();
    const pixel = (40075016.7 * Math.cos((centre.lat * Math.PI) / 180)) / 256 / 2 ** map.map.getZoom();
    return Math.max(0.5, Math.min(2500000, rounded(pixel * CELL_PIXELS)));
  }

  function start() {
    if (map.map || !map.element.isConnected) return;
    map.start();
    map.onrepaint = paint;
    map.map.on('moveend', () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => panel.load(true), 250);
    });
  }

  async function ask(signal) {
    start();
    const whole = await look(signal);
    signal.throwIfAborted();
    if (!whole.fitted) {
      whole.fitted = true;
      map.fit(whole.bounds);
      clearTimeout(waiting);
    }
    const cell = cellMetres();
    const more = [{ bounding_box: boxOf(map.map.getBounds().pad(0.15)) }];
    const { found, gaps } = await question('heatmap', { filter: page.filter({ more }), cell_metres: cell, limit: CELLS_MAX }, signal);
    return { found: { ...found, cell, whole }, gaps };
  }

  function paint() {
    if (!map.map || !heat) return;
    group?.remove();
    const most = heat.cells[0]?.events ?? 0;
    const of = most ? classes(most) : [];
    const near = map.map.getCenter().lng;
    const layers = [...heat.cells].reverse().map((cell) => {
      const { bounds: b, events } = cell;
      const shade = colour(of.find((one) => events <= one.to).colour);
      const turn = 360 * Math.round((near - (b.west + b.east) / 2) / 360);
      return L.rectangle([[b.south, b.west + turn], [b.north, b.east + turn]], { stroke: true, weight: 0.5, color: shade, fillColor: shade, fillOpacity: 0.92 })
        .bindPopup(() => el('div', { class: 'popup' }, facts([['Events', number(events)], ['Sessions', number(cell.sessions)], ['Middle', degrees(...middle(cell))]])));
    });
    group = L.featureGroup(layers).addTo(map.map);
    map.outline(page.state.box);
    replace(legend, of.map((one) => {
      const swatch = el('span', { class: 'swatch' });
      swatch.style.setProperty('background', 'var(' + one.colour + ')');
      return el('li', null, swatch, one.from === one.to ? number(one.from) : number(one.from) + '–' + number(one.to));
    }), of.length ? el('li', { class: 'soft', text: 'events in a cell of ' + metres(heat.cell) }) : null);
  }

  function show(found) {
    heat = found;
    paint();
    anywhere.hidden = !page.state.box;
    const visible = counted(found.events, 'event') + ' in sight, in ' + counted(found.cells_total, 'cell') + '.';
    const limited = found.cells_total > found.cells.length ? ' The ' + number(found.cells.length) + ' with most are drawn.' : '';
    const { whole } = found;
    note.textContent = whole.events === 0
      ? 'No event that passes the filters has a place; ' + number(whole.nowhere) + ' have none.'
      : visible + limited + ' In all, ' + number(whole.events) + ' events have a place and ' + number(whole.nowhere) + ' have none.'
        + (page.state.box ? ' Filtered to ' + boxInWords(page.state.box) + '.' : '');
    replace(list, found.cells.length === 0 ? el('p', { class: 'nothing', text: 'There is no event in sight.' }) : table({
      caption: 'Cells in sight with most events', rows: found.cells.slice(0, LISTED), key: (cell) => middle(cell).join(), columns: [
        { title: 'Middle', className: 'time', cell: (cell) => degrees(...middle(cell), 4) },
        { title: 'Events', number: true, cell: (cell) => number(cell.events) },
        { title: 'Sessions', number: true, cell: (cell) => number(cell.sessions) },
        { title: 'Filter', cell: (cell) => el('button', { type: 'button', class: 'small', 'data-key': 'cell ' + middle(cell).join(),
          'aria-label': 'Only here: ' + degrees(...middle(cell), 4), text: 'Only here', onclick: () => page.go({ box: cell.bounds, page: 1 }) }) },
      ],
    }));
  }

  const panel = new Panel({
    title: 'Where',
    keeps: true,
    holds: () => map.busy(),
    controls: el('div', { class: 'button-row' }, drawButton, viewButton, anywhere),
    ask,
    draw: (found) => {
      show(found);
      return holder;
    },
  });
  // The map is on the page from the beginning, since Leaflet measures it; answers change what it shows.
  const holder = [map.element, legend, note, el('h3', { text: 'Cells with most events' }), list];
  panel.body.append(...holder);
  anywhere.hidden = !page.state.box;
  note.textContent = 'Loading…';
  return {
    panels: [panel],
    nodes: [panel.element],
    draw,
    start: () => {
      start();
      if (wantsToDraw) draw();
    },
    stop: () => {
      clearTimeout(waiting);
      panel.stop();
      map.stop();
    },
  };
}
