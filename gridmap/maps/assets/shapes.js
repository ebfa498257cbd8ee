// @ts-check
// Packed drawing geometry (gridmap/maps/drawing.py): decoding, and finding what lies under a point.
"use strict";

/**
 * @typedef {Object} Level one zoom of a drawing
 * @property {number} zoom
 * @property {Int32Array} x world pixels at `zoom`
 * @property {Int32Array} y
 * @property {Uint32Array} ring first vertex of each ring, and the end
 * @property {Uint32Array} feature first ring of each feature, and the end
 * @property {Float64Array} box west, north, east, south of each feature
 */

/** Numbers written as zigzag LEB128. @param {Uint8Array} bytes @returns {Int32Array} */
function unpackNumbers(bytes) {
  let count = 0;
  for (let i = 0; i < bytes.length; i++) if (bytes[i] < 128) count++;
  const out = new Int32Array(count);
  for (let i = 0, n = 0; n < count; n++) {
    let value = 0;
    let scale = 1;
    let byte;
    do {
      byte = bytes[i++];
      value += (byte & 127) * scale;
      scale *= 128;
    } while (byte > 127);
    out[n] = value % 2 ? -(value + 1) / 2 : value / 2;
  }
  return out;
}

/** @param {Int32Array} lengths @returns {Uint32Array} where each run starts, and the end */
function runStarts(lengths) {
  const starts = new Uint32Array(lengths.length + 1);
  for (let i = 0; i < lengths.length; i++) starts[i + 1] = starts[i] + lengths[i];
  return starts;
}

/** @param {Int32Array} steps @returns {Int32Array} the running sum, in place */
function sumUp(steps) {
  for (let i = 1; i < steps.length; i++) steps[i] += steps[i - 1];
  return steps;
}

