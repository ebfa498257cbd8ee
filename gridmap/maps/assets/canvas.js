// @ts-check
// A Leaflet layer that draws packed shapes on one canvas: a class number per feature, a colour per class.
"use strict";

const NO_CLASS = 255;
const NO_GROUP = 65535;
const THINNEST_PX = 0.6;
const SIDE_A_PX = 24; // an area this wide, in px, bears a border of one
const SMALL_PX = 13;
const EARTH_M = 40075016.686;
const RINGS_COVER = 1.6; // rings that cover the view oftener than this are left out
const HATCH_PX = 8;
const SHAPES_A_PATH = 64; // one path for all is slow to fill, one for each is slow to start

/**
 * @typedef {Object} Look
 * @property {string[]} [palette] colour of each class; without it nothing is filled
 * @property {Uint8Array | null} [classes] class of each feature; 255 is left empty
 * @property {Uint16Array | null} [groups] the group of each feature
 * @property {boolean} [bordered] heavy borders stand between groups
 * @property {string} [stroke] colour of borders
 * @property {number} [width] px
 * @property {number[]} [dash] px
 * @property {number} [opacity] of the fill
 * @property {number[]} [hatched] features that are hatched
 * @property {string} [ink] colour of the outline of marked features
 */

/** @param {string | undefined | null} text base64 @returns {Uint8Array} */
function bytesOf(text) {
  const raw = atob(text || "");
  const out = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i);
  return out;
}

/** A canvas over the map, drawn anew after each move; `paint` draws on it. */
const CanvasLayer = L.Layer.extend({
  getEvents() {
    /** @type {Record<string, Function>} */
    const events = { moveend: this.draw, resize: this.draw, viewreset: this.draw };
    if (this._map._zoomAnimated) events.zoomanim = this._follow;
    return events;
  },

  onAdd() {
    this.canvas = L.DomUtil.create("canvas", "gm-canvas leaflet-zoom-animated");
    this.getPane(this.options.pane || "overlayPane").appendChild(this.canvas);
    this.draw();
  },

  onRemove() {
    this.canvas.remove();
  },

  /** @param {{zoom: number, center: any}} event */
  _follow(event) {
    const map = this._map;
    const scale = map.getZoomScale(event.zoom, this.zoom);
    const offset = map._latLngBoundsToNewLayerBounds(this.bounds, event.zoom, event.center).min;
    L.DomUtil.setTransform(this.canvas, offset, scale);
  },

  draw() {
    const map = this._map;
    if (!map) return;
    const size = map.getSize().multiplyBy(this.isEmpty() ? 0 : 1.4).round();
    const corner = map.containerPointToLayerPoint(map.getSize().multiplyBy(-0.2)).round();
    const ratio = window.devicePixelRatio || 1;
    this.zoom = map.getZoom();
    this.bounds = L.latLngBounds(map.layerPointToLatLng(corner), map.layerPointToLatLng(corner.add(size)));
    L.DomUtil.setTransform(this.canvas, corner, 1);
    this.canvas.width = size.x * ratio;
    this.canvas.height = size.y * ratio;
    this.canvas.style.width = `${size.x}px`;
    this.canvas.style.height = `${size.y}px`;
    if (size.x && size.y) this.paint(this.canvas.getContext("2d"), map.getPixelOrigin().add(corner), size, ratio);
  },

  isEmpty() {
    return false;
  },
});

