"use strict";
(() => {
  const $ = (what, within = document) => within.querySelector(what);
  const $$ = (what, within = document) => Array.from(within.querySelectorAll(what));
  const data = JSON.parse($("#data").textContent);
  const root = document.documentElement;
  const PAGE = 200;
  const state = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
  const remember = (name, value) => {
    if (value) state.set(name, value); else state.delete(name);
    history.replaceState(null, "", "#" + state.toString());
  };
  const svg = (name, attributes, text) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const key in attributes) made.setAttribute(key, attributes[key]);
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const element = (name, text, className) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  };

  // Tables: filter, sort, pages. Rows that are only data become elements when they are shown.
  const tables = new Map();
  class Table {
    constructor(table, extra) {
      this.body = $("tbody", table);
      this.name = table.dataset.table;
      this.items = Array.from(this.body.rows, row => ({row, cells: null, text: null}));
      for (const cells of extra) this.items.push({row: null, cells, text: null});
      this.right = $$("thead th", table).map(head => head.classList.contains("right"));
      this.words = "";
      this.columns = new Map();
      this.limit = PAGE;
      this.heads = $$("thead th", table);
      this.heads.forEach((head, column) => {
        const button = element("button", head.textContent);
        button.type = "button";
        head.replaceChildren(button);
        head.setAttribute("aria-sort", "none");
        button.addEventListener("click", () => this.sort(column));
      });
      const more = $(`[data-more="${this.name}"]`);
      if (more) more.addEventListener("click", () => { this.limit += PAGE * 5; this.show(); });
      for (const chooser of $$(`[data-filters="${this.name}"] select`)) {
        chooser.addEventListener("change", () => {
          this.columns.set(+chooser.dataset.column, chooser.value);
          remember(`${this.name}${chooser.dataset.column}`, chooser.value);
          this.show();
        });
        const kept = state.get(`${this.name}${chooser.dataset.column}`);
        if (kept) { chooser.value = kept; this.columns.set(+chooser.dataset.column, chooser.value); }
      }
      this.show();
    }
    cell(item, column) { return item.cells ? item.cells[column] : item.row.cells[column].textContent; }
    fits(item) {
      if (this.words) {
        item.text ??= (item.cells ? item.cells.join(" ") : item.row.textContent).toLowerCase();
        if (!item.text.includes(this.words)) return false;
      }
      for (const [column, wanted] of this.columns) {
        if (!wanted) continue;
        const text = this.cell(item, column);
        if (text !== wanted && !text.split(/[;,] /).some(part => part === wanted || part.startsWith(wanted + " "))) return false;
      }
      return true;
    }
    show() {
      let found = 0;
      const shown = [];
      for (const item of this.items) {
        const fits = this.fits(item);
        found += fits;
        const visible = fits && found <= this.limit;
        if (visible) shown.push(this.made(item));
        else if (item.row) item.row.hidden = true;
      }
      for (const row of shown) row.hidden = false;
      const count = $(`[data-count="${this.name}"]`);
      if (count) count.textContent = `${shown.length.toLocaleString("en")} of ${found.toLocaleString("en")} shown` + (found < this.items.length ? `, ${this.items.length.toLocaleString("en")} in all` : "");
      const more = $(`[data-more="${this.name}"]`);
      if (more) more.hidden = shown.length === found;
    }
    made(item) {
      if (!item.row) {
        item.row = element("tr");
        item.cells.forEach((text, column) => item.row.append(element("td", text, this.right[column] ? "right" : "")));
        this.body.append(item.row);
      }
      return item.row;
    }
    sort(column) {
      const head = this.heads[column];
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of this.heads) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = new Map(this.items.map(item => {
        const text = this.cell(item, column);
        const dotted = /^\d+\.\d+\.\d+\.\d+/.exec(text);
        return [item, dotted ? dotted[0].split(".").reduce((sum, part) => sum * 256 + +part, 0) : this.right[column] ? +text.replaceAll(",", "") || 0 : text.toLowerCase()];
      }));
      const order = down ? -1 : 1;
      this.items.sort((a, b) => { const x = key.get(a), y = key.get(b); return (x < y ? -1 : x > y ? 1 : 0) * order; });
      for (const item of this.items) if (item.row) this.body.append(item.row);
      this.show();
    }
  }
  for (const table of $$("[data-table]")) tables.set(table.dataset.table, new Table(table, table.dataset.table === "conversations" ? data.conversations : []));

  // The map: filters, selection, zoom, unfolding.
  const [SOURCE, TARGET, KIND, WIDTH, PROTOCOLS, ACTIONS, INCIDENTS, CROSSES, FIRST, LAST, WORDS] = Array(11).keys();
  const drawing = $("#drawing"), tools = $("#map-tools"), panel = $("#panel"), unfolded = $("#unfolded");
  const nodes = new Map($$(".node", drawing).map(node => [node.dataset.key, node]));
  const drawn = $$("[data-line]", drawing).map(group => ({group, line: data.lines[+group.dataset.line], unfolded: false}));
  const cardOf = new Map();
  for (const [key, [, members]] of Object.entries(data.cards)) for (const [number] of members) cardOf.set("a" + number, key);
  const open = new Set();
  const whole = drawing.viewBox.baseVal;
  const home = [whole.x, whole.y, whole.width, whole.height];
  let view = home.slice(), chosen = null;
  const intro = panel.firstElementChild;

  const choose = (name, list) => list.forEach((word, place) => { const made = element("option", word.toLowerCase().replaceAll("_", " ")); made.value = String(place); tools.elements[name].append(made); });
  choose("protocol", data.protocols);
  choose("action", data.actions);
  const at = place => data.first + (data.last - data.first) * place / 120;
  const clock = seconds => new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ");
  function passes(line) {
    const {kind, protocol, action, from, to} = tools.elements;
    if (kind.value === "cross" ? !line[CROSSES] : kind.value === "answered" ? line[KIND] === "tried" : kind.value[0] === "i" && /\d/.test(kind.value[1]) ? !line[INCIDENTS].includes(+kind.value.slice(1)) : kind.value && line[KIND] !== kind.value && !(kind.value === "command" && line[KIND] === "incident" && line[ACTIONS].length)) return false;
    if (protocol.value && !line[PROTOCOLS].includes(+protocol.value)) return false;
    if (action.value && !line[ACTIONS].includes(+action.value)) return false;
    return (+from.value === 0 || line[LAST] >= at(+from.value)) && (+to.value === 120 || line[FIRST] <= at(+to.value));
  }
  const seen = key => open.has(cardOf.get(key)) ? key : cardOf.get(key) ?? key;
  function refresh() {
    const words = $("#search").value.trim().toLowerCase();
    const visible = drawn.filter(one => {
      const folded = !one.unfolded && (open.has(one.line[SOURCE]) || open.has(one.line[TARGET]));
      const shown = !folded && passes(one.line);
      one.group.classList.toggle("gone", !shown);
      return shown;
    });
    let near = null;
    if (chosen) {
      near = new Set([chosen]);
      for (let hop = 0; hop < +tools.elements.hops.value; hop++) {
        const before = new Set(near);
        for (const {line} of visible) { const a = seen(line[SOURCE]), b = seen(line[TARGET]); if (before.has(a)) near.add(b); if (before.has(b)) near.add(a); }
      }
    }
    const filtered = ["kind", "protocol", "action"].some(name => tools.elements[name].value) || +tools.elements.from.value > 0 || +tools.elements.to.value < 120;
    const used = new Set(visible.flatMap(({line}) => [seen(line[SOURCE]), seen(line[TARGET])]));
    for (const [key, node] of nodes) {
      const found = !words || node.getAttribute("aria-label").toLowerCase().includes(words);
      node.classList.toggle("dim", !found || (near ? !near.has(key) : filtered && !used.has(key)) && !open.has(key));
      node.classList.toggle("chosen", key === chosen);
    }
    for (const {group, line} of visible) group.classList.toggle("dim", near ? seen(line[SOURCE]) !== chosen && seen(line[TARGET]) !== chosen && !(+tools.elements.hops.value > 1 && near.has(seen(line[SOURCE])) && near.has(seen(line[TARGET]))) : false);
    const {from, to} = tools.elements;
    $("#map-time").textContent = +from.value > 0 || +to.value < 120 ? `${clock(at(+from.value))} to ${clock(at(+to.value))}` : "";
  }
  function zoomTo(box) {
    view = box;
    drawing.setAttribute("viewBox", box.map(number => Math.round(number * 100) / 100).join(" "));
  }
  function zoom(factor, x = view[0] + view[2] / 2, y = view[1] + view[3] / 2) {
    const wide = Math.min(Math.max(view[2] * factor, 12), home[2] * 2), scale = wide / view[2];
    zoomTo([x - (x - view[0]) * scale, y - (y - view[1]) * scale, wide, view[3] * scale]);
    remember("view", view.map(Math.round).join(","));
  }
  const middle = key => {
    const box = $(".shape", nodes.get(key)).getBBox(), matrix = $(".shape", nodes.get(key)).transform.baseVal.consolidate();
    const own = nodes.get(key).transform.baseVal.consolidate();
    return own ? [own.matrix.e, own.matrix.f, own.matrix.a] : [matrix.matrix.e + box.x + box.width / 2, matrix.matrix.f + box.y + box.height / 2, 1];
  };
  function unfold(key) {
    if (open.has(key)) return;
    const [size, members] = data.cards[key], scale = size / 100 / data.slot[0];
    open.add(key);
    nodes.get(key).classList.add("open");
    const group = svg("g", {"data-of": key});
    for (const [number, x, y] of members) {
      const [title, subtitle, shape, severity] = data.nodes[number];
      const node = svg("g", {class: `node ${severity || "calm"}`, "data-key": "a" + number, "data-number": number, tabindex: 0, role: "button", "aria-label": `${title}, ${subtitle}`, transform: `translate(${x / 100 + size / 200} ${y / 100 + 26 * scale}) scale(${scale})`});
      node.append(svg("title", {}, `${title}, ${subtitle}`), svg("rect", {class: "hit", x: -50, y: -22, width: 100, height: 76}), svg("path", {class: "shape", d: data.shapes[shape]}), svg("text", {class: "title", y: 32}, title), svg("text", {class: "subtitle", y: 46}, subtitle));
      nodes.set("a" + number, node);
      group.append(node);
    }
    unfolded.append(group);
    redraw();
    const box = $(".card-box", nodes.get(key)).getBBox();
    zoomTo([box.x - 20, box.y - 20, box.width + 40, (box.width + 40) * home[3] / home[2]]);
  }
  function redraw() {  // the lines of whatever is unfolded
    for (let place = drawn.length - 1; place >= 0; place--) if (drawn[place].unfolded) { drawn[place].group.remove(); drawn.splice(place, 1); }
    const joined = new Map();
    for (const line of data.pairs) {
      if (!open.has(cardOf.get(line[SOURCE])) && !open.has(cardOf.get(line[TARGET]))) continue;
      const key = [seen(line[SOURCE]), seen(line[TARGET]), line[KIND]].join(" ");
      if (!joined.has(key)) joined.set(key, line);
    }
    for (const line of joined.values()) {
      const [x1, y1, s1] = middle(seen(line[SOURCE])), [x2, y2, s2] = middle(seen(line[TARGET]));
      const group = svg("g", {class: `line ${line[KIND]}`});
      group.append(svg("title", {}, `${line[KIND]}: ${line[WORDS]}`), svg("path", {d: `M${x1} ${y1}L${x2} ${y2}`, "stroke-width": line[WIDTH] / 10 * Math.min(s1, s2)}));
      unfolded.prepend(group);
      drawn.push({group, line, unfolded: true});
    }
    refresh();
  }
  function fold() {
    for (const key of open) {
      $(`[data-of="${key}"]`, unfolded).remove();
      nodes.get(key).classList.remove("open");
      for (const [number] of data.cards[key][1]) nodes.delete("a" + number);
    }
    open.clear();
    if (!nodes.has(chosen)) chosen = null;
    redraw();
    zoomTo(home.slice());
  }
  function select(key) {
    const node = nodes.get(key);
    if (!node) return;
    if (data.cards[key] && !open.has(key)) { unfold(key); return; }
    chosen = key === chosen ? null : key;
    remember("host", chosen);
    panel.replaceChildren(intro);
    for (const row of $$("tr.chosen")) row.classList.remove("chosen");
    if (chosen) describe(key, node);
    refresh();
  }
  function describe(key, node) {
    panel.replaceChildren(element("h3", node.getAttribute("aria-label")));
    const sheet = $(`#sheet-${node.dataset.number} .sheet-body`);
    if (sheet) panel.append(sheet.cloneNode(true));
    const list = element("ul");
    const lines = drawn.filter(one => !one.unfolded && (one.line[SOURCE] === key || one.line[TARGET] === key)).map(one => one.line);
    for (const line of lines.concat(data.pairs.filter(pair => pair[SOURCE] === key || pair[TARGET] === key)).slice(0, 60)) {
      const other = line[SOURCE] === key ? line[TARGET] : line[SOURCE];
      const name = nodes.has(other) ? $(".title", nodes.get(other)).textContent : data.nodes[+other.slice(1)]?.[0] ?? other;
      list.append(element("li", `${line[SOURCE] === key ? "to" : "from"} ${name}, ${line[KIND]}: ${line[WORDS]}`));
    }
    panel.append(element("h4", "Conversations"), list);
    const row = $(`[data-table="assets"] tr[data-number="${node.dataset.number}"]`);
    if (row) row.classList.add("chosen");
  }
  drawing.addEventListener("click", event => { const node = event.target.closest(".node"); if (node && !dragged) select(node.dataset.key); });
  const kept = state.get("host");
  tools.addEventListener("input", event => { remember(event.target.name, event.target.value); refresh(); });
  tools.addEventListener("submit", event => event.preventDefault());
  for (const control of tools.elements) if (control.name && state.get(control.name)) control.value = state.get(control.name);
  for (const button of $$("[data-zoom]")) button.addEventListener("click", () => button.dataset.zoom === "fit" ? (zoomTo(home.slice()), remember("view", "")) : zoom(button.dataset.zoom === "in" ? 0.7 : 1.43));
  if ($("#refold")) $("#refold").addEventListener("click", fold);
  const point = event => { const spot = new DOMPoint(event.clientX, event.clientY).matrixTransform(drawing.getScreenCTM().inverse()); return [spot.x, spot.y]; };
  drawing.addEventListener("wheel", event => { if (event.ctrlKey || event.metaKey) { event.preventDefault(); zoom(event.deltaY > 0 ? 1.2 : 0.83, ...point(event)); } }, {passive: false});
  let start = null, dragged = false;
  drawing.addEventListener("pointerdown", event => { start = point(event); dragged = false; });
  drawing.addEventListener("pointermove", event => {
    if (!start || !event.buttons) return;
    const [x, y] = point(event), dx = start[0] - x, dy = start[1] - y;
    if (dragged || Math.abs(dx) + Math.abs(dy) > view[2] / 120) { dragged = true; zoomTo([view[0] + dx, view[1] + dy, view[2], view[3]]); }
  });
  addEventListener("pointerup", () => { start = null; });
  const toward = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
  drawing.addEventListener("keydown", event => {
    const node = event.target.closest(".node");
    if (!node) return;
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); select(node.dataset.key); }
    const way = toward[event.key];
    if (!way) return;
    event.preventDefault();
    const [x, y] = middle(node.dataset.key);
    let best = null, least = Infinity;
    for (const [key, other] of nodes) {
      const [ox, oy] = middle(key), along = (ox - x) * way[0] + (oy - y) * way[1], across = Math.abs((ox - x) * way[1]) + Math.abs((oy - y) * way[0]);
      if (other !== node && along > 1 && along + 2 * across < least) { least = along + 2 * across; best = other; }
    }
    if (best) best.focus();
  });
  if (state.get("view")) { const box = state.get("view").split(",").map(Number); if (box.length === 4 && box.every(Number.isFinite)) zoomTo(box); }

  // Search, theme, print, keys.
  const search = $("#search");
  let waiting = 0;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      for (const table of tables.values()) { table.words = search.value.trim().toLowerCase(); table.show(); }
      refresh();
      remember("search", search.value);
    }, 60);
  });
  const themes = ["auto", "light", "dark"];
  function theme(name) { if (name === "auto") delete root.dataset.theme; else root.dataset.theme = name; $("#theme").textContent = `Theme: ${name}`; remember("theme", name === "auto" ? "" : name); }
  $("#theme").addEventListener("click", () => theme(themes[(themes.indexOf(root.dataset.theme ?? "auto") + 1) % 3]));
  if (themes.includes(state.get("theme"))) theme(state.get("theme"));
  $("#print").addEventListener("click", () => print());
  let closed = [];
  addEventListener("beforeprint", () => { closed = $$("details.incident:not([open])").filter(one => /critical|high|medium/.test(one.className)); for (const one of closed) one.open = true; });
  addEventListener("afterprint", () => { for (const one of closed) one.open = false; });
  const keys = $("#keys");
  $("#help").addEventListener("click", () => keys.showModal());
  $("#close-keys").addEventListener("click", () => keys.close());
  function step(by) {
    const all = $$("details.incident > summary"), here = all.indexOf(document.activeElement);
    const next = all[Math.min(Math.max(here + by, 0), all.length - 1)];
    if (next) { next.focus(); next.scrollIntoView({block: "center"}); }
  }
  addEventListener("keydown", event => {
    if (event.key === "Escape") { if (document.activeElement === search) search.blur(); if (chosen) select(chosen); return; }
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    const does = {"/": () => search.focus(), "?": () => keys.showModal(), j: () => step(1), k: () => step(-1), t: () => $("#theme").click(), "+": () => zoom(0.7), "-": () => zoom(1.43), 0: () => zoomTo(home.slice()), m: () => { $("#map").scrollIntoView(); const first = $(".node", drawing); if (first) first.focus({preventScroll: true}); }}[event.key];
    if (does) { event.preventDefault(); does(); }
  });
  function opened() {  // a link to a sheet opens it
    const wanted = location.hash.startsWith("#sheet-") ? document.getElementById(location.hash.slice(1)) : null;
    for (let one = wanted; one; one = one.parentElement) if (one.tagName === "DETAILS") one.open = true;
    if (wanted) wanted.scrollIntoView();
  }
  addEventListener("hashchange", opened);
  opened();
  if (state.get("search")) { search.value = state.get("search"); search.dispatchEvent(new Event("input")); }
  if (kept && nodes.has(kept) && !data.cards[kept]) select(kept);
  refresh();
  root.dataset.ready = "";
})();
