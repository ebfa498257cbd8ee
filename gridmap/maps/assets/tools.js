// @ts-check
// Beside the map: search, fit, full screen, measuring, names on and off, the picture to keep.
"use strict";

/** @type {Record<string, string>} paths in a box of 24 by 24 */
const ICONS = {
  fit: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5M9 12a3 3 0 1 0 6 0a3 3 0 1 0-6 0",
  full: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  measure: "M3 16L16 3l5 5L8 21zM7 12l2 2M10 9l3 3M13 6l2 2",
  names: "M5 19L11 5h2l6 14M7.5 14h9",
  picture: "M12 4v11M7 11l5 5l5-5M5 20h14",
};
const MOST_HITS = 8;

class Tools {
  /** @param {CityMap} city */
  constructor(city) {
    this.city = city;
    this.map = city.map;
    /** @type {any[]} places that are measured along */ this.way = [];
    /** @type {any} */ this.line = null;
    this.bar = put("div", "leaflet-bar gm-tools gm-bar");
    /** @type {Record<string, HTMLElement>} */ this.buttons = {};
    this.add("fit", () => city.fit());
    if (document.fullscreenEnabled) this.add("full", () => void (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen()));
    this.add("measure", () => this.measuring(!this.line));
    this.add("names", () => this.toggleNames());
    this.add("picture", () => void this.save());
    this.buttons.names.setAttribute("aria-pressed", "true");
    L.DomEvent.disableClickPropagation(this.bar);
    const control = new L.Control({ position: "topright" });
    control.onAdd = () => this.bar;
    control.addTo(this.map);
    this.addSearch();
    this.map.on("click", (/** @type {any} */ event) => this.extend(event.latlng));
    this.map.on("mousemove", (/** @type {any} */ event) => this.draw(event.latlng));
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !this.line) return;
      this.measuring(false);
      event.stopPropagation(); // the marks stay
    });
  }

  /** @param {string} name @param {() => void} does */
  add(name, does) {
    const button = put("button", "", this.bar);
    button.setAttribute("type", "button");
    button.innerHTML = `<svg viewBox="0 0 24 24" width="17" height="17" aria-hidden="true"><path d="${ICONS[name]}" fill="none" stroke="currentColor" stroke-width="2"/></svg>`;
    button.addEventListener("click", does);
    this.buttons[name] = button;
  }

  /** @param {Record<string, string>} texts @param {boolean} exports whether pictures may be saved */
  say(texts, exports) {
    for (const [name, button] of Object.entries(this.buttons)) {
      button.setAttribute("title", texts[name] || name);
      button.setAttribute("aria-label", texts[name] || name);
    }
    this.buttons.picture.hidden = !exports;
    this.field.setAttribute("placeholder", texts.search || "");
    this.field.setAttribute("aria-label", texts.search || "");
  }

  toggleNames() {
    const { labels } = this.city;
    labels.shown = !labels.shown;
    this.buttons.names.setAttribute("aria-pressed", String(labels.shown));
    labels.draw();
  }

  // -- search

  addSearch() {
    this.search = put("div", "gm-search");
    this.field = /** @type {HTMLInputElement} */ (put("input", "", this.search));
    this.field.type = "search";
    this.hits = put("ul", "", this.search);
    this.hits.hidden = true;
    L.DomEvent.disableClickPropagation(this.search);
    L.DomEvent.disableScrollPropagation(this.search);
    this.field.addEventListener("input", () => this.list());
    this.field.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter") /** @type {HTMLElement | null} */ (this.hits.querySelector("button"))?.click();
      if (event.key === "Escape") this.close();
    });
    const control = new L.Control({ position: "topleft" });
    control.onAdd = () => this.search;
    control.addTo(this.map);
  }

  close() {
    this.field.value = "";
    this.hits.hidden = true;
  }

  list() {
    const found = this.find(this.field.value);
    this.hits.replaceChildren();
    for (const { text, kind, go } of found) {
      const button = put("button", "", put("li", "", this.hits), text);
      button.setAttribute("type", "button");
      put("small", "", button, kind);
      button.addEventListener("click", () => {
        this.close();
        go();
      });
    }
    this.hits.hidden = !found.length;
  }

  /** What is called so: beats first, then stations, communities and roads, rooms, grids. @param {string} wanted */
  find(wanted) {
    const sought = wanted.trim().toLowerCase();
    if (!sought) return [];
    const { city } = this, { texts } = city.scene;
    /** @type {{text: string, kind: string, go: () => void}[]} */ const found = [];
    const look = (/** @type {string[]} */ names, /** @type {string} */ kind, /** @type {(n: number) => void} */ go, /** @type {string[]} */ ids = []) => {
      const rank = (/** @type {number} */ n) => (names[n] === undefined ? 9 : names[n].toLowerCase().startsWith(sought) || ids[n] === wanted ? 0 : 1);
      const hits = [...names.keys()].filter((n) => names[n].toLowerCase().includes(sought) || ids[n]?.toLowerCase() === sought);
      for (const n of hits.sort((a, b) => rank(a) - rank(b)).slice(0, 4)) found.push({ text: names[n], kind, go: () => go(n) });
    };
    const { units, captions } = city.names;
    if (units) look(units.names, units.name, (n) => city.showUnit(n, true), units.ids);
    for (const one of captions) look(one.texts, one.name, (n) => city.showPlace(one.points[n], one.texts[n]));
    for (const one of city.scene.overlays) {
      if (one.kind === "points") look(one.names || [], one.name, (n) => city.showPlace(/** @type {[number, number][]} */ (one.points)[n], (one.names || [])[n]));
    }
    look(city.facts?.names || [], texts.grid, (n) => city.showCells([n], true), city.facts?.ids);
    return found.slice(0, MOST_HITS);
  }

  // -- measuring

  /** @param {boolean} on */
  measuring(on) {
    this.buttons.measure.setAttribute("aria-pressed", String(on));
    this.line?.remove();
    this.length?.remove();
    this.way = [];
    this.line = on ? L.polyline([], { color: "#111827", weight: 2.5, dashArray: "6 4", interactive: false }).addTo(this.map) : null;
    this.length = on ? L.tooltip({ className: "gm-tip", permanent: true, direction: "top" }) : null;
    this.map.getContainer().classList.toggle("gm-measuring", on);
  }

  /** @param {any} place */
  extend(place) {
    if (!this.line) return;
    this.way.push(place);
    this.draw(place);
  }

  /** @param {any} place */
  draw(place) {
    if (!this.line || !this.way.length) return;
    const way = [...this.way, place];
    this.line.setLatLngs(way);
    const metres = way.slice(1).reduce((sum, one, n) => sum + this.map.distance(way[n], one), 0);
    const text = metres < 1000 ? `${Math.round(metres)} m` : `${(metres / 1000).toFixed(2)} km`;
    this.length.setContent(text).setLatLng(place);
    if (!this.map.hasLayer(this.length)) this.length.addTo(this.map);
  }

  // -- the picture

  /** Save what is seen as a PNG with its legend. */
  async save() {
    const canvas = this.picture();
    const link = document.createElement("a");
    link.download = `${this.city.scene.texts.map || "map"}.png`;
    link.href = canvas.toDataURL("image/png");
    link.click();
  }

  /** What is seen, with its legend. @param {Document} [page] that the picture is to stand in @returns {HTMLCanvasElement} */
  picture(page = document) {
    const box = this.map.getContainer(), frame = box.getBoundingClientRect(), ratio = window.devicePixelRatio || 1;
    const canvas = page.createElement("canvas");
    canvas.width = frame.width * ratio;
    canvas.height = frame.height * ratio;
    const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    pen.scale(ratio, ratio);
    pen.fillStyle = page === document ? getComputedStyle(box).backgroundColor : "#fff";
    pen.fillRect(0, 0, frame.width, frame.height);
    const order = (/** @type {Element} */ node) => Number(getComputedStyle(/** @type {Element} */ (node.closest(".leaflet-pane:not(.leaflet-map-pane)"))).zIndex) || 0;
    const parts = [...box.querySelectorAll(".leaflet-map-pane canvas, .leaflet-map-pane img.leaflet-image-layer")];
    for (const part of parts.sort((a, b) => order(a) - order(b))) {
      const at = part.getBoundingClientRect();
      if (!at.width || !at.height) continue;
      const pane = /leaflet-(gm-\S+)-pane/.exec(part.closest(".leaflet-pane")?.className ?? "")?.[1] ?? "";
      const [from, to] = this.city.swipe.seen(pane) ?? [0, frame.width];
      pen.save();
      pen.beginPath();
      pen.rect(from, 0, to - from, frame.height);
      pen.clip();
      pen.drawImage(/** @type {CanvasImageSource} */ (part), at.x - frame.x, at.y - frame.y, at.width, at.height);
      pen.restore();
    }
    this.legend(pen, frame);
    this.city.swipe.paint(pen, frame);
    return canvas;
  }

  /** @param {CanvasRenderingContext2D} pen @param {DOMRect} frame */
  legend(pen, frame) {
    const theme = this.city.scene.themes.find((one) => one.key === this.city.theme);
    const lines = theme ? theme.legend : [];
    const high = 26 + lines.length * 19, wide = 230, top = frame.height - high - 12;
    if (theme) {
      pen.fillStyle = "rgba(255,255,255,0.95)";
      pen.fillRect(12, top, wide, high);
      pen.textBaseline = "middle";
      pen.fillStyle = "#1b2a3a";
      pen.font = `600 13px ${FONT}`;
      pen.fillText(theme.title, 22, top + 14, wide - 20);
      pen.font = `13px ${FONT}`;
      lines.forEach(({ colour, label }, n) => {
        pen.fillStyle = colour;
        pen.fillRect(22, top + 28 + n * 19, 22, 13);
        pen.fillStyle = "#1b2a3a";
        pen.fillText(label, 52, top + 35 + n * 19, wide - 50);
      });
    }
    const bar = this.map.getContainer().querySelector(".leaflet-control-scale-line");
    if (bar) {
      const long = /** @type {HTMLElement} */ (bar).offsetWidth, right = frame.width - 16, low = frame.height - 16;
      pen.fillStyle = "#1b2a3a";
      pen.fillRect(right - long, low, long, 2);
      pen.fillText(bar.textContent || "", right - long, low - 10);
      pen.fillText("N ↑", frame.width - 34, 18);
    }
  }
}