const ShapesLayer = CanvasLayer.extend({
  /** @param {Shapes} shapes @param {Look} look @param {{pane?: string}} [options] */
  initialize(shapes, look, options) {
    L.setOptions(this, options);
    this.shapes = shapes;
    this.look = look;
    /** @type {Set<number>} */ this.marked = new Set();
    /** @type {Set<number>} groups that are outlined as a whole */ this.outlined = new Set();
  },

  /** @param {Partial<Look>} look */
  restyle(look) {
    this.look = { ...this.look, ...look };
    if (this._map) this.draw();
  },

  /** Colour some features anew, over what is drawn; all of them where it shines through. @param {Uint8Array} classes @param {number[]} rows */
  recolour(classes, rows) {
    this.look = { ...this.look, classes };
    if (!this._map) return;
    if (!this.drawn || (this.look.opacity ?? 1) < 1) return this.draw();
    const { level, scale, turn } = this.drawn, pen = this.canvas.getContext("2d");
    pen.setTransform(...turn);
    this._paint(pen, level, scale, rows);
  },

  /** @param {Iterable<number>} rows @param {Iterable<number>} [groups] */
  mark(rows, groups = []) {
    const before = this.marked.size + this.outlined.size;
    this.marked = new Set(rows);
    this.outlined = new Set(groups);
    if (this._map && (before || !this.isEmpty())) this.draw();
  },

  isEmpty() {
    const { palette, stroke, groups, bordered, hatched } = this.look;
    return !palette && !hatched?.length && !stroke && !(groups && (bordered || this.outlined.size)) && !this.marked.size;
  },

  /** @param {CanvasRenderingContext2D} pen @param {any} origin @param {any} size @param {number} ratio */
  paint(pen, origin, size, ratio) {
    const level = this.shapes.levelFor(this.zoom);
    const scale = 2 ** (this.zoom - level.zoom);
    const turn = [scale * ratio, 0, 0, scale * ratio, -origin.x * ratio, -origin.y * ratio];
    this.drawn = { level, scale, turn };
    pen.setTransform(...turn);
    const view = [origin.x / scale, origin.y / scale, (origin.x + size.x) / scale, (origin.y + size.y) / scale];
    this._paint(pen, level, scale, this._seen(level, view));
  },

  /** @param {Level} level @param {number[]} view @returns {number[]} */
  _seen(level, view) {
    const seen = [];
    for (let f = 0; f < this.shapes.count; f++) {
      const at = f * 4;
      if (level.box[at] <= view[2] && level.box[at + 2] >= view[0] && level.box[at + 1] <= view[3] && level.box[at + 3] >= view[1]) {
        seen.push(f);
      }
    }
    return seen;
  },

  /** @param {CanvasRenderingContext2D} pen @param {Level} level @param {number} scale @param {number[]} seen */
  _paint(pen, level, scale, seen) {
    const look = this.look;
    pen.lineJoin = "round";
    pen.lineCap = "round";
    if (look.palette && look.classes) {
      const groups = look.palette.map(() => /** @type {number[]} */ ([]));
      for (const f of seen) groups[look.classes[f]]?.push(f);
      pen.globalAlpha = look.opacity ?? 1;
      groups.forEach((rows, n) => {
        pen.fillStyle = look.palette[n];
        for (let i = 0; i < rows.length; i += SHAPES_A_PATH) {
          this._trace(pen, level, rows.slice(i, i + SHAPES_A_PATH));
          pen.fill("evenodd");
        }
      });
      pen.globalAlpha = 1;
    }
    if (look.hatched?.length) {
      pen.fillStyle = this._hatch(pen, scale);
      this._trace(pen, level, look.hatched);
      pen.fill("evenodd");
    }
    if (look.stroke && look.width) {
      // Between small cells the hairline that smoothing leaves is border enough: drawn ones would bleach the colours.
      const drawn = look.classes ? seen.filter((f) => level.box[f * 4 + 2] - level.box[f * 4] > SMALL_PX / scale) : seen;
      pen.strokeStyle = look.stroke;
      pen.lineWidth = (look.classes ? look.width : this._width(level, scale, this.shapes.count, look.width)) / scale;
      pen.setLineDash((look.dash || []).map((length) => length / scale));
      for (let i = 0; i < drawn.length; i += SHAPES_A_PATH) {
        this._trace(pen, level, drawn.slice(i, i + SHAPES_A_PATH));
        pen.stroke();
      }
      pen.setLineDash([]);
    }
    if (look.groups && look.bordered) this._borders(pen, level, scale, look.groups);
    if (look.groups && this.outlined.size) this._surround(pen, level, scale, look.groups);
    this._outline(pen, level, scale);
  },

  /** Slanting lines, seen on light and dark colours. @param {CanvasRenderingContext2D} pen @param {number} scale */
  _hatch(pen, scale) {
    const tile = document.createElement("canvas");
    tile.width = tile.height = HATCH_PX;
    const draw = /** @type {CanvasRenderingContext2D} */ (tile.getContext("2d"));
    for (const [colour, width] of /** @type {[string, number][]} */ ([["#ffffff", 2.6], ["#1b2a3a", 1.2]])) {
      draw.strokeStyle = colour;
      draw.lineWidth = width;
      draw.beginPath();
      for (const shift of [-HATCH_PX, 0, HATCH_PX]) {
        draw.moveTo(shift - 2, HATCH_PX + 2);
        draw.lineTo(shift + HATCH_PX + 2, -2);
      }
      draw.stroke();
    }
    const hatch = /** @type {CanvasPattern} */ (pen.createPattern(tile, "repeat"));
    hatch.setTransform(new DOMMatrix().scale(1 / scale));
    return hatch;
  },

  /** @param {CanvasRenderingContext2D} pen @param {Level} level @param {number[]} rows */
  _trace(pen, level, rows) {
    const { x, y, ring, feature } = level;
    pen.beginPath();
    for (const f of rows) {
      for (let r = feature[f]; r < feature[f + 1]; r++) {
        const start = ring[r];
        pen.moveTo(x[start], y[start]);
        for (let v = start + 1; v < ring[r + 1]; v++) pen.lineTo(x[v], y[v]);
        if (ring[r + 1] === start + 1) pen.lineTo(x[start] + 0.5, y[start]);
      }
    }
  },

  /**
   * A border's width in px: where many areas are small on the screen it would hide what it divides.
   * @param {Level} level @param {number} scale @param {number} count of areas @param {number} most
   */
  _width(level, scale, count, most) {
    let west = Infinity, north = Infinity, east = -Infinity, south = -Infinity;
    for (let i = 0; i < level.box.length; i += 4) {
      west = Math.min(west, level.box[i]);
      north = Math.min(north, level.box[i + 1]);
      east = Math.max(east, level.box[i + 2]);
      south = Math.max(south, level.box[i + 3]);
    }
    const side = scale * Math.sqrt(((east - west) * (south - north)) / Math.max(count, 1));
    return Math.min(most, Math.max(THINNEST_PX, side / SIDE_A_PX));
  },

  /** @param {CanvasRenderingContext2D} pen @param {Level} level @param {number} scale @param {Uint16Array} groups */
  _borders(pen, level, scale, groups) {
    const [from, to, first, second] = this.shapes.sharedEdges(level);
    pen.strokeStyle = "#1b2a3a";
    pen.lineWidth = this._width(level, scale, new Set(groups).size, 2) / scale;
    pen.beginPath();
    for (let e = 0; e < from.length; e++) {
      // The border of the whole is a border too: a group ends there.
      if (second[e] < 0 ? groups[first[e]] !== NO_GROUP : groups[first[e]] !== groups[second[e]]) {
        pen.moveTo(level.x[from[e]], level.y[from[e]]);
        pen.lineTo(level.x[to[e]], level.y[to[e]]);
      }
    }
    pen.stroke();
  },

  /** @param {CanvasRenderingContext2D} pen @param {Level} level @param {number} scale */
  _outline(pen, level, scale) {
    if (!this.marked.size) return;
    this._trace(pen, level, [...this.marked]);
    this._haloed(pen, scale, 2.5);
  },

  /** The border of each outlined group. @param {CanvasRenderingContext2D} pen @param {Level} level @param {number} scale @param {Uint16Array} groups */
  _surround(pen, level, scale, groups) {
    const [from, to, first, second] = this.shapes.sharedEdges(level);
    const has = (/** @type {number} */ f) => f >= 0 && this.outlined.has(groups[f]);
    pen.beginPath();
    for (let e = 0; e < from.length; e++) {
      const here = has(first[e]), there = has(second[e]);
      if (here !== there || (here && groups[first[e]] !== groups[second[e]])) {
        pen.moveTo(level.x[from[e]], level.y[from[e]]);
        pen.lineTo(level.x[to[e]], level.y[to[e]]);
      }
    }
    this._haloed(pen, scale, 3.2);
  },

  /** @param {CanvasRenderingContext2D} pen @param {number} scale @param {number} width px */
  _haloed(pen, scale, width) {
    pen.strokeStyle = "#ffffff";
    pen.lineWidth = (width + 2.6) / scale;
    pen.stroke();
    pen.strokeStyle = this.look.ink || "#111827";
    pen.lineWidth = width / scale;
    pen.stroke();
  },
});

