// @ts-check
// Painting: a click gives cells to a beat, colours and sums follow here at once, the page afterwards.
"use strict";

const NAMES_AFTER_MS = 120;

class Brush {
  /** @param {CityMap} city */
  constructor(city) {
    this.city = city;
    /** @type {Paint | null} */ this.paint = null;
    /** @type {Float32Array | null} */ this.loads = null;
    /** @type {{stamp: number, cells: number[], to: number}[]} not taken by the page yet */ this.strokes = [];
    this.count = 0;
    this.box = put("div", "gm-brush");
    this.box.setAttribute("aria-live", "polite");
    this.box.hidden = true;
    city.map.getContainer().appendChild(this.box);
  }

  get paints() {
    return Boolean(this.paint && this.paint.to >= 0);
  }

  /** A new scene: what the page has taken is in it, what it has not is painted over it. @param {Paint | null} paint @param {ArrayBuffer | null} loads */
  take(paint, loads) {
    this.paint = paint;
    this.loads = paint && loads ? new Float32Array(loads) : null;
    this.strokes = paint ? this.strokes.filter((one) => one.stamp > paint.seen) : [];
    /** @type {number[]} what each beat carries, kept up to date stroke by stroke */ this.sums = this.carried();
    for (const { cells, to } of this.strokes) this.give(cells, to);
    if (this.strokes.length) this.recolour();
    this.tell();
  }

  /** @returns {number[]} */
  carried() {
    const { groups, names } = this.city, sums = new Array(names.units?.names.length ?? 0).fill(0);
    if (groups && this.loads) for (let f = 0; f < groups.length; f++) if (groups[f] < sums.length) sums[groups[f]] += this.loads[f];
    return sums;
  }

  /** @param {number[]} cells @param {number} to */
  give(cells, to) {
    const { groups } = this.city;
    if (!groups || !this.loads || !this.sums) return;
    for (const f of cells) {
      if (groups[f] < this.sums.length) this.sums[groups[f]] -= this.loads[f];
      this.sums[to] += this.loads[f];
      groups[f] = to;
    }
  }

  /** @param {number[]} cells */
  stroke(cells) {
    if (!this.paint) return;
    this.count += 1;
    this.strokes.push({ stamp: Date.now() * 100 + (this.count % 100), cells, to: this.paint.to });
    this.give(cells, this.paint.to);
    this.recolour();
    this.tell();
  }

  /** How far each beat is from the mean of those that have a cell, as a share. @returns {number[]} */
  deviations() {
    const sums = this.sums || [], mean = sums.reduce((a, b) => a + b, 0) / Math.max(this.held().length, 1);
    return sums.map((sum) => (mean ? sum / mean - 1 : 0));
  }

  /** The beats that have a cell. @returns {number[]} */
  held() {
    return [...new Set(this.city.groups)].filter((beat) => beat < (this.sums || []).length);
  }

  /** Colours of what was painted. */
  recolour() {
    const { cells, groups, scene, theme } = this.city, look = cells?.look;
    if (!this.paint || !this.strokes.length || !look?.classes || !groups) return;
    let after = look.classes;
    if (theme === this.paint.theme) {
      const { breaks } = this.paint;
      const classes = this.deviations().map((off) => breaks.filter((limit) => off > limit).length);
      after = look.classes.map((/** @type {number} */ was, /** @type {number} */ f) => classes[groups[f]] ?? was);
    } else if (theme === "beat") {
      // A beat's colour is that of a cell which it had before.
      const shown = scene.themes.find((one) => one.key === theme);
      const before = shown?.groups ? new Uint16Array(bytesOf(shown.groups).buffer) : groups, was = shown ? bytesOf(shown.classes) : look.classes;
      /** @type {Map<number, number>} */ const colour = new Map();
      for (let f = 0; f < before.length; f++) if (!colour.has(before[f])) colour.set(before[f], was[f]);
      after = was.map((/** @type {number} */ kept, /** @type {number} */ f) => colour.get(groups[f]) ?? kept);
    }
    const changed = [];
    for (let f = 0; f < after.length; f++) if (after[f] !== look.classes[f]) changed.push(f);
    cells.recolour(after, changed);
    this.city.borders?.restyle({ groups });
    // Names may follow a moment later: a hand that paints does not wait for them.
    clearTimeout(this.naming);
    this.naming = setTimeout(() => this.city.labels.replace(), NAMES_AFTER_MS);
  }

  /** One line: the beat that is painted, and the worst of all. */
  tell() {
    const { names, scene } = this.city;
    this.box.hidden = !this.paints;
    if (!this.paint || !this.paints || !names.units) return;
    const off = this.deviations(), percent = (/** @type {number} */ share) => `${share > 0 ? "+" : ""}${(100 * share).toFixed(1)}%`;
    const worst = this.held().reduce((best, n) => (Math.abs(off[n]) > Math.abs(off[best]) ? n : best), this.paint.to);
    this.city.notes = off.map((share) => `${share > 0 ? "+" : ""}${Math.round(100 * share)}%`);
    this.box.replaceChildren();
    put("b", "", this.box, names.units.names[this.paint.to]);
    put("span", Math.abs(off[this.paint.to]) > this.paint.tolerance ? "gm-over" : "", this.box, percent(off[this.paint.to]));
    put("small", "", this.box, `${scene.texts.worst} ${names.units.names[worst]} ${percent(off[worst])}`);
  }
}
