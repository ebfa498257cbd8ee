// @ts-check
// The touch map of the pages: a scene comes down, {event, grids} goes up.
"use strict";

/** @param {string} type @param {Record<string, unknown>} data */
function tell(type, data) {
  window.parent.postMessage({ isStreamlitMessage: true, type: `streamlit:${type}`, ...data }, "*");
}

class Touch {
  constructor() {
    this.map = L.map("map", { zoomSnap: 0.25, zoomDelta: 0.5, wheelPxPerZoomLevel: 120, attributionControl: false, preferCanvas: true });
    this.map.setView([0, 0], 2);
    /** @type {CityMap | null} */ this.city = null;
    this.tool = "click";
    this.count = 0;
    /** @type {[number, number, number][]} stamp, latitude and longitude of the last clicks: of two in haste none is lost */ this.places = [];
    this.renders = 0;
    this.led = false;
    /** @type {any} */ this.drawn = null;
    /** @type {any[]} */ this.path = [];
    this.map.on("click", (/** @type {any} */ event) => this.click(event));
    // The right button picks the beat to paint with from the map.
    this.map.on("contextmenu", (/** @type {any} */ event) => {
      const { city } = this, unit = city?.groups?.[city.cellAt(event)];
      if (city?.brush.paint && unit !== undefined && unit !== 65535) this.send("brush", [unit], null);
    });
    this.map.on("mousedown", (/** @type {any} */ event) => this.begin(event));
    this.map.on("mousemove", (/** @type {any} */ event) => this.extend(event));
    document.addEventListener("mouseup", () => this.finish());
  }

  /** @param {any} args what the page sends */
  async render(args) {
    const box = /** @type {HTMLElement} */ (document.getElementById("map"));
    const turn = ++this.renders;
    delete box.dataset.painted; // it says that what was asked for last is drawn
    const height = this.heightFor(args.height);
    if (this.height !== height) {
      this.height = height;
      box.style.height = `${height}px`;
      tell("setFrameHeight", { height });
      this.map.invalidateSize(false);
    }
    document.documentElement.lang = args.scene.language;
    window.frameElement?.setAttribute("title", args.scene.texts.map);
    document.documentElement.classList.toggle("gm-dark", args.theme?.base === "dark");
    this.layTiles(args.scene.tiles);
    this.join(args.link);
    this.offerTools(args.tools, args.scene.texts);
    if (this.city) await this.city.update(args.scene);
    else {
      this.city = new CityMap(this.map, args.scene);
      this.city.keys.onPick = (row, more) => this.pick(row, more);
      this.city.keys.onLeave = () => this.leave();
      this.city.onUnit = (unit) => this.send("unit", [unit], null);
      this.city.onCells = (cells) => this.send(this.tool === "click" ? "click" : "select", cells, null);
      await this.city.ready;
      window.parent.postMessage({ gridmap: "ready" }, window.location.origin);
    }
    if (turn === this.renders) box.dataset.painted = String(turn);
  }

  /** A tall map ends where the window ends: legend and scale bar are seen without scrolling. @param {number} asked */
  heightFor(asked) {
    if (asked < 640 || !window.frameElement) return asked;
    if (window.innerWidth < 600) return Math.min(asked, Math.round(window.parent.innerHeight * 0.62)); // a telephone
    const top = window.frameElement.getBoundingClientRect().top + (window.parent.document.querySelector('[data-testid="stMain"]')?.scrollTop ?? 0);
    const room = window.parent.innerHeight - Math.max(top, 200) - 24;
    return Math.max(520, Math.min(Math.floor(room), asked * 1.5));
  }

  /** Move together with the other maps of this name. @param {string} name */
  join(name) {
    if (!name || this.channel) return;
    this.channel = new BroadcastChannel(`gridmap-${name}`);
    // A frame that is not shown has no size, and so no middle to share.
    const sized = () => this.map.getSize().x > 0 && this.map.getSize().y > 0;
    this.channel.onmessage = ({ data }) => {
      if (!sized()) return;
      this.led = true;
      this.map.setView(data.center, data.zoom, { animate: false });
      this.led = false;
    };
    this.map.on("moveend", () => {
      if (!this.led && sized()) this.channel?.postMessage({ center: this.map.getCenter(), zoom: this.map.getZoom() });
    });
  }