class Shapes {
  /** @param {ArrayBuffer} buffer */
  constructor(buffer) {
    const size = new DataView(buffer).getUint32(0, true);
    const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, size)));
    /** @type {number} */ this.count = head.count;
    /** @type {({zoom: number, parts: Uint8Array[]} | Level)[]} read when they are looked at */ this.levels = [];
    let at = 4 + size;
    for (const { zoom, bytes } of head.levels) {
      const parts = bytes.map((/** @type {number} */ length) => new Uint8Array(buffer, (at += length) - length, length));
      this.levels.push({ zoom, parts });
    }
    /** @type {Map<number, number[]> | null} */ this.bins = null;
    this.binSize = 1;
    /** @type {Map<Level, Int32Array[]>} */ this.edges = new Map();
  }

  /** @param {Omit<Level, "box">} level @param {number} count @returns {Float64Array} */
  static boxes(level, count) {
    const box = new Float64Array(count * 4);
    for (let f = 0; f < count; f++) {
      let west = Infinity, north = Infinity, east = -Infinity, south = -Infinity;
      for (let v = level.ring[level.feature[f]]; v < level.ring[level.feature[f + 1]]; v++) {
        if (level.x[v] < west) west = level.x[v];
        if (level.x[v] > east) east = level.x[v];
        if (level.y[v] < north) north = level.y[v];
        if (level.y[v] > south) south = level.y[v];
      }
      box.set([west, north, east, south], f * 4);
    }
    return box;
  }

  /** @param {number} at place of the level; -1 for the finest @returns {Level} */
  level(at) {
    const place = at < 0 ? this.levels.length - 1 : at;
    const kept = this.levels[place];
    if (!("parts" in kept)) return kept;
    const [vertices, rings, x, y] = kept.parts.map(unpackNumbers);
    const level = { zoom: kept.zoom, x: sumUp(x), y: sumUp(y), ring: runStarts(vertices), feature: runStarts(rings) };
    const read = { ...level, box: Shapes.boxes(level, this.count) };
    this.levels[place] = read;
    return read;
  }

  /** The coarsest level that is sharp at a zoom. @param {number} zoom @returns {Level} */
  levelFor(zoom) {
    return this.level(this.levels.findIndex((level) => level.zoom >= zoom));
  }

  /** The feature that covers a point, or -1. @param {number} x world pixels at `zoom` @param {number} y @param {number} zoom */
  find(x, y, zoom) {
    const level = this.level(-1);
    const scale = 2 ** (level.zoom - zoom);
    if (!this.bins) this.fillBins(level);
    const px = x * scale, py = y * scale;
    const key = Math.floor(px / this.binSize) * 2 ** 26 + Math.floor(py / this.binSize);
    for (const f of this.bins?.get(key) || []) if (Shapes.covers(level, f, px, py)) return f;
    return -1;
  }

  /** @param {Level} level */
  fillBins(level) {
    let sum = 0, filled = 0;
    for (let f = 0; f < this.count; f++) {
      const wide = level.box[f * 4 + 2] - level.box[f * 4];
      if (wide >= 0) { sum += wide; filled++; }
    }
    this.binSize = Math.max(8, sum / Math.max(filled, 1));
    this.bins = new Map();
    for (let f = 0; f < this.count; f++) {
      const [west, north, east, south] = level.box.subarray(f * 4, f * 4 + 4);
      for (let i = Math.floor(west / this.binSize); i <= Math.floor(east / this.binSize); i++) {
        for (let j = Math.floor(north / this.binSize); j <= Math.floor(south / this.binSize); j++) {
          const key = i * 2 ** 26 + j;
          const bin = this.bins.get(key);
          if (bin) bin.push(f);
          else this.bins.set(key, [f]);
        }
      }
    }
  }

  /** Even-odd rule. @param {Level} level @param {number} f @param {number} px @param {number} py */
  static covers(level, f, px, py) {
    const box = level.box.subarray(f * 4, f * 4 + 4);
    if (px < box[0] || py < box[1] || px > box[2] || py > box[3]) return false;
    let inside = false;
    for (let r = level.feature[f]; r < level.feature[f + 1]; r++) {
      for (let v = level.ring[r], w = level.ring[r + 1] - 1; v < level.ring[r + 1]; w = v++) {
        const ay = level.y[v], by = level.y[w];
        if (ay > py !== by > py && px < ((level.x[w] - level.x[v]) * (py - ay)) / (by - ay) + level.x[v]) {
          inside = !inside;
        }
      }
    }
    return inside;
  }

  /** A point well inside a feature's box, world pixels of the finest level. @param {number} f */
  middle(f) {
    const level = this.level(-1);
    const [west, north, east, south] = level.box.subarray(f * 4, f * 4 + 4);
    return { x: (west + east) / 2, y: (north + south) / 2, zoom: level.zoom };
  }

  /**
   * The feature on the other side of an edge that no other feature has, or -1: where shapes do not
   * fit together to the pixel there is none. @param {Level} level @param {number} a @param {number} b @param {number} own
   */
  beyond(level, a, b, own) {
    const dx = level.x[b] - level.x[a], dy = level.y[b] - level.y[a];
    const far = 2.5 / Math.hypot(dx, dy);
    const x = (level.x[a] + level.x[b]) / 2, y = (level.y[a] + level.y[b]) / 2;
    for (const side of [far, -far]) {
      const found = this.find(x - dy * side, y + dx * side, level.zoom);
      if (found >= 0 && found !== own) return found;
    }
    return -1;
  }

  /**
   * Edges of a level with the one or two features beside each: [from, to, first, second or -1].
   * @param {Level} level @returns {Int32Array[]}
   */
  sharedEdges(level) {
    const known = this.edges.get(level);
    if (known) return known;
    /** @type {Map<string, number>} */ const seen = new Map();
    const from = [], to = [], first = [], second = [];
    for (let f = 0; f < this.count; f++) {
      for (let r = level.feature[f]; r < level.feature[f + 1]; r++) {
        for (let v = level.ring[r]; v + 1 < level.ring[r + 1]; v++) {
          const forth = level.x[v] < level.x[v + 1] || (level.x[v] === level.x[v + 1] && level.y[v] < level.y[v + 1]);
          const a = forth ? v : v + 1, b = forth ? v + 1 : v;
          const key = `${level.x[a]},${level.y[a]},${level.x[b]},${level.y[b]}`;
          const at = seen.get(key);
          if (at === undefined) {
            seen.set(key, from.length);
            from.push(v); to.push(v + 1); first.push(f); second.push(-1);
          } else second[at] = f;
        }
      }
    }
    for (let e = 0; e < second.length; e++) if (second[e] < 0) second[e] = this.beyond(level, from[e], to[e], first[e]);
    const found = [from, to, first, second].map((list) => Int32Array.from(list));
    this.edges.set(level, found);
    return found;
  }
}
