// @ts-check
// One map with one look: cells coloured by a theme, overlays, legend, north arrow, tooltips.
"use strict";

/**
 * @typedef {{url?: string, data?: string, digest: string}} Source where a browser finds bytes
 * @typedef {{key: string, name: string, title: string, palette: string[], classes: string,
 *   groups?: string, legend: {colour: string, label: string}[], note?: string, rows?: Uint8Array}} Theme
 * @typedef {{key: string, name: string, kind: "shapes" | "points" | "image", shown: boolean,
 *   source?: Source, colour: string, width?: number, dash?: number[],
 *   fill?: string, points?: [number, number][], names?: string[], discs?: string[], radius_m?: number,
 *   bounds?: [[number, number], [number, number]]}} Overlay
 * @typedef {{names: string[], ids?: string[], rows: {label: string, values: (number | string | null)[], digits?: number}[]}} Facts
 * @typedef {{to: number, loads: Source, theme: string, breaks: number[], tolerance: number, seen: number}} Paint
 * @typedef {{source: Source, theme: string, days: string[],
 *   scales: {breaks: number[], palette: string[], legend: {colour: string, label: string}[]}[]}} Hours
 * @typedef {{bounds: [number, number, number, number], language: string, cells: Source | null,
 *   facts: Source | null, themes: Theme[], theme: string, overlays: Overlay[], marked: number[], locked: number[],
 *   units: Units | null, captions: Source | null, paint: Paint | null, hours: Hours | null, exports: boolean,
 *   swipe: {themes: Theme[], units: Units, left: string, right: string} | null,
 *   tiles: {url: string, credit: string, labels: string} | null,
 *   texts: Record<string, string>}} Scene
 */

/** @type {Map<string, Promise<ArrayBuffer>>} geometry that this page already has, by digest */
const KEPT = new Map();

/** @param {Uint8Array} bytes zlib's @returns {Promise<ArrayBuffer>} */
function inflate(bytes) {
  const stream = new DecompressionStream("deflate");
  const writer = stream.writable.getWriter(); // a Blob would go through another process first
  void writer.write(bytes);
  void writer.close();
  return new Response(stream.readable).arrayBuffer();
}

/** @param {Source} source @returns {Promise<ArrayBuffer>} */
function fetchOnce(source) {
  let found = KEPT.get(source.digest);
  if (!found) {
    found = source.url
      ? fetch(source.url, { cache: "force-cache" }).then((answer) => answer.arrayBuffer())
      : inflate(bytesOf(source.data));
    KEPT.set(source.digest, found);
  }
  return found;
}

/** @param {string} tag @param {string} name @param {HTMLElement} [parent] @param {string} [text] */
function put(tag, name, parent, text) {
  const node = L.DomUtil.create(tag, name, parent);
  if (text !== undefined) node.textContent = text;
  return node;
}

// The legend opens folded in a window narrower than this, and beside a city that it would shrink too much.
const FOLDED_PX = 1100;
const TOOLS_PX = 52; // the tools at the right edge, and a margin
const LOSS = 0.55; // zoom levels that a city may shrink by to lie beside the legend

/** The width of the window that the map is seen in. */
function windowWidth() {
  try {
    return window.parent.innerWidth || window.innerWidth;
  } catch { // a page from elsewhere holds this one
    return window.innerWidth;
  }
}

