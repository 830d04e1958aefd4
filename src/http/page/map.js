// Owns: maps without a base map, over Leaflet: the net of degrees and the scale that tell where one is, and drawing an
// area on one. Does not own what is drawn on it. Markup that Leaflet gets is made of numbers alone.

/* global L */
import { el } from './dom.js';

/** Lines of the net either way at most. */
const LINES_MAX = 60;

/** The latitude at which the projection ends. */
const EDGE = 85;

/** A drawn area is at least so many pixels wide and high. */
const DRAWN_MIN = 5;

const maps = new Set();

export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Paints all maps on the page again, in another scheme. */
export function repaint() {
  maps.forEach((map) => map.repaint());
}

function step(span) {
  const power = 10 ** Math.floor(Math.log10(span));
  return [1, 2, 5, 10].map((times) => times * power).find((one) => one >= span * 0.999);
}

function degrees(value, by, sides) {
  const text = Math.abs(value).toFixed(Math.max(0, Math.ceil(-Math.log10(by) - 1e-9)));
  return text + '°' + (Number(text) === 0 || Number(text) === 180 ? '' : ' ' + sides[value < 0 ? 1 : 0]);
}

export const wrapped = (longitude) => ((((longitude + 180) % 360) + 360) % 360) - 180;

/** A longitude beside another one, so that what lies across the antimeridian stays together. */
export const beside = (longitude, other) => longitude + 360 * Math.round((other - longitude) / 360);

/** The box that a map's bounds are. */
export function boxOf(bounds) {
  const south = Math.max(-90, bounds.getSouth());
  const north = Math.min(90, bounds.getNorth());
  if (bounds.getEast() - bounds.getWest() >= 360) return { west: -180, south, east: 180, north };
  return { west: wrapped(bounds.getWest()), south, east: wrapped(bounds.getEast()), north };
}

/** The bounds of a box, the eastern side to the east. */
export function boundsOf({ west, south, east, north }) {
  return L.latLngBounds([south, west], [north, east < west ? east + 360 : east]);
}

export class BaseMap {
  constructor(label) {
    this.element = el('div', { class: 'map', role: 'application', 'aria-label': label + '. Arrows move it, plus and minus zoom.' });
    this.layers = [];
  }

  /** Once the element is on the page, since Leaflet measures it. */
  start() {
    const still = window.matchMedia('(prefers-reduced-motion: reduce)').matches;
    this.map = L.map(this.element, {
      renderer: L.canvas({ tolerance: 4, padding: 0.2 }), attributionControl: false, zoomSnap: 0.25, zoomDelta: 0.5,
      minZoom: 0, maxZoom: 23, zoomAnimation: false, fadeAnimation: false, inertia: !still, wheelPxPerZoomLevel: 90,
    });
    L.control.scale({ imperial: false, maxWidth: 140 }).addTo(this.map);
    this.net = L.layerGroup().addTo(this.map);
    this.map.on('moveend resize', () => this.drawNet());
    this.map.on('popupopen popupclose', (event) => {
      this.reads = event.type === 'popupopen';
    });
    this.sizes = new ResizeObserver(() => this.map.invalidateSize({ animate: false }));
    this.sizes.observe(this.element);
    this.map.setView([20, 0], 1);
    maps.add(this);
  }

  fit(bounds) {
    if (bounds?.isValid()) this.map.fitBounds(bounds, { padding: [28, 28], maxZoom: 17, animate: false });
  }