  /** Lay the basemap that a setting names, its names above the cells. @param {{url: string, credit: string, labels: string, mostZoom: number} | null} tiles */
  layTiles(tiles) {
    if (this.tiled || !tiles) return;
    this.tiled = true;
    const pane = this.map.createPane("gm-names");
    pane.style.zIndex = "398";
    pane.style.pointerEvents = "none";
    const maxNativeZoom = tiles.mostZoom || undefined;
    L.tileLayer(tiles.url, { attribution: tiles.credit, subdomains: "01234567", maxZoom: 24, maxNativeZoom }).addTo(this.map);
    if (tiles.labels) L.tileLayer(tiles.labels, { pane: "gm-names", subdomains: "01234567" }).addTo(this.map);
    L.control.attribution({ prefix: false, position: "bottomright" }).addTo(this.map);
  }

  /** @param {string[]} tools @param {Record<string, string>} texts */
  offerTools(tools, texts) {
    if (this.bar || tools.length < 2) return;
    const control = new L.Control({ position: "topleft" });
    this.bar = put("div", "leaflet-bar gm-tools");
    for (const tool of tools) {
      const button = put("button", "", this.bar, { click: "⊙", rectangle: "▭", lasso: "✎" }[tool]);
      button.setAttribute("type", "button");
      button.setAttribute("title", texts[tool]);
      button.setAttribute("aria-label", texts[tool]);
      button.addEventListener("click", () => this.take(tool, button));
      if (tool === this.tool) button.setAttribute("aria-pressed", "true");
    }
    this.bar.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Escape" && this.leave()) event.stopPropagation();
    });
    L.DomEvent.disableClickPropagation(this.bar);
    control.onAdd = () => this.bar;
    control.addTo(this.map);
  }

  /** @param {string} tool @param {HTMLElement} button */
  take(tool, button) {
    this.tool = tool;
    this.bar?.querySelectorAll("button").forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
    this.map.dragging[tool === "click" ? "enable" : "disable"]();
  }

  /** @param {string} event @param {number[]} grids @param {any} mouse */
  send(event, grids, mouse) {
    this.count += 1;
    const more = Boolean(mouse?.originalEvent?.shiftKey || mouse?.originalEvent?.ctrlKey);
    const place = mouse?.latlng ? [mouse.latlng.lat, mouse.latlng.lng] : null;
    const stamp = Date.now() * 100 + (this.count % 100);
    if (place) this.places = [...this.places, [stamp, place[0], place[1]]].slice(-16);
    tell("setComponentValue", { value: { event, grids, more, place, stamp, places: this.places }, dataType: "json" });
  }

  /** Cells were picked: painted where somebody paints, else marked at once; the page may say otherwise. @param {number[]} rows @param {any} mouse */
  takeUp(rows, mouse) {
    const { city } = this, unit = city?.groups?.[rows[0]] ?? -1;
    if (city?.brush.paints) {
      city.brush.stroke(rows);
      this.sendStrokes(city.brush.strokes);
      return;
    }
    city?.marks?.mark(rows);
    this.send(rows.length > 1 || this.tool !== "click" ? "select" : "click", rows, mouse);
    window.parent.postMessage({ gridmap: "picked", unit, cells: rows }, window.location.origin);
  }

  /** All that the page has not taken yet: of two in haste none is lost. @param {{stamp: number, cells: number[], to: number}[]} strokes */
  sendStrokes(strokes) {
    const last = strokes[strokes.length - 1];
    tell("setComponentValue", { value: { event: "paint", grids: [], more: false, stamp: last.stamp, strokes }, dataType: "json" });
  }

  /** @param {any} event */
  click(event) {
    const row = this.tool === "click" && this.city ? this.city.cellAt(event) : -1;
    if (row < 0 || this.city?.tools.line) return;
    this.takeUp([row], event);
  }

  /** Enter: pick a cell, or make it a corner of what is drawn. @param {number} row @param {boolean} more */
  pick(row, more) {
    if (!this.city?.shapes) return;
    const { x, y, zoom } = this.city.shapes.middle(row);
    const event = { latlng: this.map.unproject(L.point(x, y), zoom), originalEvent: { shiftKey: more } };
    if (this.tool === "click") {
      this.takeUp([row], event);
      return;
    }
    if (!this.drawn) this.begin(event);
    else if (this.tool === "rectangle" || row === this.corner) {
      this.extend(event);
      this.finish();
    } else this.extend(event);
    this.corner = row;
  }

  /** Escape: give up what is being drawn, or else the tool; whether there was any. */
  leave() {
    if (this.drawn) {
      this.drawn.remove();
      this.drawn = null;
      return true;
    }
    const first = this.bar?.querySelector("button");
    if (this.tool === "click" || !first) return false;
    this.take("click", first);
    return true;
  }

  /** @param {any} event */
  begin(event) {
    if (this.tool === "click") return;
    this.path = [event.latlng];
    const style = { color: "#111827", weight: 1.5, dashArray: "4 3", fillOpacity: 0.08, interactive: false };
    this.drawn = this.tool === "rectangle"
      ? L.rectangle([event.latlng, event.latlng], style).addTo(this.map)
      : L.polygon([event.latlng], style).addTo(this.map);
  }

  /** @param {any} event */
  extend(event) {
    if (!this.drawn) return;
    if (this.tool === "rectangle") this.drawn.setBounds([this.path[0], event.latlng]);
    else this.drawn.addLatLng(event.latlng);
    this.path.push(event.latlng);
  }

  finish() {
    if (!this.drawn) return;
    const rings = this.drawn.getLatLngs();
    this.drawn.remove();
    this.drawn = null;
    const rows = this.within(rings[0]);
    if (rows.length) this.takeUp(rows, null);
  }

  /** Cells whose middle lies in a ring. @param {any[]} ring @returns {number[]} */
  within(ring) {
    const shapes = this.city?.shapes;
    if (!shapes || ring.length < 3) return [];
    const zoom = shapes.levels[shapes.levels.length - 1].zoom;
    const at = ring.map((point) => this.map.project(point, zoom));
    const level = {
      zoom, x: Int32Array.from(at, (p) => p.x), y: Int32Array.from(at, (p) => p.y),
      ring: Uint32Array.of(0, at.length), feature: Uint32Array.of(0, 1), box: new Float64Array(4),
    };
    level.box = Shapes.boxes(level, 1);
    const rows = [];
    for (let f = 0; f < shapes.count; f++) {
      const { x, y } = shapes.middle(f);
      if (Shapes.covers(level, 0, x, y)) rows.push(f);
    }
    return rows;
  }
}