class CityMap {
  /** @param {any} map a Leaflet map @param {Scene} scene */
  constructor(map, scene) {
    this.map = map;
    /** @type {Map<string, any>} */ this.overlays = new Map();
    /** @type {Map<string, boolean>} what the reader has switched on or off */ this.chosen = new Map();
    this.cells = null;
    this.shapes = null;
    /** @type {Facts | null} */ this.facts = null;
    this.theme = "";
    this.moved = false;
    this.hovered = -1;
    /** @type {{units: Units | null, captions: Captions[]}} */ this.names = { units: null, captions: [] };
    /** @type {Uint16Array | null} the unit of each cell */ this.groups = null;
    /** @type {string[] | undefined} a second line under each unit's name */ this.notes = undefined;
    this.chosenUnit = -1;
    this.large = false;
    /** @type {((unit: number) => void) | null} what choosing a unit does */ this.onUnit = null;
    /** @type {((cells: number[]) => void) | null} what choosing cells in a list does */ this.onCells = null;
    map.createPane("gm-cells").style.zIndex = "390";
    map.createPane("gm-image").style.zIndex = "395";
    map.createPane("gm-borders").style.zIndex = "445"; // above rivers and roads
    map.getPane("gm-borders").style.pointerEvents = "none";
    map.createPane("gm-mark").style.zIndex = "450";
    map.getPane("gm-mark").style.pointerEvents = "none";
    map.createPane("gm-captions").style.zIndex = "640";
    map.getPane("gm-captions").style.pointerEvents = "none";
    this.tip = L.tooltip({ className: "gm-tip", sticky: true, direction: "right", offset: [12, 0] });
    this._addNorth();
    this.panel = this._addPanel();
    // Its width changes with its rows, and once more when the font of its words arrives.
    new ResizeObserver(() => { if (this.scene) this._fit(); }).observe(this.panel);
    this.tools = new Tools(this);
    this.keys = new Keys(this);
    this.labels = new NamesLayer(this);
    this.brush = new Brush(this);
    this.swipe = new Swipe(this);
    this.player = new Player(this);
    /** @type {boolean | null} whether the legend is folded; by the width until somebody chooses */ this.folded = null;
    this.tight = false; // whether the city does not fit beside the open legend
    map.on("mousemove", (/** @type {any} */ event) => this._hover(event));
    map.on("mouseout", () => this._unhover());
    map.on("movestart", () => { this.moved = true; });
    map.on("resize", () => {
      if (!this.scene) return;
      this.tight = false;
      if (this.folded === null) this._fillPanel();
      this._fit(); // a frame has no size until its page is shown
    });
    this.ready = this.update(scene);
  }

  /** Draw a scene; what is already here is kept. @param {Scene} scene */
  async update(scene) {
    this.scene = scene;
    if (!scene.themes.some((theme) => theme.key === this.theme) || scene.theme !== this.asked) this.theme = scene.theme;
    this.asked = scene.theme;
    this.map.getContainer().classList.toggle("gm-plain", !scene.themes.length);
    if (!this.map._loaded) this.map.setView([0, 0], 2);
    const [cells, captions, loads] = await Promise.all([scene.cells, scene.captions, scene.paint?.loads].map((one) => (one ? fetchOnce(one) : null)));
    if (scene !== this.scene) return; // a newer one has overtaken this one
    this.names = { units: scene.units, captions: captions ? JSON.parse(new TextDecoder().decode(captions)) : [] };
    this.groups = scene.units ? new Uint16Array(bytesOf(scene.units.rows).buffer) : null;
    this.notes = scene.units?.notes.length ? scene.units.notes : undefined;
    this.keys.say(scene.texts);
    this.tools.say(scene.texts, scene.exports);
    this.player.take(scene.hours);
    this._fillPanel();
    this._fit(); // before anything is drawn, so that it is drawn once
    if (cells && scene.cells?.digest !== this.digest) {
      this.cells?.remove();
      this.locks?.remove();
      this.borders?.remove();
      this.marks?.remove();
      this.pointer?.remove();
      this.shapes = new Shapes(cells);
      this.digest = scene.cells?.digest;
      this.cells = new ShapesLayer(this.shapes, this._look(), { pane: "gm-cells" }).addTo(this.map);
      this.locks = new ShapesLayer(this.shapes, { hatched: [] }, { pane: "gm-image" }).addTo(this.map);
      this.borders = new ShapesLayer(this.shapes, { groups: this.cells.look.groups, bordered: true }, { pane: "gm-borders" }).addTo(this.map);
      this.marks = new ShapesLayer(this.shapes, {}, { pane: "gm-mark" }).addTo(this.map);
      this.pointer = new ShapesLayer(this.shapes, { ink: "#d97706" }, { pane: "gm-mark" }).addTo(this.map);
      this.keys.row = -1;
    } else this.recolour();
    this.locks?.restyle({ hatched: scene.locked });
    this.brush.take(scene.paint, loads);
    this.marks?.restyle({ groups: this.groups });
    this.pointer?.restyle({ groups: this.groups });
    const chosen = scene.units?.chosen ?? -1;
    const leads = chosen >= 0 && chosen !== this.chosenUnit;
    this.chosenUnit = chosen;
    this.marks?.mark(scene.marked, chosen >= 0 ? [chosen] : []);
    if (leads) this._zoomTo(this.cellsOf(chosen)); // an address or another page has named it
    await Promise.all(scene.overlays.map((overlay) => this._lay(overlay)));
    for (const [key, { layer }] of this.overlays) {
      if (!scene.overlays.some((overlay) => overlay.key === key)) {
        layer.remove();
        this.overlays.delete(key);
      }
    }
    if (!this.labels._map) this.labels.addTo(this.map);
    this.labels.replace();
    this.swipe.take(scene.swipe);
    void this._learn(scene); // nothing on the map waits for what a hover tells
  }