  drawNet() {
    this.net.clearLayers();
    const b = this.map.getBounds();
    const [top, bottom] = [Math.min(EDGE, b.getNorth()), Math.max(-EDGE, b.getSouth())];
    const by = step((b.getEast() - b.getWest()) / Math.max(2, this.map.getSize().x / 130));
    const style = { color: colour('--net'), weight: 1, interactive: false };
    const name = (at, html, anchor) => this.net.addLayer(L.marker(at, { interactive: false, keyboard: false,
      icon: L.divIcon({ className: 'degrees', iconSize: null, iconAnchor: anchor, html }) }));
    const east = Math.ceil(b.getWest() / by);
    for (let n = 0; n < LINES_MAX && (east + n) * by <= b.getEast(); n += 1) {
      const longitude = (east + n) * by;
      this.net.addLayer(L.polyline([[bottom, longitude], [top, longitude]], style));
      name([top, longitude], degrees(wrapped(longitude), by, ['E', 'W']), [-3, -2]);
    }
    const north = Math.ceil(bottom / by);
    for (let n = 0; n < LINES_MAX && (north + n) * by <= top; n += 1) {
      const latitude = (north + n) * by;
      this.net.addLayer(L.polyline([[latitude, b.getWest()], [latitude, b.getEast()]], style));
      name([latitude, b.getEast()], degrees(latitude, by, ['N', 'S']), [64, 15]);
    }
    this.net.eachLayer((layer) => layer.bringToBack?.());
  }

  repaint() {
    this.drawNet();
    this.onrepaint?.();
  }

  /** Shows the area that is filtered by, or none. */
  outline(box) {
    this.area?.remove();
    this.area = box
      ? L.rectangle(boundsOf(box), { color: colour('--accent'), weight: 2, dashArray: '6 4', fill: false, interactive: false }).addTo(this.map)
      : null;
  }

  /** Whether somebody reads what a place says, or draws. */
  busy() {
    return Boolean(this.map && (this.reads || this.stopDrawing));
  }

  /** Lets an area be drawn; resolves to its box, or to nothing where that was called off. */
  draw() {
    this.stopDrawing?.();
    const { map, element } = this;
    element.classList.add('drawing');
    map.dragging.disable();
    map.touchZoom.disable();
    return new Promise((drawn) => {
      let corner = null;
      let rectangle = null;
      const end = (box) => {
        this.stopDrawing = null;
        element.classList.remove('drawing');
        rectangle?.remove();
        map.dragging.enable();
        map.touchZoom.enable();
        element.removeEventListener('pointerdown', down, true);
        element.removeEventListener('pointermove', move, true);
        element.removeEventListener('pointerup', up, true);
        document.removeEventListener('keydown', escape, true);
        drawn(box);
      };
      const at = (event) => map.mouseEventToContainerPoint(event);
      const bounds = (event) => L.latLngBounds(map.containerPointToLatLng(corner), map.containerPointToLatLng(at(event)));
      const own = (event) => event.target.closest?.('.leaflet-control');
      const down = (event) => {
        if (own(event) || !event.isPrimary) return;
        event.preventDefault();
        event.stopPropagation();
        element.setPointerCapture?.(event.pointerId);
        corner = at(event);
      };
      const move = (event) => {
        if (!corner) return;
        event.stopPropagation();
        rectangle?.remove();
        rectangle = L.rectangle(bounds(event), { color: colour('--accent'), weight: 2, interactive: false }).addTo(map);
      };
      const up = (event) => {
        if (!corner) return;
        event.stopPropagation();
        const size = at(event).subtract(corner);
        if (Math.min(Math.abs(size.x), Math.abs(size.y)) < DRAWN_MIN) {
          corner = null;
          return;
        }
        end(boxOf(bounds(event)));
      };
      const escape = (event) => {
        if (event.key === 'Escape') end(null);
      };
      element.addEventListener('pointerdown', down, true);
      element.addEventListener('pointermove', move, true);
      element.addEventListener('pointerup', up, true);
      document.addEventListener('keydown', escape, true);
      this.stopDrawing = () => end(null);
    });
  }

  stop() {
    this.stopDrawing?.();
    maps.delete(this);
    this.sizes?.disconnect();
    // Nothing that was under way paints on it any more, nor does what Leaflet still has a timer for.
    this.map?.remove();
    this.map?.off();
    this.map = null;
  }
}
