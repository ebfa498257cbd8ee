// @ts-check
// Plays the hours of the day on one colour scale. All counts are loaded once: a step sends no request.
"use strict";

const STEP_MS = 800;

class Player {
  /** @param {CityMap} city */
  constructor(city) {
    this.city = city;
    /** @type {Hours | null} */ this.hours = null;
    /** @type {Float32Array | null} incidents by cell and hour of the week */ this.week = null;
    /** @type {Map<number, {classes: Uint8Array[], totals: number[]}>} frames of a weekday; -1 for all days */ this.frames = new Map();
    this.hour = 0;
    this.day = -1;
    this.timer = 0;
    // Who asked their system for less motion steps from hour to hour instead.
    this.still = window.matchMedia("(prefers-reduced-motion: reduce)");
    this.still.addEventListener("change", () => this.say());
    this.box = put("div", "gm-player");
    this.button = put("button", "", this.box);
    this.button.setAttribute("type", "button");
    this.button.addEventListener("click", () => void this.press());
    this.rest = put("span", "gm-playing", this.box);
    this.slider = /** @type {HTMLInputElement} */ (put("input", "", this.rest));
    Object.assign(this.slider, { type: "range", min: "0", max: "23", step: "1", value: "0" });
    this.slider.addEventListener("input", () => {
      this.pause();
      this.show(Number(this.slider.value));
    });
    this.readout = put("output", "", this.rest);
    this.choice = /** @type {HTMLSelectElement} */ (put("select", "", this.rest));
    this.choice.addEventListener("change", () => {
      this.day = Number(this.choice.value);
      this.show(this.hour);
    });
    this.box.addEventListener("keydown", (event) => event.stopPropagation()); // the map would pan
    L.DomEvent.disableClickPropagation(this.box);
    L.DomEvent.disableScrollPropagation(this.box);
    const control = new L.Control({ position: "bottomright" });
    control.onAdd = () => this.box;
    control.addTo(city.map);
    document.addEventListener("visibilitychange", () => { if (document.hidden) this.pause(); });
    this.box.hidden = true;
  }

  /** Whether an hour is on the map. */
  get on() {
    return Boolean(this.hours && this.city.theme === this.hours.theme);
  }

  theme() {
    return this.city.scene.themes.find((one) => one.key === this.hours?.theme);
  }

  /** A new scene: the hour that was shown stays. @param {Hours | null} hours */
  take(hours) {
    const same = hours?.source.digest === this.hours?.source.digest;
    this.hours = hours;
    this.box.hidden = !hours;
    if (!same) {
      this.week = null;
      this.frames.clear();
    }
    this.offerDays();
    this.follow();
  }

  /** The map has another theme, or the theme another scene. */
  follow() {
    if (!this.on) this.pause();
    else if (this.week) this.show(this.hour);
    else void this.load().then(() => this.show(this.hour));
    this.say();
  }

  async load() {
    const { hours } = this, theme = this.theme();
    if (!hours || !theme || this.week) return;
    const bytes = await fetchOnce(hours.source);
    if (hours.source.digest !== this.hours?.source.digest) return;
    const size = new DataView(bytes).getUint32(0, true);
    const places = sumUp(unpackNumbers(new Uint8Array(bytes, 4, size))), counts = unpackNumbers(new Uint8Array(bytes, 4 + size));
    this.week = new Float32Array(bytesOf(theme.classes).length * 168);
    for (let i = 0; i < places.length; i++) this.week[places[i]] = counts[i];
  }

  /** The class of each cell in each hour, and how many incidents an hour has. @param {number} day -1 for all @returns {{classes: Uint8Array[], totals: number[]}} */
  framesOf(day) {
    const known = this.frames.get(day);
    if (known || !this.week || !this.hours) return known ?? { classes: [], totals: [] };
    const { breaks } = this.hours.scales[day < 0 ? 0 : 1], cells = this.week.length / 168;
    const days = day < 0 ? [0, 1, 2, 3, 4, 5, 6] : [day];
    const classes = Array.from({ length: 24 }, () => new Uint8Array(cells)), totals = new Array(24).fill(0);
    for (let hour = 0; hour < 24; hour++) {
      for (let f = 0; f < cells; f++) {
        let count = 0;
        for (const d of days) count += this.week[f * 168 + d * 24 + hour];
        let n = 0;
        while (n < breaks.length - 1 && count > breaks[n]) n++;
        classes[hour][f] = n;
        totals[hour] += count;
      }
    }
    const found = { classes, totals };
    this.frames.set(day, found);
    return found;
  }

  /** Put an hour on the map. @param {number} hour */
  show(hour) {
    this.hour = hour;
    const theme = this.theme();
    if (!this.on || !this.hours || !this.week || !theme) return;
    const { palette, legend } = this.hours.scales[this.day < 0 ? 0 : 1];
    const same = theme.palette === palette;
    Object.assign(theme, { palette, legend, rows: this.framesOf(this.day).classes[hour] });
    theme.title = [theme.name, this.name(hour), this.dayName()].join(" · ");
    this.city.recolour();
    if (same) {
      const title = this.city.panel.querySelector(".gm-title");
      if (title) title.textContent = theme.title;
    } else this.city._fillPanel();
    this.say();
  }

  /** @param {number} hour */
  name(hour) {
    return `${String(hour).padStart(2, "0")}:00–${String(hour + 1).padStart(2, "0")}:00`;
  }

  dayName() {
    return this.day < 0 ? this.city.scene.texts.all_days : this.hours?.days[this.day] ?? "";
  }

  /** The button: play or pause; a step where less motion is asked for. */
  async press() {
    if (!this.hours) return;
    if (this.timer) return this.pause();
    const fresh = !this.on;
    await this.load();
    if (fresh) this.city.choose(this.hours.theme);
    else this.show((this.hour + 1) % 24);
    if (!this.still.matches) {
      this.timer = window.setInterval(() => this.show((this.hour + 1) % 24), STEP_MS);
      this.say();
    }
  }

  pause() {
    if (!this.timer) return;
    clearInterval(this.timer);
    this.timer = 0;
    this.say();
  }

  offerDays() {
    const names = [this.city.scene.texts.all_days, ...(this.hours?.days ?? [])];
    if ([...this.choice.options].map((one) => one.text).join() === names.join()) return;
    this.choice.replaceChildren();
    names.forEach((name, n) => put("option", "", this.choice, name).setAttribute("value", String(n - 1)));
    this.choice.value = String(this.day);
  }

  /** What the bar says. */
  say() {
    const { texts, language } = this.city.scene, { on } = this;
    const word = this.timer ? texts.pause : on && this.still.matches ? texts.next_hour : texts.play;
    this.button.textContent = `${this.timer ? "❚❚" : "▶"}${on ? "" : ` ${texts.play}`}`;
    this.button.setAttribute("aria-label", word);
    this.button.setAttribute("title", word);
    this.rest.hidden = !on;
    if (!on) return;
    const count = this.week ? this.framesOf(this.day).totals[this.hour].toLocaleString(language) : "…";
    this.slider.value = String(this.hour);
    this.slider.setAttribute("aria-label", texts.hour);
    this.choice.setAttribute("aria-label", texts.days);
    this.readout.replaceChildren();
    put("b", "", this.readout, this.name(this.hour));
    put("span", "", this.readout, `${count} ${texts.incidents}`);
    this.slider.setAttribute("aria-valuetext", `${this.name(this.hour)}, ${count} ${texts.incidents}`);
    // Read out where somebody steps; not eight times in six seconds while it plays.
    this.readout.setAttribute("aria-live", this.timer ? "off" : "polite");
  }
}