  /** @param {Scene} scene */
  async _learn(scene) {
    const facts = scene.facts ? await fetchOnce(scene.facts) : null;
    if (scene !== this.scene || scene.facts?.digest === this.learnt) return;
    this.learnt = scene.facts?.digest;
    this.facts = facts ? JSON.parse(new TextDecoder().decode(facts)) : null;
    if (this.tools.field.value) this.tools.list(); // asked for before the names were there
    this.hovered = -1;
    this.labels.draw();
  }

  /** Show all of the place, wherever the map was. */
  fit() {
    this.fitted = "";
    this.moved = false;
    this._fit();
  }

  /** The cells of a unit. @param {number} unit @returns {number[]} */
  cellsOf(unit) {
    return this.groups ? [...this.groups.keys()].filter((f) => this.groups?.[f] === unit) : [];
  }

  /** Outline what a list points at; nothing for nothing. @param {{unit?: number, cells?: number[]}} what */
  outline(what) {
    this.pointer?.mark(what.cells || [], what.unit === undefined || what.unit < 0 ? [] : [what.unit]);
  }

  /** Choose a unit: its border, its ground in sight, and whoever listens hears of it. @param {number} unit @param {boolean} zoom */
  showUnit(unit, zoom) {
    this.chosenUnit = unit;
    this.marks?.mark([], [unit]);
    if (zoom) this._zoomTo(this.cellsOf(unit));
    this.labels.draw();
    this.onUnit?.(unit);
  }

  /** @param {number[]} cells @param {boolean} zoom */
  showCells(cells, zoom) {
    this.marks?.mark(cells);
    if (zoom) this._zoomTo(cells);
    this.onCells?.(cells);
  }

  /** @param {[number, number]} point @param {string} name */
  showPlace(point, name) {
    this.map.setView(point, Math.max(this.map.getZoom(), 14), { animate: false });
    this.map.openTooltip(this.tip.setContent(put("b", "", undefined, name)).setLatLng(point));
  }

  /** Bring cells into sight, with some ground around them. @param {number[]} cells */
  _zoomTo(cells) {
    const { x, y } = this.map.getSize();
    if (!this.shapes || !cells.length || !x || !y) return;
    const level = this.shapes.level(-1);
    let west = Infinity, north = Infinity, east = -Infinity, south = -Infinity;
    for (const f of cells) {
      west = Math.min(west, level.box[f * 4]);
      north = Math.min(north, level.box[f * 4 + 1]);
      east = Math.max(east, level.box[f * 4 + 2]);
      south = Math.max(south, level.box[f * 4 + 3]);
    }
    const at = (/** @type {number} */ px, /** @type {number} */ py) => this.map.unproject(L.point(px, py), level.zoom);
    this.map.fitBounds(L.latLngBounds(at(west, north), at(east, south)).pad(0.6), { animate: false });
    this.moved = true;
  }

  /** Show all of a place that is new here, beside the panel; again where the panel grows and nobody has moved the map. */
  _fit() {
    const bounds = this.scene.bounds;
    const { x, y } = this.map.getSize();
    if (!x || !y) return; // not shown yet: nothing can be fitted into it
    const fitted = [...bounds, this.panel.offsetWidth, x, y].join();
    if (fitted === this.fitted || (this.moved && String(bounds) === this.place)) return;
    this.fitted = fitted;
    this.place = String(bounds);
    const [south, west, north, east] = bounds;
    const whole = L.latLngBounds([[south, west], [north, east]]);
    const left = this.panel.offsetWidth + 18;
    const loss = this.map.getBoundsZoom(whole, false, [12 + TOOLS_PX, 24]) - this.map.getBoundsZoom(whole, false, [left + TOOLS_PX, 24]);
    if (loss >= LOSS && this.folded === null && !this.tight) {
      this.tight = true;
      this._fillPanel();
      this._fit();
      return;
    }
    // Who unfolds it beside a wide city has the city beneath its corner.
    const padding = { paddingTopLeft: [loss < LOSS ? left : 12, 12], paddingBottomRight: [TOOLS_PX, 12], animate: false };
    this.map.fitBounds(whole, padding);
    this.moved = false;
  }

  /** Colour the cells by another theme. @param {string} theme */
  choose(theme) {
    this.theme = theme;
    this.recolour();
    this.brush.recolour();
    this._fillPanel();
    this.player.follow();
  }

  recolour() {
    const look = this._look();
    this.swipe.recolour();
    this.cells?.restyle(look);
    this.borders?.restyle({ groups: look.groups });
  }