/** Dots, each with a ring of its reach: fewer and fainter where they would hide the city. */
const PointsLayer = CanvasLayer.extend({
  /** @param {{points: [number, number][], names: string[], radius_m: number, colour: string, pane: string}} options */
  initialize(options) {
    L.setOptions(this, options);
  },

  isEmpty() {
    return !this.options.points.length;
  },

  /** @param {CanvasRenderingContext2D} pen @param {any} origin @param {any} size @param {number} ratio */
  paint(pen, origin, size, ratio) {
    const { points, radius_m: reach, colour } = this.options, map = this._map;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const metres = (EARTH_M * Math.cos((map.getCenter().lat * Math.PI) / 180)) / (256 * 2 ** this.zoom);
    const all = points.map((/** @type {[number, number]} */ point) => map.project(point, this.zoom).subtract(origin));
    const ring = reach / metres;
    const seen = [...all.keys()].filter((n) => all[n].x > -ring - 6 && all[n].y > -ring - 6 && all[n].x < size.x + ring + 6 && all[n].y < size.y + ring + 6);
    const crowd = seen.length / Math.max(size.x * size.y, 1);
    if (ring > 3 && crowd * ring * ring * Math.PI < RINGS_COVER) {
      pen.strokeStyle = colour;
      pen.globalAlpha = 0.7;
      pen.lineWidth = 1;
      for (const n of seen) {
        pen.beginPath();
        pen.arc(all[n].x, all[n].y, ring, 0, 2 * Math.PI);
        pen.stroke();
      }
      pen.globalAlpha = 1;
    }
    // Of dots that would lie on each other one is drawn; zooming in shows the rest.
    const radius = crowd > 1 / 900 ? 2.2 : 4.5, side = radius * 2.4, taken = new Set();
    this.drawn = [];
    pen.fillStyle = colour;
    pen.strokeStyle = "#ffffff";
    pen.lineWidth = radius > 3 ? 1.5 : 0.6;
    for (const n of seen) {
      const { x, y } = all[n], key = `${Math.round(x / side)},${Math.round(y / side)}`;
      if (taken.has(key)) continue;
      taken.add(key);
      this.drawn.push({ n, x: x + origin.x, y: y + origin.y });
      pen.beginPath();
      pen.arc(x, y, radius, 0, 2 * Math.PI);
      pen.fill();
      pen.stroke();
    }
  },

  /** The name of the dot under a place, or undefined. @param {any} latlng */
  nameAt(latlng) {
    const at = this._map.project(latlng, this.zoom);
    const near = (this.drawn || []).find((/** @type {any} */ dot) => Math.hypot(dot.x - at.x, dot.y - at.y) < 8);
    return near && this.options.names?.[near.n];
  },
});
