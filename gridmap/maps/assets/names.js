// @ts-check
// Names on the map: of beats, stations, grids, rivers and roads; the important first, none over another.
"use strict";

/**
 * @typedef {{key: string, name: string, texts: string[], points: [number, number][], drawn: boolean}} Captions
 * @typedef {{name: string, names: string[], ids: string[], rows: string, notes: string[], chosen: number}} Units
 * @typedef {{text: string, note?: string, cut?: boolean, x: number, y: number, wide: number, size: number, style: string, ink: string}} Label
 */

const CELL_NAME_PX = 64; // a cell this wide bears its name
const CELL_TYPICAL_PX = 38; // where most cells are narrower, none bears its name
const UNIT_SMALL_PX = 32; // where most units are smaller, stations come first
const FONT = '"Source Sans", "Microsoft YaHei", "PingFang SC", gridmap-cjk, system-ui, sans-serif';
/** @type {Record<string, [number, string, string]>} size in px, style, ink */
const CAPTIONS = {
  station: [15, "700", "#8f1d16"], barrier: [12, "italic 600", "#1d5f96"], road: [11, "500", "#7a6742"],
};

const NamesLayer = CanvasLayer.extend({
  /** @param {CityMap} city */
  initialize(city) {
    L.setOptions(this, { pane: "gm-captions" });
    this.city = city;
    this.shown = true;
    /** @type {Label[]} what the last drawing wrote */ this.written = [];
    // A canvas does not follow a font that comes after it is drawn.
    document.fonts.addEventListener("loadingdone", () => this.draw());
  },

  isEmpty() {
    return !this.shown || !(this.city.shapes || this.city.names?.captions.length);
  },

  /** Where each unit's name stands, how far it reaches and how large it is, in world pixels. */
  places() {
    const { shapes, groups, names } = this.city;
    if (!shapes || !groups || !names.units) return [];
    const count = names.units.names.length, level = shapes.level(-1);
    const sums = Array.from({ length: count }, () => ({ x: 0, y: 0, area: 0, west: Infinity, east: -Infinity, cell: -1, far: Infinity }));
    for (let f = 0; f < shapes.count; f++) {
      const sum = sums[groups[f]];
      if (!sum) continue;
      const [west, north, east, south] = level.box.subarray(f * 4, f * 4 + 4), area = (east - west) * (south - north);
      sum.x += (area * (west + east)) / 2;
      sum.y += (area * (north + south)) / 2;
      sum.area += area;
      sum.west = Math.min(sum.west, west);
      sum.east = Math.max(sum.east, east);
    }
    for (const sum of sums) [sum.x, sum.y] = [sum.x / sum.area, sum.y / sum.area];
    // A crescent's middle lies in its neighbour: there the cell of its own that is nearest bears the name.
    for (let f = 0; f < shapes.count; f++) {
      const sum = sums[groups[f]];
      if (!sum) continue;
      const at = shapes.middle(f), far = Math.hypot(at.x - sum.x, at.y - sum.y);
      if (far < sum.far) [sum.cell, sum.far] = [f, far];
    }
    return sums.map((sum, unit) => {
      const inside = sum.cell >= 0 && groups[shapes.find(sum.x, sum.y, level.zoom)] === unit;
      const at = inside || sum.cell < 0 ? sum : shapes.middle(sum.cell);
      return { x: at.x, y: at.y, wide: sum.east - sum.west, area: sum.area, zoom: level.zoom };
    });
  },

  /** @param {CanvasRenderingContext2D} pen @param {any} origin @param {any} size @param {number} ratio */
  paint(pen, origin, size, ratio) {
    const { shapes, names, facts, large } = this.city, map = this._map;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.lineJoin = "round";
    this.taken = /** @type {number[][]} */ ([]);
    this.written = [];
    this.growth = large ? 1.4 : 1;
    const put = (/** @type {Label} */ label) => this.write(pen, label, size);
    const units = this.placed ??= this.places();
    const typical = units.map((/** @type {any} */ unit) => unit.wide * 2 ** (this.zoom - unit.zoom)).sort((/** @type {number} */ a, /** @type {number} */ b) => a - b)[units.length >> 1] ?? Infinity;
    const caption = (/** @type {string} */ key) => {
      const found = names?.captions.find((/** @type {Captions} */ one) => one.key === key && one.drawn);
      const [points, style, ink] = CAPTIONS[key];
      found?.texts.forEach((/** @type {string} */ text, /** @type {number} */ n) => {
        const at = map.project(found.points[n], this.zoom).subtract(origin);
        put({ text, x: at.x, y: at.y, wide: Infinity, size: points, style, ink });
      });
    };
    if (typical < UNIT_SMALL_PX) caption("station");
    const order = [...units.keys()].sort((a, b) => units[b].area - units[a].area);
    const chosen = this.city.chosenUnit ?? -1;
    if (chosen >= 0) order.unshift(chosen);
    for (const unit of order) {
      const { x, y, wide, zoom } = units[unit], scale = 2 ** (this.zoom - zoom);
      if (!wide || !Number.isFinite(x)) continue;
      const room = unit === chosen ? Infinity : Math.max(wide * scale * 1.15, 34);
      put({ text: names.units.names[unit], note: this.city.notes?.[unit], cut: true, x: x * scale - origin.x, y: y * scale - origin.y, wide: room, size: 12.5, style: "600", ink: "#1b2a3a" });
    }
    caption("barrier");
    if (typical > UNIT_SMALL_PX * 2) caption("road");
    if (!shapes || !facts) return;
    const level = shapes.levelFor(this.zoom), scale = 2 ** (this.zoom - level.zoom);
    const wides = Array.from({ length: shapes.count }, (_, f) => (level.box[f * 4 + 2] - level.box[f * 4]) * scale).sort((a, b) => a - b);
    if (wides[wides.length >> 1] < CELL_TYPICAL_PX) return;
    for (let f = 0; f < shapes.count; f++) {
      const [west, north, east, south] = level.box.subarray(f * 4, f * 4 + 4);
      if ((east - west) * scale < CELL_NAME_PX) continue;
      put({ text: facts.names[f] ?? "", x: ((west + east) / 2) * scale - origin.x, y: ((north + south) / 2) * scale - origin.y, wide: (east - west) * scale, size: 11, style: "400", ink: "#4a5a6b" });
    }
  },

  /** Write a label where nothing else is written; on two lines where one is too wide for its ground. @param {CanvasRenderingContext2D} pen @param {Label} label @param {any} size */
  write(pen, label, size) {
    const px = label.size * this.growth;
    pen.font = `${label.style} ${px}px ${FONT}`;
    let lines = [label.text], wide = pen.measureText(label.text).width;
    if (wide > label.wide) {
      if (label.text.length < 6) return; // a number in two halves is read as two
      const half = this.middleOf(label.text);
      lines = [label.text.slice(0, half).trim(), label.text.slice(half).trim()];
      wide = Math.max(...lines.map((line) => pen.measureText(line).width));
      if (wide > label.wide) {
        if (!label.cut) return;
        lines = lines.map((line) => this.shorten(pen, line, label.wide));
        if (lines.some((line) => line.length < 4)) return; // what is left names nothing
        wide = Math.max(...lines.map((line) => pen.measureText(line).width));
      }
    }
    const rows = label.note ? [...lines, label.note] : lines;
    const high = rows.length * px * 1.12;
    const box = [label.x - wide / 2 - 2, label.y - high / 2, label.x + wide / 2 + 2, label.y + high / 2];
    if (box[2] < 0 || box[3] < 0 || box[0] > size.x || box[1] > size.y) return;
    for (const other of this.taken) {
      if (box[0] < other[2] && box[2] > other[0] && box[1] < other[3] && box[3] > other[1]) return;
    }
    this.taken.push(box);
    this.written.push(label);
    rows.forEach((line, n) => {
      const y = box[1] + px * 1.12 * (n + 0.5);
      if (label.note && n === rows.length - 1) pen.font = `500 ${px * 0.88}px ${FONT}`;
      pen.strokeStyle = "rgba(255,255,255,0.92)";
      pen.lineWidth = 3.2;
      pen.strokeText(line, label.x, y);
      pen.fillStyle = label.ink;
      pen.fillText(line, label.x, y);
    });
  },

  /** A text that ends in … where it is too long. @param {CanvasRenderingContext2D} pen @param {string} text @param {number} wide */
  shorten(pen, text, wide) {
    if (pen.measureText(text).width <= wide) return text;
    let end = text.length - 1;
    while (end > 0 && pen.measureText(`${text.slice(0, end).trim()}…`).width > wide) end--;
    return `${text.slice(0, end).trim()}…`;
  },

  /** Where a text is cut in two: at the blank nearest to its middle, or in its middle. @param {string} text */
  middleOf(text) {
    const half = Math.ceil(text.length / 2);
    const blanks = [...text].flatMap((sign, n) => (sign === " " ? [n] : []));
    return blanks.sort((a, b) => Math.abs(a - half) - Math.abs(b - half))[0] ?? half;
  },

  /** Names stand elsewhere: units have changed. */
  replace() {
    this.placed = undefined;
    if (this._map) this.draw();
  },
});