  /** How the cells look in the theme that is on. */
  _look(themes = this.scene.themes) {
    const theme = themes.find((one) => one.key === this.theme) ?? (themes === this.scene.themes ? undefined : themes[0]);
    // Borders between beats are a theme's; where none are drawn the units still say which is which.
    const groups = theme?.groups ? new Uint16Array(bytesOf(theme.groups).buffer) : null;
    return {
      palette: theme?.palette,
      classes: theme ? theme.rows ?? bytesOf(theme.classes) : null,
      groups,
      stroke: theme ? "rgba(70,85,100,0.35)" : "#8796a8",
      width: 0.8,
      opacity: this.scene.tiles ? 0.65 : 1,
    };
  }

  /** Fetch and draw an overlay if it is on; one that is off costs nothing. @param {Overlay} overlay */
  async _lay(overlay) {
    const known = this.overlays.get(overlay.key);
    const on = this.chosen.get(overlay.key) ?? overlay.shown;
    const same = on ? JSON.stringify(overlay) : "";
    if (known && on && known.same === same) {
      known.layer.addTo(this.map);
      return;
    }
    known?.layer.remove();
    if (!on) return;
    const layer = await this._layer(overlay);
    this.overlays.get(overlay.key)?.layer.remove();
    this.overlays.set(overlay.key, { layer, same });
    if (this.chosen.get(overlay.key) ?? overlay.shown) layer.addTo(this.map);
  }

  /** The pane of an overlay: those that come later lie above, whenever they are switched on. @param {Overlay} overlay */
  _pane(overlay) {
    const name = `gm-over-${overlay.key}`;
    const pane = this.map.getPane(name) || this.map.createPane(name);
    pane.style.zIndex = String(400 + this.scene.overlays.findIndex((one) => one.key === overlay.key));
    return name;
  }

  /** @param {Overlay} overlay */
  async _layer(overlay) {
    if (overlay.kind === "image" && overlay.source) {
      const picture = new Blob([await fetchOnce(overlay.source)], { type: "image/png" });
      return L.imageOverlay(URL.createObjectURL(picture), overlay.bounds, { pane: "gm-image", opacity: 0.8 });
    }
    const pane = this._pane(overlay);
    if (overlay.kind === "shapes" && overlay.source) {
      const shapes = new Shapes(await fetchOnce(overlay.source));
      const look = { stroke: overlay.colour, width: overlay.width ?? 2, dash: overlay.dash };
      const filled = overlay.fill
        ? { palette: [overlay.fill], classes: new Uint8Array(shapes.count), opacity: 0.45 }
        : {};
      return new ShapesLayer(shapes, { ...look, ...filled }, { pane });
    }
    if (overlay.discs) {
      const group = L.featureGroup();
      (overlay.points || []).forEach((point, n) => {
        const icon = this._disc(overlay.discs[n], overlay.colour);
        const disc = L.marker(point, { icon, pane, keyboard: false });
        if (overlay.names) disc.bindTooltip(put("span", "", undefined, overlay.names[n]), { className: "gm-tip" });
        disc.addTo(group);
      });
      return group;
    }
    return new PointsLayer({
      points: overlay.points || [], names: overlay.names || [], radius_m: overlay.radius_m || 0, colour: overlay.colour, pane,
    });
  }

  /** A number in a disc. @param {string} text @param {string} colour */
  _disc(text, colour) {
    const disc = put("span", "gm-disc", undefined, text);
    disc.style.setProperty("--colour", colour);
    return L.divIcon({ className: "gm-at", html: disc, iconSize: [22, 22] });
  }

  _addNorth() {
    const control = new L.Control({ position: "topright" });
    control.onAdd = () => {
      const box = put("div", "gm-north");
      box.setAttribute("role", "img");
      box.innerHTML = '<svg viewBox="0 0 20 30" width="20" height="30"><path d="M10 1 L16 20 L10 16 L4 20Z" fill="#1b2a3a"/><text x="10" y="29" text-anchor="middle" font-size="9" font-weight="700" fill="#1b2a3a">N</text></svg>';
      return box;
    };
    control.addTo(this.map);
    L.control.scale({ imperial: false, position: "bottomright", maxWidth: 140 }).addTo(this.map);
  }

  _addPanel() {
    const control = new L.Control({ position: "bottomleft" });
    const panel = put("div", "gm-panel");
    control.onAdd = () => {
      L.DomEvent.disableClickPropagation(panel);
      L.DomEvent.disableScrollPropagation(panel);
      return panel;
    };
    control.addTo(this.map);
    return panel;
  }