/** Two plans on one map: another one left of a divider that is dragged, the map's own right of it. */
class Swipe {
  /** @param {CityMap} city */
  constructor(city) {
    this.city = city;
    this.map = city.map;
    this.share = 0.5;
    /** @type {any[]} */ this.layers = [];
    /** @type {{themes: Theme[], units: Units, left: string, right: string} | null} */ this.other = null;
    for (const [name, at] of [["gm-left", "396"], ["gm-left-borders", "446"], ["gm-left-names", "641"]]) {
      const pane = this.map.createPane(name);
      pane.style.zIndex = at;
      pane.style.pointerEvents = "none";
    }
    this.bar = put("div", "gm-swipe");
    for (const [name, value] of [["role", "slider"], ["tabindex", "0"], ["aria-valuemin", "0"], ["aria-valuemax", "100"]]) this.bar.setAttribute(name, value);
    this.sides = [put("span", "gm-left", this.bar), put("span", "gm-right", this.bar)];
    this.bar.hidden = true;
    this.map.getContainer().appendChild(this.bar);
    L.DomEvent.disableClickPropagation(this.bar);
    this.bar.addEventListener("pointerdown", (event) => this.bar.setPointerCapture(event.pointerId));
    this.bar.addEventListener("pointermove", (event) => {
      if (!this.bar.hasPointerCapture(event.pointerId)) return;
      const box = this.map.getContainer().getBoundingClientRect();
      this.put((event.clientX - box.x) / box.width);
    });
    this.bar.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -0.02, ArrowRight: 0.02 }[event.key];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      this.put(this.share + step);
    });
    this.map.on("move zoom viewreset resize", () => this.clip());
  }

  /** @param {number} share of the width that lies left of the divider */
  put(share) {
    this.share = Math.min(Math.max(share, 0.02), 0.98);
    this.clip();
  }

  /** @param {{themes: Theme[], units: Units, left: string, right: string} | null} other */
  take(other) {
    const { shapes, scene } = this.city;
    this.layers.forEach((layer) => layer.remove());
    this.layers = [];
    this.other = other;
    this.bar.hidden = !other;
    if (other && shapes) {
      const look = this.city._look(other.themes), groups = new Uint16Array(bytesOf(other.units.rows).buffer);
      const names = new NamesLayer({ shapes, groups, names: { units: other.units, captions: [] }, facts: null, large: this.city.large });
      L.setOptions(names, { pane: "gm-left-names" });
      this.layers = [
        new ShapesLayer(shapes, look, { pane: "gm-left" }),
        new ShapesLayer(shapes, { groups: look.groups, bordered: true }, { pane: "gm-left-borders" }),
        names,
      ];
      this.layers.forEach((layer) => layer.addTo(this.map));
      [other.left, other.right].forEach((name, n) => { this.sides[n].textContent = name; });
      this.bar.setAttribute("aria-label", scene.texts.swipe || "");
    }
    this.clip();
  }

  recolour() {
    if (!this.other || !this.layers.length) return;
    const look = this.city._look(this.other.themes);
    this.layers[0].restyle(look);
    this.layers[1].restyle({ groups: look.groups });
  }

  /** Where a pane may be seen, in pixels of the map from its left; undefined where nothing is compared. @param {string} pane @returns {[number, number] | undefined} */
  seen(pane) {
    const wide = this.map.getSize().x, at = wide * this.share;
    if (!this.other) return undefined;
    if (pane.startsWith("gm-left")) return [0, at];
    return ["gm-borders", "gm-captions"].includes(pane) ? [at, wide] : undefined;
  }

  /** The divider and the names of both plans, in a picture. @param {CanvasRenderingContext2D} pen @param {DOMRect} frame */
  paint(pen, frame) {
    if (!this.other) return;
    const at = frame.width * this.share;
    pen.fillStyle = "#fff";
    pen.fillRect(at - 3.5, 0, 7, frame.height);
    pen.fillStyle = "#1f4e79";
    pen.fillRect(at - 2, 0, 4, frame.height);
    pen.font = `600 14px ${FONT}`;
    pen.textBaseline = "middle";
    [this.other.left, this.other.right].forEach((name, n) => {
      const room = (n ? frame.width - at : at) - 34;
      const wide = Math.min(pen.measureText(name).width, Math.max(room, 0));
      const left = n ? at + 12 : at - 32 - wide;
      pen.fillStyle = "#1f4e79";
      pen.fillRect(left, 12, wide + 20, 26);
      pen.fillStyle = "#fff";
      pen.fillText(name, left + 10, 25, wide);
    });
  }

  clip() {
    const corner = this.map.containerPointToLayerPoint([0, 0]), { y } = this.map.getSize();
    for (const [name, pane] of Object.entries(this.map.getPanes())) {
      const seen = this.seen(name);
      pane.style.clip = seen ? `rect(${corner.y}px ${corner.x + seen[1]}px ${corner.y + y}px ${corner.x + seen[0]}px)` : "";
    }
    this.bar.style.left = `${100 * this.share}%`;
    this.bar.setAttribute("aria-valuenow", String(Math.round(100 * this.share)));
  }
}
