// @ts-check
// A Leaflet layer that draws packed shapes on one canvas: a class number per feature, a colour per class.
"use strict";

const NO_CLASS = 255;
const NO_GROUP = 65535;
const THINNEST_PX = 0.6;
const SIDE_A_PX = 24; // an area this wide, in px, bears a border of one
const SMALL_PX = 13;
const SHAPES_A_PATH = 64; // one path for all is slow to fill, one for each is slow to start

/**
 * @typedef {Object} Look
 * @property {string[]} [palette] colour of each class; without it nothing is filled
 * @property {Uint8Array | null} [classes] class of each feature; 255 is left empty
 * @property {Uint16Array | null} [groups] features of one group have no heavy border between them
 * @property {string} [stroke] colour of borders
 * @property {number} [width] px
 * @property {number[]} [dash] px
 * @property {number} [opacity] of the fill
 * @property {string[]} [labels] a text in the middle of each feature
 * @property {string} [ink] colour of the outline of marked features
 */

/** @param {string | undefined | null} text base64 @returns {Uint8Array} */
function bytesOf(text) {
  const raw = atob(text || "");
  const out = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i);
  return out;
}

const ShapesLayer = L.Layer.extend({
  /** @param {Shapes} shapes @param {Look} look @param {{pane?: string}} [options] */
  initialize(shapes, look, options) {
    L.setOptions(this, options);
    this.shapes = shapes;
    this.look = look;
    /** @type {Set<number>} */ this.marked = new Set();
  },

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

  /** @param {Partial<Look>} look */
  restyle(look) {
    this.look = { ...this.look, ...look };
    if (this._map) this.draw();
  },

  /** @param {Iterable<number>} rows */
  mark(rows) {
    const before = this.marked.size;
    this.marked = new Set(rows);
    if (this._map && (before || this.marked.size)) this.draw();
  },

  /** @param {{zoom: number, center: any}} event */
  _follow(event) {
    const map = this._map;
    const scale = map.getZoomScale(event.zoom, this.zoom);
    const offset = map._latLngBoundsToNewLayerBounds(this.bounds, event.zoom, event.center).min;
    L.DomUtil.setTransform(this.canvas, offset, scale);
  },

  draw() {
    const { palette, stroke, labels } = this.look;
    const map = this._map;
    const empty = !palette && !stroke && !labels && !this.marked.size;
    const size = map.getSize().multiplyBy(empty ? 0 : 1.4).round();
    const corner = map.containerPointToLayerPoint(map.getSize().multiplyBy(-0.2)).round();
    const ratio = window.devicePixelRatio || 1;
    this.zoom = map.getZoom();
    this.bounds = L.latLngBounds(map.layerPointToLatLng(corner), map.layerPointToLatLng(corner.add(size)));
    L.DomUtil.setTransform(this.canvas, corner, 1);
    this.canvas.width = size.x * ratio;
    this.canvas.height = size.y * ratio;
    this.canvas.style.width = `${size.x}px`;
    this.canvas.style.height = `${size.y}px`;
    if (empty) return;
    const pen = this.canvas.getContext("2d");
    const level = this.shapes.levelFor(this.zoom);
    const scale = 2 ** (this.zoom - level.zoom);
    const origin = map.getPixelOrigin().add(corner);
    pen.setTransform(scale * ratio, 0, 0, scale * ratio, -origin.x * ratio, -origin.y * ratio);
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
    if (look.groups) this._borders(pen, level, scale, look.groups);
    this._outline(pen, level, scale);
    if (look.labels) this._label(pen, level, scale, seen);
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
    pen.strokeStyle = "#ffffff";
    pen.lineWidth = 5 / scale;
    pen.stroke();
    pen.strokeStyle = this.look.ink || "#111827";
    pen.lineWidth = 2.5 / scale;
    pen.stroke();
  },

  /** @param {CanvasRenderingContext2D} pen @param {Level} level @param {number} scale @param {number[]} seen */
  _label(pen, level, scale, seen) {
    pen.font = `${12 / scale}px "Source Sans", gridmap-cjk, system-ui, sans-serif`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    for (const f of seen) {
      const [west, north, east, south] = level.box.subarray(f * 4, f * 4 + 4);
      if ((east - west) * scale < 46 || (south - north) * scale < 18) continue;
      pen.strokeStyle = "rgba(255,255,255,0.9)";
      pen.lineWidth = 3 / scale;
      pen.strokeText(this.look.labels[f], (west + east) / 2, (north + south) / 2);
      pen.fillStyle = "#1b2a3a";
      pen.fillText(this.look.labels[f], (west + east) / 2, (north + south) / 2);
    }
  },
});