  /** Legend and layer switch in one: what is on the map is what is listed. */
  _fillPanel() {
    const { themes, overlays, texts } = this.scene;
    const controls = () => [...this.panel.querySelectorAll("select, input, button")];
    const focused = controls().indexOf(/** @type {Element} */ (document.activeElement));
    this.panel.replaceChildren();
    const folded = this.folded ?? (this.tight || windowWidth() < FOLDED_PX);
    this.panel.classList.toggle("gm-folded", folded);
    const fold = put("button", "gm-fold", this.panel, folded ? `▸ ${texts.legend || ""}` : "▾");
    fold.setAttribute("type", "button");
    fold.setAttribute("aria-expanded", String(!folded));
    fold.setAttribute("aria-label", texts.legend || "");
    fold.addEventListener("click", () => {
      this.folded = !folded;
      this._fillPanel();
      this._fit();
    });
    this.panel.hidden = !themes.length && !overlays.length;
    if (folded) return;
    if (themes.length > 1) {
      const choice = put("select", "gm-themes", this.panel);
      choice.setAttribute("aria-label", texts.theme || "");
      for (const theme of themes) {
        const option = put("option", "", choice, theme.name);
        option.setAttribute("value", theme.key);
        if (theme.key === this.theme) option.setAttribute("selected", "");
      }
      choice.addEventListener("change", () => {
        this.choose(/** @type {HTMLSelectElement} */ (choice).value);
      });
    }
    const theme = themes.find((one) => one.key === this.theme);
    if (theme) {
      put("div", "gm-title", this.panel, theme.title);
      for (const { colour, label } of theme.legend) {
        const row = put("div", "gm-row", this.panel);
        put("i", "gm-swatch", row).style.background = colour;
        put("span", "", row, label);
      }
      if (this.scene.locked.length) {
        const row = put("div", "gm-row", this.panel);
        put("i", "gm-swatch gm-hatched", row);
        put("span", "", row, texts.locked);
      }
      if (theme.note) put("div", "gm-note", this.panel, theme.note);
    }
    if (overlays.length && theme) put("hr", "", this.panel);
    for (const overlay of overlays) this._addSwitch(overlay);
    // Who works by keyboard stays where they were.
    if (focused >= 0) /** @type {HTMLElement | undefined} */ (controls()[focused])?.focus({ preventScroll: true });
  }

  /** @param {Overlay} overlay */
  _addSwitch(overlay) {
    const row = put("label", "gm-row", this.panel);
    const box = /** @type {HTMLInputElement} */ (put("input", "", row));
    box.type = "checkbox";
    box.checked = this.chosen.get(overlay.key) ?? overlay.shown;
    const swatch = put("i", `gm-line gm-${overlay.kind}`, row);
    swatch.style.setProperty("--colour", overlay.colour);
    if (overlay.dash) swatch.style.borderTopStyle = "dashed";
    put("span", "", row, overlay.name);
    box.addEventListener("change", () => {
      this.chosen.set(overlay.key, box.checked);
      void this._lay(overlay);
    });
  }

  /** The cell under the mouse, or -1. @param {any} event */
  cellAt(event) {
    if (!this.shapes) return -1;
    const point = this.map.project(event.latlng, this.map.getZoom());
    return this.shapes.find(point.x, point.y, this.map.getZoom());
  }

  /** @param {any} event */
  _hover(event) {
    if (event.originalEvent?.target?.closest?.(".leaflet-control")) return this._unhover();
    const dot = [...this.overlays.values()].map(({ layer }) => layer._map && layer.nameAt?.(event.latlng)).find(Boolean);
    const row = this.cellAt(event);
    if (!dot && (row < 0 || !this.facts)) return this._unhover();
    if (dot) {
      this.hovered = -1;
      this.tip.setContent(put("b", "", undefined, dot));
    } else if (row !== this.hovered) {
      this.hovered = row;
      this.tip.setContent(this.factsOf(row));
    }
    this.tip.setLatLng(event.latlng);
    if (!this.map.hasLayer(this.tip)) this.map.openTooltip(this.tip);
  }

  _unhover() {
    this.hovered = -1;
    this.map.closeTooltip(this.tip);
  }

  /** @param {number} row */
  factsOf(row) {
    const box = put("div", "");
    put("b", "", box, this.facts?.names[row] ?? String(row + 1));
    const table = put("table", "", box);
    for (const { label, values, digits } of this.facts?.rows || []) {
      const value = values[row];
      const line = put("tr", "", table);
      put("td", "", line, label);
      const text = typeof value === "number"
        ? value.toLocaleString(this.scene.language, { maximumFractionDigits: digits ?? 0 })
        : value ?? "–";
      put("td", "gm-value", line, text);
    }
    return box;
  }
}
