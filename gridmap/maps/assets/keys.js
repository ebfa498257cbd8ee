// @ts-check
// The map by keyboard: Shift and an arrow go from cell to cell, Enter picks, Escape gives up.
// Arrows, plus and minus alone are Leaflet's: they pan and zoom.
"use strict";

/** @type {Record<string, [number, number]>} */
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

class Keys {
  /** @param {CityMap} city */
  constructor(city) {
    this.city = city;
    this.map = city.map;
    this.row = -1;
    /** @type {((row: number, more: boolean) => void) | null} what Enter does */ this.onPick = null;
    /** @type {(() => boolean) | null} what Escape leaves; false where there is nothing */ this.onLeave = null;
    const box = this.map.getContainer();
    this.heard = put("div", "gm-heard", box);
    this.heard.setAttribute("role", "status");
    this.heard.setAttribute("aria-live", "polite");
    this.help = put("div", "gm-help", box);
    this.help.id = `gm-help-${L.Util.stamp(this)}`;
    box.setAttribute("role", "application");
    box.setAttribute("aria-describedby", this.help.id);
    // Before Leaflet, which would pan.
    box.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.target === box && this.press(event)) {
        event.preventDefault();
        event.stopPropagation();
      }
    }, true);
    box.addEventListener("blur", () => this.stand(-1));
    // A frame and help for who comes by keyboard; a script's focus after a click would show them too.
    box.addEventListener("keyup", (/** @type {KeyboardEvent} */ event) => box.classList.toggle("gm-keyed", event.target === box));
    box.addEventListener("pointerdown", () => box.classList.remove("gm-keyed"), true);
  }

  /** @param {Record<string, string>} texts */
  say(texts) {
    const box = this.map.getContainer();
    box.setAttribute("aria-label", texts.map || "");
    this.help.textContent = texts.keys || "";
    box.querySelector(".gm-north")?.setAttribute("aria-label", texts.north || "");
    for (const way of ["in", "out"]) {
      const button = box.querySelector(`.leaflet-control-zoom-${way}`);
      button?.setAttribute("title", texts[`zoom_${way}`] || "");
      button?.setAttribute("aria-label", texts[`zoom_${way}`] || "");
    }
  }

  /** Whether a key was for the cells. @param {KeyboardEvent} event */
  press(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return false;
    const step = STEPS[event.key];
    if (step && event.shiftKey) {
      this.stand(this.row < 0 ? this.first() : this.next(step));
      return true;
    }
    if (event.key === "Enter" && this.row >= 0) {
      this.onPick?.(this.row, event.shiftKey);
      return true;
    }
    if (event.key !== "Escape" || this.onLeave?.()) return event.key === "Escape";
    if (this.row < 0) return false; // for measuring, or for the page
    this.stand(-1);
    return true;
  }

  /** Stand on a cell, bring it into sight and tell what it is; -1 for none. @param {number} row */
  stand(row) {
    this.row = row;
    this.city.pointer?.mark(row < 0 ? [] : [row]);
    if (row < 0 || !this.city.shapes) {
      this.heard.textContent = "";
      this.map.closeTooltip(this.city.tip);
      return;
    }
    const { x, y, zoom } = this.city.shapes.middle(row);
    const place = this.map.unproject(L.point(x, y), zoom);
    this.map.panInside(place, { padding: [60, 60], animate: false });
    const told = this.city.factsOf(row);
    this.heard.textContent = [...told.querySelectorAll("b, tr")].map((line) => [...(line.children.length ? line.children : [line])].map((part) => part.textContent).join(" ")).join(", ");
    this.map.openTooltip(this.city.tip.setContent(told).setLatLng(place));
  }

  /** The marked cell, or the one nearest to the middle of what is seen. */
  first() {
    const [marked] = this.city.marks?.marked || [];
    return marked ?? this.nearest(this.map.getCenter(), () => 1);
  }

  /** The nearest cell in a direction; the same where there is none. @param {[number, number]} step */
  next([right, down]) {
    const shapes = this.city.shapes;
    if (!shapes) return -1;
    const { x, y, zoom } = shapes.middle(this.row);
    const found = this.nearest(this.map.unproject(L.point(x, y), zoom), (dx, dy) => {
      const along = dx * right + dy * down, across = Math.abs(dx * down) + Math.abs(dy * right);
      return along > 0 && across <= along ? 1 + across / along : Infinity;
    });
    return found < 0 ? this.row : found;
  }

  /** The cell whose middle is nearest, distances weighted. @param {any} place @param {(dx: number, dy: number) => number} weigh */
  nearest(place, weigh) {
    const shapes = this.city.shapes;
    if (!shapes?.count) return -1;
    const from = this.map.project(place, shapes.middle(0).zoom);
    let best = -1, least = Infinity;
    for (let row = 0; row < shapes.count; row++) {
      const { x, y } = shapes.middle(row);
      const dx = x - from.x, dy = y - from.y;
      const far = Math.hypot(dx, dy) * weigh(dx, dy);
      if (far < least) [best, least] = [row, far];
    }
    return best;
  }
}