const touch = new Touch();
window.addEventListener("message", ({ source, data }) => {
  if (source !== window.parent) return;
  if (data.type === "streamlit:render") void touch.render({ ...data.args, theme: data.theme });
  const { city } = touch;
  if (!city || !data.gridmap) return;
  if (data.gridmap === "outline") city.outline(data);
  if (data.gridmap === "show" && data.unit >= 0) city.showUnit(data.unit, true);
  if (data.gridmap === "show" && data.cells) city.showCells(data.cells, true);
  if (data.gridmap === "large") {
    city.large = data.large;
    document.documentElement.classList.toggle("gm-large", data.large);
    city.labels.draw();
  }
});
// A frame on paper has another size than on the screen: the page prints a picture of the map.
window.addEventListener("gridmap-print", () => {
  const frame = window.frameElement, { city } = touch;
  if (!frame || !city || !touch.map.getSize().x) return;
  const picture = city.tools.picture(window.parent.document);
  picture.className = "gm-print";
  frame.after(picture);
});
window.addEventListener("keydown", (event) => {
  // The page's shortcuts hold on the map too.
  const control = event.ctrlKey || event.metaKey, letter = event.key.toLowerCase();
  const at = event.target instanceof Element ? event.target : document.body;
  if (control && ["z", "y"].includes(letter)) {
    window.parent.postMessage({ gridmap: "key", key: event.shiftKey ? "y" : letter }, window.location.origin);
    event.preventDefault();
  } else if (!control && !at.closest("input, select") && (event.key === "Escape" || (event.key === "Enter" && !at.closest("button, a")))) {
    window.parent.postMessage({ gridmap: "key", key: event.key }, window.location.origin);
  }
});
tell("componentReady", { apiVersion: 1 });
