// Draws the data of the page over Leaflet 1.9.4. What clients sent gets into the page as text alone
// (textContent), never as markup.
(function () {
  'use strict';
  var data = JSON.parse(document.getElementById('data').textContent);
  var KIND = 0, ID = 1, TIME = 2, TYPE = 3, TAGS = 4, SAYS = 5, LAT = 6, LON = 7;
  // Steps of more than so many events are drawn as lines alone, so that the map stays quick.
  var STEPS_MAX = 20000;
  var LISTED_MAX = 300;
  var NAMED_MAX = 6;

  var panel = document.getElementById('panel');
  document.title = data.title;
  document.getElementById('title').textContent = data.title;

  function element(name, text, parent, style) {
    var made = document.createElement(name);
    if (text !== undefined && text !== null) made.textContent = text;
    if (style) made.className = style;
    if (parent) parent.appendChild(made);
    return made;
  }
  data.notes.forEach(function (note) { element('p', note, panel); });

  var map = L.map('map', {
    renderer: L.canvas({ tolerance: 3, padding: 0.2 }), zoomSnap: 0.25, zoomDelta: 0.5,
    maxZoom: 23, minZoom: 1, worldCopyJump: false, zoomAnimation: false
  });
  L.control.scale({ imperial: false, maxWidth: 160 }).addTo(map);
  if (data.tiles) {
    var attribution = element('span', data.tiles.attribution);
    L.tileLayer(data.tiles.url, { attribution: attribution.innerHTML, maxZoom: 23, maxNativeZoom: 19 }).addTo(map);
  }

  // The net of degrees, which tells where one is when there is no base map.
  var net = L.layerGroup().addTo(map);
  function step(span) {
    var power = Math.pow(10, Math.floor(Math.log10(span)));
    return [1, 2, 5, 10].map(function (m) { return m * power; }).filter(function (s) { return s >= span * 0.999; })[0];
  }
  function degrees(value, by, sides) {
    var shown = Math.abs(value).toFixed(Math.max(0, Math.ceil(-Math.log10(by) - 1e-9)));
    return shown + '°' + (Number(shown) === 0 || Number(shown) === 180 ? '' : ' ' + sides[value < 0 ? 1 : 0]);
  }
  function drawNet() {
    net.clearLayers();
    var b = map.getBounds(), size = map.getSize();
    var by = step((b.getEast() - b.getWest()) / Math.max(2, size.x / 130));
    var style = { color: '#d0d0d0', weight: 1, interactive: false };
    function name(at, text, anchor) {
      net.addLayer(L.marker(at, { interactive: false, keyboard: false, icon: L.divIcon({ className: 'degrees', iconSize: null, iconAnchor: anchor, html: text }) }));
    }
    var n, first = Math.ceil(b.getWest() / by);
    for (n = 0; n < 60 && (first + n) * by <= b.getEast(); n++) {
      var lon = (first + n) * by;
      net.addLayer(L.polyline([[Math.max(-85, b.getSouth()), lon], [Math.min(85, b.getNorth()), lon]], style));
      name([Math.min(85, b.getNorth()), lon], degrees(((lon + 180) % 360 + 360) % 360 - 180, by, ['E', 'W']), [-3, -2]);
    }
    first = Math.ceil(Math.max(-85, b.getSouth()) / by);
    for (n = 0; n < 60 && (first + n) * by <= Math.min(85, b.getNorth()); n++) {
      var lat = (first + n) * by;
      net.addLayer(L.polyline([[lat, b.getWest()], [lat, b.getEast()]], style));
      name([lat, b.getEast()], degrees(lat, by, ['N', 'S']), [62, 15]);
    }
    net.eachLayer(function (layer) { if (layer.bringToBack) layer.bringToBack(); });
  }
  if (!data.tiles) map.on('moveend resize', drawNet);

  function details(rows) {
    var table = element('table', null, null, 'details');
    rows.forEach(function (row) {
      if (row[1] === null || row[1] === '' || row[1] === undefined) return;
      var line = element('tr', null, table);
      element('th', row[0], line);
      element('td', String(row[1]), line);
    });
    return table;
  }
  function open(at, rows) {
    L.popup({ maxWidth: 340, maxHeight: 260 }).setLatLng(at).setContent(details(rows)).openOn(map);
  }
  function fit(corners) {
    if (corners.length) {
      map.fitBounds(L.latLngBounds(corners), { padding: [40, 40], maxZoom: 18 });
    } else {
      map.setView([0, 0], 2);
      element('div', 'No event has a place.', document.getElementById('map'), 'nothing');
    }
  }

  // ---- Density ----

  function drawCells() {
    element('h2', 'Events in a cell', panel);
    data.classes.forEach(function (c) {
      var row = element('label', null, panel);
      element('span', null, row, 'swatch').style.background = c[2];
      element('span', c[0] === c[1] ? c[0].toLocaleString('en') : c[0].toLocaleString('en') + ' – ' + c[1].toLocaleString('en'), row);
    });
    var group = L.featureGroup().addTo(map);
    fit(data.cells.map(function (c) { return [c[0], c[1]]; }).concat(data.cells.map(function (c) { return [c[2], c[3]]; })));
    data.cells.forEach(function (c) {
      var of = data.classes.filter(function (k) { return c[4] <= k[1]; })[0];
      var cell = L.rectangle([[c[0], c[1]], [c[2], c[3]]], { stroke: true, weight: 1, color: of[2], opacity: 0.9, fillColor: of[2], fillOpacity: data.tiles ? 0.65 : 0.95 });
      cell.rows = [['events', c[4]], ['sessions', c[5]]];
      group.addLayer(cell);
    });
    group.on('click', function (e) { open(e.latlng, (e.propagatedFrom || e.layer).rows); });
  }

  // ---- Ways ----

  function trace(ctx, outline, x, y, r) {
    ctx.beginPath();
    outline.forEach(function (p, i) { ctx[i ? 'lineTo' : 'moveTo'](x + p[0] * r, y + p[1] * r); });
    ctx.closePath();
  }
  function paint(ctx, outline, x, y, r, colour, bare) {
    trace(ctx, outline, x, y, r);
    ctx.globalAlpha = 1;
    ctx.fillStyle = colour;
    ctx.fill();
    if (bare) return;
    ctx.lineWidth = 1;
    ctx.setLineDash([]);
    ctx.strokeStyle = '#fff';
    ctx.stroke();
  }
  // A mark in the shape of its kind.
  var Mark = L.CircleMarker.extend({
    _updatePath: function () {
      var renderer = this._renderer;
      if (!renderer._drawing || this._empty()) return;
      paint(renderer._ctx, this.options.outline, this._point.x, this._point.y, this._radius, this.options.fillColor, this.options.bare);
    }
  });
  // A line with arrows, about one for each 110 pixels.
  var Way = L.Polyline.extend({
    _updatePath: function () {
      L.Polyline.prototype._updatePath.call(this);
      var renderer = this._renderer;
      if (!renderer._drawing || !this._parts.length) return;
      var ctx = renderer._ctx, colour = this.options.color, gone = 0, next = 55;
      this._parts.forEach(function (part) {
        for (var i = 1; i < part.length; i++) {
          var dx = part[i].x - part[i - 1].x, dy = part[i].y - part[i - 1].y, length = Math.hypot(dx, dy);
          while (length > 0 && gone + length >= next) {
            var s = (next - gone) / length, c = dx / length, d = dy / length;
            paint(ctx, [[c, d], [-0.8 * c - 0.7 * d, -0.8 * d + 0.7 * c], [-0.8 * c + 0.7 * d, -0.8 * d - 0.7 * c]], part[i - 1].x + dx * s, part[i - 1].y + dy * s, 6, colour);
            next += 110;
          }
          gone += length;
        }
      });
    }
  });

  function sample(kind) {
    var canvas = element('canvas');
    canvas.width = canvas.height = 36;
    canvas.style.width = canvas.style.height = '18px';
    var ctx = canvas.getContext('2d');
    ctx.scale(2, 2);
    paint(ctx, kind.outline, 9, 9, kind.radius, kind.colour);
    return canvas;
  }
  function lineSample(session) {
    var canvas = element('canvas');
    canvas.width = 64; canvas.height = 32;
    canvas.style.width = '32px'; canvas.style.height = '16px';
    var ctx = canvas.getContext('2d');
    ctx.scale(2, 2);
    ctx.strokeStyle = session.colour;
    ctx.lineWidth = 3;
    if (session.dashes !== 'none') ctx.setLineDash(session.dashes.split(' ').map(Number));
    ctx.beginPath(); ctx.moveTo(0, 8); ctx.lineTo(32, 8); ctx.stroke();
    return canvas;
  }
  function toggle(parent, picture, text, change) {
    var row = element('label', null, parent);
    var box = element('input', null, row);
    box.type = 'checkbox'; box.checked = true;
    row.appendChild(picture);
    element('span', text, row);
    box.addEventListener('change', function () { change(box.checked); });
  }
  function rowsOf(session, e) {
    return [['type', e[TYPE]], ['time', e[TIME]], ['session', session.id], ['tags', e[TAGS]], ['data', e[SAYS]],
      ['place', e.length > LAT ? e[LAT].toFixed(6) + ', ' + (((e[LON] + 180) % 360 + 360) % 360 - 180).toFixed(6) : null], ['event', e[ID]]];
  }
  var days = {};
  (data.sessions || []).forEach(function (s) { s.events.forEach(function (e) { days[e[TIME].slice(0, 10)] = true; }); });
  var dated = Object.keys(days).length > 1;
  function time(e) { return e[TIME].slice(dated ? 0 : 11, 19).replace('T', ' '); }

  function drawWays() {
    var all = L.featureGroup().addTo(map), corners = [], told = [], counts = data.kinds.map(function () { return 0; });
    var ways = [], marks = [], stepKind = data.kinds.length - 1;
    var placed = data.sessions.map(function (s) { return s.events.filter(function (e) { return e.length > LAT; }); });
    placed.forEach(function (events) { events.forEach(function (e) { counts[e[KIND]]++; corners.push([e[LAT], e[LON]]); }); });
    fit(corners);
    var named = placed.filter(function (events) { return events.length; }).length <= NAMED_MAX;
    drawMarks(stepKind);
    // Labels of ends that lie together stand above, or below, each other.
    var box = corners.length ? L.latLngBounds(corners) : null, ends = [];
    function aside(e, word) {
      var near = ends.filter(function (o) {
        return o[1] === word && Math.abs(o[0][LAT] - e[LAT]) <= (box.getNorth() - box.getSouth()) / 30 && Math.abs(o[0][LON] - e[LON]) <= (box.getEast() - box.getWest()) / 6;
      }).length;
      ends.push([e, word]);
      return 8 + 17 * near;
    }
    data.sessions.forEach(function (session, s) {
      var way = new Way(placed[s].map(function (e) { return [e[LAT], e[LON]]; }), { color: session.colour, weight: named ? 3 : 2, opacity: 0.75, dashArray: session.dashes === 'none' ? null : session.dashes, interactive: false, smoothFactor: 1 });
      ways.push(L.layerGroup([way]));
      if (named && placed[s].length) {
        [[placed[s][0], 'begins', 'top'], [placed[s][placed[s].length - 1], 'ends', 'bottom']].forEach(function (end) {
          var label = document.createElement('span');
          label.textContent = (data.sessions.length > 1 ? session.id.slice(0, 24) + ' ' : '') + end[1] + ' ' + time(end[0]);
          ways[s].addLayer(L.tooltip({ permanent: true, direction: end[2], className: 'end', offset: [0, (end[2] === 'top' ? -1 : 1) * aside(end[0], end[1])] }).setLatLng([end[0][LAT], end[0][LON]]).setContent(label));
        });
      }
      all.addLayer(ways[s]);
      session.events.forEach(function (e) { if (e[KIND] !== stepKind) told.push([session, e]); });
    });
    var order = data.kinds.map(function (_, k) { return k; }).reverse();
    order.filter(function (k) { return k !== stepKind; }).forEach(drawMarks);
    function drawMarks(k) {
      var kind = data.kinds[k];
      if (k === stepKind && counts[k] > STEPS_MAX) {
        element('p', 'There are ' + counts[k].toLocaleString('en') + ' events “' + kind.name + '”: they are drawn as lines alone.', panel);
        return;
      }
      data.sessions.forEach(function (session, s) {
        var group = L.layerGroup();
        placed[s].forEach(function (e) {
          if (e[KIND] !== k) return;
          var mark = new Mark([e[LAT], e[LON]], { radius: kind.radius, outline: kind.outline, fillColor: kind.colour, bare: k === stepKind, weight: 1 });
          mark.event = e;
          mark.session = session;
          group.addLayer(mark);
        });
        marks.push({ kind: k, session: s, group: group });
        all.addLayer(group);
      });
    }
    marks.forEach(function (m) {
      m.group.eachLayer(function (mark) { mark.on('click', clicked); });
    });
    function clicked(e) { open(e.target.getLatLng(), rowsOf(e.target.session, e.target.event)); }

    var hiddenKinds = {}, hiddenSessions = {};
    function show(layer, visible) { if (visible) all.addLayer(layer); else all.removeLayer(layer); }
    function update() {
      ways.forEach(function (way, s) { show(way, !hiddenSessions[s]); });
      marks.forEach(function (m) {
        var visible = !hiddenKinds[m.kind] && !hiddenSessions[m.session];
        show(m.group, visible);
        if (visible && m.kind !== stepKind) m.group.eachLayer(function (mark) { mark.bringToFront(); });
      });
    }
    element('h2', data.sessions.length === 1 ? 'Session' : 'Sessions (' + data.sessions.length + ')', panel);
    data.sessions.slice(0, 100).forEach(function (session, s) {
      if (!placed[s].length) element('label', session.id || '(no name)', panel);
      else toggle(panel, lineSample(session), session.id || '(no name)', function (on) { hiddenSessions[s] = !on; update(); });
      var events = session.events;
      if (events.length) element('div', events[0][TIME].slice(0, 19).replace('T', ' ') + ' – ' + events[events.length - 1][TIME].slice(0, 19).replace('T', ' '), panel, 'more');
    });
    if (data.sessions.length > 100) element('div', 'and ' + (data.sessions.length - 100) + ' more', panel, 'more');
    if (corners.length) element('h2', 'Marks', panel);
    data.kinds.forEach(function (kind, k) {
      if (counts[k]) toggle(panel, sample(kind), kind.name + ': ' + counts[k].toLocaleString('en'), function (on) { hiddenKinds[k] = !on; update(); });
    });
    list(told);
  }

  function list(told) {
    if (!told.length) return;
    element('h2', 'What happened', panel);
    if (told.length > LISTED_MAX) {
      // Those that tell most stay.
      told = told.slice().sort(function (a, b) { return a[1][KIND] - b[1][KIND]; }).slice(0, LISTED_MAX).concat([null]);
    }
    var more = told[told.length - 1] === null;
    told = told.filter(Boolean).sort(function (a, b) {
      return Date.parse(a[1][TIME]) - Date.parse(b[1][TIME]) || a[1][ID] - b[1][ID];
    });
    var ol = element('ol', null, panel);
    told.forEach(function (it) {
      var session = it[0], e = it[1];
      var button = element('button', null, element('li', null, ol));
      button.appendChild(sample(data.kinds[e[KIND]]));
      var text = element('span', time(e) + ' ' + e[TYPE] + (data.sessions.length > 1 ? ' · ' + session.id : '') + (e.length > LAT ? '' : ' · no place'), button);
      var says = [e[TAGS] ? 'tags ' + e[TAGS] : null, e[SAYS]].filter(Boolean).join(' · ');
      if (says) { element('br', null, text); element('span', says.slice(0, 300), text, 'says'); }
      if (e.length > LAT) {
        button.addEventListener('click', function () {
          map.setView([e[LAT], e[LON]], Math.max(map.getZoom(), 15));
          open([e[LAT], e[LON]], rowsOf(session, e));
        });
      } else {
        button.disabled = true;
      }
    });
    if (more) element('p', 'The ' + LISTED_MAX + ' that tell most are listed.', panel);
  }

  if (data.cells) drawCells(); else drawWays();
}());
