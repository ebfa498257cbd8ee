// @ts-check
// What the pages do in the browser beside Streamlit: lists lead to maps, keys press buttons, the
// address takes one step for a page, and Streamlit's own English words are said in Chinese.
"use strict"; // no "<" stands before a letter here: what cleans HTML would take it for a tag
(() => {
  /** @type {{language: string, map: string, words: {[name: string]: string}}} */
  const told = CONFIG;
  document.documentElement.lang = told.language;
  const page = /** @type {any} */ (window).gridmapPage ??= {};
  page.words = told.words;
  page.map = told.map;
  page.rules = Object.entries(told.words).filter(([word]) => word.startsWith("^")).map(([word, text]) => [new RegExp(word), text]);
  page.said ??= new WeakMap();
  const LARGE = "gridmap-large";
  const SPOKEN = ["aria-label", "title", "placeholder", "aria-roledescription"];

  const maps = () => [...document.querySelectorAll("iframe")].filter((one) => one.src.includes("component/"));
  /** @param {object} message */
  const tellMaps = (message) => maps().forEach((one) => one.contentWindow?.postMessage(message, window.location.origin));

  const setLarge = (/** @type {boolean} */ large) => {
    document.documentElement.classList.toggle("gm-large", large);
    sessionStorage.setItem(LARGE, large ? "1" : "");
    document.querySelectorAll('[data-gm-do="large"]').forEach((one) => one.setAttribute("aria-pressed", String(large)));
    tellMaps({ gridmap: "large", large });
    if (!large && document.fullscreenElement) void document.exitFullscreen();
    window.dispatchEvent(new Event("resize"));
  };
  const isLarge = () => sessionStorage.getItem(LARGE) === "1";
  /** Streamlit names a frame after the code that draws it. */
  page.nameMaps = () => maps().forEach((one) => { one.title = page.map; });
  setTimeout(() => {
    setLarge(isLarge());
    page.nameMaps();
  });

  /** Streamlit keeps a theme for each path: all pages get the same. */
  const turnTheme = () => {
    const dark = getComputedStyle(document.querySelector(".stApp") ?? document.body).colorScheme.includes("dark");
    const base = document.location.pathname.replace(/[^/]*$/, "");
    const links = [...document.querySelectorAll("a[href]")].map((one) => new URL(/** @type {HTMLAnchorElement} */ (one).href).pathname);
    for (const path of new Set([base, document.location.pathname, ...links])) {
      localStorage.setItem(`stActiveTheme-${path}-v2`, JSON.stringify(dark ? "Light" : "Dark"));
    }
    document.location.reload();
  };

  const said = () => {
    document.querySelectorAll('[data-gm-do="large"]').forEach((one) => one.setAttribute("aria-pressed", String(isLarge())));
  };

  /** What is said instead of an English text: of a word, or of a pattern that begins with ^. @param {string | null | undefined} text */
  const instead = (text) => {
    const said = text?.trim() ?? "";
    if (said.length > 80 || !/^([A-Z]|(year|month|day), )| (start|end) date$| mark container$/.test(said)) return page.words[said];
    const rule = page.rules.find((/** @type {[RegExp, string]} */ [pattern]) => pattern.test(said));
    return page.words[said] ?? (rule && said.replace(rule[0], rule[1]));
  };

  /** Say a text of a node in the page's language; what was said before is told from it. @param {Node} node @param {string} name */
  const say = (node, name) => {
    const now = node instanceof Element ? node.getAttribute(name) : node.nodeValue;
    if (now === null) return;
    const kept = page.said.get(node) ?? {};
    const english = kept[name]?.text === now ? kept[name].english : now;
    const text = instead(english) || english;
    if (text === now) return;
    page.said.set(node, { ...kept, [name]: { english, text } });
    if (node instanceof Element) node.setAttribute(name, text);
    else node.nodeValue = text;
  };
  /** @param {Node} root */
  const translate = (root) => {
    page.spoke ||= Object.keys(page.words).length > 0;
    if (!page.spoke) return;
    const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
    for (let node = /** @type {Node | null} */ (walk.currentNode); node; node = walk.nextNode()) {
      for (const name of node instanceof Element ? SPOKEN : [""]) say(node, name);
    }
  };
  /** A chart is one picture with a description: its axes and marks are not heard one by one. */
  const hush = () => document.querySelectorAll('[role="graphics-document"] svg:not([aria-hidden])').forEach((one) => one.setAttribute("aria-hidden", "true"));
  translate(document.body);
  if (page.ready) return;
  page.ready = true;

  // Another language or period is the same place: Back leads to the page before.
  const push = window.history.pushState.bind(window.history);
  window.history.pushState = (state, title, url) => {
    const same = url !== undefined && new URL(String(url), document.location.href).pathname === document.location.pathname;
    if (same) window.history.replaceState(state, title, url);
    else push(state, title, url);
  };

  /** @param {EventTarget | null} target @returns {HTMLElement | null} */
  const rowAt = (target) => (target instanceof Element ? target.closest("[data-gm-unit], [data-gm-cells]") : null);
  /** @param {HTMLElement} row */
  const meant = (row) => ({
    unit: row.dataset.gmUnit === undefined ? undefined : Number(row.dataset.gmUnit),
    cells: row.dataset.gmCells?.split(",").filter(Boolean).map(Number),
  });
  const choose = (/** @type {HTMLElement} */ row) => {
    document.querySelectorAll("[data-gm-chosen]").forEach((one) => one.removeAttribute("data-gm-chosen"));
    row.dataset.gmChosen = "";
    tellMaps({ gridmap: "show", ...meant(row) });
  };
  document.addEventListener("mouseover", (event) => {
    const row = rowAt(event.target);
    if (row === page.hovered) return;
    page.hovered = row;
    tellMaps({ gridmap: "outline", ...(row ? meant(row) : {}) });
  });
  /** Sort a table by a column, texts from A and figures from the greatest; again the other way round. @param {Element} head */
  const sort = (head) => {
    const named = head.classList.contains("gm-text"), at = [...head.parentElement?.children ?? []].indexOf(head);
    const [first, second] = named ? ["ascending", "descending"] : ["descending", "ascending"];
    const order = head.getAttribute("aria-sort") === first ? second : first;
    head.parentElement?.querySelectorAll("th").forEach((one) => one.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", order);
    const text = (/** @type {HTMLTableRowElement} */ row) => row.cells[at]?.textContent ?? "";
    const figure = (/** @type {HTMLTableRowElement} */ row) => (/\d/.test(text(row)) ? Number.parseFloat(text(row).replaceAll(",", "")) : -1e300);
    const body = head.closest("table")?.tBodies[0], turn = order === "ascending" ? 1 : -1;
    const rows = [...body?.rows ?? []].sort((one, other) => turn * (named ? text(one).localeCompare(text(other), told.language) : figure(one) - figure(other)));
    body?.append(...rows);
  };
  document.addEventListener("click", (event) => {
    const head = event.target instanceof Element ? event.target.closest("[data-gm-sort]")?.closest("th") : null;
    if (head) sort(head);
    const row = rowAt(event.target);
    if (row) choose(row);
    const does = event.target instanceof Element ? event.target.closest("[data-gm-do]") : null;
    const what = does?.getAttribute("data-gm-do");
    if (what === "large") setLarge(!isLarge());
    if (what === "theme") turnTheme();
    if (what === "print") window.print();
  });

  window.addEventListener("beforeprint", () => {
    const dark = getComputedStyle(document.querySelector(".stApp") ?? document.body).colorScheme.includes("dark");
    document.documentElement.classList.toggle("gm-dark", dark);
    maps().forEach((one) => one.contentWindow?.dispatchEvent(new Event("gridmap-print")));
  });
  window.addEventListener("afterprint", () => document.querySelectorAll(".gm-print").forEach((one) => one.remove()));

  /** @param {string} name the key of a Streamlit button */
  const press = (name) => /** @type {HTMLElement | null} */ (document.querySelector(`.st-key-gridmap-${name} button:not([disabled])`))?.click();
  const onKey = (/** @type {string} */ key) => key === "Escape" && isLarge() ? setLarge(false) : press({ z: "undo", y: "redo", Escape: "clear-marks", Enter: "go" }[key] ?? "none");
  document.addEventListener("keydown", (event) => {
    const at = event.target instanceof Element ? event.target : document.body;
    const row = rowAt(at);
    if (row && event.key === "Enter") return choose(row);
    if (at.closest("input:not([type=checkbox]):not([type=radio]), textarea, [contenteditable], [role=listbox], [role=dialog]")) return;
    if (event.key === "Enter" && at.closest("button, a, input")) return;
    const control = event.ctrlKey || event.metaKey;
    if (control && ["z", "y"].includes(event.key.toLowerCase()) && document.querySelector(".st-key-gridmap-undo")) {
      event.preventDefault();
      onKey(event.shiftKey ? "y" : event.key.toLowerCase());
    } else if (!control && (event.key === "Escape" || event.key === "Enter")) onKey(event.key);
  });
  window.addEventListener("message", ({ data, origin }) => {
    if (origin !== window.location.origin || !data) return;
    if (data.gridmap === "key") onKey(data.key);
    if (data.gridmap === "ready") {
      tellMaps({ gridmap: "large", large: isLarge() });
      page.nameMaps();
      said();
    }
    if (data.gridmap !== "picked") return;
    const cell = String(data.cells?.[0] ?? "");
    const rows = [...document.querySelectorAll("[data-gm-unit], [data-gm-cells]")];
    document.querySelectorAll("[data-gm-chosen]").forEach((one) => one.removeAttribute("data-gm-chosen"));
    const hit = rows.find((one) => one instanceof HTMLElement && (one.dataset.gmUnit === String(data.unit) || one.dataset.gmCells?.split(",").includes(cell)));
    if (hit instanceof HTMLElement) {
      hit.dataset.gmChosen = "";
      hit.scrollIntoView({ block: "nearest" });
    }
  });
  new MutationObserver((changes) => {
    hush();
    for (const change of changes) {
      if (change.type === "characterData") translate(change.target);
      change.addedNodes.forEach(translate);
      if (change.type === "attributes") translate(change.target);
    }
  }).observe(document.body, { childList: true, subtree: true, characterData: true, attributeFilter: SPOKEN });
})();
